#pragma once

/// @file
/// The list of experiments.

#include <span>
#include <string_view>

#include "experiment.hpp"

namespace experiments {

struct experiment {
    /// The name on the command line.
    std::string_view name;
    /// The title in headings.
    std::string_view title;
    experiment_result (*run)(const run_options&);
    /// The approximate time on one core, for the progress bar.
    double seconds;
};

/// All experiments, in the order in which they are run.
[[nodiscard]] std::span<const experiment> all_experiments();

}  // namespace experiments
