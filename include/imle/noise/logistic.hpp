#pragma once

/// @file
/// Logistic noise.

#include <cmath>
#include <numbers>

#include <imle/core/elementary.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Logistic(0, 1): F(z) = 1 / (1 + exp(-z)). Symmetric about 0.
struct standard_logistic {
    static constexpr double mean = 0;
    static constexpr double variance = std::numbers::pi * std::numbers::pi / 3;

    [[nodiscard]] static double cdf(double z) noexcept {
        // exp(-z) would overflow before exp(z) underflows.
        if (z < 0) return elementary::exp(z) / (1 + elementary::exp(z));
        return 1 / (1 + elementary::exp(-z));
    }
    [[nodiscard]] static double survival(double z) noexcept { return cdf(-z); }
    [[nodiscard]] static double pdf(double z) noexcept {
        const double e = elementary::exp(-std::abs(z));
        return e / ((1 + e) * (1 + e));
    }
    [[nodiscard]] static double quantile(double u) noexcept {
        // Near the median the roundings of the two logarithms cancel; log(u / (1 - u)) would lose most digits
        // there.
        return elementary::log(u) - elementary::log1p(-u);
    }
    [[nodiscard]] static double survival_quantile(double p) noexcept { return -quantile(p); }
};

}  // namespace detail

/// The logistic law: F(x) = 1 / (1 + exp(-(x - location) / scale)). It is the law of the difference of two
/// independent Gumbel numbers of the same scale. If the coordinates of z are independent zeros and ones,
/// perturb-and-MAP with it sets each to one with probability sigmoid(theta), exactly.
///
/// Eigen has a function of this name: after `using namespace` of both, write `imle::logistic`.
class logistic : public detail::location_scale_law<detail::standard_logistic> {
  public:
    /// location: the centre, finite; scale: finite and above 0. Throws `std::invalid_argument` otherwise.
    explicit logistic(double location = 0, double scale = 1)
        : location_scale_law(detail::finite_parameter("location of logistic", location),
                             detail::positive_parameter("scale of logistic", scale)) {}

    using location_scale_law::location, location_scale_law::scale;
};

namespace detail {
template <>
inline constexpr bool draws_by_words<logistic> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
