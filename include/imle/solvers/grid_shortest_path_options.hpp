#pragma once

/// @file
/// The options of `grid_shortest_path`.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// What to do with a cell of negative cost (positive theta). A path through such cells could be made cheaper
/// by going round in a loop, so there is no shortest path to return.
enum class negative_costs {
    /// The cost counts as 0. The default: noise makes costs negative all the time.
    clamp,
    /// `std::invalid_argument`, which names the cell and its cost.
    reject
};

/// The options of `grid_shortest_path`; the order of the members is part of the contract.
struct grid_shortest_path_options {
    /// 8: a step goes to any of the eight cells around; 4: up, down, left or right.
    int connectivity = 8;
    /// What to do with negative costs.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

}  // namespace imle::inline IMLE_ABI
