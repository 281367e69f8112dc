#include "accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace imle_benchmarks {
namespace {

template <class Scalar>
Scalar next_below(Scalar x) {
    return std::nextafter(x, -std::numeric_limits<Scalar>::infinity());
}

template <class Scalar>
Scalar next_above(Scalar x) {
    return std::nextafter(x, std::numeric_limits<Scalar>::infinity());
}

/// The range of numbers that round to x: half a unit in the last place to either side. A double has no bits
/// for halves of its own units, so for double the range is from the neighbour below to the neighbour above.
struct rounding_range {
    explicit rounding_range(float x)
        : low((double{x} + double{next_below(x)}) / 2), high((double{x} + double{next_above(x)}) / 2) {}
    explicit rounding_range(double x) : low(next_below(x)), high(next_above(x)) {}

    double low;
    double high;
};

}  // namespace

double distance_bound(std::size_t numbers) {
    return std::sqrt(std::log(2 / 1e-6) / (2 * static_cast<double>(numbers)));
}

template <class Scalar>
double kolmogorov_distance(std::vector<Scalar>& numbers, const probability_function& cdf) {
    if (std::any_of(numbers.begin(), numbers.end(), [](Scalar x) { return std::isnan(x); }))
        return std::numeric_limits<double>::quiet_NaN();
    std::sort(numbers.begin(), numbers.end());
    const double count = static_cast<double>(numbers.size());
    const std::size_t places = std::min<std::size_t>(2048, numbers.size());
    double largest = 0;
    for (std::size_t i = 0; i < places; ++i) {
        const Scalar x = numbers[i * (numbers.size() - 1) / std::max<std::size_t>(1, places - 1)];
        const auto [first, last] = std::equal_range(numbers.begin(), numbers.end(), x);
        const double below = static_cast<double>(first - numbers.begin()) / count;
        const double up_to = static_cast<double>(last - numbers.begin()) / count;
        const double low = cdf(static_cast<double>(next_below(x)));
        const double high = cdf(static_cast<double>(next_above(x)));
        largest = std::max({largest, low - up_to, below - high});
    }
    return largest;
}

template <class Scalar>
double largest_word_error(std::span<const Scalar> numbers, const probability_function& cdf,
                          const probability_function& survival) {
    constexpr std::size_t words_each = sizeof(Scalar) / sizeof(std::uint32_t);
    std::vector<std::uint32_t> words(numbers.size() * words_each);
    imle::random_words(imle::random_key(word_error_seed), 0, words);
    double largest = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const std::uint32_t low_word = words[i * words_each];
        double p;
        if constexpr (words_each == 1) {
            p = (static_cast<double>(low_word >> 1) + 0.5) * 0x1p-32;
        } else {
            const std::uint64_t word = (std::uint64_t{words[2 * i + 1]} << 32) | low_word;
            p = (static_cast<double>(word >> 12) + 0.5) * 0x1p-53;
        }
        const rounding_range x(numbers[i]);
        const bool upper = low_word & 1;
        const double least = upper ? survival(x.high) : cdf(x.low);
        const double most = upper ? survival(x.low) : cdf(x.high);
        largest = std::max({largest, least - p, p - most});
    }
    return largest;
}

template double kolmogorov_distance(std::vector<float>&, const probability_function&);
template double kolmogorov_distance(std::vector<double>&, const probability_function&);
template double largest_word_error(std::span<const float>, const probability_function&,
                                   const probability_function&);
template double largest_word_error(std::span<const double>, const probability_function&,
                                   const probability_function&);

}  // namespace imle_benchmarks
