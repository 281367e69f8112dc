#pragma once

/// @file
/// The laws of a noise distribution, for a noise of the library or of one's own.

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/finite.hpp>
#include <imle/random/random_key.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// What `check_noise` does.
struct check_noise_options {
    /// The name in the report.
    std::string subject = "noise";
    /// How many numbers the statistics are of. O(numbers log numbers).
    std::size_t numbers = std::size_t{1} << 16;
    /// The seed of everything: the outcome is a function of the noise and of the options.
    std::uint64_t seed = 1;
    /// How likely a correct noise fails one statistical law, at most. The Kolmogorov-Smirnov bound is exact
    /// (the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart); those of mean and variance are by the
    /// central limit theorem, the latter with the law's fourth cumulant if it has `cumulant(n)`. The seed
    /// being fixed, a failure is no reason to try again.
    double false_alarm = 1e-6;
    /// At how many places the distribution functions are compared.
    std::size_t places = 400;
};

namespace detail_noise {

template <class Scalar, class N>
std::vector<Scalar> draw(const N& noise, const random_key& key, std::uint64_t first, std::size_t count) {
    std::vector<Scalar> out(count, std::numeric_limits<Scalar>::max());
    noise.fill(key, first, std::span<Scalar>(out));
    return out;
}

/// Equal as bits: -0 is not 0, and NaN is NaN.
template <class Scalar>
bool same_bits(const Scalar* a, const Scalar* b, std::size_t count) {
    using bits = typename detail::exponent_mask<Scalar>::bits;
    return std::equal(a, a + count, b,
                      [](Scalar x, Scalar y) { return std::bit_cast<bits>(x) == std::bit_cast<bits>(y); });
}

/// z with P(|normal| > z) = probability.
inline double two_sided_bound(double probability) {
    double low = 0, high = 40;
    for (int i = 0; i < 100; ++i) {
        const double z = 0.5 * (low + high);
        (std::erfc(z * 0.70710678118654752440) > probability ? low : high) = z;
    }
    return high;
}

template <class Scalar, class N>
void check_random_access(law_report& report, const N& noise, const random_key& key) {
    constexpr std::size_t count = 700;
    constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint64_t first :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{1000},
          (std::uint64_t{1} << 32) - 5, (std::uint64_t{1} << 40) + 17, (std::uint64_t{1} << 63) - 350,
          last - count}) {
        const std::vector<Scalar> whole = draw<Scalar>(noise, key, first, count);
        report.check("fill is deterministic",
                     same_bits(whole.data(), draw<Scalar>(noise, key, first, count).data(), count),
                     "two fills from ", first, " differ");
        // Pieces of growing size, the last first, so that no state could help.
        std::vector<Scalar> pieces(count, std::numeric_limits<Scalar>::max());
        std::size_t end = count;
        for (std::size_t size = 1; end > 0; size = size % 97 * 2 + 1) {
            const std::size_t begin = end - std::min(end, size);
            noise.fill(key, first + begin, std::span<Scalar>(pieces.data() + begin, end - begin));
            end = begin;
        }
        for (std::size_t i = 0; i < count; ++i)
            if (!report.check("fill in pieces gives the same bits", same_bits(&whole[i], &pieces[i], 1),
                              "element ", first + i, " is ", whole[i], " in one piece and ", pieces[i],
                              " in another"))
                break;
        noise.fill(key, first, std::span<Scalar>());
        // Neighbours of a piece stay as they are.
        std::vector<Scalar> guarded(12, Scalar(-77));
        noise.fill(key, first, std::span<Scalar>(guarded.data() + 1, 10));
        report.check("fill writes its span and nothing else",
                     guarded.front() == Scalar(-77) && guarded.back() == Scalar(-77) &&
                         same_bits(whole.data(), guarded.data() + 1, 10),
                     "from ", first);
    }
}

template <class Scalar, class N>
void check_keys(law_report& report, const N& noise, const random_key& key) {
    constexpr std::size_t count = 64;
    const std::vector<Scalar> own = draw<Scalar>(noise, key, 0, count);
    const random_key others[] = {key.fold_in(0), key.fold_in(1), key.fold_in(0).fold_in(0), random_key(0),
                                 random_key(12345)};
    for (const random_key& other : others)
        report.check("keys that differ give sequences that differ",
                     !same_bits(own.data(), draw<Scalar>(noise, other, 0, count).data(), count));
    report.check("elements differ",
                 std::adjacent_find(own.begin(), own.end(), std::not_equal_to<>()) != own.end(), "the first ",
                 count, " are all ", own[0]);
}

