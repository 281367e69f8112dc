#pragma once

/// @file
/// Experiment 6: how much a solve is worth with stratified samples, central differences and conditioning
/// (ours).

#include "experiment.hpp"

namespace experiments {

/// For six families of choices: the variance of marginals by independent samples over the variance by other
/// ways; the error of gradients for the same number of solves; the time of a number of noise. Then the regret
/// of paths and knapsacks after a training, over the number of solves.
[[nodiscard]] experiment_result sampling(const run_options& options);

}  // namespace experiments
