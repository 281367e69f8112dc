#pragma once

/// @file
/// Experiment 4: a knapsack of items whose values are predicted (PyEPO's benchmark).

#include "experiment.hpp"

namespace experiments {

/// The normalised regret of the packed items, chosen by the values that a linear model predicts, for each way
/// of training it on 100 instances. Throws `std::runtime_error` if the data cannot be read.
[[nodiscard]] experiment_result knapsack_benchmark(const run_options& options);

}  // namespace experiments
