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

/// Reads what is wanted; or gives the code to exit with at once, after help or a complaint if this rank
/// `prints`.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, bool prints, command_line& into);

}  // namespace mpi_training
