#pragma once

/// @file
/// The settings of `score_function_layer`.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/estimators/baseline.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of `score_function_layer`. The order of the members is part of the contract.
struct score_function_options {
    /// Samples S per instance, at least 1. baseline::leave_one_out needs 2 for a gradient.
    Eigen::Index samples = 1;
    /// What is taken off each sample's loss.
    imle::baseline baseline = imle::baseline::leave_one_out;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline void validate(const score_function_options& options) {
    if (options.samples < 1) throw_invalid("score_function_options::samples", options.samples, "at least 1");
    if (options.baseline != baseline::none && options.baseline != baseline::leave_one_out &&
        options.baseline != baseline::exact_marginals)
        throw_invalid("score_function_options::baseline", static_cast<int>(options.baseline),
                      "baseline::none, baseline::leave_one_out or baseline::exact_marginals");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
