#pragma once

/// @file
/// Shortest distances over small grids by sweeps, several instances at a time. `grid_tiles.hpp` has them for
/// one grid, for where sweeps are slow: large grids, and paths that wind.
///
/// Dijkstra's algorithm visits cells in an order that each instance decides for itself, which leaves lanes
/// nothing to share. Sweeps relax all cells in one order, whatever the numbers: down over the lines, then up,
/// within a line right and then left, until nothing changes. Each sweep is exact for paths that turn round
/// once more than those of the sweep before; paths over a grid turn seldom, and lines that cannot change are
/// skipped.
///
/// Why the fixed point is the answer although sums are rounded: x -> fl(x + c) grows with x and, for c >= 0,
/// is at least x. So the least sum to a cell extends a least sum to a neighbour, and min_u fl(d(u) + c) =
/// fl(min_u d(u) + c): one addition serves all neighbours from which a step costs the same.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

/// After so many sweeps over all lines of a grid of `size` cells, tiles one grid after the other are faster
/// (`grid_distances_by_tiles`). Paths over random costs need fewer up to some 100 x 100 cells, paths that
/// wind through a maze need many. Larger grids leave the cache between one sweep and the next, and take less
/// only if hardly any path turns back, as where all costs are equal. 16 grids above 1024 x 1024 would need
/// more than 130 MB.
[[nodiscard]] constexpr Eigen::Index most_sweeps(Eigen::Index size) noexcept {
    if (size <= 128 * 128) return 24;
    if (size <= 256 * 256) return 12;
    return size <= 1024 * 1024 ? 4 : 0;
}

/// Which lines may change, because a neighbouring line has.
struct line_flags {
    std::uint8_t from_above;
    std::uint8_t from_below;
};

/// Calls relax(line, neighbour) -> "the line has changed" until no line can change, beginning beside the
/// lines of `starts`, but gives up, and returns false, when `most_calls` have not been enough. flags:
/// scratch, one for each line.
template <class RelaxT>
[[nodiscard]] bool sweep_until_stable(Eigen::Index lines, std::span<const grid_place> starts,
                                      std::span<line_flags> flags, Eigen::Index most_calls, RelaxT&& relax) {
    std::fill(flags.begin(), flags.end(), line_flags{0, 0});
    const auto at = [&](Eigen::Index line) -> line_flags& { return flags[static_cast<std::size_t>(line)]; };
    const auto changed = [&](Eigen::Index line) {
        if (line > 0) at(line - 1).from_below = 1;
        if (line + 1 < lines) at(line + 1).from_above = 1;
    };
    for (const grid_place& start : starts) changed(start.outer);
    for (bool busy = true; busy;) {
        busy = false;
        if (most_calls < 0) return false;
        // Twice, so that the compiler makes a relaxation of its own for each direction: a tenth faster.
        for (Eigen::Index line = 1; line < lines; ++line) {
            if (!std::exchange(at(line).from_above, std::uint8_t{0})) continue;
            busy = true;
            --most_calls;
            if (relax(line, line - 1)) changed(line);
        }
        for (Eigen::Index line = lines - 2; line >= 0; --line) {
            if (!std::exchange(at(line).from_below, std::uint8_t{0})) continue;
            busy = true;
            --most_calls;
            if (relax(line, line + 1)) changed(line);
        }
    }
    return true;
}

