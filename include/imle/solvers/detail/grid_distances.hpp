#pragma once

/// @file
/// Shortest distances over a grid by sweeps, for several instances at a time.
///
/// Dijkstra's algorithm visits cells in an order that each instance decides for itself, which leaves lanes
/// nothing to share. Sweeps relax all cells in one order, whatever the numbers: down over the lines, then up,
/// within a line right and then left, until nothing changes. Each sweep is exact for paths that turn round
/// once more than those of the sweep before; paths over a grid turn seldom, and lines that cannot change are
/// skipped.
///
/// Why the fixed point is the answer although sums are rounded: x -> fl(x + c) grows with x and, for c >= 0,
/// is at least x. So the least sum to a cell extends a least sum to a neighbour, and min_u fl(d(u) + c) =
/// fl(min_u d(u) + c): one addition serves all neighbours.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/simd/wide_lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// After so many sweeps over all lines a queue for each lane is faster (`grid_distances_by_queue`): it takes
/// the time of about 20 sweeps over one grid; in lanes 10 a grid were best for mazes. Paths over random costs
/// need fewer up to some 200 x 200 cells, paths that wind through a maze need many.
template <class L>
inline constexpr Eigen::Index most_sweeps = L::width == 1 ? 20 : 10 * L::width;

/// Which lines may change, because a neighbouring line has.
struct line_flags {
    std::uint8_t from_above;
    std::uint8_t from_below;
};

/// Calls relax(line, neighbour) -> "the line has changed" until no line can change, starting from line 0, but
/// gives up, and returns false, when `most_calls` have not been enough. flags: scratch, one for each line.
template <class RelaxT>
[[nodiscard]] bool sweep_until_stable(Eigen::Index lines, std::span<line_flags> flags,
                                      Eigen::Index most_calls, RelaxT&& relax) {
    std::fill(flags.begin(), flags.end(), line_flags{0, 0});
    const auto at = [&](Eigen::Index line) -> line_flags& { return flags[static_cast<std::size_t>(line)]; };
    const auto changed = [&](Eigen::Index line) {
        if (line > 0) at(line - 1).from_below = 1;
        if (line + 1 < lines) at(line + 1).from_above = 1;
    };
    changed(0);
    for (bool busy = true; busy;) {
        busy = false;
        if (most_calls < 0) return false;
        for (Eigen::Index line = 1; line < lines; ++line) {
            if (!at(line).from_above) continue;
            at(line).from_above = 0;
            busy = true;
            --most_calls;
            if (relax(line, line - 1)) changed(line);
        }
        for (Eigen::Index line = lines - 2; line >= 0; --line) {
            if (!at(line).from_below) continue;
            at(line).from_below = 0;
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
    if constexpr (L::width == 1) {
        // A loop of its own, of which the compiler makes vectors.
        for (Eigen::Index k = 0; k < inner; ++k) line[k].lane = renewed(k);
        if (!L::any(changed)) return false;
        right = line[i].lane;
        left = line[j].lane;
        ++i;
        --j;
    } else {
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
    }
    for (; i < inner; ++i, --j) {
        right = L::least(extend(right, i - 1, i), line[i].lane);
        line[i].lane = right;
        left = L::least(extend(left, j + 1, j), line[j].lane);
        line[j].lane = left;
    }
    return L::any(changed);
}

/// distance(v) = least sum of costs from the first cell to v, both included, summed from the first; infinite
/// in the margin. cost, distance: padded copies; costs are >= +0. False if it gave up.
template <class L, bool Diagonal, class Shape>
[[nodiscard]] bool grid_distances(const Shape& shape, const typename L::number_cell* cost,
                                  typename L::number_cell* distance, std::span<line_flags> flags) {
    using number = typename L::number;
    const Eigen::Index inner = shape.inner();
    const number infinite = number{} + std::numeric_limits<typename L::Scalar>::infinity();
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) distance[i].lane = infinite;

    const auto relax = [&](Eigen::Index line, Eigen::Index neighbour) {
        const auto* const from = distance + shape.line(neighbour);
        const auto* const enter = cost + shape.line(line);
        return relax_line<L>(
            inner, distance + shape.line(line),
            [=](Eigen::Index i) {
                number nearest = from[i].lane;
                if constexpr (Diagonal)
                    nearest = L::least(nearest, L::least(from[i - 1].lane, from[i + 1].lane));
                return nearest + enter[i].lane;
            },
            [=](number before, Eigen::Index, Eigen::Index to) { return before + enter[to].lane; });
    };
    const Eigen::Index start = shape.line(0);
    distance[start].lane = cost[start].lane;
    for (Eigen::Index i = start + 1; i < start + inner; ++i)
        distance[i].lane = distance[i - 1].lane + cost[i].lane;
    return sweep_until_stable(shape.outer(), flags, most_sweeps<L> * shape.outer(), relax);
}

/// cells(v) = least number of cells of a path to v that has the cost distance(v) in every step: whose every
/// step from u to v is tight, fl(distance(u) + cost(v)) = distance(v). Sweeps as above.
template <class L, bool Diagonal, class Shape>
[[nodiscard]] bool grid_cell_counts(const Shape& shape, const typename L::number_cell* cost,
                                    const typename L::number_cell* distance, typename L::integer_cell* cells,
                                    std::span<line_flags> flags) {
    using integer = typename L::integer;
    using count = lane_integer<typename L::Scalar>;
    const Eigen::Index inner = shape.inner();
    // Half of the largest, so that one more does not overflow.
    const integer unreached = integer{} + std::numeric_limits<count>::max() / 2;
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) cells[i].lane = unreached;

    const auto relax = [&](Eigen::Index line, Eigen::Index neighbour) {
        const auto* const from = cells + shape.line(neighbour);
        const auto* const there = distance + shape.line(neighbour);
        const auto* const here = distance + shape.line(line);
        const auto* const enter = cost + shape.line(line);
        return relax_line<L>(
            inner, cells + shape.line(line),
            [=](Eigen::Index i) {
                const auto through = [=](Eigen::Index j) {
                    return L::if_equal(there[j].lane + enter[i].lane, here[i].lane, from[j].lane + 1,
                                       unreached);
                };
                integer fewest = through(i);
                if constexpr (Diagonal) fewest = L::least(fewest, L::least(through(i - 1), through(i + 1)));
                return fewest;
            },
            [=](integer before, Eigen::Index last, Eigen::Index to) {
                return L::if_equal(here[last].lane + enter[to].lane, here[to].lane, before + 1, unreached);
            });
    };
    const Eigen::Index start = shape.line(0);
    cells[start].lane = integer{} + 1;
    for (Eigen::Index i = start + 1; i < start + inner; ++i)
        cells[i].lane = L::if_equal(distance[i - 1].lane + cost[i].lane, distance[i].lane,
                                    cells[i - 1].lane + 1, unreached);
    return sweep_until_stable(shape.outer(), flags, most_sweeps<L> * shape.outer(), relax);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
