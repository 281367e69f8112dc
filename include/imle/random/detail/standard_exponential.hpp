#pragma once

/// @file
/// The standard exponential law.

#include <cmath>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Exponential(1): F(z) = 1 - exp(-z) for z >= 0.
struct standard_exponential {
    static constexpr double mean = 1;
    static constexpr double variance = 1;

    /// NaN is neither below nor above the bound, and stays what it is.
    [[nodiscard]] static double cdf(double z) noexcept { return z < 0 ? 0 : -std::expm1(-z); }
    [[nodiscard]] static double survival(double z) noexcept { return z < 0 ? 1 : std::exp(-z); }
    [[nodiscard]] static double pdf(double z) noexcept { return z < 0 ? 0 : std::exp(-z); }
    [[nodiscard]] static double quantile(double u) noexcept { return -std::log1p(-u); }
    [[nodiscard]] static double survival_quantile(double p) noexcept { return -std::log(p); }
    [[nodiscard]] static double lower_bound() noexcept { return 0; }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
