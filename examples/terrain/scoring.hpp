#pragma once

/// @file
/// The quality of predicted paths.

#include <span>
#include <vector>

#include "dataset.hpp"
#include "paths.hpp"

namespace terrain {

/// Shares of the maps, from 0 to 1.
struct scores {
    double connected = 0;   ///< the prediction has both ends and hangs together
    double cost_match = 0;  ///< so it does, and its hidden cost is the gold path's: as cheap as can be
    double path_match = 0;  ///< it is the gold path, tile by tile; often others are as cheap

    friend bool operator==(const scores&, const scores&) = default;
};

/// Scores one prediction per example.
[[nodiscard]] scores score(std::span<const path> predicted, std::span<const example> examples);

/// Whether the prediction is as cheap as the gold path. Costs are compared exactly, as whole numbers.
[[nodiscard]] bool is_as_cheap(const path& predicted, const example& what);

/// The tiles that the path takes with a probability above one half, for costs that are -log(probability).
[[nodiscard]] std::vector<path> likely_tiles(std::span<const grid<float>> costs);

}  // namespace terrain
