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

/// The count of a cell that `count_tied_cells` has not reached.
template <class Scalar>
inline constexpr lane_integer<Scalar> untouched_count = std::numeric_limits<lane_integer<Scalar>>::max();

/// The last part of the cheapest paths to a cell: from the cell where all of them meet last.
struct grid_tie {
    Eigen::Index meeting;
    /// The cells whose counts were written.
    std::span<const std::int32_t> touched;
};

/// As `grid_cell_counts`, for one grid and for one tie: counts from the last cell on that all paths of least
/// cost to `end` share, and for the cells of paths of fewest cells only. Other counts are below 1, or
/// `untouched_count`, which all are at first. `end` has a finite distance.
///
/// First back from `end`, over tight steps. These lead to few other cells than those of cheapest paths, where
/// forward they lead everywhere. If there is one cell left from which to search, all paths pass through it.
/// Then forward, over those cells that lie on a way of fewest steps. `next` is scratch, twice `padded_size`.
template <grid_moves Moves, class Scalar>
[[nodiscard]] grid_tie count_tied_cells(const std::array<grid_step, neighbours_of<Moves>>& steps,
                                        Eigen::Index start, Eigen::Index end,
                                        const grid_costs<lanes<Scalar, 1>>& costs,
                                        const typename lanes<Scalar, 1>::number_cell* distance,
                                        typename lanes<Scalar, 1>::integer_cell* cells,
                                        std::span<std::int32_t> next) {
    using L = lanes<Scalar, 1>;
    constexpr lane_integer<Scalar> unreached = untouched_count<Scalar>;
    std::size_t taken = 0, known = 0;
    const auto reach = [&](Eigen::Index cell, lane_integer<Scalar> count) {
        cells[cell].lane = count;
        next[known++] = static_cast<std::int32_t>(cell);
    };
    // So many steps before `end`, as a negative number.
    reach(end, 0);
    do {
        const Eigen::Index to = next[taken++];
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Eigen::Index from = to + steps[i].padded;
            if (cells[from].lane == unreached &&
                distance[from].lane + cost_of_step<L, Moves>(costs, steps, to, i, to, 0) <= distance[to].lane)
                reach(from, cells[to].lane - 1);
        }
    } while (cells[start].lane == unreached && taken + 1 != known);
    const Eigen::Index meeting = cells[start].lane == unreached ? Eigen::Index{next[taken]} : start;
    const std::span<const std::int32_t> touched = next.first(known);
    const lane_integer<Scalar> all = 1 - cells[meeting].lane;
    taken = known;
    for (reach(meeting, 1); cells[end].lane != all;) {
        const Eigen::Index from = next[taken++];
        const lane_integer<Scalar> count = cells[from].lane + 1;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Eigen::Index to = from + steps[i].padded;
            if (cells[to].lane == count - all &&
                distance[from].lane + cost_of_step<L, Moves>(costs, steps, from, i, to, 0) <=
                    distance[to].lane)
                reach(to, count);
        }
    }
    return {meeting, touched};
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
