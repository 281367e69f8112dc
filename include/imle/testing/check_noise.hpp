#pragma once

/// @file
/// The laws of a noise distribution, for the library's noises and your own.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/finite.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/detail/noise_independence.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// The options of `check_noise`.
struct check_noise_options {
    /// The name in the report.
    std::string subject = "noise";
    /// The number of elements in each statistic. O(numbers log numbers).
    std::size_t numbers = std::size_t{1} << 16;
    /// The seed of all random numbers: the result is a function of the noise and the options.
    std::uint64_t seed = 1;
    /// An upper bound of the probability that a correct noise fails one statistical law. The
    /// Kolmogorov-Smirnov bound is exact (the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart). The
    /// bounds of mean and variance use the central limit theorem, the latter with the law's fourth cumulant
    /// if the noise has `cumulant(n)`. The seed is fixed, so trying again does not help after a failure.
    double false_alarm = 1e-6;
    /// The number of places at which the distribution functions are compared.
    std::size_t places = 400;
    /// Whether all elements have the same law, as the concept requires. Set it to false for a noise whose law
    /// depends on the element (for example one law per coordinate): the correlation of ranks is then left
    /// out.
    bool one_law = true;
};

namespace detail_noise {

template <class N>
concept HasMean = requires(const N& noise) {
    static_cast<double>(noise.mean());
};
template <class N>
concept HasVariance = requires(const N& noise) {
    static_cast<double>(noise.variance());
};
template <class N>
concept HasCumulant = requires(const N& noise) {
    static_cast<double>(noise.cumulant(4));
};
template <class N>
concept HasCdf = requires(const N& noise, double x) {
    static_cast<double>(noise.cdf(x));
};

/// Fills a piece that starts `shift` elements into an array, and compares it with the same elements of a
/// longer fill.
template <class Scalar, class N>
void check_piece(law_report& report, const N& noise, const random_key& key, std::uint64_t first,
                 std::span<const Scalar> expected, std::size_t shift) {
    constexpr Scalar guard = -77;
    std::vector<Scalar> room(shift + expected.size() + 2, guard);
    Scalar* const piece = room.data() + shift + 1;
    noise.fill(key, first, std::span<Scalar>(piece, expected.size()));
    std::size_t i = 0;
    while (i < expected.size() && detail::same_bits<Scalar>({&expected[i], 1}, {&piece[i], 1})) ++i;
    report.check("fill in pieces gives the same bits", i == expected.size(), "element ", first + i, " is ",
                 i < expected.size() ? expected[i] : guard, " in one piece and ", piece[i], " in another of ",
                 expected.size());
    report.check("fill writes its span and nothing else",
                 piece[-1] == guard && piece[expected.size()] == guard, "from ", first);
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
                     detail::same_bits<Scalar>(whole, draw<Scalar>(noise, key, first, count)),
                     "two fills from ", first, " differ");
        // Pieces of growing size, the last first, so that no state could help.
        std::size_t end = count;
        for (std::size_t size = 1; end > 0; size = size % 97 * 2 + 1) {
            const std::size_t begin = end - std::min(end, size);
            check_piece<Scalar>(report, noise, key, first + begin,
                                std::span<const Scalar>(whole).subspan(begin, end - begin), 1);
            end = begin;
        }
        noise.fill(key, first, std::span<Scalar>());
    }
    // Compares one long fill with fills that start at every possible offset within a block, into spans of
    // every alignment, and with pieces of every length up to 40 and near powers of two.
    const std::vector<Scalar> whole = draw<Scalar>(noise, key, 0, std::size_t{1} << 17);
    const std::span<const Scalar> long_fill(whole);
    for (std::size_t first = 0; first < 1100; ++first)
        check_piece<Scalar>(report, noise, key, first, long_fill.subspan(first, 1 + first * 7 % 70),
                            first % 17);
    for (std::size_t begin = 0, size = 1, n = 0; begin < whole.size(); begin += size, ++n) {
        const std::size_t power = std::size_t{1} << (5 + n / 3 % 9);
        size = std::min(n < 40 ? n + 1 : power + n % 3 - 1, whole.size() - begin);
        check_piece<Scalar>(report, noise, key, begin, long_fill.subspan(begin, size), n % 17);
    }
}

