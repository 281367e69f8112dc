#include <imle/selection/k_largest.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace k_largest_tests {

namespace {

/// Numbers with many ties, or with few.
template <class Scalar>
std::vector<Scalar> some_numbers(std::size_t n, std::mt19937& random) {
    const auto spread = static_cast<std::uint32_t>(random() % 2 == 0 ? 1000000 : 2 + random() % 9);
    std::vector<Scalar> values(n);
    for (Scalar& value : values)
        value = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
    return values;
}

// The oracles: a sort, and for ties the order of indices.
template <class Scalar>
support::tally wrong_kth_of_few(std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (std::size_t n = 1; n <= imle::detail::most_to_compare; ++n)
        for (std::size_t k = 1; k <= n; ++k) {
            auto values = some_numbers<Scalar>(n, random);
            if (k % 3 == 0) values[random() % n] = std::numeric_limits<Scalar>::lowest();
            auto sorted = values;
            std::sort(sorted.begin(), sorted.end(), std::greater<>{});
            const Scalar kth = imle::detail::kth_largest_of_few(std::span<const Scalar>(values), k);
            wrong.expect(kth == sorted[k - 1], k, " of ", n, ": ", values, " give ", kth);
        }
    return wrong;
}

template <class Scalar>
support::tally wrong_selections(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    imle::detail::kth_guess<Scalar> guess;
    for (int trial = 0; trial < count; ++trial) {
        // On both sides of what is selected in lanes, and one group after the other.
        const std::size_t around[] = {16, 64, 200, 350, 520};
        const std::size_t n = around[random() % 5] - 3 + random() % 7, groups = 1 + random() % 40;
        const std::size_t k = random() % 4 == 0 ? 1 + random() % n : 1 + random() % 18;
        if (k > n) continue;
        auto values = some_numbers<Scalar>(groups * n, random);
        // Of one group, more numbers reach the guess than can be kept.
        if (trial % 3 == 0) std::fill_n(values.data() + random() % groups * n, n - n / 3, values.front());
        std::vector<Scalar> z(values.size(), -1), expected;
        std::vector<Scalar> memory(imle::detail::selection_memory<Scalar>(n, k));
        imle::detail::select_largest_of_groups(values.data(), groups, n, k, std::span(memory), guess,
                                               z.data());
        for (std::size_t group = 0; group < groups; ++group) {
            const Scalar* const own = values.data() + group * n;
            std::vector<std::size_t> order(n);
            for (std::size_t i = 0; i < n; ++i) order[i] = i;
            std::partial_sort(
                order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                [own](std::size_t a, std::size_t b) { return own[a] != own[b] ? own[a] > own[b] : a < b; });
            std::vector<Scalar> chosen(n, 0);
            for (std::size_t i = 0; i < k; ++i) chosen[order[i]] = 1;
            expected.insert(expected.end(), chosen.begin(), chosen.end());
        }
        wrong.expect(z == expected, k, " of ", n, ", ", groups, " groups: ", values, " give ", z, ", not ",
                     expected);
    }
    return wrong;
}

}  // namespace

TEST_CASE("kth_largest_of_few is the k-th of a sort", "[selection]") {
    CHECK(wrong_kth_of_few<float>(1) == 0);
    CHECK(wrong_kth_of_few<double>(2) == 0);
}

TEST_CASE("select_largest_of_groups is the head of a stable sort, in lanes or not", "[selection]") {
    CHECK(wrong_selections<float>(support::repeats(300), 3) == 0);
    CHECK(wrong_selections<double>(support::repeats(300), 4) == 0);
}

}  // namespace k_largest_tests
