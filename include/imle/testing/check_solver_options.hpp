#pragma once

/// @file
/// The options of `check_solver`.

#include <cstdint>
#include <limits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// How `check_solver` makes its inputs.
struct check_solver_options {
    /// The solver's domain, for each number of theta: `.highest = 0` for a solver of shortest paths that
    /// maximises,
    /// `.lowest = 0` for one that minimises costs.
    double lowest = -std::numeric_limits<double>::infinity();
    double highest = std::numeric_limits<double>::infinity();
    /// How many random vectors of each kind.
    int trials = 100;
    /// Other seeds, other vectors.
    std::uint64_t seed = 1;
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
