#pragma once

/// @file
/// The options of `knapsack`.

#include <cstdint>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `knapsack`; the order of the members is part of the contract.
struct knapsack_options {
    /// How many nodes of the search tree a solve may visit before it throws `solve_failure`
    /// (`solve_status::time_limit`); 0: as many as it takes. A node takes some ten nanoseconds. A count,
    /// since a clock would make the answer depend on the machine's load.
    std::uint64_t node_limit = 0;
};

}  // namespace imle::inline IMLE_ABI
