#pragma once

/// @file
/// Gumbel noise.

#include <numbers>

#include <imle/core/elementary.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Gumbel(0, 1): F(z) = exp(-exp(-z)).
struct standard_gumbel {
    static constexpr double mean = std::numbers::egamma;
    static constexpr double variance = std::numbers::pi * std::numbers::pi / 6;

    [[nodiscard]] static double cdf(double z) noexcept { return elementary::exp(-elementary::exp(-z)); }
    [[nodiscard]] static double survival(double z) noexcept {
        return -elementary::expm1(-elementary::exp(-z));
    }
    [[nodiscard]] static double pdf(double z) noexcept {
        // Far below the point where the density underflows. At -infinity the exponent would be infinity -
        // infinity.
        if (z < -700) return 0;
        return elementary::exp(-z - elementary::exp(-z));
    }
    /// -d/dz log pdf(z), where log pdf(z) = -z - exp(-z).
    [[nodiscard]] static double score(double z) noexcept { return -elementary::expm1(-z); }
    [[nodiscard]] static double quantile(double u) noexcept { return -elementary::log(-elementary::log(u)); }
    [[nodiscard]] static double survival_quantile(double p) noexcept {
        return -elementary::log(-elementary::log1p(-p));
    }
};

}  // namespace detail

/// The Gumbel law of maxima: F(x) = exp(-exp(-(x - location) / scale)). With it, perturb-and-MAP on one-hot
/// vectors samples exactly from the softmax (Papandreou and Yuille, ICCV 2011).
class gumbel : public detail::location_scale_law<detail::standard_gumbel> {
  public:
    /// location: the mode, finite; scale: finite and above 0. Throws `std::invalid_argument` otherwise.
    explicit gumbel(double location = 0, double scale = 1)
        : location_scale_law(detail::finite_parameter("location of gumbel", location),
                             detail::positive_parameter("scale of gumbel", scale)) {}

    using location_scale_law::location, location_scale_law::scale;
};

namespace detail {
template <>
inline constexpr bool draws_by_words<gumbel> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
