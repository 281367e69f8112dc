#pragma once

/// @file
/// Searches over the cells of one grid, breadth first.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/core/finite.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

/// As `grid_cell_counts`, for one grid and the cells that are no further than the goal: breadth first. `next`
/// is scratch, `padded_size`.
template <grid_moves Moves, class Scalar, class Shape>
void grid_cell_counts_by_search(const Shape& shape, const std::array<grid_step, neighbours_of<Moves>>& steps,
                               Eigen::Index start, Eigen::Index goal,
                               const grid_costs<lanes<Scalar, 1>>& costs,
                               const typename lanes<Scalar, 1>::number_cell* distance,
                               typename lanes<Scalar, 1>::integer_cell* cells, std::span<std::int32_t> next) {
    constexpr lane_integer<Scalar> unreached = std::numeric_limits<lane_integer<Scalar>>::max();
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) cells[i].lane = unreached;
    const Scalar furthest = distance[goal].lane;
    std::size_t taken = 0, known = 0;
    const auto reach = [&](Eigen::Index cell, lane_integer<Scalar> count) {
        cells[cell].lane = count;
        next[known++] = static_cast<std::int32_t>(cell);
    };
    reach(start, 1);
    while (taken < known) {
        const Eigen::Index from = next[taken++];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Eigen::Index to = from + steps[i].padded;
            if (cells[to].lane == unreached && distance[to].lane <= furthest &&
                distance[from].lane + cost_of_step<lanes<Scalar, 1>, Moves>(costs, steps, from, i, to, 0) ==
                    distance[to].lane)
                reach(to, cells[from].lane + 1);
        }
    }
}

/// Whether steps over open cells lead from the start to the goal in one lane, whatever they cost. `next` is
/// scratch, twice `padded_size`.
template <class L, grid_moves Moves, class Shape>
[[nodiscard]] bool grid_is_connected(const Shape& shape,
                                     const std::array<grid_step, neighbours_of<Moves>>& steps,
                                     Eigen::Index start, Eigen::Index goal, const grid_costs<L>& costs,
                                     int lane, std::span<std::int32_t> next) {
    const auto open = next.first(static_cast<std::size_t>(shape.padded_size()));
    const auto queue = next.subspan(open.size());
    std::fill(open.begin(), open.end(), 0);
    for (Eigen::Index outer = 0; outer < shape.outer(); ++outer)
        for (Eigen::Index i = shape.line(outer); i < shape.line(outer) + shape.inner(); ++i)
            open[static_cast<std::size_t>(i)] =
                is_finite(L::get(costs.straight[i], lane)) ? std::int32_t{1} : std::int32_t{0};
    std::size_t taken = 0, known = 0;
    const auto reach = [&](Eigen::Index cell) {
        if (std::exchange(open[static_cast<std::size_t>(cell)], 0) != 0)
            queue[known++] = static_cast<std::int32_t>(cell);
    };
    for (reach(start); taken < known;) {
        const Eigen::Index from = queue[taken++];
        if (from == goal) return true;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if constexpr (Moves == grid_moves::octile) {
                const auto& [first, second] = straight_parts[i];
                if (is_diagonal(i) && (!is_finite(L::get(costs.corner[from + steps[first].padded], lane)) ||
                                       !is_finite(L::get(costs.corner[from + steps[second].padded], lane))))
                    continue;
            }
            reach(from + steps[i].padded);
        }
    }
    return false;
}

}  // namespace imle::inline IMLE_ABI::detail
