#pragma once

/// @file
/// Normal noise.

#include <cmath>
#include <limits>

#include <imle/core/elementary.hpp>
#include <imle/core/error_function.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Normal(0, 1).
struct standard_normal {
    static constexpr double mean = 0;
    static constexpr double variance = 1;

    [[nodiscard]] static double cdf(double z) noexcept {
        return rounded(elementary::erfc(-z * 0.70710678118654752440) / 2);
    }
    [[nodiscard]] static double survival(double z) noexcept { return cdf(-z); }
    [[nodiscard]] static double pdf(double z) noexcept {
        return 0.39894228040143267794 * elementary::exp(-z * z / 2);
    }
    /// -d/dz log pdf(z).
    [[nodiscard]] static double score(double z) noexcept { return z; }
    /// Newton's method on log cdf(z) = log u in the lower half. log cdf is concave, so from the second step
    /// on the iteration comes from the left and cannot overshoot.
    [[nodiscard]] static double quantile(double u) noexcept {
        if (u > 0.5) return -quantile_lower(1 - u);
        return quantile_lower(u);
    }
    [[nodiscard]] static double survival_quantile(double p) noexcept {
        if (p > 0.5) return quantile_lower(1 - p);
        return -quantile_lower(p);
    }

  private:
    static double quantile_lower(double u) noexcept {
        if (u == 0.5) return 0;
        if (!(u > 0)) return -std::numeric_limits<double>::infinity();
        const double log_u = elementary::log(u);
        // The tail is close to exp(-z^2 / 2) / (|z| sqrt(2 pi)). In the bulk the start hardly matters.
        double z = -std::sqrt(-2 * log_u);
        if (z < -3) z += elementary::log(-z * 2.50662827463100050242) / -z;
        for (int i = 0; i < 60; ++i) {
            const double f = cdf(z);
            const double step = (elementary::log(f) - log_u) * f / pdf(z);
            z -= step;
            if (std::abs(step) <= 1e-9 * std::abs(z) || std::abs(step) < 1e-300) {
                // One more step, on the difference instead of the logarithm, for the last digits.
                const double g = cdf(z);
                return z - (g - u) / pdf(z);
            }
        }
        return z;
    }
};

}  // namespace detail

/// The normal (Gaussian) law.
class normal : public detail::location_scale_law<detail::standard_normal> {
  public:
    /// mean: finite; stddev: the standard deviation, finite and above 0. Throws `std::invalid_argument`
    /// otherwise.
    explicit normal(double mean = 0, double stddev = 1)
        : location_scale_law(detail::finite_parameter("mean of normal", mean),
                             detail::positive_parameter("stddev of normal", stddev)) {}

    /// The parameter `stddev`, the standard deviation.
    [[nodiscard]] double stddev() const noexcept { return scale(); }
};

namespace detail {
template <>
inline constexpr bool draws_by_words<normal> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
