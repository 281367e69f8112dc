#pragma once

/// @file
/// The cheapest paths of grids that are solved together: by sweeps or by tiles, then traced.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>

#include <imle/core/finite.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_distances.hpp>
#include <imle/solvers/detail/grid_group.hpp>
#include <imle/solvers/detail/grid_search.hpp>
#include <imle/solvers/detail/grid_tiles.hpp>
#include <imle/solvers/detail/grid_trace.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI::detail {

template <class... Ls>
using scratch_of_lanes =
    basic_scratch<typename Ls::number_cell..., typename Ls::integer_cell..., line_flags, std::int32_t>;

/// The arrays for one grid and for a register of grids; where a register has one lane they are the same.
using grid_scratch =
    std::conditional_t<native_lanes<float> == 1, scratch_of_lanes<lanes<float, 1>, lanes<double, 1>>,
                       scratch_of_lanes<lanes<float, 1>, lanes<double, 1>, lanes<float, native_lanes<float>>,
                                        lanes<double, native_lanes<double>>>>;

/// Finds paths, and keeps the memory for it.
class grid_path_finder {
  public:
    /// Solves a group: together if sweeps are likely to be fast, or else one by one. Either way has the same
    /// bits.
    template <grid_moves Moves, bool RowMajor, class L, class Shape>
    solve_status solve(const Shape& shape, const grid_group<L>& group) {
        if constexpr (L::width > 1)
            if (sweeps_are_likely_fast(shape)) {
                if (const auto status = solve_by_sweeps<Moves, RowMajor>(shape, group)) return *status;
                tiles_next_ = 16;
            }
        solve_status status = solve_status::solved;
        for (int grid = 0; grid < group.used; ++grid)
            if (!has_answer(solve_by_tiles<Moves, RowMajor>(tiled<typename L::Scalar>(shape),
                                                            group.alone(grid, shape.size()))))
                status = solve_status::infeasible;
        return status;
    }

  private:
    /// Grids that come together are often alike: after sweeps that were too slow, some are left out.
    template <class Shape>
    [[nodiscard]] bool sweeps_are_likely_fast(const Shape& shape) {
        if (most_sweeps(shape.size()) == 0) return false;
        if (tiles_next_ == 0) return true;
        --tiles_next_;
        return false;
    }

    /// One grid in each lane. Nothing if it gave up.
    template <grid_moves Moves, bool RowMajor, class L, class Shape>
    [[nodiscard]] std::optional<solve_status> solve_by_sweeps(const Shape& shape,
                                                              const grid_group<L>& group) {
        const auto padded = static_cast<std::size_t>(shape.padded_size());
        const auto numbers =
            scratch_.template get<typename L::number_cell>((cost_arrays<Moves> + 1) * padded);
        auto* const distance = numbers.data() + cost_arrays<Moves> * padded;
        const auto flags = scratch_.template get<line_flags>(static_cast<std::size_t>(shape.outer()));
        const auto costs = load_costs<Moves>(shape, group, numbers.data());
        if (!grid_distances<L, Moves>(shape, group.starts, costs, distance, flags)) return std::nullopt;
        return trace<Moves, RowMajor>(
            shape, group, costs, distance,
            [&](const auto& path, const auto& at, const auto& starts, const auto& zs) {
                auto* const cells = scratch_.template get<typename L::integer_cell>(padded).data();
                if (!grid_cell_counts<L, Moves>(shape, group.starts, costs, distance, cells, flags))
                    return false;
                for (std::size_t lane = 0; lane < static_cast<std::size_t>(group.used); ++lane)
                    if (at[lane].padded != starts[lane])
                        path.by_cell_counts(at[lane], static_cast<int>(lane), cells, zs[lane]);
                return true;
            });
    }