/// The laws of `QuantileNoise`. `sorted`: numbers of `fill`, in ascending order.
template <class Scalar, class N>
void check_quantiles(law_report& report, const N& noise, const random_key& key,
                     std::span<const Scalar> sorted, const check_noise_options& options) {
    using word = word_of<Scalar>;
    constexpr int bits = 8 * sizeof(word);
    constexpr Scalar guard = -77;
    const std::size_t count = std::max<std::size_t>(options.places, 200);
    std::vector<word> words(count);
    random_words(key, 0, std::span<word>(words));
    // One in each of equal parts, and both ends: in ascending order.
    for (std::size_t i = 0; i < count; ++i)
        words[i] = static_cast<word>(std::ldexp(static_cast<double>(i) / static_cast<double>(count), bits)) +
                   words[i] / static_cast<word>(count + 1);
    words.front() = 0;
    words.back() = std::numeric_limits<word>::max();
    std::vector<Scalar> x(count + 2, guard);
    noise.fill_quantiles(std::span<const word>(words), std::span<Scalar>(x.data() + 1, count));
    report.check("fill_quantiles writes its span and nothing else", x.front() == guard && x.back() == guard);
    x.erase(x.begin());
    x.pop_back();
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = [&] { return detail::message("word ", words[i], " of ", bits, " bits"); };
        if (!report.check("every quantile is finite", detail::is_finite(x[i]), at(), ": ", x[i])) return;
        if (i > 0)
            report.check("a larger word never gives a smaller quantile", x[i - 1] <= x[i], at(), ": ", x[i],
                         " after ", x[i - 1]);
    }
    std::vector<Scalar> piece;
    for (std::size_t size = 1; size < count; size += size % 61 == 0 ? 97 : 3) {
        const std::size_t first = size * 7 % (count - size + 1), shift = size % 5;
        piece.assign(shift + size + 1, guard);
        noise.fill_quantiles(std::span<const word>(words).subspan(first, size),
                             std::span<Scalar>(piece.data() + shift, size));
        report.check("a quantile depends on its word alone",
                     detail::same_bits<Scalar>({piece.data() + shift, size}, {x.data() + first, size}), size,
                     " words from number ", first, " on");
        report.check("fill_quantiles writes its span and nothing else", piece.back() == guard);
    }
    const double n = static_cast<double>(sorted.size());
    const double distance = std::sqrt(std::log(2 / options.false_alarm) / (2 * n));
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    for (std::size_t i = 0; i < count; ++i) {
        const double u = std::ldexp(static_cast<double>(words[i]) + 0.5, -bits);
        // x represents all numbers that round to it, of both.
        const auto share = [&](Scalar limit, bool with_equal) {
            const auto end = with_equal ? std::upper_bound(sorted.begin(), sorted.end(), limit)
                                        : std::lower_bound(sorted.begin(), sorted.end(), limit);
            return static_cast<double>(end - sorted.begin()) / n;
        };
        const double below = share(std::nextafter(x[i], -infinity), false);
        const double up_to = share(std::nextafter(x[i], infinity), true);
        report.check("quantiles have the law of the numbers", below <= u + distance && up_to >= u - distance,
                     "the quantile at ", u, " is ", x[i], ", and ", up_to, " of ", sorted.size(),
                     " numbers are not above it; allowed: ", distance);
    }
}

