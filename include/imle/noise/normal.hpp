#pragma once

/// @file
/// Normal noise.

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

/// Normal(0, 1).
struct standard_normal {
    [[nodiscard]] static double cdf(double z) noexcept { return std::erfc(-z * 0.70710678118654752440) / 2; }
    [[nodiscard]] static double pdf(double z) noexcept {
        return 0.39894228040143267794 * std::exp(-z * z / 2);
    }
    /// Newton's method on log cdf(z) = log u in the lower half. log cdf is concave, so that from the second
    /// step on the iteration comes from the left and cannot overshoot.
    [[nodiscard]] double quantile(double u) const noexcept {
        if (u > 0.5) return -quantile_lower(1 - u);
        return quantile_lower(u);
    }
    [[nodiscard]] double survival_quantile(double p) const noexcept {
        if (p > 0.5) return quantile_lower(1 - p);
        return -quantile_lower(p);
    }

  private:
    static double quantile_lower(double u) noexcept {
        if (u == 0.5) return 0;
        if (!(u > 0)) return -std::numeric_limits<double>::infinity();
        const double log_u = std::log(u);
        // The tail is near exp(-z^2 / 2) / (|z| sqrt(2 pi)); in the bulk the start hardly matters.
        double z = -std::sqrt(-2 * log_u);
        if (z < -3) z += std::log(-z * 2.50662827463100050242) / -z;
        for (int i = 0; i < 60; ++i) {
            const double f = cdf(z);
            const double step = (std::log(f) - log_u) * f / pdf(z);
            z -= step;
            if (std::abs(step) <= 1e-9 * std::abs(z) || std::abs(step) < 1e-300) {
                // One more, by the difference and not the logarithm's, for the last digits.
                const double g = cdf(z);
                return z - (g - u) / pdf(z);
            }
        }
        return z;
    }
};

}  // namespace detail

/// The Gaussian law.
class normal {
  public:
    /// Throws `std::invalid_argument` unless both are finite and stddev > 0.
    explicit normal(double mean = 0, double stddev = 1)
        : mean_(detail::finite_parameter("mean of normal", mean)),
          stddev_(detail::positive_parameter("stddev of normal", stddev)) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()).
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        detail::standard_table<detail::standard_normal, float>().fill(key, first, out, mean_, stddev_);
    }
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        detail::standard_table<detail::standard_normal, double>().fill(key, first, out, mean_, stddev_);
    }

    [[nodiscard]] double stddev() const noexcept { return stddev_; }

    /// P(X <= x).
    [[nodiscard]] double cdf(double x) const noexcept {
        return detail::standard_normal::cdf((x - mean_) / stddev_);
    }
    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const noexcept {
        return detail::standard_normal::cdf((mean_ - x) / stddev_);
    }
    [[nodiscard]] double pdf(double x) const noexcept {
        return detail::standard_normal::pdf((x - mean_) / stddev_) / stddev_;
    }
    /// The x with cdf(x) = u; -infinity at 0, infinity at 1. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double quantile(double u) const {
        return mean_ + stddev_ * detail::standard_normal{}.quantile(detail::probability("u", u));
    }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        return mean_ + stddev_ * detail::standard_normal{}.survival_quantile(detail::probability("p", p));
    }
    [[nodiscard]] double mean() const noexcept { return mean_; }
    [[nodiscard]] double variance() const noexcept { return stddev_ * stddev_; }

    friend bool operator==(const normal&, const normal&) noexcept = default;

  private:
    double mean_;
    double stddev_;
};

}  // namespace imle::inline IMLE_ABI
