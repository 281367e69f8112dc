#pragma once

/// @file
/// Grids of cells as directed graphs, so that each step costs something rather than each cell.

#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI {

/// The grid of rows x columns cells in which a step goes to one of the 8 (or 4) neighbours, in both
/// directions; node row * columns + column is a cell.
///
/// The edges are in the order of the cell that they leave, and for one cell in that of the cell that they
/// enter; `find_edge(from, to)` finds one. Throws `std::invalid_argument` for a grid without cells and for
/// another connectivity. O(rows * columns).
[[nodiscard]] inline directed_graph grid_graph(Eigen::Index rows, Eigen::Index cols, int connectivity = 8) {
    if (rows < 1 || cols < 1)
        detail::throw_invalid("the grid", detail::message(rows, " x ", cols), "at least one cell");
    if (connectivity != 4 && connectivity != 8) detail::throw_invalid("connectivity", connectivity, "4 or 8");
    std::vector<graph_edge> edges;
    for (Eigen::Index row = 0; row < rows; ++row)
        for (Eigen::Index col = 0; col < cols; ++col)
            for (Eigen::Index down = -1; down <= 1; ++down)
                for (Eigen::Index right = -1; right <= 1; ++right) {
                    const Eigen::Index r = row + down, c = col + right;
                    const bool stays = down == 0 && right == 0, diagonal = down != 0 && right != 0;
                    if (stays || (diagonal && connectivity == 4)) continue;
                    if (r < 0 || r >= rows || c < 0 || c >= cols) continue;
                    edges.push_back({row * cols + col, r * cols + c});
                }
    return {rows * cols, std::move(edges)};
}

/// The grid of rows x columns cells in which a step goes right or down, which has no cycles; node row *
/// columns + column is a cell.
///
/// The edges are in the order of their row: the steps to the right within row 0, the steps down from row 0,
/// those to the right within row 1, and so on, which is the order of PyEPO's shortest path data. Throws
/// `std::invalid_argument` for a grid without cells. O(rows * columns).
[[nodiscard]] inline directed_graph monotone_grid_graph(Eigen::Index rows, Eigen::Index cols) {
    if (rows < 1 || cols < 1)
        detail::throw_invalid("the grid", detail::message(rows, " x ", cols), "at least one cell");
    std::vector<graph_edge> edges;
    for (Eigen::Index row = 0; row < rows; ++row) {
        const Eigen::Index first = row * cols;
        for (Eigen::Index col = 0; col + 1 < cols; ++col) edges.push_back({first + col, first + col + 1});
        for (Eigen::Index col = 0; row + 1 < rows && col < cols; ++col)
            edges.push_back({first + col, first + cols + col});
    }
    return {rows * cols, std::move(edges)};
}

}  // namespace imle::inline IMLE_ABI
