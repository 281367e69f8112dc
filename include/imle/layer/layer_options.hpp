#pragma once

/// @file
/// The settings of a layer.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace imle::inline IMLE_ABI {

/// How the backward pass takes its finite difference.
enum class difference {
    /// mean of z - MAP(theta' + T_tgt * eps): one solve a sample (I-MLE).
    forward,
    /// mean of (MAP(theta'(-dz) + T_tgt * eps) - MAP(theta'(dz) + T_tgt * eps)) / 2 (adaptive I-MLE, AAAI
    /// 2023, "symmetric perturbation"): two solves a sample, less bias.
    central
};

/// What a layer does about a solve without an answer: see `solve_status`.
enum class failure_policy {
    /// The `solve_failure` reaches the caller.
    throw_error,
    /// The call goes on: the sample's z is 0, the instance's gradient is 0, and the pass tells which
    /// instances failed.
    zero_gradient
};

/// The settings of a layer. The order of the members is part of the contract.
struct layer_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T_in, the scale of the noise in the forward pass; 0 is no noise.
    double input_temperature = 1;
    /// T_tgt, the scale of the same noise in the backward pass.
    double target_temperature = 1;
    /// One-sided or central.
    imle::difference difference = imle::difference::forward;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
    /// What becomes of a call if the solver has no answer.
    failure_policy failures = failure_policy::throw_error;
    /// Whether each pass counts and times what it does, for `imle_layer::statistics`. Costs a few per cent
    /// where solves are fast.
    bool statistics = false;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline void validate(const layer_options& options) {
    if (options.samples < 1) throw_invalid("layer_options::samples", options.samples, "at least 1");
    if (!is_finite(options.input_temperature) || options.input_temperature < 0)
        throw_invalid("layer_options::input_temperature", options.input_temperature,
                      "a finite number that is not negative");
    if (!is_finite(options.target_temperature) || options.target_temperature < 0)
        throw_invalid("layer_options::target_temperature", options.target_temperature,
                      "a finite number that is not negative");
    if (options.difference != difference::forward && options.difference != difference::central)
        throw_invalid("layer_options::difference", static_cast<int>(options.difference),
                      "difference::forward or difference::central");
    if (options.threads < 0)
        throw_invalid("layer_options::threads", options.threads, "0 (all cores) or a positive number");
    if (options.failures != failure_policy::throw_error && options.failures != failure_policy::zero_gradient)
        throw_invalid("layer_options::failures", static_cast<int>(options.failures),
                      "failure_policy::throw_error or failure_policy::zero_gradient");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
