#pragma once

/// @file
/// The cheapest path across a grid of cells that cost something to enter.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_distances.hpp>
#include <imle/solvers/detail/grid_trace.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `grid_shortest_path`; the order of the members is part of the contract.
struct grid_shortest_path_options {
    /// 8: a step goes to any of the eight cells around; 4: up, down, left or right.
    int connectivity = 8;
    /// What to do with negative costs.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

namespace detail {

template <class... Ls>
using scratch_of_lanes = basic_scratch<typename Ls::number_cell..., typename Ls::integer_cell..., line_flags,
                                       queued_cell<float>, queued_cell<double>, std::int32_t>;

/// The arrays for one grid and for a register of grids; where a register has one lane they are the same.
using grid_scratch =
    std::conditional_t<native_lanes<float> == 1, scratch_of_lanes<lanes<float, 1>, lanes<double, 1>>,
                       scratch_of_lanes<lanes<float, 1>, lanes<double, 1>, lanes<float, native_lanes<float>>,
                                        lanes<double, native_lanes<double>>>>;

}  // namespace detail

/// The MAP state of a distribution over the paths from cell (0, 0) to cell (rows - 1, columns - 1) of a grid:
/// a cell costs -theta, a path the sum over its cells (both ends included); z is 1 on the cheapest path, 0
/// elsewhere.
///
/// A path goes to one of the 8 (or 4) neighbours in each step. Costs below 0 count as 0 or are rejected, see
/// `grid_shortest_path_options`. Ties: the lowest cost, as summed in Scalar from the first cell on; then the
/// fewest cells; then, at each step back from the last cell, the predecessor of lowest row * columns +
/// column.
///
/// `grid_shortest_path{}` takes grids of any size, `grid_shortest_path<16, 16>{}` those of one size, with
/// loops of a length known at compile time. Throws `std::invalid_argument` for another connectivity than 4 or
/// 8 (when made), for an empty grid, for one that is not Rows x Cols, for numbers that are not finite and, if
/// negative costs are to be rejected, for the first one, and where every path's cost overflows. Time
/// O(rows * columns) for paths that turn back seldom, by sweeps over all lanes at once; for others, and for
/// single grids of more than 2,048 cells, O(rows * columns * log) by a queue. Memory O(rows * columns).
template <Eigen::Index Rows = Eigen::Dynamic, Eigen::Index Cols = Eigen::Dynamic>
class grid_shortest_path {
    static_assert((Rows == Eigen::Dynamic || Rows > 0) && (Cols == Eigen::Dynamic || Cols > 0),
                  "imle::grid_shortest_path<Rows, Cols> needs at least one cell");

  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    explicit grid_shortest_path(grid_shortest_path_options options = {}) : options_(options) {
        if (options.connectivity != 4 && options.connectivity != 8)
            detail::throw_invalid("grid_shortest_path_options::connectivity", options.connectivity, "4 or 8");
        detail::require_valid(options.negative_costs, "grid_shortest_path_options::negative_costs");
    }

    /// The options that it was made with.
    [[nodiscard]] const grid_shortest_path_options& options() const noexcept { return options_; }

    /// theta: one grid [rows, columns]; z: of its dimensions, all of it is written.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        check(theta, z, theta.dimension(0), theta.dimension(1));
        run<row_major>(theta.dimension(0), theta.dimension(1), 1, theta.data(), z.data());
    }

