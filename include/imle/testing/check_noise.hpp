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

/// Fills a piece `shift` elements into an array, and compares it with what a longer fill has there.
template <class Scalar, class N>
void check_piece(law_report& report, const N& noise, const random_key& key, std::uint64_t first,
                 std::span<const Scalar> expected, std::size_t shift) {
    constexpr Scalar guard = -77;
    std::vector<Scalar> room(shift + expected.size() + 2, guard);
    Scalar* const piece = room.data() + shift + 1;
    noise.fill(key, first, std::span<Scalar>(piece, expected.size()));
    std::size_t i = 0;
    while (i < expected.size() && same_bits(&expected[i], &piece[i], 1)) ++i;
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
                     same_bits(whole.data(), draw<Scalar>(noise, key, first, count).data(), count),
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
    // What one long fill gives, from every place that a block could begin at, to spans of every alignment;
    // and in pieces of every length up to 40 and near powers of two.
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

/// What is known of a law from a sample: how its values compare, and how often two are equal.
template <class Scalar>
struct sample_law {
    std::vector<Scalar> sorted;
    double most_frequent = 0;  // a bound of the probability of the value that comes most often
    double equal_pairs = 0;    // the share of pairs that are equal

    explicit sample_law(std::vector<Scalar> numbers) : sorted(std::move(numbers)) {
        std::sort(sorted.begin(), sorted.end());
        const double n = static_cast<double>(sorted.size());
        double most = 1;
        for (auto begin = sorted.begin(); begin != sorted.end();) {
            const auto end = std::upper_bound(begin, sorted.end(), *begin);
            const double times = static_cast<double>(end - begin);
            most = std::max(most, times);
            equal_pairs += times * (times - 1) / (n * (n - 1));
            begin = end;
        }
        most_frequent = (most + 5 * std::sqrt(most)) / n;
    }
    /// The share of the law below x, half of it at x, less 1/2.
    [[nodiscard]] double score(Scalar x) const {
        const auto range = std::equal_range(sorted.begin(), sorted.end(), x);
        const auto twice = (range.first - sorted.begin()) + (range.second - sorted.begin());
        return static_cast<double>(twice) / (2 * static_cast<double>(sorted.size())) - 0.5;
    }
};

/// Whether `a[i]` and `b[i]` are independent, as far as their ranks' correlation and the number of equal ones
/// tell, for all i; each fails a correct noise with `false_alarm` at most.
template <class Scalar>
void check_independent(law_report& report, std::string_view name, const sample_law<Scalar>& law,
                       std::span<const Scalar> a, std::span<const Scalar> b, std::span<const double> score_a,
                       std::span<const double> score_b, double bound, const std::string& which) {
    const double n = static_cast<double>(a.size());
    double product = 0, square_a = 0, square_b = 0, equal = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        product += score_a[i] * score_b[i];
        square_a += score_a[i] * score_a[i];
        square_b += score_b[i] * score_b[i];
        equal += a[i] == b[i];
    }
    // The expected number is itself an estimate: its variance and that of the count are below 9 times it.
    const double expected = n * law.equal_pairs;
    report.check(name, equal <= expected + 3 * bound * std::sqrt(expected) + bound * bound, which, ": ",
                 equal, " of ", a.size(), " are equal, where chance makes ", expected);
    // Where nearly all numbers are one value, the sum is of few terms, and not normal.
    if (law.most_frequent > 0.9) return;
    const double correlation = product / std::sqrt(square_a * square_b);
    report.check(name, std::abs(correlation) <= bound / std::sqrt(n), which, ": their ranks' correlation is ",
                 correlation);
}

