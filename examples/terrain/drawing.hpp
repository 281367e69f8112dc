#pragma once

/// @file
/// The pictures, as gnuplot scripts.

#include <span>
#include <vector>

#include "dataset.hpp"
#include "run.hpp"
#include "support/picture_writer.hpp"

namespace terrain {

using example_support::picture;

/// Test maps, one per row: the picture with the gold path, the hidden costs, and for each network its
/// predicted costs of the tiles, with its path.
[[nodiscard]] picture draw_maps(std::span<const example> examples, std::span<const std::size_t> shown,
                                std::span<const run_record> records);

/// Loss and share of the test maps solved, for each epoch.
[[nodiscard]] picture draw_learning_curves(std::span<const run_record> records);

}  // namespace terrain
