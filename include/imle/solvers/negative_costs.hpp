#pragma once

/// @file
/// What a solver of shortest paths does with negative costs.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// What to do with a negative cost (positive theta) where a path could be made cheaper by going round in a
/// loop, so that there is no shortest path to return.
enum class negative_costs {
    /// The cost counts as 0. The default: noise makes costs negative all the time.
    clamp,
    /// `std::invalid_argument`, which names the cell or edge and its cost.
    reject
};

}  // namespace imle::inline IMLE_ABI