/// Each element against the one `lag` further, for small lags and for powers of two.
template <class Scalar>
void check_neighbours(law_report& report, const sample_law<Scalar>& law, std::span<const Scalar> numbers,
                      double false_alarm) {
    std::vector<double> scores;
    for (const Scalar x : numbers) scores.push_back(law.score(x));
    const std::span<const double> all(scores);
    const double bound = two_sided_bound(false_alarm / 100);
    for (std::size_t lag = 1; lag <= numbers.size() / 2; lag += lag < 64 ? 1 : lag) {
        const std::size_t count = numbers.size() - lag;
        check_independent(report, "elements are independent", law, numbers.first(count), numbers.last(count),
                          all.first(count), all.last(count), bound,
                          detail::message("elements ", lag, " apart"));
    }
}

/// A stretch of `run_length` elements of one key's sequence, by its hash.
struct run {
    std::uint64_t hash;
    std::uint64_t first;
    std::size_t key;
};

/// Looks for a run of elements that comes twice: in one sequence, which then repeats itself, or in those of
/// two keys. The runs are so long that chance makes one with `false_alarm` at most.
///
/// One key's first elements are looked at from everywhere, and the others at strides of their number, so that
/// any period or shift up to 1,024 times that number brings two runs together; beyond, powers of two are
/// tried. Of keys, that 1,024 differ is seen where there are fewer than some 50,000.
template <class Scalar, class N>
void check_runs(law_report& report, const N& noise, const sample_law<Scalar>& law,
                const check_noise_options& options) {
    constexpr std::uint64_t strides = 1024, many_keys = 1024;
    const std::size_t dense = options.numbers;
    const double runs_in_all = static_cast<double>(dense + 3 * strides + 2 * many_keys + 256);
    const double bits = std::log(runs_in_all * runs_in_all / options.false_alarm);
    const double wanted = std::ceil(bits / -std::log(law.most_frequent));
    // Nearly all elements are equal: nothing tells runs apart.
    if (!(wanted >= 1 && wanted < static_cast<double>(dense) / 16)) return;
    const std::size_t length = static_cast<std::size_t>(wanted);

    std::vector<random_key> keys;
    std::vector<run> runs;
    constexpr std::uint64_t base = 0x9E3779B97F4A7C15u;
    std::uint64_t base_to_length = 1;
    for (std::size_t i = 0; i < length; ++i) base_to_length *= base;
    const auto scatter = [](Scalar x) {
        std::uint64_t bits_of_x = std::bit_cast<typename detail::exponent_mask<Scalar>::bits>(x);
        bits_of_x = (bits_of_x ^ (bits_of_x >> 31)) * 0xBF58476D1CE4E5B9u;
        return bits_of_x ^ (bits_of_x >> 29);
    };
    // The runs that begin at `first` and at the `count - 1` elements that follow, of the key that came last.
    const auto add = [&](std::uint64_t first, std::size_t count) {
        const std::vector<Scalar> elements = draw<Scalar>(noise, keys.back(), first, count + length - 1);
        std::uint64_t hash = 0;
        for (std::size_t i = 0; i < elements.size(); ++i) {
            hash = hash * base + scatter(elements[i]);
            if (i >= length) hash -= scatter(elements[i - length]) * base_to_length;
            if (i + 1 >= length) runs.push_back({hash, first + (i + 1 - length), keys.size() - 1});
        }
    };
    const auto add_strides = [&](const random_key& key) {
        keys.push_back(key);
        for (std::uint64_t j = 1; j <= strides; ++j) add(j * dense, 1);
        for (int power = 0; power < 64; ++power)
            if ((std::uint64_t{1} << power) > strides * dense) add(std::uint64_t{1} << power, 1);
    };
    const random_key key(options.seed);
    add_strides(key);
    add(0, dense);
    add_strides(random_key(options.seed + 1));
    add_strides(random_key(options.seed - 1));
    const auto add_key = [&](const random_key& other) {
        keys.push_back(other);
        add(0, 1);
    };
    for (std::uint64_t n = 0; n < many_keys; ++n) add_key(key.fold_in(n));
    for (std::uint64_t n = 1; n < many_keys; ++n) add_key(random_key(options.seed + n));
    for (int power = 0; power < 64; ++power) add_key(random_key(options.seed ^ (std::uint64_t{1} << power)));

    std::sort(runs.begin(), runs.end(), [](const run& a, const run& b) { return a.hash < b.hash; });
    constexpr const char* again = "a sequence does not repeat itself";
    constexpr const char* shifted = "no key's sequence is another's, shifted";
    constexpr const char* same = "keys that differ give sequences that differ";
    for (const char* name : {again, shifted, same}) report.check(name, true);
    for (std::size_t i = 1; i < runs.size(); ++i) {
        const run &a = runs[i - 1], &b = runs[i];
        if (a.hash != b.hash) continue;
        const bool one_key = keys[a.key] == keys[b.key];
        if (one_key && a.first == b.first) continue;
        report.check(one_key              ? again
                     : a.first == b.first ? same
                                          : shifted,
                     false, length, " elements are equal from ", a.first, " and from ", b.first, " on");
    }
}

