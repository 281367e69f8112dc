#pragma once

/// @file
/// The program's command line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "training.hpp"

namespace learning_to_explain {

struct command_line {
    std::string out = "imle-learning-to-explain";
    bool pictures = true;
    std::vector<method> methods;
    int training_instances = 10'000;
    int test_instances = 2000;
    int runs = 3;
    std::uint64_t seed = 0;
    training_options training;
};

/// Parses the arguments. After printing help or an error it returns the exit code instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace learning_to_explain
