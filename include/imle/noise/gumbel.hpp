#pragma once

/// @file
/// Gumbel noise.

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/config.hpp>
#include <imle/noise/parameters.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/standard_table.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Gumbel(0, 1): F(x) = exp(-exp(-x)).
struct standard_gumbel {
    [[nodiscard]] double quantile(double u) const { return -std::log(-std::log(u)); }
    [[nodiscard]] double survival_quantile(double p) const { return -std::log(-std::log1p(-p)); }
};

}  // namespace detail

/// The law of the maximum: F(x) = exp(-exp(-(x - location) / scale)). With it, perturb-and-MAP on one-hot
/// vectors draws from the softmax exactly (Papandreou and Yuille, ICCV 2011).
class gumbel {
  public:
    /// Throws `std::invalid_argument` unless both are finite and scale > 0.
    explicit gumbel(double location = 0, double scale = 1)
        : location_(detail::finite_parameter("location of gumbel", location)),
          scale_(detail::positive_parameter("scale of gumbel", scale)) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()).
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        detail::standard_table<detail::standard_gumbel, float>().fill(key, first, out, location_, scale_);
    }
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        detail::standard_table<detail::standard_gumbel, double>().fill(key, first, out, location_, scale_);
    }

    [[nodiscard]] double location() const noexcept { return location_; }
    [[nodiscard]] double scale() const noexcept { return scale_; }

    /// P(X <= x).
    [[nodiscard]] double cdf(double x) const noexcept { return std::exp(-std::exp(-standard(x))); }
    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const noexcept { return -std::expm1(-std::exp(-standard(x))); }
    [[nodiscard]] double pdf(double x) const noexcept {
        const double z = standard(x);
        return std::exp(-z - std::exp(-z)) / scale_;
    }
    /// The x with cdf(x) = u; -infinity at 0, infinity at 1. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double quantile(double u) const {
        return location_ + scale_ * detail::standard_gumbel{}.quantile(detail::probability("u", u));
    }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        return location_ + scale_ * detail::standard_gumbel{}.survival_quantile(detail::probability("p", p));
    }
    [[nodiscard]] double mean() const noexcept { return location_ + scale_ * detail::euler_gamma; }
    [[nodiscard]] double variance() const noexcept { return detail::pi * detail::pi / 6 * scale_ * scale_; }

    friend bool operator==(const gumbel&, const gumbel&) noexcept = default;

  private:
    [[nodiscard]] double standard(double x) const noexcept { return (x - location_) / scale_; }

    double location_;
    double scale_;
};

}  // namespace imle::inline IMLE_ABI
