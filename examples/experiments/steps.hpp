#pragma once

/// @file
/// Experiment 5: how fast an adaptive step finds its size from a bad start (ours).

#include "experiment.hpp"

namespace experiments {

/// The adaptive target's two ways to change beta, `beta_update::additive` (adaptive I-MLE paper) and
/// `::multiplicative`, from starts that are far too small and far too large: the cosine of gradients with the
/// exact one after 50 calls, and the regret after a training.
[[nodiscard]] experiment_result steps(const run_options& options);

}  // namespace experiments
