#pragma once

/// @file
/// The settings of a Fenchel-Young loss.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `fenchel_young_loss`. The order of the members is part of the contract.
struct fenchel_young_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T, the scale of the noise; 0 is no noise.
    double temperature = 1;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline void validate(const fenchel_young_options& options) {
    if (options.samples < 1) throw_invalid("fenchel_young_options::samples", options.samples, "at least 1");
    if (!is_finite(options.temperature) || options.temperature < 0)
        throw_invalid("fenchel_young_options::temperature", options.temperature,
                      "a finite number that is not negative");
    if (options.threads < 0)
        throw_invalid("fenchel_young_options::threads", options.threads,
                      "0 (all cores) or a positive number");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
