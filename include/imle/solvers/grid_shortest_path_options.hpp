#pragma once

/// @file
/// The options of `grid_shortest_path`.

#include <imle/core/config.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `grid_shortest_path`; the order of the members is part of the contract.
struct grid_shortest_path_options {
    /// 8: a step goes to any of the eight cells around; 4: up, down, left or right.
    int connectivity = 8;
    /// What to do with negative costs.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

}  // namespace imle::inline IMLE_ABI