/// Relaxes a line of `inner` cells and tells whether it changed: first from the line beside it, by renew(i),
/// then along it, by extend(value, from, to), rightwards and leftwards at the same time.
///
/// A chain of one addition and one minimum a cell waits for itself all the time, so two chains take hardly
/// longer than one. Where they have met each reads what the other wrote: that is what a way right after a way
/// left does, and as no path gains by going back over a cell, nothing else can come of it.
template <class L, class Cell, class RenewT, class ExtendT>
[[nodiscard]] bool relax_line(Eigen::Index inner, Cell* line, RenewT renew, ExtendT extend) {
    using value = decltype(line->lane);
    typename L::integer changed{};
    const auto renewed = [&](Eigen::Index i) {
        const value old = line[i].lane;
        const value now = L::least(renew(i), old);
        changed |= L::difference(now, old);
        return now;
    };
    Eigen::Index i = 0, j = inner - 1;
    value right = line[i].lane, left = line[j].lane;
    // In the shade of the chains what `renew` has to do costs little.
    line[i].lane = right = renewed(i);
    line[j].lane = left = renewed(j);
    for (++i, --j; i < j; ++i, --j) {
        const value at_i = renewed(i), at_j = renewed(j);
        right = L::least(extend(right, i - 1, i), at_i);
        left = L::least(extend(left, j + 1, j), at_j);
        line[i].lane = right;
        line[j].lane = left;
    }
    if (i == j) line[i].lane = renewed(i);
    for (; i < inner; ++i, --j) {
        right = L::least(extend(right, i - 1, i), line[i].lane);
        line[i].lane = right;
        left = L::least(extend(left, j + 1, j), line[j].lane);
        line[j].lane = left;
    }
    return L::any(changed);
}

/// Extends what is known of the starts, one in each lane, along their lines: by extend(value, from, to), with
/// places in the padded copy.
template <class L, class Shape, class Cell, class ExtendT>
void leave_starts(const Shape& shape, const std::array<grid_place, L::width>& starts, Cell* cells,
                  ExtendT extend) {
    for (auto start = starts.begin(); start != starts.end(); ++start) {
        const auto on_this_line = [&](const grid_place& other) { return other.outer == start->outer; };
        if (std::any_of(starts.begin(), start, on_this_line)) continue;
        Eigen::Index leftmost = start->inner, rightmost = start->inner;
        for (auto other = start; other != starts.end(); ++other)
            if (on_this_line(*other)) {
                leftmost = std::min(leftmost, other->inner);
                rightmost = std::max(rightmost, other->inner);
            }
        const Eigen::Index first = shape.line(start->outer);
        for (Eigen::Index i = first + leftmost + 1; i < first + shape.inner(); ++i)
            cells[i].lane = L::least(extend(cells[i - 1].lane, i - 1, i), cells[i].lane);
        for (Eigen::Index i = first + rightmost - 1; i >= first; --i)
            cells[i].lane = L::least(extend(cells[i + 1].lane, i + 1, i), cells[i].lane);
    }
}

/// distance(v) = least sum of costs from the start to v, both included, summed from the start; infinite in
/// the margin and where no path leads. costs, distance: padded copies; costs are >= +0. False if it gave up.
template <class L, grid_moves Moves, class Shape>
[[nodiscard]] bool grid_distances(const Shape& shape, const std::array<grid_place, L::width>& starts,
                                  const grid_costs<L>& costs, typename L::number_cell* distance,
                                  std::span<line_flags> flags) {
    using number = typename L::number;
    const number infinite = number{} + std::numeric_limits<typename L::Scalar>::infinity();
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) distance[i].lane = infinite;

    const auto* const cost = costs.straight;
    const auto relax = [&](Eigen::Index line, Eigen::Index neighbour) {
        const auto* const from = distance + shape.line(neighbour);
        const auto* const enter = cost + shape.line(line);
        const auto renew = [&] {
            if constexpr (Moves == grid_moves::four) {
                return [=](Eigen::Index i) { return from[i].lane + enter[i].lane; };
            } else if constexpr (Moves == grid_moves::eight) {
                return [=](Eigen::Index i) {
                    number nearest = from[i].lane;
                    nearest = L::least(nearest, L::least(from[i - 1].lane, from[i + 1].lane));
                    return nearest + enter[i].lane;
                };
            } else {
                const auto* const enter_slanting = costs.diagonal + shape.line(line);
                const auto* const here = costs.corner + shape.line(line);
                const auto* const there = costs.corner + shape.line(neighbour);
                return [=](Eigen::Index i) {
                    const number slanting =
                        L::least(from[i - 1].lane + here[i - 1].lane, from[i + 1].lane + here[i + 1].lane);
                    return L::least(from[i].lane + enter[i].lane,
                                    slanting + there[i].lane + enter_slanting[i].lane);
                };
            }
        }();
        return relax_line<L>(
            shape.inner(), distance + shape.line(line), renew,
            [=](number before, Eigen::Index, Eigen::Index to) { return before + enter[to].lane; });
    };
    for (int lane = 0; lane < L::width; ++lane) {
        const Eigen::Index start = shape.padded(starts[static_cast<std::size_t>(lane)]);
        L::set(distance[start], lane, L::get(cost[start], lane));
    }
    leave_starts<L>(shape, starts, distance, [=](const number& before, Eigen::Index, Eigen::Index to) {
        return before + cost[to].lane;
    });
    return sweep_until_stable(shape.outer(), starts, flags, most_sweeps(shape.size()) * shape.outer(), relax);
}

