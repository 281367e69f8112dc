#pragma once

/// @file
/// The program's command line.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model.hpp"

namespace terrain {

struct command_line {
    std::string out = "imle-terrain";
    std::string load;  ///< a saved model to test, instead of training
    bool pictures = true;
    std::vector<method> methods;
    std::size_t training_maps = 2000;
    std::size_t test_maps = 500;
    training_options training;
};

/// Parses the arguments. After printing help or an error it returns the exit code instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

/// "imle", "blackbox" or "per-tile": a method on the command line and in file names.
[[nodiscard]] std::string option_name(method how);

}  // namespace terrain