template <class Scalar, class N>
void check_law(law_report& report, const N& noise, const random_key& key,
               const check_noise_options& options) {
    std::vector<Scalar> numbers = draw<Scalar>(noise, key, 12345, options.numbers);
    const std::size_t odd = detail::first_not_finite(std::span<const Scalar>(numbers));
    if (!report.check("every number is finite", odd == numbers.size(), "element ", 12345 + odd, " is not"))
        return;
    report.check("elements differ",
                 std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) != numbers.end(),
                 "the first ", numbers.size(), " are all ", numbers[0]);
    sample_law<Scalar> law(numbers);
    law.shared_by_all = options.one_law;
    check_neighbours<Scalar>(report, law, numbers, options.false_alarm);
    check_keys<Scalar>(report, noise, law, options.seed, options.false_alarm);
    if constexpr (QuantileNoise<N, Scalar>)
        check_quantiles<Scalar>(report, noise, key.fold_in(1), law.sorted, options);
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
    if constexpr (HasMean<N>) {
        // The larger of the sample's spread and the law's: the sample may miss the rare large numbers of a
        // law.
        double spread = second;
        if constexpr (HasVariance<N>) spread = std::max(spread, static_cast<double>(noise.variance()));
        const double rounding = std::abs(mean) * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
        report.check("mean", std::abs(mean - noise.mean()) <= bound * std::sqrt(spread / n) + rounding, "of ",
                     numbers.size(), " numbers: ", mean, ", of the law: ", noise.mean());
    }
    if constexpr (HasCumulant<N>) {
        // A sample underestimates the fourth moment of a law with rare large numbers: use the law's, if it is
        // known.
        fourth = std::max(fourth, noise.cumulant(4) + 3 * noise.cumulant(2) * noise.cumulant(2));
    }
    if constexpr (HasVariance<N>)
        report.check("variance",
                     std::abs(second - noise.variance()) <=
                         bound * std::sqrt(std::max(0.0, fourth - second * second) / n) + 1e-6 * second,
                     "of ", numbers.size(), " numbers: ", second, ", of the law: ", noise.variance());
    if constexpr (HasCdf<N>) {
        numbers = law.sorted;
        const double distance = std::sqrt(std::log(2 / options.false_alarm) / (2 * n));
        constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
        for (std::size_t i = 0; i < options.places; ++i) {
            const Scalar x = numbers[i * (numbers.size() - 1) / std::max<std::size_t>(1, options.places - 1)];
            const auto range = std::equal_range(numbers.begin(), numbers.end(), x);
            const double below = static_cast<double>(range.first - numbers.begin()) / n;
            const double up_to = static_cast<double>(range.second - numbers.begin()) / n;
            // x represents all numbers that round to it.
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
/// - random access: fills in any pieces, in any order, from any index up to 2^64 - 1 and to any address give
///   the same bits, and write only their span; up to 2^17 elements at once are tried;
/// - every number is finite;
/// - elements differ and are independent: their ranks are not correlated with those of elements up to 64
///   positions, or a power of two, later; and no more of them are equal than by chance;
/// - a sequence does not repeat itself: periods up to 1,024 times `numbers`, and powers of two, are found;
/// - different keys give different sequences (two thousand keys are tried: a noise with fewer than some
///   50,000 distinct keys is found), which are not shifts of one another (shifts are found as far as periods
///   are) and not correlated;
/// - if the noise has `mean()`, `variance()` or `cdf(x)`, the numbers agree with them;
/// - if the noise has `fill_quantiles` (see `QuantileNoise`), it does not decrease, depends on its words
/// alone
///   and gives quantiles of the law of the numbers.
///
/// The checks are weaker if nearly all numbers are equal. A noise that declares `is_zero` must be 0 instead.
/// The cost is some 6,500 short fills and a million numbers: a fraction of a second, unless the noise itself
/// is slow.
template <std::floating_point Scalar, NoiseDistribution<Scalar> N>
[[nodiscard]] law_report check_noise(const N& noise, const check_noise_options& options = {}) {
    law_report report(options.subject);
    const random_key key(options.seed);
    detail_noise::check_random_access<Scalar>(report, noise, key);
    if constexpr (is_zero_noise<N>) {
        const std::vector<Scalar> numbers = detail_noise::draw<Scalar>(noise, key, 0, 1000);
        report.check("a noise that says is_zero is 0",
                     std::all_of(numbers.begin(), numbers.end(), [](Scalar x) { return x == Scalar(0); }));
        if constexpr (QuantileNoise<N, Scalar>) {
            const std::vector<word_of<Scalar>> words{0, std::numeric_limits<word_of<Scalar>>::max() / 3,
                                                     std::numeric_limits<word_of<Scalar>>::max()};
            std::vector<Scalar> quantiles(words.size(), Scalar(1));
            noise.fill_quantiles(std::span<const word_of<Scalar>>(words), std::span<Scalar>(quantiles));
            report.check(
                "a noise that says is_zero is 0",
                std::all_of(quantiles.begin(), quantiles.end(), [](Scalar x) { return x == Scalar(0); }));
        }
    } else {
        detail_noise::check_law<Scalar>(report, noise, key.fold_in(7), options);
    }
    return report;
}

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
