#pragma once

/// @file
/// Experiment 3: shortest paths whose costs are predicted (PyEPO's benchmark).

#include "experiment.hpp"

namespace experiments {

/// The normalised regret of paths through a 5 x 5 grid, chosen by costs that a linear model predicts, for
/// each way of training it; and what becomes of I-MLE's as its step grows. Throws `std::runtime_error` if the
/// data cannot be read.
[[nodiscard]] experiment_result predict_then_optimize(const run_options& options);

}  // namespace experiments