    template <grid_moves Moves, bool RowMajor, class Shape, class L>
    solve_status solve_by_tiles(const Shape& shape, const grid_group<L>& group) {
        using Scalar = typename L::Scalar;
        const auto padded = static_cast<std::size_t>(shape.padded_size()), tiles = tiles_of(shape);
        if (padded > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
            throw_invalid("theta", message("a grid of ", shape.size(), " cells"),
                          "fewer than 2^31, margin included");
        const auto numbers =
            scratch_.template get<typename L::number_cell>((cost_arrays<Moves> + 1) * padded + tiles);
        auto* const distance = numbers.data() + cost_arrays<Moves> * padded;
        const auto integers = scratch_.template get<std::int32_t>(2 * tiles);
        const auto costs = load_costs<Moves>(shape, group, numbers.data());
        tile_queue<Scalar> queue(numbers.last(tiles), integers.first(tiles), integers.last(tiles));
        if (Moves == grid_moves::octile && group.masked() && !group.corner_cutting)
            grid_distances_by_tiles<Moves, Moves == grid_moves::octile>(
                shape, group.starts[0], group.goals[0], costs, distance, queue);
        else
            grid_distances_by_tiles<Moves, false>(shape, group.starts[0], group.goals[0], costs, distance,
                                                  queue);
        return *trace<Moves, RowMajor>(
            shape, group, costs, distance,
            [&](const auto& path, auto& at, const auto& starts, const auto& zs) {
                const auto steps = grid_steps<Moves, RowMajor>(shape);
                const auto cells = scratch_.template get<typename L::integer_cell>(padded);
                const auto next = scratch_.template get<std::int32_t>(2 * padded);
                constexpr typename L::integer_cell unreached{untouched_count<Scalar>};
                std::fill(cells.begin(), cells.end(), unreached);
                while (at[0].padded != starts[0]) {
                    const grid_tie tie = count_tied_cells<Moves, Scalar>(steps, starts[0], at[0].padded,
                                                                         costs, distance, cells.data(), next);
                    at[0] = path.by_cell_counts(at[0], 0, cells.data(), zs[0]);
                    for (const std::int32_t cell : tie.touched)
                        cells[static_cast<std::size_t>(cell)] = unreached;
                    path.while_unique(std::span(at), std::span(starts), 0, std::span(zs));
                }
                return true;
            });
    }

    /// Marks the cheapest paths. Where steps tie, finish_tied(trace, places, starts, zs) must mark what is
    /// left, from the places where the lanes have stopped; if it gives up, so does this.
    template <grid_moves Moves, bool RowMajor, class L, class Shape, class FinishT>
    [[nodiscard]] std::optional<solve_status> trace(const Shape& shape, const grid_group<L>& group,
                                                    const grid_costs<L>& costs,
                                                    const typename L::number_cell* distance,
                                                    FinishT&& finish_tied) {
        const auto steps = grid_steps<Moves, RowMajor>(shape);
        const grid_trace<L, Moves> trace(steps, costs, distance);
        std::fill_n(group.z, group.used * shape.size(), typename L::Scalar(0));
        using place = typename decltype(trace)::place;
        std::array<place, L::width> stopped;
        std::array<Eigen::Index, L::width> starts;
        std::array<typename L::Scalar*, L::width> zs;
        solve_status status = solve_status::solved;
        for (std::size_t lane = 0; lane < std::size_t{L::width}; ++lane) {
            zs[lane] = group.z + group.grid_of(static_cast<int>(lane)) * shape.size();
            starts[lane] = shape.padded(group.starts[lane]);
            stopped[lane] = {shape.padded(group.goals[lane]), shape.plain(group.goals[lane])};
            if (is_finite(L::get(distance[stopped[lane].padded], static_cast<int>(lane)))) continue;
            require_no_path<Moves>(shape, steps, costs, starts[lane], stopped[lane].padded,
                                   static_cast<int>(lane));
            status = solve_status::infeasible;
            // Every step between infinite distances would look tight: this lane takes none.
            stopped[lane] = {starts[lane], shape.plain(group.starts[lane])};
        }
        // Two lanes at a time: each waits for the numbers that tell where to go next.
        constexpr std::size_t side = L::width == 1 ? 1 : 2;
        for (std::size_t lane = 0; lane < static_cast<std::size_t>(group.used); lane += side)
            trace.while_unique(std::span<place, side>(&stopped[lane], side),
                               std::span<const Eigen::Index, side>(&starts[lane], side),
                               static_cast<int>(lane),
                               std::span<typename L::Scalar* const, side>(&zs[lane], side));
        const auto arrived = [&](std::size_t lane) { return stopped[lane].padded == starts[lane]; };
        bool tied = false;
        for (int lane = 0; lane < group.used; ++lane) tied |= !arrived(static_cast<std::size_t>(lane));
        if (tied && !finish_tied(trace, stopped, starts, zs)) return std::nullopt;
        if (status == solve_status::infeasible)
            for (std::size_t lane = 0; lane < static_cast<std::size_t>(group.used); ++lane)
                if (const auto goal = shape.padded(group.goals[lane]);
                    !is_finite(L::get(distance[goal], static_cast<int>(lane))))
                    zs[lane][shape.plain(group.starts[lane])] = 0;
        return status;
    }

    /// Where no path has a finite cost: throws if that is for sums that overflow.
    template <grid_moves Moves, class L, class Shape, class Steps>
    void require_no_path(const Shape& shape, const Steps& steps, const grid_costs<L>& costs,
                         Eigen::Index start, Eigen::Index goal, int lane) {
        const auto next =
            scratch_.template get<std::int32_t>(2 * static_cast<std::size_t>(shape.padded_size()));
        if (grid_is_connected<L, Moves>(shape, steps, start, goal, costs, lane, next)) throw_path_overflow();
    }

    grid_scratch scratch_;
    /// How many registers of grids are still to be solved by tiles.
    int tiles_next_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
