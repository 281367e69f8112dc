#pragma once

/// @file
/// The cheapest path across a grid of cells that cost something to enter.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/grid_group.hpp>
#include <imle/solvers/detail/grid_path_finder.hpp>
#include <imle/solvers/detail/grid_trace.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// A cell of a grid.
struct grid_cell {
    /// From 0, the first row.
    Eigen::Index row = 0;
    /// From 0, the first column.
    Eigen::Index column = 0;

    /// True if both members are equal.
    friend constexpr bool operator==(const grid_cell&, const grid_cell&) = default;
};

/// Where a path begins and where it ends.
struct grid_route {
    /// The first cell.
    grid_cell start;
    /// The last cell.
    grid_cell goal;

    /// True if both members are equal.
    friend constexpr bool operator==(const grid_route&, const grid_route&) = default;
};

/// The options of `grid_shortest_path`; the order of the members is part of the contract.
struct grid_shortest_path_options {
    /// 8: a step goes to any of the eight cells around; 4: up, down, left or right.
    int connectivity = 8;
    /// What to do with negative costs.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
    /// The cell where paths begin; empty: cell (0, 0).
    std::optional<grid_cell> start = std::nullopt;
    /// The cell where paths end; empty: cell (rows - 1, columns - 1).
    std::optional<grid_cell> goal = std::nullopt;
    /// The cost of a diagonal step into a cell, as a multiple of a straight step into it. sqrt 2 is the
    /// length of the step; 1 makes all steps alike. Greater than 0; a float, or rounded to one where theta
    /// is float.
    double diagonal_factor = 1;
    /// False: a diagonal step needs both cells that it passes between to be open. A mask says which cells
    /// are.
    bool corner_cutting = true;
};

/// The MAP state of a distribution over the paths from one cell of a grid to another, by default from cell
/// (0, 0) to cell (rows - 1, columns - 1). A cell costs -theta, and a path costs the sum over its cells,
/// both ends included. z is 1 on the cheapest path, 0 elsewhere.
///
///     imle::grid_shortest_path{}          // grids of any size
///     imle::grid_shortest_path<16, 16>{}  // of one size, with loops of a length known at compile time
///     imle::grid_shortest_path{routes}    // start and goal from `routes[context.id]`
///
/// Each step goes to one of the 8 (or 4) neighbours. Costs below 0 count as 0 or are rejected, see
/// `grid_shortest_path_options`. Ties: the lowest cost, as summed in Scalar from the first cell on; then the
/// fewest cells; then, at each step back from the last cell, the predecessor of lowest row * columns +
/// column.
///
/// With a `diagonal_factor`, a cell that is entered by a diagonal step counts factor times. The first cell,
/// which no step enters, counts once: on cells that all cost 1 a path costs 1 + its length. The cost is then
/// not <theta, z>, since the cost of a cell depends on where the path comes from. Laws of a linear objective
/// (monotone, the exact family) hold only approximately.
///
/// `context.mask`: cells where it is false are blocked, whatever theta is there. If the start or the goal is
/// blocked, or no open path joins them, z is 0 and the status is `solve_status::infeasible`. A batch has
/// that status if one of its instances has.
///
/// Throws `std::invalid_argument` on construction for options that are not allowed. Throws it when solving
/// for an empty grid or one that is not Rows x Cols, for a start or goal outside of the grid, for an id
/// without a route, for numbers that are not finite, for a negative cost that is to be rejected, and if the
/// cost of every path overflows.
///
/// Time: O(rows * columns), tile by tile; small batches whose paths seldom turn back by sweeps over all lanes
/// at once. The queue of tiles adds a logarithm, which is hardly felt. Memory: O(rows * columns), times the
/// lanes of a register for batches of up to 1024 x 1024 cells.
template <Eigen::Index Rows = Eigen::Dynamic, Eigen::Index Cols = Eigen::Dynamic>
class grid_shortest_path {
    static_assert((Rows == Eigen::Dynamic || Rows > 0) && (Cols == Eigen::Dynamic || Cols > 0),
                  "imle::grid_shortest_path<Rows, Cols> needs at least one cell");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Paths between the options' start and goal.
    explicit grid_shortest_path(grid_shortest_path_options options = {}) : options_(options) {
        if (options.connectivity != 4 && options.connectivity != 8)
            detail::throw_invalid("grid_shortest_path_options::connectivity", options.connectivity, "4 or 8");
        detail::require_valid(options.negative_costs, "grid_shortest_path_options::negative_costs");
        // A factor that is 0 or infinite as a float would make NaN of costs that are infinite or 0.
        if (!(options.diagonal_factor >= double{std::numeric_limits<float>::min()} &&
              options.diagonal_factor <= double{std::numeric_limits<float>::max()}))
            detail::throw_invalid("grid_shortest_path_options::diagonal_factor", options.diagonal_factor,
                                  "a number above 0 that a float can hold");
    }

