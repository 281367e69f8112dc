#pragma once

// What must hold for a law with any parameters that it accepts: for random parameters and for fuzzers.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <imle/core/finite.hpp>
#include <imle/random/random_key.hpp>

namespace noise_tests {

/// x and what it may have been before it was rounded to Scalar, and then to double on the way to F; `scale`
/// is what a quantile function multiplies its numbers with at the end, the least number above 0 among them.
template <class Scalar>
struct rounded {
    double below, above;

    explicit rounded(double x, double scale = 1) {
        const double unit = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
        const double least = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
        const double width = 2 * (std::abs(x) * unit + least * std::max(1.0, scale));
        below = x - width, above = x + width;
    }
};

/// nullptr, or the law that `count` numbers of the noise break: they are finite, and by Kolmogorov's distance
/// (false alarm 1e-9) they have its distribution function. That is asked for at some of the sorted numbers.
template <class Scalar, class LawT>
const char* broken_by_numbers(const LawT& law, const imle::random_key& key, std::size_t count = 300) {
    std::vector<Scalar> numbers(count);
    law.fill(key, 0, std::span<Scalar>(numbers));
    if (!imle::detail::all_finite(std::span<const Scalar>(numbers))) return "numbers are finite";
    std::sort(numbers.begin(), numbers.end());
    const double n = static_cast<double>(count), most = std::sqrt(std::log(2e9) / (2 * n));
    for (std::size_t i = 0; i < count; i += std::max<std::size_t>(1, count / 12)) {
        const rounded<Scalar> x(static_cast<double>(numbers[i]));
        // At least i of them are below or at x, and at most i + 1 strictly below what comes after it.
        const double at_most = law.cdf(x.above), at_least = law.cdf(x.below);
        if (!(at_most > static_cast<double>(i) / n - most)) return "numbers are not below the law's";
        if (!(at_least < static_cast<double>(i + 1) / n + most)) return "numbers are not above the law's";
    }
    return nullptr;
}

/// nullptr, or the law that its functions break: the quantiles of both tails are finite and increase, and the
/// distribution function takes them back to 1e-9, up to the rounding of x.
template <class LawT>
const char* broken_by_functions(const LawT& law, double scale = 1) {
    double last = -std::numeric_limits<double>::infinity();
    for (const bool upper : {false, true}) {
        double p = upper ? 0.4 : 1e-12;
        for (int i = 0; i < 6; ++i) {
            const double x = upper ? law.survival_quantile(p) : law.quantile(p);
            if (!imle::detail::is_finite(x)) return "quantiles are finite";
            if (!(x >= last)) return "quantiles increase";
            last = x;
            const rounded<double> place(x, scale);
            const double less = upper ? law.survival(place.above) : law.cdf(place.below);
            const double more = upper ? law.survival(place.below) : law.cdf(place.above);
            if (!(less >= 0 && more <= 1 && less <= p * (1 + 1e-9) && more >= p * (1 - 1e-9)))
                return "cdf and quantile are inverse";
            const double density = law.pdf(x);
            if (!(density >= 0)) return "the density is not negative";
            p = upper ? p * 0.004 : std::min(p * 250, 0.5);
        }
    }
    return nullptr;
}

}  // namespace noise_tests
