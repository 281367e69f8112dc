#pragma once

/// @file
/// Shortest distances over one grid by Dijkstra's algorithm, which visits each cell once.
///
/// Steps into a cell cost the same from all of its neighbours, or from all of the straight and from all of
/// the diagonal ones. So the first neighbour (of each kind) that is settled gives the cell its distance,
/// which never changes: a cell enters the queue once (for each kind). The distances are the bits of
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

#include <imle/core/finite.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

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

/// As `grid_distances`, for one grid, and only as far as the goal: what is further away stays infinite, and
/// is on no cheapest path. `heap` and `next` are scratch, `padded_size` each.
template <grid_moves Moves, class Scalar, class Shape>
void grid_distances_by_queue(const Shape& shape, const std::array<grid_step, neighbours_of<Moves>>& steps,
                             Eigen::Index start, Eigen::Index goal, const grid_costs<lanes<Scalar, 1>>& costs,
                             typename lanes<Scalar, 1>::number_cell* distance,
                             std::span<queued_cell<Scalar>> heap, std::span<std::int32_t> next) {
    constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    // `next` also tells which cells wait for a distance; those of the margin do not.
    constexpr std::int32_t waiting = -2;
    std::fill(next.begin(), next.end(), std::int32_t{-1});
    const auto* const cost = costs.straight;
    Scalar most = 0;
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i) distance[i].lane = infinite;
    for (Eigen::Index outer = 0; outer < shape.outer(); ++outer) {
        const Eigen::Index first = shape.line(outer);
        for (Eigen::Index i = first; i < first + shape.inner(); ++i) {
            next[static_cast<std::size_t>(i)] = waiting;
            most = cost[i].lane > most && cost[i].lane < infinite ? cost[i].lane : most;
        }
    }

    bucket_queue<Scalar> queue(heap, next, distance, most);
    const auto reach = [&](Eigen::Index cell, Scalar sum) {
        distance[cell].lane = sum;
        next[static_cast<std::size_t>(cell)] = -1;
        // Beyond an overflow or a blocked cell there is nothing to find.
        if (sum < infinite) queue.push(static_cast<std::int32_t>(cell));
    };
    reach(start, cost[start].lane);
    while (!queue.empty()) {
        const queued_cell<Scalar> at = queue.pop();
        if (at.distance > distance[goal].lane) return;
        // First all comparisons, then what is left of them: one branch that is hard to predict, not eight.
        unsigned reached = 0;
        for (std::size_t i = 0; i < steps.size(); ++i)
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

/// The same for `octile`. candidates: the distances by a last straight step and, `padded_size` further on,
/// those by a last diagonal one. `candidates`, `heap` and `next` are scratch, twice `padded_size` each.
template <class Scalar, class Shape>
void octile_distances_by_queue(const Shape& shape, const std::array<grid_step, 8>& steps, Eigen::Index start,
                               Eigen::Index goal, const grid_costs<lanes<Scalar, 1>>& costs,
                               typename lanes<Scalar, 1>::number_cell* distance,
                               typename lanes<Scalar, 1>::number_cell* candidates,
                               std::span<queued_cell<Scalar>> heap, std::span<std::int32_t> next) {
    constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    constexpr std::int32_t waiting = -2;
    const Eigen::Index size = shape.padded_size();
    std::fill(next.begin(), next.end(), std::int32_t{-1});
    Scalar most = 0;
    for (Eigen::Index i = 0; i < size; ++i) distance[i].lane = infinite;
    for (Eigen::Index outer = 0; outer < shape.outer(); ++outer) {
        const Eigen::Index first = shape.line(outer);
        for (Eigen::Index i = first; i < first + shape.inner(); ++i) {
            next[static_cast<std::size_t>(i)] = next[static_cast<std::size_t>(size + i)] = waiting;
            for (const Scalar cost : {costs.straight[i].lane, costs.diagonal[i].lane})
                if (cost > most && cost < infinite) most = cost;
        }
    }

    bucket_queue<Scalar> queue(heap, next, candidates, most);
    const auto reach = [&](Eigen::Index candidate, Scalar sum) {
        candidates[candidate].lane = sum;
        next[static_cast<std::size_t>(candidate)] = -1;
        if (sum < infinite) queue.push(static_cast<std::int32_t>(candidate));
    };
    reach(start, costs.straight[start].lane);
    next[static_cast<std::size_t>(size + start)] = -1;
    while (!queue.empty()) {
        const queued_cell<Scalar> at = queue.pop();
        if (at.distance > distance[goal].lane) return;
        const Eigen::Index from = at.cell < size ? at.cell : at.cell - size;
        if (distance[from].lane <= at.distance) continue;  // its other candidate came first
        distance[from].lane = at.distance;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Eigen::Index to = from + steps[i].padded;
            if (distance[to].lane < infinite) continue;
            const Eigen::Index candidate = is_diagonal(i) ? size + to : to;
            if (next[static_cast<std::size_t>(candidate)] != waiting) continue;
            const Scalar sum = at.distance + cost_of_step<lanes<Scalar, 1>, grid_moves::octile>(
                                                 costs, steps, from, i, to, 0);
            // A closed corner: the same cell may be entered from elsewhere.
            if (sum < infinite) reach(candidate, sum);
        }
    }
}

/// As `grid_cell_counts`, for one grid and the cells that are no further than the goal: breadth first. `next`
/// is scratch, `padded_size`.
template <grid_moves Moves, class Scalar, class Shape>
void grid_cell_counts_by_queue(const Shape& shape, const std::array<grid_step, neighbours_of<Moves>>& steps,
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
