#pragma once

/// @file
/// The example's command line.

#include <optional>

#include "training.hpp"

namespace mpi_training {

struct command_line {
    training_options training;
    bool measures = false;  ///< instead of training
};

/// Parses the arguments. After help or an error, which this rank prints if it `prints`, returns the exit code
/// instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, bool prints, command_line& into);

}  // namespace mpi_training
