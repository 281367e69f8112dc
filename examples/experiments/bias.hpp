#pragma once

/// @file
/// Experiment 2: how close gradients are to the exact one (adaptive I-MLE paper).

#include "experiment.hpp"

namespace experiments {

/// The cosine of estimated gradients of E ||z - b||^2 with the exact gradient, where z is one of 50, and the
/// share of zeros in a sample's differences, over the step lambda.
[[nodiscard]] experiment_result bias(const run_options& options);

}  // namespace experiments
