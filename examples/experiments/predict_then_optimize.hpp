#pragma once

/// @file
/// Experiment 3: shortest paths by predicted costs (PyEPO's benchmark).

#include "experiment.hpp"

namespace experiments {

/// The normalised regret of paths through a 5 x 5 grid, chosen by the costs that a linear model predicts, for
/// each way of training it; and the regret of I-MLE for different steps. Throws `std::runtime_error` if the
/// data cannot be read.
[[nodiscard]] experiment_result predict_then_optimize(const run_options& options);

}  // namespace experiments
