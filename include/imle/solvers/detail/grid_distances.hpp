#pragma once

/// @file
/// Shortest distances over a grid: by sweeps, for several instances at a time, and by Dijkstra's algorithm
/// for where sweeps are slow: large grids, and paths that wind.
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
///
/// Dijkstra's algorithm: costs belong to cells, so the first cell next to v that is settled gives v its
/// distance, which never changes: each cell enters the queue once. The distances are the bits of
/// `grid_distances`: both are the least fixed point of distance(v) = min over neighbours u of fl(distance(u)
/// + cost(v)).

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

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

/// A cell in the heap.
template <class Scalar>
struct queued_cell {
    Scalar distance;
    std::int32_t cell;
};

/// A queue for distances that never fall below the last one taken, and lead it by `most_ahead` at most
/// (Denardo and Fox, 1979): 256 buckets for what comes later, as lists that cost nothing to add to, and a
/// heap for the bucket whose turn it is. Lists and heap live in the caller's memory, one entry for each cell.
template <class Scalar>
class bucket_queue {
  public:
    bucket_queue(std::span<queued_cell<Scalar>> heap, std::span<std::int32_t> next,
                 const typename lanes<Scalar, 1>::number_cell* distance, Scalar most_ahead) noexcept
        : heap_(heap), next_(next), distance_(distance) {
        first_.fill(none);
        const double scale = 250 / static_cast<double>(most_ahead);
        if (scale <= std::numeric_limits<double>::max()) scale_ = scale;
    }

    /// Adds a cell, whose distance is known and finite.
    void push(std::int32_t cell) noexcept {
        ++size_;
        put(cell);
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Takes the nearest cell.
    [[nodiscard]] queued_cell<Scalar> pop() noexcept {
        --size_;
        while (heap_size_ == 0) open_next_bucket();
        const queued_cell<Scalar> nearest = heap_[0];
        const queued_cell<Scalar> last = heap_[--heap_size_];
        // The hole sinks along the nearest children until `last` fits.
        std::size_t hole = 0;
        for (std::size_t child; (child = 4 * hole + 1) < heap_size_;) {
            const std::size_t end = std::min(child + 4, heap_size_);
            for (std::size_t other = child + 1; other < end; ++other)
                if (heap_[other].distance < heap_[child].distance) child = other;
            if (last.distance <= heap_[child].distance) break;
            heap_[hole] = heap_[child];
            hole = child;
        }
        heap_[hole] = last;
        return nearest;
    }

  private:
    static constexpr std::int32_t none = -1;
    static constexpr std::int64_t buckets = 256;

    /// Into the heap or a later bucket's list. Rounding could put a distance a round ahead of its turn; it
    /// then waits in the last bucket of this one.
    void put(std::int32_t cell) noexcept {
        const Scalar distance = distance_[cell].lane;
        const auto bucket = static_cast<std::int64_t>(static_cast<double>(distance) * scale_);
        if (bucket <= current_) return push_heap({distance, cell});
        std::int32_t& first =
            first_[static_cast<std::size_t>(std::min(bucket, current_ + buckets - 1) % buckets)];
        next_[static_cast<std::size_t>(cell)] = first;
        first = cell;
    }

    void open_next_bucket() noexcept {
        ++current_;
        std::int32_t& first = first_[static_cast<std::size_t>(current_ % buckets)];
        for (std::int32_t cell = std::exchange(first, none); cell != none;) {
            const std::int32_t following = next_[static_cast<std::size_t>(cell)];
            put(cell);
            cell = following;
        }
    }

    void push_heap(queued_cell<Scalar> cell) noexcept {
        std::size_t hole = heap_size_++;
        while (hole > 0) {
            const std::size_t parent = (hole - 1) / 4;
            if (heap_[parent].distance <= cell.distance) break;
            heap_[hole] = heap_[parent];
            hole = parent;
        }
        heap_[hole] = cell;
    }

    std::span<queued_cell<Scalar>> heap_;
    std::span<std::int32_t> next_;
    const typename lanes<Scalar, 1>::number_cell* distance_;
    double scale_ = 0;
    std::array<std::int32_t, buckets> first_;
    std::int64_t current_ = 0;
    std::size_t heap_size_ = 0;
    std::size_t size_ = 0;
};

/// As `grid_distances`, for one grid, and only as far as the last cell: what is further away stays infinite,
/// and is on no cheapest path. `heap` and `next` are scratch, `padded_size` each.
template <class Scalar, class Shape, std::size_t Connectivity>
void grid_distances_by_queue(const Shape& shape, const std::array<grid_step, Connectivity>& steps,
                             const typename lanes<Scalar, 1>::number_cell* cost,
                             typename lanes<Scalar, 1>::number_cell* distance,
                             std::span<queued_cell<Scalar>> heap, std::span<std::int32_t> next) {
    constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    // `next` also tells which cells wait for a distance; those of the margin do not.
    constexpr std::int32_t waiting = -2;
    std::fill(next.begin(), next.end(), std::int32_t{-1});
    Scalar most = 0;
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) distance[i].lane = infinite;
    for (Eigen::Index outer = 0; outer < shape.outer(); ++outer) {
        const Eigen::Index first = shape.line(outer);
        for (Eigen::Index i = first; i < first + shape.inner(); ++i) {
            next[static_cast<std::size_t>(i)] = waiting;
            most = cost[i].lane > most ? cost[i].lane : most;
        }
    }

