#pragma once

/// @file
/// What is subtracted from a sample's score before it weighs that sample in an average.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// The control variate of an estimator that averages (f_s - baseline_s) * g_s over samples s, where g_s has
/// mean 0: `score_function_layer` and `perturbed_layer`. A baseline that does not depend on sample s leaves
/// the mean as it is and only lowers the variance.
enum class baseline {
    /// 0.
    none,
    /// The mean of the other samples' f (Kool, van Hoof, Welling, "Buy 4 REINFORCE samples, get a baseline
    /// for
    /// free!", 2019). Needs two samples or more.
    leave_one_out,
    /// The f of the exact marginals. Only for families whose marginals are known.
    exact_marginals,
};

}  // namespace imle::inline IMLE_ABI
