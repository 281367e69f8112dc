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
/// fl(min_u d(u)
/// + c): one addition serves all neighbours.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// After so many sweeps over all lines a queue for each lane is faster (`grid_distances_by_queue`): it takes
/// the time of about five sweeps. Paths over random costs need fewer up to some 200 x 200 cells, paths that
/// wind through a maze need many.
template <class L>
inline constexpr Eigen::Index most_sweeps = L::width == 1 ? 12 : 5 * L::width;

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

/// distance(v) = least sum of costs from the first cell to v, both included, summed from the first; infinite
/// in the margin. cost, distance: padded copies; costs are >= +0. False if it gave up.
template <class L, bool Diagonal, class Shape>
[[nodiscard]] bool grid_distances(const Shape& shape, const typename L::number_cell* cost,
                                  typename L::number_cell* distance, std::span<line_flags> flags) {
    using number = typename L::number;
    using integer = typename L::integer;
    const Eigen::Index inner = shape.inner();
    const number infinite = number{} + std::numeric_limits<typename L::Scalar>::infinity();
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) distance[i].lane = infinite;

    const auto least = [](number a, number b) { return a < b ? a : b; };
    // After going right and then left a line is stable in itself: what came from the right gains nothing by
    // going back there. The line's chain of one addition and one minimum a cell bounds the speed.
    const auto go_right = [&](Eigen::Index first) {
        number last = distance[first].lane;
        for (Eigen::Index i = first + 1; i < first + inner; ++i) {
            last = least(last + cost[i].lane, distance[i].lane);
            distance[i].lane = last;
        }
    };
    const auto go_left = [&](Eigen::Index first) {
        number last = distance[first + inner - 1].lane;
        for (Eigen::Index i = first + inner - 2; i >= first; --i) {
            last = least(last + cost[i].lane, distance[i].lane);
            distance[i].lane = last;
        }
    };

    const Eigen::Index start = shape.line(0);
    distance[start].lane = cost[start].lane;
    go_right(start);
    return sweep_until_stable(
        shape.outer(), flags, most_sweeps<L> * shape.outer(), [&](Eigen::Index line, Eigen::Index neighbour) {
            const Eigen::Index first = shape.line(line);
            const Eigen::Index shift = shape.line(neighbour) - first;
            integer changed{};
            for (Eigen::Index i = first; i < first + inner; ++i) {
                number from = distance[i + shift].lane;
                if constexpr (Diagonal)
                    from = least(from, least(distance[i + shift - 1].lane, distance[i + shift + 1].lane));
                const number through = from + cost[i].lane;
                const number old = distance[i].lane;
                changed |= through < old;
                distance[i].lane = least(through, old);
            }
            if (!L::any(changed)) return false;
            go_right(first);
            go_left(first);
            return true;
        });
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

    const auto least = [](integer a, integer b) { return a < b ? a : b; };
    const auto through = [&](integer before, Eigen::Index from, Eigen::Index to) {
        return L::if_equal(distance[from].lane + cost[to].lane, distance[to].lane, before + 1, unreached);
    };
    const auto go = [&](Eigen::Index first, Eigen::Index last, Eigen::Index step) {
        integer before = cells[first].lane;
        for (Eigen::Index i = first; i != last; i += step) {
            before = least(through(before, i, i + step), cells[i + step].lane);
            cells[i + step].lane = before;
        }
    };

    const Eigen::Index start = shape.line(0);
    cells[start].lane = integer{} + 1;
    go(start, start + inner - 1, 1);
    return sweep_until_stable(
        shape.outer(), flags, most_sweeps<L> * shape.outer(), [&](Eigen::Index line, Eigen::Index neighbour) {
            const Eigen::Index first = shape.line(line);
            const Eigen::Index shift = shape.line(neighbour) - first;
            integer changed{};
            for (Eigen::Index i = first; i < first + inner; ++i) {
                const auto from = [&](Eigen::Index j) { return through(cells[j].lane, j, i); };
                integer fewest = from(i + shift);
                if constexpr (Diagonal)
                    fewest = least(fewest, least(from(i + shift - 1), from(i + shift + 1)));
                const integer old = cells[i].lane;
                changed |= integer(fewest < old);
                cells[i].lane = least(fewest, old);
            }
            if (!L::any(changed)) return false;
            go(first, first + inner - 1, 1);
            go(first + inner - 1, first, -1);
            return true;
        });
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
