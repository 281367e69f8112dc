#pragma once

/// @file
/// The program's command line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "training.hpp"

namespace learning_to_explain {

/// Exit code for a command line that makes no sense.
inline constexpr int exit_bad_usage = 2;

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

/// What the command line asks for; or, after printing help or a complaint, the code to exit with at once.
struct parsed_command_line {
    command_line wanted;
    std::optional<int> exit_code;
};

[[nodiscard]] parsed_command_line parse_command_line(int argc, char** argv);

}  // namespace learning_to_explain
