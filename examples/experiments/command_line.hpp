#pragma once

/// @file
/// The program's command line.

#include <optional>
#include <string>
#include <vector>

#include "experiment_list.hpp"

namespace experiments {

struct command_line {
    std::string out = "imle-experiments";
    /// What to run, in the list's order, each once.
    std::vector<experiment> only;
    run_options options;
};

/// Reads what is wanted; or, after printing help or a complaint, gives the code to exit with at once.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace experiments