template <class Scalar, class N>
void check_law(law_report& report, const N& noise, const random_key& key,
               const check_noise_options& options) {
    std::vector<Scalar> numbers = draw<Scalar>(noise, key, 12345, options.numbers);
    const std::size_t odd = detail::first_not_finite(std::span<const Scalar>(numbers));
    if (!report.check("every number is finite", odd == numbers.size(), "element ", 12345 + odd, " is not"))
        return;
    const double n = static_cast<double>(numbers.size());
    double mean = 0, second = 0, fourth = 0;
    for (const Scalar x : numbers) mean += static_cast<double>(x);
    mean /= n;
    for (const Scalar x : numbers) {
        const double square = (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
        second += square / n;
        fourth += square * square / n;
    }
    const double bound = two_sided_bound(options.false_alarm);
    if constexpr (requires {
                      { noise.mean() } -> std::convertible_to<double>;
                  }) {
        // The sample's own spread, or the law's, whichever is larger: a law of rare large numbers may miss
        // them.
        double spread = second;
        if constexpr (requires {
                          { noise.variance() } -> std::convertible_to<double>;
                      })
            spread = std::max(spread, static_cast<double>(noise.variance()));
        const double rounding = std::abs(mean) * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
        report.check("mean", std::abs(mean - noise.mean()) <= bound * std::sqrt(spread / n) + rounding, "of ",
                     numbers.size(), " numbers: ", mean, ", of the law: ", noise.mean());
    }
    if constexpr (requires {
                      { noise.cumulant(4) } -> std::convertible_to<double>;
                  }) {
        // A sample underrates the fourth moment of a law of rare large numbers: take the law's, where it is
        // known.
        fourth = std::max(fourth, noise.cumulant(4) + 3 * noise.cumulant(2) * noise.cumulant(2));
    }
    if constexpr (requires {
                      { noise.variance() } -> std::convertible_to<double>;
                  })
        report.check("variance",
                     std::abs(second - noise.variance()) <=
                         bound * std::sqrt(std::max(0.0, fourth - second * second) / n) + 1e-6 * second,
                     "of ", numbers.size(), " numbers: ", second, ", of the law: ", noise.variance());
    if constexpr (requires(double x) {
                      { noise.cdf(x) } -> std::convertible_to<double>;
                  }) {
        std::sort(numbers.begin(), numbers.end());
        const double distance = std::sqrt(std::log(2 / options.false_alarm) / (2 * n));
        constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
        for (std::size_t i = 0; i < options.places; ++i) {
            const Scalar x = numbers[i * (numbers.size() - 1) / std::max<std::size_t>(1, options.places - 1)];
            const auto range = std::equal_range(numbers.begin(), numbers.end(), x);
            const double below = static_cast<double>(range.first - numbers.begin()) / n;
            const double up_to = static_cast<double>(range.second - numbers.begin()) / n;
            // x stands for all that rounds to it.
            const double low = noise.cdf(static_cast<double>(std::nextafter(x, -infinity)));
            const double high = noise.cdf(static_cast<double>(std::nextafter(x, infinity)));
            report.check("Kolmogorov-Smirnov", low <= up_to + distance && high >= below - distance, "at ", x,
                         " the law has ", noise.cdf(static_cast<double>(x)), ", ", numbers.size(),
                         " numbers have ", up_to, "; allowed: ", distance);
        }
    }
}

}  // namespace detail_noise

/// Checks the laws of `NoiseDistribution` on `noise`, for one scalar:
///
/// - random access: fills in any pieces, in any order, from any index up to 2^64 - 1, give the same bits, and
///   write nothing but their span;
/// - every number is finite;
/// - other keys give other sequences, and the elements of one differ;
/// - where the noise has `mean()`, `variance()`, `cdf(x)`: the numbers have them.
///
/// A noise that says `is_zero` must be 0 instead.
template <std::floating_point Scalar, class N>
requires NoiseDistribution<N, Scalar>
[[nodiscard]] law_report check_noise(const N& noise, const check_noise_options& options = {}) {
    law_report report(options.subject);
    const random_key key(options.seed);
    detail_noise::check_random_access<Scalar>(report, noise, key);
    if constexpr (is_zero_noise<N>) {
        const std::vector<Scalar> numbers = detail_noise::draw<Scalar>(noise, key, 0, 1000);
        report.check("a noise that says is_zero is 0",
                     std::all_of(numbers.begin(), numbers.end(), [](Scalar x) { return x == Scalar(0); }));
    } else {
        detail_noise::check_keys<Scalar>(report, noise, key);
        detail_noise::check_law<Scalar>(report, noise, key.fold_in(7), options);
    }
    return report;
}

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
