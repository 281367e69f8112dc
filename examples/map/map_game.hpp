#pragma once

/// @file
/// The map game: a grid of rewards, and the path that collects the most.

#include <array>
#include <cstddef>

namespace map_demo {

inline constexpr int side = 16;
inline constexpr std::size_t cells = std::size_t{side} * side;

/// One number per cell, row by row from the top left.
using grid = std::array<float, cells>;

inline constexpr float ground_reward = -1;
inline constexpr float obstacle_reward = -100;

/// The rewards of the game: -1 on open ground, -100 on three obstacles that leave one winding corridor.
[[nodiscard]] grid map_rewards();

/// The MAP path for these weights: 1 on its cells and 0 elsewhere. It goes from the top left to the bottom
/// right cell with steps to 8 neighbours. The weights are rewards; positive ones count as 0.
[[nodiscard]] grid best_path(const grid& weights);

/// The Hamming distance between two paths: the number of cells in which they differ.
[[nodiscard]] int hamming_distance(const grid& a, const grid& b);

}  // namespace map_demo
