#pragma once

/// @file
/// The baseline that an estimator subtracts before it averages over samples, to lower its variance.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// The control variate of an estimator that averages (f_s - baseline_s) * g_s over samples s, where g_s has
/// mean 0: `score_function_layer` and `perturbed_layer`. If the baseline does not depend on sample s, it
/// does not change the mean; it only lowers the variance.
enum class baseline {
    /// 0.
    none,
    /// The mean of the other samples' f (Kool, van Hoof, Welling, "Buy 4 REINFORCE samples, get a baseline
    /// for free!", 2019). Needs two samples or more.
    leave_one_out,
    /// The f of the exact marginals. Only for families whose marginals are known.
    exact_marginals,
};

}  // namespace imle::inline IMLE_ABI