    /// For several routes: `context.id` selects one.
    explicit grid_shortest_path(std::span<const grid_route> routes, grid_shortest_path_options options = {})
        : grid_shortest_path(options) {
        if (routes.empty()) detail::throw_invalid("routes", "empty", "one route or more");
        if (options.start || options.goal)
            detail::throw_invalid("grid_shortest_path_options::start or ::goal", "set together with routes",
                                  "neither, because each route has its own");
        routes_.assign(routes.begin(), routes.end());
    }

    /// The options of this solver.
    [[nodiscard]] const grid_shortest_path_options& options() const noexcept { return options_; }
    /// The routes of this solver; empty if it has none.
    [[nodiscard]] std::span<const grid_route> routes() const noexcept { return routes_; }

    /// theta: one grid [rows, columns]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        // Without a mask there always is a path.
        (void)solve_one(theta, z, {});
    }
    /// The same, with the mask and the id of `context`.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return solve_one(theta, z, {&context, 1});
    }

    /// thetas: several grids, [batch, rows, columns] if row-major, [rows, columns, batch] if column-major;
    /// zs: a tensor of its dimensions. Gives the bits of single solves in a fraction of the time, with one
    /// grid in each lane of a register.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        (void)solve_several(thetas, zs, {});
    }
    /// The same, with the mask and id of each instance.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        const Eigen::Index batch = thetas.dimension(layout_of<ThetasT> == Eigen::RowMajor ? 0 : 2);
        detail::require_contexts(contexts.size(), batch);
        return solve_several(thetas, zs, contexts);
    }

    /// How many grids of this shape are solved at once: those that share a register. Large grids are as fast
    /// one after the other.
    template <detail::InstanceOfRank<2> ThetaT>
    [[nodiscard]] Eigen::Index batch_width(const ThetaT& theta) const noexcept {
        constexpr Eigen::Index most_cells_together = 128 * 128;
        return theta.size() > most_cells_together ? 1 : detail::native_lanes<scalar_of<ThetaT>>;
    }

  private:
    template <class ThetaT, class ZT>
    solve_status solve_one(const ThetaT& theta, ZT& z, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        check(theta, z, theta.dimension(0), theta.dimension(1), contexts);
        return run<row_major>(theta.dimension(0), theta.dimension(1), 1, theta.data(), z.data(), contexts);
    }

    template <class ThetasT, class ZsT>
    solve_status solve_several(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        const Eigen::Index rows = thetas.dimension(row_major ? 1 : 0);
        const Eigen::Index cols = thetas.dimension(row_major ? 2 : 1);
        check(thetas, zs, rows, cols, contexts);
        return run<row_major>(rows, cols, thetas.dimension(row_major ? 0 : 2), thetas.data(), zs.data(),
                              contexts);
    }

    template <class ThetaT, class ZT>
    void check(const ThetaT& theta, const ZT& z, Eigen::Index rows, Eigen::Index cols,
               std::span<const solve_context> contexts) const {
        if (rows == 0 || cols == 0)
            detail::throw_invalid("theta", detail::message("a grid of ", rows, " x ", cols),
                                  "at least one cell");
        if ((Rows != Eigen::Dynamic && rows != Rows) || (Cols != Eigen::Dynamic && cols != Cols))
            detail::throw_invalid("theta", detail::message("a grid of ", rows, " x ", cols),
                                  detail::message("the static size (", Rows, " x ", Cols, ", -1: any)"));
        detail::require_dimensions(theta, z);
        const auto cells = static_cast<std::size_t>(rows * cols);
        const auto values = detail::values_of(theta);
        if (contexts.empty()) detail::require_numbers(values, {});
        for (std::size_t i = 0; i < contexts.size(); ++i)
            detail::require_numbers(values.subspan(i * cells, cells), contexts[i].mask);
        if (options_.negative_costs == negative_costs::clamp) return;
        for (std::size_t first = 0; first < values.size(); first += cells)
            detail::reject_negative_costs(
                values.subspan(first, cells),
                [=](std::size_t at) {
                    const bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
                    const auto cell = static_cast<Eigen::Index>(at);
                    return detail::message("cell (", row_major ? cell / cols : cell % rows, ", ",
                                           row_major ? cell % cols : cell / rows, ") of instance ",
                                           first / cells);
                },
                detail::mask_of(contexts, first / cells));
    }

    /// The ends of a path.
    struct ends {
        detail::grid_place start;
        detail::grid_place goal;
    };

    /// The index of a cell in memory. name(): its name in the error if it is not in the grid.
    template <bool RowMajor, class Shape, class NameT>
    [[nodiscard]] static detail::grid_place place_of(const Shape& shape, const grid_cell& cell,
                                                     NameT&& name) {
        const detail::grid_place place =
            RowMajor ? detail::grid_place{cell.row, cell.column} : detail::grid_place{cell.column, cell.row};
        if (place.outer < 0 || place.outer >= shape.outer() || place.inner < 0 ||
            place.inner >= shape.inner())
            detail::throw_invalid(
                std::string(name()).c_str(), detail::message("(", cell.row, ", ", cell.column, ")"),
                detail::message("a cell of the grid of ", RowMajor ? shape.outer() : shape.inner(), " x ",
                                RowMajor ? shape.inner() : shape.outer()));
        return place;
    }

    /// The ends that the options give.
    template <bool RowMajor, class Shape>
    [[nodiscard]] ends ends_by_options(const Shape& shape) const {
        ends found{{0, 0}, {shape.outer() - 1, shape.inner() - 1}};
        if (options_.start)
            found.start = place_of<RowMajor>(shape, *options_.start,
                                             [] { return "grid_shortest_path_options::start"; });
        if (options_.goal)
            found.goal =
                place_of<RowMajor>(shape, *options_.goal, [] { return "grid_shortest_path_options::goal"; });
        return found;
    }

    /// The ends of the route with this id.
    template <bool RowMajor, class Shape>
    [[nodiscard]] ends ends_by_id(const Shape& shape, std::uint64_t id) const {
        if (id >= routes_.size())
            detail::throw_invalid("context.id", id,
                                  detail::message("less than ", routes_.size(), ", the number of routes"));
        const auto place = [&](const grid_cell& cell, const char* end) {
            return place_of<RowMajor>(shape, cell, [=] { return detail::message("routes[", id, "].", end); });
        };
        const grid_route& route = routes_[static_cast<std::size_t>(id)];
        return {place(route.start, "start"), place(route.goal, "goal")};
    }

    /// Full registers first; what is left shares one too, unless it is a single grid.
    template <bool RowMajor, class Scalar>
    solve_status run(Eigen::Index rows, Eigen::Index cols, Eigen::Index batch, const Scalar* theta, Scalar* z,
                     std::span<const solve_context> contexts) {
        constexpr int width = detail::native_lanes<Scalar>;
        using shape_t =
            std::conditional_t<RowMajor, detail::grid_shape<Rows, Cols>, detail::grid_shape<Cols, Rows>>;
        const shape_t shape(RowMajor ? rows : cols, RowMajor ? cols : rows);
        if (!routes_.empty() && contexts.empty())
            detail::throw_invalid("the call of a grid_shortest_path with routes", "without a solve_context",
                                  "one whose id selects the route");
        const ends fixed = ends_by_options<RowMajor>(shape);
        solve_status status = solve_status::solved;
        const auto solve_next = [&]<class L>(L, Eigen::Index done, int used) {
            detail::grid_group<L> group{.theta = theta + done * shape.size(),
                                        .z = z + done * shape.size(),
                                        .used = used,
                                        .contexts = {},
                                        .starts = {},
                                        .goals = {},
                                        .diagonal_factor = static_cast<Scalar>(options_.diagonal_factor),
                                        .corner_cutting = options_.corner_cutting};
            if (!contexts.empty())
                group.contexts =
                    contexts.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(used));
            group.starts.fill(fixed.start);
            group.goals.fill(fixed.goal);
            if (!routes_.empty())
                for (int lane = 0; lane < L::width; ++lane) {
                    const auto grid = static_cast<std::size_t>(group.grid_of(lane));
                    const ends own = ends_by_id<RowMajor>(shape, group.contexts[grid].id);
                    group.starts[static_cast<std::size_t>(lane)] = own.start;
                    group.goals[static_cast<std::size_t>(lane)] = own.goal;
                }
            if (!has_answer(solve<RowMajor>(shape, group))) status = solve_status::infeasible;
        };
        for (Eigen::Index done = 0; done < batch;) {
            const Eigen::Index left = batch - done;
            const int used = width == 1 ? 1 : static_cast<int>(std::min<Eigen::Index>(left, width));
            if (used > 1)
                solve_next(detail::lanes<Scalar, width>{}, done, used);
            else
                solve_next(detail::lanes<Scalar, 1>{}, done, 1);
            done += used;
        }
        return status;
    }

    template <bool RowMajor, class L, class Shape>
    solve_status solve(const Shape& shape, const detail::grid_group<L>& group) {
        using detail::grid_moves;
        if (options_.connectivity == 4) return finder_.solve<grid_moves::four, RowMajor>(shape, group);
        // Without a blocked cell there is no corner to cut.
        if (options_.diagonal_factor == 1 && (options_.corner_cutting || !group.masked()))
            return finder_.solve<grid_moves::eight, RowMajor>(shape, group);
        return finder_.solve<grid_moves::octile, RowMajor>(shape, group);
    }

    grid_shortest_path_options options_;
    std::vector<grid_route> routes_;
    detail::grid_path_finder finder_;
};

}  // namespace imle::inline IMLE_ABI
