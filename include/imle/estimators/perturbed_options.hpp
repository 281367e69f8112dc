#pragma once

/// @file
/// The settings of a `perturbed_layer`.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/estimators/baseline.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `perturbed_layer`. The order of the members is part of the contract.
struct perturbed_options {
    /// Samples S per instance, at least 1; `baseline::leave_one_out` needs 2 for a gradient.
    Eigen::Index samples = 1;
    /// T, the scale of the noise (sigma or epsilon in the papers), above 0.
    double temperature = 1;
    /// What is subtracted from a sample's <dmu, z>: `leave_one_out` or `none`.
    imle::baseline baseline = imle::baseline::leave_one_out;
    /// Worker threads of the forward pass; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline const perturbed_options& checked(const perturbed_options& options) {
    if (options.samples < 1) throw_invalid("perturbed_options::samples", options.samples, "at least 1");
    if (!is_finite(options.temperature) || !(options.temperature > 0))
        throw_invalid("perturbed_options::temperature", options.temperature,
                      "a finite number above 0 (without noise there is no gradient to estimate)");
    if (options.baseline == baseline::exact_marginals)
        throw_invalid(
            "perturbed_options::baseline", "baseline::exact_marginals",
            "baseline::leave_one_out or baseline::none (the exact marginals of a solver under noise "
            "are not known)");
    if (options.baseline != baseline::none && options.baseline != baseline::leave_one_out)
        throw_invalid("perturbed_options::baseline", static_cast<int>(options.baseline),
                      "baseline::leave_one_out or baseline::none");
    if (options.threads < 0)
        throw_invalid("perturbed_options::threads", options.threads, "0 (all cores) or a positive number");
    return options;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
