#pragma once

/// @file
/// Exponential noise.

#include <imle/core/elementary.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Exponential(1): F(z) = 1 - exp(-z) for z >= 0.
struct standard_exponential {
    static constexpr double mean = 1;
    static constexpr double variance = 1;

    /// A NaN fails the comparison, and the result is NaN.
    [[nodiscard]] static double cdf(double z) noexcept { return z < 0 ? 0 : -elementary::expm1(-z); }
    [[nodiscard]] static double survival(double z) noexcept { return z < 0 ? 1 : elementary::exp(-z); }
    [[nodiscard]] static double pdf(double z) noexcept { return z < 0 ? 0 : elementary::exp(-z); }
    [[nodiscard]] static double quantile(double u) noexcept { return -elementary::log1p(-u); }
    [[nodiscard]] static double survival_quantile(double p) noexcept { return -elementary::log(p); }
    [[nodiscard]] static double lower_bound() noexcept { return 0; }
};

}  // namespace detail

/// The exponential law: density rate exp(-rate x) for x >= 0, mean 1 / rate. The same law as
/// `gamma{1, 1 / rate}`, but all exponential laws share one table.
class exponential : public detail::location_scale_law<detail::standard_exponential> {
  public:
    /// rate: 1 over the mean, above 0; both must be finite. Throws `std::invalid_argument` otherwise.
    explicit exponential(double rate = 1) : location_scale_law(0, 1 / checked(rate)), rate_(rate) {}

    /// The parameter `rate`: 1 over the mean.
    [[nodiscard]] double rate() const noexcept { return rate_; }

    /// True if the parameters are equal.
    friend bool operator==(const exponential&, const exponential&) noexcept = default;

  private:
    static double checked(double rate) {
        detail::positive_parameter("rate of exponential", rate);
        if (!detail::is_finite(1 / rate))
            detail::throw_invalid("rate of exponential", rate, "a number whose inverse, the mean, is finite");
        return rate;
    }

    double rate_;
};

namespace detail {
template <>
inline constexpr bool draws_by_words<exponential> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
