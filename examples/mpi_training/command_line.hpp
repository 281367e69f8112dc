#pragma once

/// @file
/// The example's command line.

#include <optional>

#include "training.hpp"

namespace mpi_training {

/// Exit code for a command line that makes no sense.
inline constexpr int exit_bad_usage = 2;

/// What the command line asks for; or the code to exit with at once, after help or a complaint if this rank
/// `prints`.
struct parsed_command_line {
    training_options wanted;
    bool measures = false;
    std::optional<int> exit_code;
};

[[nodiscard]] parsed_command_line parse_command_line(int argc, char** argv, bool prints);

}  // namespace mpi_training
