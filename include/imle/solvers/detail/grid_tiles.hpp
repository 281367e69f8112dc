#pragma once

/// @file
/// Shortest distances over one grid, tile by tile. `grid_distances.hpp` has them by sweeps, for several small
/// grids at a time.
///
/// A tile of 16 x 16 cells or less fits the registers. Relaxing all of its cells from their neighbours again
/// and again takes many more additions than Dijkstra's algorithm, but no branch and hardly a load: a pass
/// over a tile costs less than one cell costs a heap. What a tile's cells tell its neighbours waits in a
/// queue of tiles, ordered by the least distance that is new to a tile. Tiles are visited about five times
/// each, in passes of which six are enough. The tile of the start comes first, by halves; a grid of one tile
/// needs no queue.
///
/// The distances are the bits of `grid_distances`: both are the least fixed point of distance(v) = min over
/// neighbours u of fl(distance(u) + cost(v)), which no order of relaxations can miss (x -> fl(x + c) grows
/// with x and is at least x).
///
/// A bound: when a tile's turn comes, the least distance that is new to it is final, as nothing that waits is
/// less and costs are not negative. It belongs to a cell beside the tile. So no tile is visited more often
/// than there are cells beside it, whatever the costs, but the start's once more; a visit has no more passes
/// than the tile has cells.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_tile.hpp>
#include <imle/solvers/detail/grid_trace.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The same grid with a padded copy that consists of tiles.
template <class Scalar, Eigen::Index Outer, Eigen::Index Inner>
[[nodiscard]] auto tiled(const grid_shape<Outer, Inner>& shape) noexcept {
    using tile = grid_tile<Scalar>;
    return grid_shape<Outer, Inner, Eigen::Index{tile::outer}, Eigen::Index{tile::inner}>(shape.outer(),
                                                                                          shape.inner());
}

/// A queue of tiles, in each at most once: an indexed heap. keys, places, heap: scratch, one for each tile.
template <class Scalar>
class tile_queue {
  public:
    using key_cell = typename lanes<Scalar, 1>::number_cell;

    tile_queue(std::span<key_cell> keys, std::span<std::int32_t> places,
               std::span<std::int32_t> heap) noexcept
        : keys_(keys), places_(places), heap_(heap) {
        std::fill(keys.begin(), keys.end(), key_cell{std::numeric_limits<Scalar>::infinity()});
        std::fill(places.begin(), places.end(), std::int32_t{-1});
    }

