#pragma once

/// @file
/// Sampling paths of the map.

#include <cstdint>
#include <vector>

#include "map_game.hpp"

namespace map_demo {

/// Paths drawn by perturb-and-MAP at input temperature 1 with sum-of-gamma noise: each is the best path of
/// the rewards plus its own noise.
[[nodiscard]] std::vector<grid> sample_paths(const grid& rewards, int samples, std::uint64_t seed,
                                             int threads);

}  // namespace map_demo
