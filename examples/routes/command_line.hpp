#pragma once

/// @file
/// The program's command line.

#include <cstdint>
#include <optional>
#include <string>

#include "learning.hpp"

namespace routes {

struct command_line {
    /// A file; empty: a generated city.
    std::string network;
    /// A file; empty: nobody knows where the nodes are, unless the city was generated.
    std::string positions;
    int nodes = 5000;
    int training_trips = 500;
    int held_out_trips = 200;
    learning_options learning;
    std::uint64_t seed = 0;
    std::string out = "imle-routes";
    bool pictures = true;
};

/// Reads what is wanted; or, after printing help or a complaint, gives the code to exit with at once.
[[nodiscard]] std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted);

}  // namespace routes