/// cells(v) = least number of cells of a path to v that has the cost distance(v) in every step: whose every
/// step from u to v is tight, fl(distance(u) + cost(v)) = distance(v). Of no meaning where distance(v) is
/// infinite. Sweeps as above.
template <class L, grid_moves Moves, class Shape>
[[nodiscard]] bool grid_cell_counts(const Shape& shape, const std::array<grid_place, L::width>& starts,
                                    const grid_costs<L>& costs, const typename L::number_cell* distance,
                                    typename L::integer_cell* cells, std::span<line_flags> flags) {
    using integer = typename L::integer;
    using count = lane_integer<typename L::Scalar>;
    // Half of the largest, so that one more does not overflow.
    const integer unreached = integer{} + std::numeric_limits<count>::max() / 2;
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) cells[i].lane = unreached;

    const auto* const cost = costs.straight;
    const auto relax = [&](Eigen::Index line, Eigen::Index neighbour) {
        const auto* const from = cells + shape.line(neighbour);
        const auto* const there = distance + shape.line(neighbour);
        const auto* const here = distance + shape.line(line);
        const auto* const enter = cost + shape.line(line);
        const auto renew = [&] {
            if constexpr (Moves == grid_moves::octile) {
                const auto* const enter_slanting = costs.diagonal + shape.line(line);
                const auto* const corner_here = costs.corner + shape.line(line);
                const auto* const corner_there = costs.corner + shape.line(neighbour);
                return [=](Eigen::Index i) {
                    const auto slanting = [=](Eigen::Index j) {
                        return L::if_equal(there[j].lane + corner_here[j].lane + corner_there[i].lane +
                                               enter_slanting[i].lane,
                                           here[i].lane, from[j].lane + 1, unreached);
                    };
                    const integer straight =
                        L::if_equal(there[i].lane + enter[i].lane, here[i].lane, from[i].lane + 1, unreached);
                    return L::least(straight, L::least(slanting(i - 1), slanting(i + 1)));
                };
            } else {
                return [=](Eigen::Index i) {
                    const auto through = [=](Eigen::Index j) {
                        return L::if_equal(there[j].lane + enter[i].lane, here[i].lane, from[j].lane + 1,
                                           unreached);
                    };
                    integer fewest = through(i);
                    if constexpr (Moves == grid_moves::eight)
                        fewest = L::least(fewest, L::least(through(i - 1), through(i + 1)));
                    return fewest;
                };
            }
        }();
        return relax_line<L>(shape.inner(), cells + shape.line(line), renew,
                             [=](integer before, Eigen::Index last, Eigen::Index to) {
                                 return L::if_equal(here[last].lane + enter[to].lane, here[to].lane,
                                                    before + 1, unreached);
                             });
    };
    for (int lane = 0; lane < L::width; ++lane) {
        auto& start = cells[shape.padded(starts[static_cast<std::size_t>(lane)])].lane;
        start[lane] = 1;
    }
    leave_starts<L>(shape, starts, cells, [=](const integer& before, Eigen::Index last, Eigen::Index to) {
        return L::if_equal(distance[last].lane + cost[to].lane, distance[to].lane, before + 1, unreached);
    });
    return sweep_until_stable(shape.outer(), starts, flags, most_sweeps(shape.size()) * shape.outer(), relax);
}

}  // namespace imle::inline IMLE_ABI::detail
