#pragma once

/// @file
/// The experiments that there are.

#include <span>
#include <string_view>

#include "experiment.hpp"

namespace experiments {

struct experiment {
    /// As on the command line.
    std::string_view name;
    /// As a heading.
    std::string_view title;
    experiment_result (*run)(const run_options&);
    /// About how long it takes on one core: for the progress bar.
    double seconds;
};

/// All of them, in the order in which they are run.
[[nodiscard]] std::span<const experiment> all_experiments();

}  // namespace experiments
