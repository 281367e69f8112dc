// A program of several translation units that use the library, perhaps compiled for different instruction
// sets.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#if defined(IMLE_UNIT_plain)
std::vector<double> plain(std::uint64_t seed);
#endif
#if defined(IMLE_UNIT_again)
std::vector<double> again(std::uint64_t seed);
#endif
#if defined(IMLE_UNIT_avx2)
std::vector<double> avx2(std::uint64_t seed);
#endif
#if defined(IMLE_UNIT_avx512)
std::vector<double> avx512(std::uint64_t seed);
#endif
#if defined(IMLE_UNIT_scalar)
std::vector<double> scalar(std::uint64_t seed);
#endif
#if defined(IMLE_UNIT_sandybridge)
std::vector<double> sandybridge(std::uint64_t seed);
std::vector<double> bdver2(std::uint64_t seed);
std::vector<double> haswell_avx512f(std::uint64_t seed);
std::vector<double> scalar_fma(std::uint64_t seed);
#endif

namespace {

int failures = 0;

[[maybe_unused]] void check(bool holds, const char* unit, const char* law) {
    std::printf("%s: %s: %s\n", unit, law, holds ? "yes" : "NO");
    failures += holds ? 0 : 1;
}

/// Samples are paths: the last 2 * 16 * 42 numbers are 0 or 1, and each path starts and ends where it should.
[[maybe_unused]] bool are_paths(const std::vector<double>& all) {
    const std::size_t cells = 42;
    const std::size_t samples = 2 * 16;
    if (all.size() != 2 * 2 * cells + samples * cells) return false;
    for (std::size_t path = 0; path < samples; ++path) {
        const double* z = all.data() + 2 * 2 * cells + path * cells;
        for (std::size_t i = 0; i < cells; ++i)
            if (z[i] != 0 && z[i] != 1) return false;
        if (z[0] != 1 || z[cells - 1] != 1) return false;
    }
    return true;
}

}  // namespace

int main() {
    [[maybe_unused]] const std::uint64_t seed = 7;
#if defined(IMLE_UNIT_plain)
    const auto expected = plain(seed);
    check(are_paths(expected), "plain", "samples are paths");
#endif
#if defined(IMLE_UNIT_again)
    check(again(seed) == expected, "again", "two units compiled alike compute the same bits");
#endif
#if defined(IMLE_UNIT_scalar)
    const auto unvectorised = scalar(seed);
    check(are_paths(unvectorised), "scalar", "samples are paths");
#if defined(IMLE_UNIT_plain)
    check(unvectorised == expected, "scalar", "agrees with plain");
#endif
#endif
#if defined(IMLE_UNIT_avx2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        check(avx2(seed) == expected, "avx2", "agrees with plain");
    else
        std::puts("avx2: not run, this processor has none");
#endif
#if defined(IMLE_UNIT_avx512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        check(avx512(seed) == expected, "avx512", "agrees with plain");
    else
        std::puts("avx512: not run, this processor has none");
#endif
#if defined(IMLE_UNIT_sandybridge)
    // Called or not, all are linked in. `plain` came first: had it met another's body, this program
    // would not have come this far on the machines that lack its instructions.
    const auto compare = [&](bool here, std::vector<double> (*unit)(std::uint64_t), const char* name) {
        if (here)
            check(unit(seed) == expected, name, "agrees with plain");
        else
            std::printf("%s: not run, this processor lacks its instructions\n", name);
    };
    const bool has_avx2 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    compare(__builtin_cpu_supports("avx"), sandybridge, "sandybridge");
    compare(__builtin_cpu_supports("fma") && __builtin_cpu_supports("fma4") && __builtin_cpu_supports("xop"),
            bdver2, "bdver2");
    compare(has_avx2 && __builtin_cpu_supports("avx512f"), haswell_avx512f, "haswell_avx512f");
    compare(has_avx2, scalar_fma, "scalar_fma");
#endif
    return failures == 0 ? 0 : 1;
}
