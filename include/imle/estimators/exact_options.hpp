#pragma once

/// @file
/// The settings of `exact_layer`.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of `exact_layer`. The order of the members is part of the contract.
struct exact_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline void validate(const exact_options& options) {
    if (options.samples < 1) throw_invalid("exact_options::samples", options.samples, "at least 1");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