    bucket_queue<Scalar> queue(heap, next, distance, most);
    const auto reach = [&](Eigen::Index cell, Scalar sum) {
        distance[cell].lane = sum;
        next[static_cast<std::size_t>(cell)] = -1;
        // Beyond an overflow there is nothing to find.
        if (sum < infinite) queue.push(static_cast<std::int32_t>(cell));
    };
    const Eigen::Index goal = shape.line(shape.outer() - 1) + shape.inner() - 1;
    reach(shape.line(0), cost[shape.line(0)].lane);
    while (!queue.empty()) {
        const queued_cell<Scalar> at = queue.pop();
        if (at.distance > distance[goal].lane) return;
        // First all comparisons, then what is left of them: one branch that is hard to predict, not eight.
        unsigned reached = 0;
        for (std::size_t i = 0; i < Connectivity; ++i)
            reached |=
                static_cast<unsigned>(next[static_cast<std::size_t>(at.cell + steps[i].padded)] == waiting)
                << i;
        for (; reached != 0; reached &= reached - 1) {
            const Eigen::Index cell =
                at.cell + steps[static_cast<std::size_t>(std::countr_zero(reached))].padded;
            reach(cell, at.distance + cost[cell].lane);
        }
    }
}

/// As `grid_cell_counts`, for one grid and the cells that are no further than the last one: breadth first.
/// `next` is scratch, `padded_size`.
template <class Scalar, class Shape, std::size_t Connectivity>
void grid_cell_counts_by_queue(const Shape& shape, const std::array<grid_step, Connectivity>& steps,
                               const typename lanes<Scalar, 1>::number_cell* cost,
                               const typename lanes<Scalar, 1>::number_cell* distance,
                               typename lanes<Scalar, 1>::integer_cell* cells, std::span<std::int32_t> next) {
    constexpr lane_integer<Scalar> unreached = std::numeric_limits<lane_integer<Scalar>>::max();
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) cells[i].lane = unreached;
    const Scalar furthest = distance[shape.line(shape.outer() - 1) + shape.inner() - 1].lane;
    std::size_t taken = 0, known = 0;
    const auto reach = [&](Eigen::Index cell, lane_integer<Scalar> count) {
        cells[cell].lane = count;
        next[known++] = static_cast<std::int32_t>(cell);
    };
    reach(shape.line(0), 1);
    while (taken < known) {
        const Eigen::Index from = next[taken++];
        for (const grid_step& step : steps) {
            const Eigen::Index to = from + step.padded;
            if (cells[to].lane == unreached && distance[to].lane <= furthest &&
                distance[from].lane + cost[to].lane == distance[to].lane)
                reach(to, cells[from].lane + 1);
        }
    }
}

}  // namespace imle::inline IMLE_ABI::detail