    /// thetas: several grids, [batch, rows, columns] if row-major, [rows, columns, batch] if column-major;
    /// zs: of its dimensions. The bits of single solves, at a fraction of the time: one grid in each lane of
    /// a register.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        const Eigen::Index rows = thetas.dimension(row_major ? 1 : 0);
        const Eigen::Index cols = thetas.dimension(row_major ? 2 : 1);
        check(thetas, zs, rows, cols);
        run<row_major>(rows, cols, thetas.dimension(row_major ? 0 : 2), thetas.data(), zs.data());
    }

  private:
    template <class ThetaT, class ZT>
    void check(const ThetaT& theta, const ZT& z, Eigen::Index rows, Eigen::Index cols) const {
        if (rows == 0 || cols == 0)
            detail::throw_invalid("theta", detail::message("a grid of ", rows, " x ", cols),
                                  "at least one cell");
        if ((Rows != Eigen::Dynamic && rows != Rows) || (Cols != Eigen::Dynamic && cols != Cols))
            detail::throw_invalid("theta", detail::message("a grid of ", rows, " x ", cols),
                                  detail::message("the static size (", Rows, " x ", Cols, ", -1: any)"));
        detail::require_instance(theta, z);
        if (options_.negative_costs == negative_costs::clamp) return;
        detail::reject_negative_costs(detail::values_of(theta), [=](std::size_t i) {
            const auto at = static_cast<Eigen::Index>(i), cell = at % (rows * cols);
            const bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
            return detail::message("cell (", row_major ? cell / cols : cell % rows, ", ",
                                   row_major ? cell % cols : cell / rows, ") of instance ",
                                   at / (rows * cols));
        });
    }

    /// Full registers first; what is left shares one too, unless it is a single grid.
    template <bool RowMajor, class Scalar>
    void run(Eigen::Index rows, Eigen::Index cols, Eigen::Index batch, const Scalar* theta, Scalar* z) {
        constexpr int width = detail::native_lanes<Scalar>;
        using shape_t =
            std::conditional_t<RowMajor, detail::grid_shape<Rows, Cols>, detail::grid_shape<Cols, Rows>>;
        const shape_t shape(RowMajor ? rows : cols, RowMajor ? cols : rows);
        for (Eigen::Index done = 0; done < batch;) {
            const Eigen::Index left = batch - done;
            const Scalar* const from = theta + done * shape.size();
            Scalar* const to = z + done * shape.size();
            if (left > 1 && width > 1) {
                const int used = static_cast<int>(std::min<Eigen::Index>(left, width));
                solve<RowMajor, detail::lanes<Scalar, width>>(shape, used, from, to);
                done += used;
            } else {
                solve<RowMajor, detail::lanes<Scalar, 1>>(shape, 1, from, to);
                ++done;
            }
        }
    }

    template <bool RowMajor, class L, class Shape>
    void solve(const Shape& shape, int used, const typename L::Scalar* theta, typename L::Scalar* z) {
        if (options_.connectivity == 8)
            solve_connected<8, RowMajor, L>(shape, used, theta, z);
        else
            solve_connected<4, RowMajor, L>(shape, used, theta, z);
    }

    /// Solves `used` grids, one after the other in memory: together if sweeps are likely to be fast, or else
    /// one by one. Either way has the same bits.
    template <int Connectivity, bool RowMajor, class L, class Shape>
    void solve_connected(const Shape& shape, int used, const typename L::Scalar* theta,
                         typename L::Scalar* z) {
        if (sweeps_are_likely_fast<L>(shape)) {
            if (solve_by_sweeps<Connectivity, RowMajor, L>(shape, used, theta, z)) return;
            queue_next_ = 16;
        }
        for (int grid = 0; grid < used; ++grid)
            solve_by_queue<Connectivity, RowMajor>(shape, theta + grid * shape.size(),
                                                   z + grid * shape.size());
    }

    /// Grids that come together are often alike: after sweeps that were too slow, some are left out.
    template <class L, class Shape>
    [[nodiscard]] bool sweeps_are_likely_fast(const Shape& shape) {
        if (L::width == 1) return shape.size() <= 2048;
        if (queue_next_ == 0) return true;
        --queue_next_;
        return false;
    }

    /// One grid in each lane. False if it gave up.
    template <int Connectivity, bool RowMajor, class L, class Shape>
    [[nodiscard]] bool solve_by_sweeps(const Shape& shape, int used, const typename L::Scalar* theta,
                                       typename L::Scalar* z) {
        constexpr bool diagonal = Connectivity == 8;
        const auto padded = static_cast<std::size_t>(shape.padded_size());
        const auto numbers = scratch_.template get<typename L::number_cell>(2 * padded);
        auto* const cost = numbers.data();
        auto* const distance = cost + padded;
        const auto flags = scratch_.template get<detail::line_flags>(static_cast<std::size_t>(shape.outer()));
        load<L>(shape, used, theta, cost);
        return detail::grid_distances<L, diagonal>(shape, cost, distance, flags) &&
               trace<Connectivity, RowMajor, L>(shape, used, cost, distance, z, [&](auto* cells) {
                   return detail::grid_cell_counts<L, diagonal>(shape, cost, distance, cells, flags);
               });
    }

    template <int Connectivity, bool RowMajor, class Shape, class Scalar>
    void solve_by_queue(const Shape& shape, const Scalar* theta, Scalar* z) {
        using one = detail::lanes<Scalar, 1>;
        const auto padded = static_cast<std::size_t>(shape.padded_size());
        if (padded > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
            detail::throw_invalid("theta", detail::message("a grid of ", shape.size(), " cells"),
                                  "fewer than 2^31 with their margin");
        const auto numbers = scratch_.template get<typename one::number_cell>(2 * padded);
        auto* const cost = numbers.data();
        auto* const distance = cost + padded;
        const auto heap = scratch_.template get<detail::queued_cell<Scalar>>(padded);
        const auto next = scratch_.template get<std::int32_t>(padded);
        const auto steps = detail::grid_steps<Connectivity, RowMajor>(shape);
        load<one>(shape, 1, theta, cost);
        detail::grid_distances_by_queue<Scalar>(shape, steps, cost, distance, heap, next);
        (void)trace<Connectivity, RowMajor, one>(shape, 1, cost, distance, z, [&](auto* cells) {
            detail::grid_cell_counts_by_queue<Scalar>(shape, steps, cost, distance, cells, next);
            return true;
        });
    }

    /// Writes the costs of `used` grids into a padded copy. Lanes without a grid repeat the last one, and so
    /// end when it does.
    template <class L, class Shape>
    static void load(const Shape& shape, int used, const typename L::Scalar* theta,
                     typename L::number_cell* cost) {
        using number = typename L::number;
        std::array<const typename L::Scalar*, L::width> grids;
        for (int lane = 0; lane < L::width; ++lane)
            grids[static_cast<std::size_t>(lane)] = theta + std::min(lane, used - 1) * shape.size();
        const number zero{};
        // All of a grid at once, as lines are often shorter than a register.
        const Eigen::Index inner = shape.inner();
        auto* to = cost + shape.line(0);
        auto* end = to + inner;
        detail::for_each_across<L>(grids, static_cast<std::size_t>(shape.size()),
                                   [=](std::size_t, const number& reward) mutable {
                                       if (to == end) {
                                           to += 2;
                                           end = to + inner;
                                       }
                                       (to++)->lane = reward < zero ? -reward : zero;
                                   });
    }

    /// Marks the cheapest paths. Where steps tie, `count_cells` must write the counts of `grid_cell_counts`;
    /// if it gives up, so does this.
    template <int Connectivity, bool RowMajor, class L, class Shape, class CountT>
    [[nodiscard]] bool trace(const Shape& shape, int used, const typename L::number_cell* cost,
                             const typename L::number_cell* distance, typename L::Scalar* z,
                             CountT&& count_cells) {
        // Every step between infinite distances would look tight, and any path the cheapest.
        const Eigen::Index goal = shape.line(shape.outer() - 1) + shape.inner() - 1;
        for (int lane = 0; lane < used; ++lane)
            if (!detail::is_finite(L::get(distance[goal], lane))) detail::throw_path_overflow();

        const auto steps = detail::grid_steps<Connectivity, RowMajor>(shape);
        const detail::grid_trace<L, Shape, Connectivity> trace(shape, steps, cost, distance);
        std::fill_n(z, used * shape.size(), typename L::Scalar(0));
        using place = typename decltype(trace)::place;
        std::array<place, L::width> stopped;
        stopped.fill(trace.goal(shape));
        std::array<typename L::Scalar*, L::width> zs;
        for (int lane = 0; lane < L::width; ++lane)
            zs[static_cast<std::size_t>(lane)] = z + std::min(lane, used - 1) * shape.size();
        // Two lanes at a time: each waits for the numbers that tell where to go next.
        constexpr std::size_t group = L::width == 1 ? 1 : 2;
        for (std::size_t lane = 0; lane < static_cast<std::size_t>(used); lane += group)
            trace.while_unique(std::span<place, group>(&stopped[lane], group), static_cast<int>(lane),
                               std::span<typename L::Scalar* const, group>(&zs[lane], group));
        bool tied = false;
        for (int lane = 0; lane < used; ++lane)
            tied |= !trace.arrived(stopped[static_cast<std::size_t>(lane)]);
        if (!tied) return true;
        auto* const cells =
            scratch_.template get<typename L::integer_cell>(static_cast<std::size_t>(shape.padded_size()))
                .data();
        if (!count_cells(cells)) return false;
        for (int lane = 0; lane < used; ++lane)
            trace.by_cell_counts(stopped[static_cast<std::size_t>(lane)], lane, cells,
                                 z + lane * shape.size());
        return true;
    }

    grid_shortest_path_options options_;
    detail::grid_scratch scratch_;
    /// How many registers of grids are still to go to the queue.
    int queue_next_ = 0;
};

}  // namespace imle::inline IMLE_ABI
