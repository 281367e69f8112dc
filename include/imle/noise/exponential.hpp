#pragma once

/// @file
/// Exponential noise.

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/noise/detail/location_scale_law.hpp>
#include <imle/noise/detail/parameters.hpp>
#include <imle/random/detail/standard_exponential.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential law: density rate exp(-rate x) for x >= 0, mean 1 / rate. The same as
/// `gamma{1, 1 / rate}`, without a table of its own.
class exponential : public detail::location_scale_law<detail::standard_exponential> {
  public:
    /// Throws `std::invalid_argument` unless rate > 0 and rate and 1 / rate are finite.
    explicit exponential(double rate = 1) : location_scale_law(0, 1 / checked(rate)), rate_(rate) {}

    [[nodiscard]] double rate() const noexcept { return rate_; }

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

}  // namespace imle::inline IMLE_ABI
