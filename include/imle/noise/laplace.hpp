#pragma once

/// @file
/// Laplace noise.

#include <cmath>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Laplace(0, 1): density exp(-|z|) / 2. Symmetric about 0.
struct standard_laplace {
    static constexpr double mean = 0;
    static constexpr double variance = 2;

    [[nodiscard]] static double cdf(double z) noexcept {
        return z < 0 ? elementary::exp(z) / 2 : 1 - rounded(elementary::exp(-z) / 2);
    }
    [[nodiscard]] static double survival(double z) noexcept { return cdf(-z); }
    [[nodiscard]] static double pdf(double z) noexcept { return elementary::exp(-std::abs(z)) / 2; }
    [[nodiscard]] static double quantile(double u) noexcept {
        return u < 0.5 ? elementary::log(2 * u) : -elementary::log(2 * (1 - u));
    }
    [[nodiscard]] static double survival_quantile(double p) noexcept { return -quantile(p); }
};

}  // namespace detail

/// The Laplace law, a two-sided exponential: density exp(-|x - location| / scale) / (2 scale). It has heavier
/// tails and a sharper centre than `normal`.
class laplace : public detail::location_scale_law<detail::standard_laplace> {
  public:
    /// location: the centre, finite; scale: finite and above 0. Throws `std::invalid_argument` otherwise.
    explicit laplace(double location = 0, double scale = 1)
        : location_scale_law(detail::finite_parameter("location of laplace", location),
                             detail::positive_parameter("scale of laplace", scale)) {}

    using location_scale_law::location, location_scale_law::scale;
};

namespace detail {
template <>
inline constexpr bool draws_by_words<laplace> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
