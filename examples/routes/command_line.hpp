#pragma once

/// @file
/// The program's command line.

#include <cstdint>
#include <optional>
#include <string>

#include "learning.hpp"

namespace routes {

struct command_line {
    /// The network's file; empty: a generated city.
    std::string network;
    /// The file of the nodes' positions; empty: unknown, unless the city was generated.
    std::string positions;
    int nodes = 5000;
    int training_trips = 500;
    int held_out_trips = 200;
    learning_options learning;
    std::uint64_t seed = 0;
    std::string out = "imle-routes";
    bool pictures = true;
};

/// Parses the arguments. After printing help or an error it returns the exit code instead.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace routes
