#pragma once

/// @file
/// Uniform noise.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/noise/detail/law.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Uniform(0, 1).
struct standard_uniform {
    static constexpr double mean = 0.5;
    static constexpr double variance = 1.0 / 12;

    /// A NaN stays a NaN.
    [[nodiscard]] static double cdf(double z) noexcept { return std::clamp(z, 0.0, 1.0); }
    [[nodiscard]] static double survival(double z) noexcept { return std::clamp(1 - z, 0.0, 1.0); }
    [[nodiscard]] static double pdf(double z) noexcept {
        if (z < 0 || z > 1) return 0;
        return std::isnan(z) ? z : 1;
    }
    [[nodiscard]] static double quantile(double u) noexcept { return u; }
    [[nodiscard]] static double survival_quantile(double p) noexcept { return 1 - p; }
    [[nodiscard]] static double lower_bound() noexcept { return 0; }
};

}  // namespace detail

/// The uniform law on [low, high]: density 1 / (high - low). No number is outside the range, whose ends are
/// rounded to the output's type. By rounding, a number may equal an end.
///
/// If `low` is 0, numbers near it keep their relative accuracy: with `uniform{}`, floats go down to 2^-33.
/// For a noise of your own, `imle::uniforms` is cheaper and never returns an end.
class uniform : public detail::location_scale_law<detail::standard_uniform> {
  public:
    /// Throws `std::invalid_argument` unless both are finite, low < high, and high - low is finite.
    explicit uniform(double low = 0, double high = 1)
        : location_scale_law(detail::finite_parameter("low of uniform", low), checked_width(low, high)),
          high_(high) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()), after
    /// the first call has made the table. Any number of threads may call it.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        fill_within(key, first, out);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        fill_within(key, first, out);
    }
    /// out[i] is the quantile at u = (words[i] + 1/2) / 2^32, for `QuantileNoise`. Cost as of `fill`.
    void fill_quantiles(std::span<const std::uint32_t> words, std::span<float> out) const {
        location_scale_law::fill_quantiles(words, out);
        clamp(out);
    }
    /// The same in double, with u = (words[i] + 1/2) / 2^64.
    void fill_quantiles(std::span<const std::uint64_t> words, std::span<double> out) const {
        location_scale_law::fill_quantiles(words, out);
        clamp(out);
    }

    /// The parameter `low`.
    [[nodiscard]] double low() const noexcept { return location(); }
    /// The parameter `high`.
    [[nodiscard]] double high() const noexcept { return high_; }
    /// The upper bound of all draws: high.
    [[nodiscard]] double upper_bound() const noexcept { return high_; }

    // Computed from the nearer end: each end is met exactly, and the distance to it is accurate where it is
    // small.

    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const noexcept {
        return detail::standard_uniform::cdf((high_ - x) / scale());
    }
    /// The x with cdf(x) = u. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double quantile(double u) const {
        detail::probability("u", u);
        return u < 0.5 ? detail::multiply_add(scale(), u, low())
                       : detail::multiply_add(-scale(), 1 - u, high_);
    }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        detail::probability("p", p);
        return p < 0.5 ? detail::multiply_add(-scale(), p, high_)
                       : detail::multiply_add(scale(), 1 - p, low());
    }

    /// True if the parameters are equal.
    friend bool operator==(const uniform&, const uniform&) noexcept = default;

  private:
    static double checked_width(double low, double high) {
        detail::finite_parameter("high of uniform", high);
        if (!(low < high))
            detail::throw_invalid("high of uniform", high,
                                  detail::message("a number above low, which is ", low));
        if (!detail::is_finite(high - low))
            detail::throw_invalid(
                "high of uniform", high,
                detail::message("a number whose distance from low, which is ", low, ", is finite"));
        return high - low;
    }

    template <class Scalar>
    void fill_within(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        location_scale_law::fill(key, first, out);
        clamp(out);
    }

    /// high - low is rounded to the output's type, so the largest numbers could exceed `high` by a few units
    /// in the last place.
    template <class Scalar>
    void clamp(std::span<Scalar> out) const noexcept {
        const Scalar low = static_cast<Scalar>(location()), high = static_cast<Scalar>(high_);
        for (Scalar& x : out) x = std::min(std::max(x, low), high);
    }

    double high_;
};

}  // namespace imle::inline IMLE_ABI
