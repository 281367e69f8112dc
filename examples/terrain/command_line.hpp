#pragma once

/// @file
/// The program's command line.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model.hpp"

namespace terrain {

/// Exit code for a command line that makes no sense.
inline constexpr int exit_bad_usage = 2;

struct command_line {
    std::string out = "imle-terrain";
    std::string load;  ///< a saved model to test, instead of training
    bool pictures = true;
    std::vector<method> methods;
    std::size_t training_maps = 2000;
    std::size_t test_maps = 500;
    training_options training;
};

/// What the command line asks for; or, after printing help or a complaint, the code to exit with at once.
struct parsed_command_line {
    command_line wanted;
    std::optional<int> exit_code;
};

[[nodiscard]] parsed_command_line parse_command_line(int argc, char** argv);

/// "imle", "blackbox" or "per-tile": a method on the command line and in file names.
[[nodiscard]] std::string option_name(method how);

}  // namespace terrain
