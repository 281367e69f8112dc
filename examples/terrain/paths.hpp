#pragma once

/// @file
/// Paths across a map: the cheapest path, and the quality of another one.

#include <span>
#include <vector>

#include "world.hpp"

namespace terrain {

/// 1 on a path's tiles, 0 elsewhere. Paths go from the top left to the bottom right tile, in steps to any of
/// 8 neighbours. The cost of a path is the sum over its tiles, both ends included.
using path = grid<float>;

/// The cheapest path for these costs.
[[nodiscard]] path cheapest_path(const grid<float>& costs);

/// The cheapest path of each grid of costs.
[[nodiscard]] std::vector<path> cheapest_paths(std::span<const grid<float>> costs);

/// The cheapest path for costs in tenths.
[[nodiscard]] path cheapest_path(const grid<int>& costs_in_tenths);

/// The sum over the set's tiles.
[[nodiscard]] int cost_of(const path& tiles_taken, const grid<int>& costs_in_tenths);

/// Whether the set contains both ends and is connected. Such a set contains a path, so it costs no less than
/// the cheapest path. If it costs the same, and no tile is free, it is a cheapest path.
[[nodiscard]] bool connects(const path& tiles_taken);

}  // namespace terrain
