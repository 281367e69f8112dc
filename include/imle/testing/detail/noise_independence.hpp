#pragma once

/// @file
/// Tests whether the elements of a noise, and its keys, are independent.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <imle/core/backports.hpp>
#include <imle/core/finite.hpp>
#include <imle/random/random_key.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI::testing::detail_noise {

template <class Scalar, class N>
std::vector<Scalar> draw(const N& noise, const random_key& key, std::uint64_t first, std::size_t count) {
    std::vector<Scalar> out(count, std::numeric_limits<Scalar>::max());
    noise.fill(key, first, std::span<Scalar>(out));
    return out;
}

/// The z for which P(|normal| > z) = probability.
inline double two_sided_bound(double probability) {
    double low = 0, high = 40;
    for (int i = 0; i < 100; ++i) {
        const double z = 0.5 * (low + high);
        (std::erfc(z * 0.70710678118654752440) > probability ? low : high) = z;
    }
    return high;
}

/// The empirical law of a sample: how its values compare, and how often two are equal.
template <class Scalar>
struct sample_law {
    std::vector<Scalar> sorted;
    double most_frequent = 0;  // an upper bound of the probability of the most frequent value
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
    /// Whether every element has this law.
    bool shared_by_all = true;
    /// The probability of a value below x, plus half the probability of x, minus 1/2.
    [[nodiscard]] double score(Scalar x) const {
        const auto range = std::equal_range(sorted.begin(), sorted.end(), x);
        const auto twice = (range.first - sorted.begin()) + (range.second - sorted.begin());
        return static_cast<double>(twice) / (2 * static_cast<double>(sorted.size())) - 0.5;
    }
};

/// Tests whether `a[i]` and `b[i]` are independent, by the correlation of their ranks and the number of equal
/// pairs. `bound` is the number of standard deviations allowed.
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
    // The expected number is an estimate too: its variance and the count's are together below 9 times it.
    const double expected = n * law.equal_pairs;
    report.check(name, equal <= expected + 3 * bound * std::sqrt(expected) + bound * bound, which, ": ",
                 equal, " of ", a.size(), " are equal, where chance makes ", expected);
    // If nearly all numbers have one value, the sum has few terms and is not normal. If laws differ from
    // element to element, the pooled ranks of independent numbers are correlated.
    if (law.most_frequent > 0.9 || !law.shared_by_all) return;
    const double correlation = product / std::sqrt(square_a * square_b);
    report.check(name, std::abs(correlation) <= bound / std::sqrt(n), which, ": their ranks' correlation is ",
                 correlation);
}

/// Compares each element with the one `lag` positions later, for small lags and powers of two.
template <class Scalar>
void check_neighbours(law_report& report, const sample_law<Scalar>& law, std::span<const Scalar> numbers,
                      double false_alarm) {
    std::vector<double> scores;
    for (const Scalar x : numbers) scores.push_back(law.score(x));
    const std::span<const double> all(scores);
    const double bound = two_sided_bound(false_alarm / 200);
    for (std::size_t lag = 1; lag <= numbers.size() / 2; lag += lag < 64 ? 1 : lag) {
        const std::size_t count = numbers.size() - lag;
        check_independent(report, "elements are independent", law, numbers.first(count), numbers.last(count),
                          all.first(count), all.last(count), bound,
                          detail::message("elements ", lag, " apart"));
    }
}

/// A run of elements of one key's sequence, starting at `first`, with its hash.
struct run {
    std::uint64_t hash;
    std::uint64_t first;
    std::size_t key;
};

/// Looks for a run of elements that occurs twice: in one sequence, which then repeats itself, or in the
/// sequences of two keys. Runs are so long that chance produces a repetition with a probability of at most
/// `false_alarm`.
///
/// Runs start at each of one key's first elements, and at strides of their number in the rest, so that any
/// period or shift up to 1,024 times that number makes two runs coincide; beyond that, powers of two are
/// tried. Two thousand keys are compared by their first elements.
template <class Scalar, class N>
void check_runs(law_report& report, const N& noise, const sample_law<Scalar>& law, std::uint64_t seed,
                double false_alarm) {
    constexpr std::uint64_t strides = 1024, many_keys = 1024;
    const std::size_t dense = law.sorted.size();
    const double runs_in_all = static_cast<double>(dense + 3 * strides + 2 * many_keys + 256);
    const double surprise = std::log(runs_in_all * runs_in_all / false_alarm);
    const double wanted = std::ceil(surprise / -std::log(law.most_frequent));
    // Nearly all elements are equal, so runs cannot be told apart.
    if (!(wanted >= 1 && wanted < static_cast<double>(dense) / 16)) return;
    const std::size_t length = static_cast<std::size_t>(wanted);

    std::vector<random_key> keys;
    std::vector<run> runs;
    constexpr std::uint64_t base = 0x9E3779B97F4A7C15u;
    std::uint64_t base_to_length = 1;
    for (std::size_t i = 0; i < length; ++i) base_to_length *= base;
    const auto scatter = [](Scalar x) {
        std::uint64_t bits_of_x = detail::bit_cast<typename detail::exponent_mask<Scalar>::bits>(x);
        bits_of_x = (bits_of_x ^ (bits_of_x >> 31)) * 0xBF58476D1CE4E5B9u;
        return bits_of_x ^ (bits_of_x >> 29);
    };
    // The runs that begin at `first` and at the `count - 1` following elements, for the latest key.
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
    const random_key key(seed);
    add_strides(key);
    add(0, dense);
    add_strides(random_key(seed + 1));
    add_strides(random_key(seed - 1));
    const auto add_key = [&](const random_key& other) {
        keys.push_back(other);
        add(0, 1);
    };
    for (std::uint64_t n = 0; n < many_keys; ++n) add_key(key.fold_in(n));
    for (std::uint64_t n = 1; n < many_keys; ++n) add_key(random_key(seed + n));
    for (int power = 0; power < 64; ++power) add_key(random_key(seed ^ (std::uint64_t{1} << power)));

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
        const char* const name = one_key ? again : a.first == b.first ? same : shifted;
        report.check(name, false, length, " elements are equal from ", a.first, " and from ", b.first, " on");
    }
}

template <class Scalar, class N>
void check_keys(law_report& report, const N& noise, const sample_law<Scalar>& law, std::uint64_t seed,
                double false_alarm) {
    check_runs<Scalar>(report, noise, law, seed, false_alarm);
    const random_key key(seed), folded = key.fold_in(0);
    const std::pair<random_key, random_key> pairs[] = {{key, folded},
                                                       {key, random_key(seed + 1)},
                                                       {key, random_key(seed ^ 1)},
                                                       {folded, key.fold_in(1)},
                                                       {key, random_key(seed ^ (std::uint64_t{1} << 32))}};
    const double bound = two_sided_bound(false_alarm / 10);
    const auto scores = [&](const std::vector<Scalar>& numbers) {
        std::vector<double> all;
        for (const Scalar x : numbers) all.push_back(law.score(x));
        return all;
    };
    for (const auto& [one, other] : pairs) {
        const std::vector<Scalar> a = draw<Scalar>(noise, one, 0, law.sorted.size()),
                                  b = draw<Scalar>(noise, other, 0, law.sorted.size());
        check_independent<Scalar>(report, "keys are independent", law, a, b, scores(a), scores(b), bound,
                                  "the elements of two keys");
    }
}

}  // namespace imle::inline IMLE_ABI::testing::detail_noise
