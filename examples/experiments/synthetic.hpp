#pragma once

/// @file
/// Experiment 1: learning a k-subset from a loss (I-MLE paper, the section on synthetic experiments).

#include "experiment.hpp"

namespace experiments {

/// Gradient descent with momentum on E ||z - b||^2, where z is a 5-subset of 10 elements, by I-MLE, the
/// straight-through estimator and the score function. The gap to the minimum of the loss is exact, by
/// enumeration.
[[nodiscard]] experiment_result synthetic(const run_options& options);

}  // namespace experiments
