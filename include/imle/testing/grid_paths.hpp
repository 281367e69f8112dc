#pragma once

/// @file
/// All simple paths over a small grid.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `grid_shortest_path`: 0/1 maps [rows, columns] of the cells on a simple path from cell (0,
/// 0) to the last cell, in steps to 4 or 8 neighbours. Paths through the same cells in different orders are
/// one state.
///
/// The solver is exact for theta <= 0; with positive numbers in theta, the best simple path is a different
/// problem. The number of paths grows exponentially: rows * columns must be at most 16 (else
/// `std::invalid_argument`), and 3 x 3 suits tests.
class grid_paths : public enumerated_family<2> {
  public:
    /// At most 16 cells; connectivity: 4 or 8.
    grid_paths(Eigen::Index rows, Eigen::Index cols, int connectivity = 8)
        : enumerated_family<2>(
              detail::message("the paths over ", rows, " x ", cols, " cells, ", connectivity, " neighbours"),
              {rows, cols}, all_paths(rows, cols, connectivity)) {}

  private:
    static std::vector<vector> all_paths(Eigen::Index rows, Eigen::Index cols, int connectivity) {
        if (rows < 1 || cols < 1 || rows * cols > 16)
            detail::throw_invalid("the grid", detail::message(rows, " x ", cols), "1 to 16 cells");
        if (connectivity != 4 && connectivity != 8)
            detail::throw_invalid("connectivity", connectivity, "4 or 8");
        std::vector<vector> paths;
        vector used(static_cast<std::size_t>(rows * cols), 0);
        // Enters an unused cell and continues from there in all possible ways.
        const auto walk = [&](const auto& again, Eigen::Index row, Eigen::Index col) -> void {
            if (row < 0 || row >= rows || col < 0 || col >= cols) return;
            double& here = used[static_cast<std::size_t>(row * cols + col)];
            if (here != 0) return;
            here = 1;
            if (row == rows - 1 && col == cols - 1)
                paths.push_back(used);
            else
                for (Eigen::Index down = -1; down <= 1; ++down)
                    for (Eigen::Index right = -1; right <= 1; ++right)
                        if (connectivity == 8 || down == 0 || right == 0)
                            again(again, row + down, col + right);
            here = 0;
        };
        walk(walk, 0, 0);
        std::sort(paths.begin(), paths.end());
        paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
        return paths;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