    /// This tile will never be in the queue.
    void exclude(Eigen::Index tile) noexcept {
        keys_[static_cast<std::size_t>(tile)].lane = -std::numeric_limits<Scalar>::infinity();
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// The least key in the queue.
    [[nodiscard]] Scalar least() const noexcept { return key_of(heap_[0]); }
    /// Adds a tile, or lowers its key.
    void push(Eigen::Index tile, Scalar key) noexcept {
        const auto at = static_cast<std::size_t>(tile);
        if (!(key < keys_[at].lane)) return;
        keys_[at].lane = key;
        std::size_t hole = places_[at] < 0 ? size_++ : static_cast<std::size_t>(places_[at]);
        while (hole > 0) {
            const std::size_t parent = (hole - 1) / 4;
            if (key_of(heap_[parent]) <= key) break;
            put(heap_[parent], hole);
            hole = parent;
        }
        put(static_cast<std::int32_t>(tile), hole);
    }
    /// Takes the tile of the least key.
    [[nodiscard]] Eigen::Index pop() noexcept {
        const std::int32_t taken = heap_[0], last = heap_[--size_];
        const Scalar key = key_of(last);
        std::size_t hole = 0;
        for (std::size_t child; (child = 4 * hole + 1) < size_; hole = child) {
            const std::size_t end = std::min(child + 4, size_);
            for (std::size_t other = child + 1; other < end; ++other)
                if (key_of(heap_[other]) < key_of(heap_[child])) child = other;
            if (key <= key_of(heap_[child])) break;
            put(heap_[child], hole);
        }
        put(last, hole);
        places_[static_cast<std::size_t>(taken)] = -1;
        keys_[static_cast<std::size_t>(taken)].lane = std::numeric_limits<Scalar>::infinity();
        return taken;
    }

  private:
    [[nodiscard]] Scalar key_of(std::int32_t tile) const noexcept {
        return keys_[static_cast<std::size_t>(tile)].lane;
    }
    void put(std::int32_t tile, std::size_t place) noexcept {
        heap_[place] = tile;
        places_[static_cast<std::size_t>(tile)] = static_cast<std::int32_t>(place);
    }

    std::span<key_cell> keys_;
    std::span<std::int32_t> places_;
    std::span<std::int32_t> heap_;
    std::size_t size_ = 0;
};

/// As `grid_distances`, for one grid, and only as far as the goal: distances above the goal's may be too
/// large. Cells with such a distance are on no cheapest path. queue: empty, with room for `tiles_of(shape)`.
template <grid_moves Moves, bool ClosedCorners, class Scalar, class Shape>
void grid_distances_by_tiles(const Shape& shape, const grid_place& start, const grid_place& goal,
                             const grid_costs<lanes<Scalar, 1>>& costs,
                             typename lanes<Scalar, 1>::number_cell* distance, tile_queue<Scalar>& queue) {
    using tile = grid_tile<Scalar>;
    constexpr Eigen::Index lines = Eigen::Index{tile::outer}, places = Eigen::Index{tile::inner};
    for (Eigen::Index i = 0; i < shape.padded_size(); ++i)
        distance[i].lane = std::numeric_limits<Scalar>::infinity();
    const Scalar first = costs.straight[shape.padded(start)].lane;
    distance[shape.padded(start)].lane = first;

    const Eigen::Index home_row = start.outer / lines, home_column = start.inner / places;
    const Eigen::Index home = shape.line(home_row * lines) + home_column * places;
    settle_start<Moves, ClosedCorners, Scalar>(costs, distance, home, shape.stride(), start.outer % lines,
                                               std::min(lines, shape.outer() - home_row * lines));
    if (shape.outer_tiles() * shape.inner_tiles() == 1) return;

    // Tiles are numbered with a margin of tiles around them, which never enter the queue.
    const Eigen::Index next_row = shape.inner_tiles() + 2;
    for (Eigen::Index row = -1; row <= shape.outer_tiles(); ++row)
        for (Eigen::Index column = -1; column <= shape.inner_tiles(); ++column)
            if (row < 0 || row == shape.outer_tiles() || column < 0 || column == shape.inner_tiles())
                queue.exclude((row + 1) * next_row + column + 1);
    const auto push_around = [&](Eigen::Index at, const tile_news<Scalar>& news) {
        queue.push(at - next_row, news.above);
        queue.push(at + next_row, news.below);
        queue.push(at - 1, news.before);
        queue.push(at + 1, news.after);
        if constexpr (Moves != grid_moves::four) {
            queue.push(at - next_row - 1, news.above_before);
            queue.push(at - next_row + 1, news.above_after);
            queue.push(at + next_row - 1, news.below_before);
            queue.push(at + next_row + 1, news.below_after);
        }
    };
    const auto least_of = [&](Eigen::Index from, Eigen::Index step, Eigen::Index count) {
        Scalar least = distance[from].lane;
        for (Eigen::Index i = 1; i < count; ++i) least = std::min(least, distance[from + i * step].lane);
        return least;
    };
    const Eigen::Index down = (lines - 1) * shape.stride(), across = places - 1;
    push_around((home_row + 1) * next_row + home_column + 1,
                {.above = least_of(home, 1, places),
                 .below = least_of(home + down, 1, places),
                 .before = least_of(home, shape.stride(), lines),
                 .after = least_of(home + across, shape.stride(), lines),
                 .above_before = distance[home].lane,
                 .above_after = distance[home + across].lane,
                 .below_before = distance[home + down].lane,
                 .below_after = distance[home + down + across].lane});
    while (!queue.empty() && !(queue.least() > distance[shape.padded(goal)].lane)) {
        const Eigen::Index at = queue.pop();
        const Eigen::Index cell = shape.line((at / next_row - 1) * lines) + (at % next_row - 1) * places;
        push_around(
            at, tile_distances<Moves, ClosedCorners, Scalar>(costs, distance, cell, shape.stride()).settle());
    }
}

/// How many tiles a queue must have room for.
template <class Shape>
[[nodiscard]] std::size_t tiles_of(const Shape& shape) noexcept {
    return static_cast<std::size_t>((shape.outer_tiles() + 2) * (shape.inner_tiles() + 2));
}

}  // namespace imle::inline IMLE_ABI::detail
