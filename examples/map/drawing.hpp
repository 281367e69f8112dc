#pragma once

/// @file
/// The demo's pictures, as gnuplot scripts.

#include <string>
#include <vector>

#include "map_game.hpp"
#include "support/picture_writer.hpp"
#include "training.hpp"

namespace map_demo {

using example_support::picture;

/// The rewards of the game.
[[nodiscard]] picture draw_map(const grid& rewards);

/// The gold path on the map.
[[nodiscard]] picture draw_gold_path(const grid& rewards, const grid& gold);

/// Sampled paths on the map, one per frame.
[[nodiscard]] picture draw_sampled_paths(const grid& rewards, const grid& gold,
                                         const std::vector<grid>& samples);

/// The share of the first 1, 2, ... samples whose path visits a cell, one frame for each count.
[[nodiscard]] picture draw_running_marginals(const std::vector<grid>& samples);

/// The last frame of the running marginals.
[[nodiscard]] picture draw_marginals(const std::vector<grid>& samples);

/// A sampled path while the weights are learned.
[[nodiscard]] picture draw_learned_paths(const learning_record& record, const grid& rewards,
                                         const grid& gold);

/// The weights while they are learned.
[[nodiscard]] picture draw_learned_weights(const learning_record& record);

/// The loss of all records: a panel for each pair of temperatures, and a line for each number of samples.
[[nodiscard]] picture draw_loss_curves(const std::vector<learning_record>& records, bool per_sample);

}  // namespace map_demo
