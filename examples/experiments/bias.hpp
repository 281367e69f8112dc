#pragma once

/// @file
/// Experiment 2: how near gradients are to the exact one (adaptive I-MLE paper).

#include "experiment.hpp"

namespace experiments {

/// The cosine of estimated gradients of E ||z - b||^2, z one of 50, with the exact gradient, and how many of
/// a sample's differences are zero, over the step lambda.
[[nodiscard]] experiment_result bias(const run_options& options);

}  // namespace experiments
