#pragma once

/// @file
/// The demo's command line.

#include <optional>
#include <string>
#include <vector>

#include "training.hpp"

namespace map_demo {

/// Exit code for a command line that makes no sense.
inline constexpr int exit_bad_usage = 2;

struct command_line {
    std::string out = "imle-demo";
    std::vector<setting> settings;
    learning_options learning;
};

/// What the command line asks for; or, after printing help or a complaint, the code to exit with at once.
struct parsed_command_line {
    command_line wanted;
    std::optional<int> exit_code;
};

[[nodiscard]] parsed_command_line parse_command_line(int argc, char** argv);

}  // namespace map_demo
