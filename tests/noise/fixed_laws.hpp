#pragma once

// Laws that hold for the distribution functions of every fixed law, each used by one line in its test.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace noise_tests {

/// quantile and cdf are inverse, in both tails down to 1e-12; cdf + survival = 1; the density is the slope.
/// `smallest`: quantiles closer to a bound than that are not distinguishable from it.
template <class LawT>
void check_functions(const LawT& law, double tolerance, double smallest = 0) {
    support::tally inverse, complement, slope;
    for (double p = 1e-12; p < 0.9; p *= std::pow(1.7, support::stride())) {
        for (const bool upper : {false, true}) {
            const double x = upper ? law.survival_quantile(p) : law.quantile(p);
            if constexpr (requires { law.lower_bound(); })
                if (x - law.lower_bound() <= smallest) continue;
            if constexpr (requires { law.upper_bound(); })
                if (law.upper_bound() - x <= smallest) continue;
            const double back = upper ? law.survival(x) : law.cdf(x);
            const char* const tail = upper ? " above " : " below ";
            inverse.expect(std::abs(back / p - 1) < tolerance, p, tail, x, ", back ", back);
            const double both = law.cdf(x) + law.survival(x);
            complement.expect(std::abs(both - 1) < 1e-14, both, " at ", x);
            if (p < 1e-6) continue;
            // The difference quotient over a step over which p changes by a thousandth.
            double h = 1e-3 * p / law.pdf(x);
            if constexpr (requires { law.lower_bound(); }) h = std::min(h, 1e-3 * (x - law.lower_bound()));
            const double difference =
                upper ? law.survival(x - h) - law.survival(x + h) : law.cdf(x + h) - law.cdf(x - h);
            const double quotient = difference / (2 * h);
            slope.expect(std::abs(quotient / law.pdf(x) - 1) < 1e-4, law.pdf(x), " at ", x, ", not ",
                         quotient);
        }
    }
    CHECK(inverse == 0);
    CHECK(complement == 0);
    CHECK(slope == 0);
}

/// The ends of the quantile function, and what is no probability.
template <class LawT>
void check_ends(const LawT& law, double lower_bound,
                double upper_bound = std::numeric_limits<double>::infinity()) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(law.quantile(0) == lower_bound);
    CHECK(law.quantile(1) == upper_bound);
    CHECK(law.survival_quantile(0) == upper_bound);
    CHECK(law.survival_quantile(1) == lower_bound);
    CHECK(law.cdf(-infinity) == 0);
    CHECK(law.cdf(infinity) == 1);
    CHECK(law.survival(-infinity) == 1);
    CHECK(law.survival(infinity) == 0);
    CHECK_THROWS_AS(law.quantile(-0.1), std::invalid_argument);
    CHECK_THROWS_AS(law.quantile(1.1), std::invalid_argument);
    CHECK_THROWS_AS(law.quantile(std::nan("")), std::invalid_argument);
    CHECK_THROWS_AS(law.survival_quantile(2), std::invalid_argument);
}

/// Mean and variance are the integrals of the quantile function and of its square: by the midpoint rule in
/// log p on both tails.
template <class LawT>
void check_moments(const LawT& law, double tolerance) {
    double mean = 0, second = 0;
    constexpr int steps = 6000;
    constexpr double deepest = -42;  // p = 1e-18
    const double lowest = deepest, width = (std::log(0.5) - lowest) / steps;
    for (int i = 0; i < steps; ++i) {
        const double p = std::exp(lowest + (i + 0.5) * width);
        for (const double x : {law.quantile(p), law.survival_quantile(p)}) {
            mean += x * p * width;
            second += x * x * p * width;
        }
    }
    CHECK(std::abs(mean - law.mean()) < tolerance * std::sqrt(law.variance()));
    CHECK(std::abs(second - mean * mean - law.variance()) < 10 * tolerance * law.variance());
}

/// score = -d/dx log pdf(x), in the bulk and in both tails; its mean is 0 and that of x * score(x) is 1, as
/// integration by parts of E 1 and E x has it.
template <class LawT>
void check_score(const LawT& law) {
    const double deviation = std::sqrt(law.variance());
    support::tally wrong;
    double mean = 0, first = 0;
    for (double p = 1e-9; p < 0.9; p *= std::pow(1.7, support::stride()))
        for (const double x : {law.quantile(p), law.survival_quantile(p)}) {
            double h = 1e-4 * deviation;
            if constexpr (requires { law.lower_bound(); }) h = std::min(h, 1e-3 * (x - law.lower_bound()));
            const double slope = (std::log(law.pdf(x + h)) - std::log(law.pdf(x - h))) / (2 * h);
            const double error = std::abs(law.score(x) + slope) / (1 / deviation + std::abs(slope));
            wrong.expect(error < 1e-5, law.score(x), " at ", x, ", not ", -slope);
        }
    CHECK(wrong == 0);
    constexpr int steps = 4000;  // an error of 3e-5
    const double lowest = -160, width = (std::log(0.5) - lowest) / steps;
    for (int i = 0; i < steps; ++i) {
        const double p = std::exp(lowest + (i + 0.5) * width);
        for (const double x : {law.quantile(p), law.survival_quantile(p)}) {
            mean += law.score(x) * p * width;
            first += x * law.score(x) * p * width;
        }
    }
    CHECK(std::abs(mean) * deviation < 1e-4);
    CHECK(std::abs(first - 1) < 1e-4);
}

/// What is no number of the law: the density at infinity is 0, and NaN stays NaN.
template <class LawT>
void check_no_numbers(const LawT& law) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(law.pdf(-infinity) == 0);
    CHECK(law.pdf(infinity) == 0);
    for (const double x : {law.cdf(std::nan("")), law.survival(std::nan("")), law.pdf(std::nan(""))})
        CHECK(std::isnan(x));
}

/// |F(x) - u| over the numbers that `fill` gives for words of known u, and the same relative to the tail's
/// probability. `u` is as `quantile_table` documents it: the lowest bit is the tail, the others are its
/// probability.
template <class Scalar, class LawT>
void check_errors_of_draws(const LawT& law, double absolute, double relative) {
    constexpr std::size_t count = 1 << 14, words_each = sizeof(Scalar) / sizeof(std::uint32_t);
    const imle::random_key key(31);
    std::vector<Scalar> numbers(count);
    std::vector<std::uint32_t> words(count * words_each);
    law.fill(key, 0, std::span<Scalar>(numbers));
    imle::random_words(key, 0, words);
    support::tally wrong;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t low = words[i * words_each];
        double p;
        if constexpr (words_each == 1) {
            p = (static_cast<double>(low >> 1) + 0.5) * 0x1p-32;
        } else {
            const std::uint64_t word = (std::uint64_t{words[2 * i + 1]} << 32) | low;
            p = (static_cast<double>(word >> 12) + 0.5) * 0x1p-53;
        }
        const double x = static_cast<double>(numbers[i]);
        const double error = std::abs((low & 1 ? law.survival(x) : law.cdf(x)) - p);
        wrong.expect(error < absolute && error / p < relative, "number ", i, ": ", x, ", ", p,
                     (low & 1) != 0 ? " above it, off by " : " below it, off by ", error);
    }
    CHECK(wrong == 0);
}

/// Every number is the quantile of its word, in float and in double, within what the table promises. For
/// locations and scales near 0 and 1: the rounding of the output comes on top.
template <class LawT>
void check_draws(const LawT& law) {
    check_errors_of_draws<float>(law, 2e-7, 1e-3);
    check_errors_of_draws<double>(law, 1e-12, 1e-11);
}

}  // namespace noise_tests
