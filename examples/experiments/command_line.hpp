#pragma once

/// @file
/// The program's command line.

#include <optional>
#include <string>
#include <vector>

#include "experiment_list.hpp"

namespace experiments {

/// Exit code for a command line that makes no sense.
inline constexpr int exit_bad_usage = 2;

struct command_line {
    std::string out = "imle-experiments";
    /// What to run, in the list's order, each once.
    std::vector<experiment> only;
    run_options options;
};

/// What the command line asks for; or, after printing help or a complaint, the code to exit with at once.
struct parsed_command_line {
    command_line wanted;
    std::optional<int> exit_code;
};

[[nodiscard]] parsed_command_line parse_command_line(int argc, char** argv);

}  // namespace experiments
