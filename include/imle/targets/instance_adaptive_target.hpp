#pragma once

/// @file
/// Adaptive I-MLE with a step of its own for each instance.

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// `adaptive_target` with one lambda an instance in place of one a call:
///
///     lambda_b = beta * rms(theta_b) / rms(dz_b)
///     theta'   = alpha * theta - lambda_b * dz,  the instance's gradient divided by that same lambda_b
///
/// For batches whose instances differ in scale: with one lambda for all, the largest cotangent sets the step
/// of every instance, and the others' differences are zero. beta is one for all and moves as
/// `adaptive_target`'s does, once a call. An instance with dz = 0 or theta = 0 takes no step.
///
/// Since lambda depends on the instance alone, shards and ranks need no sums before use, only the counts for
/// `update` after it.
class instance_adaptive_target : public adaptive_target {
  public:
    using adaptive_target::adaptive_target;

    /// The target of one instance, from the sums over its theta and the cotangents of its samples. Throws
    /// `std::invalid_argument` if lambda is not finite.
    [[nodiscard]] perturbation_target for_instance(const target_sums& sums) const {
        return adaptive_target::for_call(sums);
    }

    /// The layer is to ask for each instance's.
    perturbation_target for_call(const target_sums& sums) const = delete;
};

}  // namespace imle::inline IMLE_ABI
