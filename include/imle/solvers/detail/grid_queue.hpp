#pragma once

/// @file
/// Shortest distances over one grid by Dijkstra's algorithm, for where sweeps are slow: large grids, and
/// paths that wind.
///
/// Costs belong to cells, so the first cell next to v that is settled gives v its distance, which never
/// changes: each cell enters the queue once. The distances are the bits of `grid_distances`: both are the
/// least fixed point of distance(v) = min over neighbours u of fl(distance(u) + cost(v)).

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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
        const std::int64_t bucket = bucket_of(distance_[cell].lane);
        if (bucket <= current_)
            push_heap({distance_[cell].lane, cell});
        else
            append(cell, bucket);
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

    [[nodiscard]] std::int64_t bucket_of(Scalar distance) const noexcept {
        return static_cast<std::int64_t>(static_cast<double>(distance) * scale_);
    }

    /// Rounding could put a distance a round ahead of its turn; it then waits in the last bucket of this one.
    void append(std::int32_t cell, std::int64_t bucket) noexcept {
        std::int32_t& first =
            first_[static_cast<std::size_t>(std::min(bucket, current_ + buckets - 1) % buckets)];
        next_[static_cast<std::size_t>(cell)] = first;
        first = cell;
    }

    void open_next_bucket() noexcept {
        ++current_;
        std::int32_t& first = first_[static_cast<std::size_t>(current_ % buckets)];
        if (first == none) return;
        std::int32_t cell = first;
        first = none;
        while (cell != none) {
            const std::int32_t following = next_[static_cast<std::size_t>(cell)];
            const std::int64_t bucket = bucket_of(distance_[cell].lane);
            if (bucket <= current_)
                push_heap({distance_[cell].lane, cell});
            else
                append(cell, bucket);
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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
