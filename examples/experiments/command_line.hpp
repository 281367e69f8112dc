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
    /// The experiments to run, in the order of the list, each once.
    std::vector<experiment> only;
    run_options options;
};

/// Parses the arguments. After printing help or an error it returns the exit code instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace experiments
