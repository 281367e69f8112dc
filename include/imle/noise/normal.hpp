#pragma once

/// @file
/// Normal noise.

#include <imle/core/config.hpp>
#include <imle/noise/detail/location_scale_law.hpp>
#include <imle/noise/detail/parameters.hpp>
#include <imle/random/detail/standard_normal.hpp>

namespace imle::inline IMLE_ABI {

/// The Gaussian law.
class normal : public detail::location_scale_law<detail::standard_normal> {
  public:
    /// Throws `std::invalid_argument` unless both are finite and stddev > 0.
    explicit normal(double mean = 0, double stddev = 1)
        : location_scale_law(detail::finite_parameter("mean of normal", mean),
                             detail::positive_parameter("stddev of normal", stddev)) {}

    [[nodiscard]] double stddev() const noexcept { return scale(); }
};

}  // namespace imle::inline IMLE_ABI