template <class Scalar, class N>
void check_keys(law_report& report, const N& noise, const sample_law<Scalar>& law,
                const check_noise_options& options) {
    check_runs<Scalar>(report, noise, law, options);
    const random_key key(options.seed), folded = key.fold_in(0);
    const std::pair<random_key, random_key> pairs[] = {
        {key, folded},
        {key, random_key(options.seed + 1)},
        {folded, key.fold_in(1)},
        {key, random_key(options.seed ^ (std::uint64_t{1} << 32))}};
    const double bound = two_sided_bound(options.false_alarm / 4);
    const auto scores = [&](const std::vector<Scalar>& numbers) {
        std::vector<double> all;
        for (const Scalar x : numbers) all.push_back(law.score(x));
        return all;
    };
    for (const auto& [one, other] : pairs) {
        const std::vector<Scalar> a = draw<Scalar>(noise, one, 0, options.numbers),
                                  b = draw<Scalar>(noise, other, 0, options.numbers);
        check_independent<Scalar>(report, "keys are independent", law, a, b, scores(a), scores(b), bound,
                                  "the elements of two keys");
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
    const sample_law<Scalar> law(numbers);
    check_neighbours<Scalar>(report, law, numbers, options.false_alarm);
    check_keys<Scalar>(report, noise, law, options);
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
        numbers = law.sorted;
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
/// - random access: fills in any pieces, in any order, from any index up to 2^64 - 1, to any address, give
/// the
///   same bits, and write nothing but their span: up to 2^17 elements at once;
/// - every number is finite;
/// - elements differ, and are independent: their ranks are not correlated with those of elements up to 64
///   further, or a power of two, and no more are equal than chance makes;
/// - a sequence does not repeat itself: every period up to 1,024 times `numbers` is found, and powers of two;
/// - keys that differ give sequences that differ, are not shifts of one another (as far as periods are
/// found),
///   and are not correlated. A thousand keys are tried: fewer than some 50,000 in all are found out;
/// - where the noise has `mean()`, `variance()`, `cdf(x)`: the numbers have them.
///
/// Less is found where nearly all numbers are equal. A noise that says `is_zero` must be 0 instead.
template <std::floating_point Scalar, NoiseDistribution<Scalar> N>
[[nodiscard]] law_report check_noise(const N& noise, const check_noise_options& options = {}) {
    law_report report(options.subject);
    const random_key key(options.seed);
    detail_noise::check_random_access<Scalar>(report, noise, key);
    if constexpr (is_zero_noise<N>) {
        const std::vector<Scalar> numbers = detail_noise::draw<Scalar>(noise, key, 0, 1000);
        report.check("a noise that says is_zero is 0",
                     std::all_of(numbers.begin(), numbers.end(), [](Scalar x) { return x == Scalar(0); }));
    } else {
        detail_noise::check_law<Scalar>(report, noise, key.fold_in(7), options);
    }
    return report;
}

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
