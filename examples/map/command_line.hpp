#pragma once

/// @file
/// The demo's command line.

#include <optional>
#include <string>
#include <vector>

#include "training.hpp"

namespace map_demo {

struct command_line {
    std::string out = "imle-demo";
    std::vector<setting> settings;
    learning_options learning;
};

/// Parses the arguments. After printing help or an error it returns the exit code instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace map_demo
