#pragma once

/// @file
/// The best round trip through all nodes, from the best paths through each set of them.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/core/rounded.hpp>
#include <imle/selection/columns.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/held_karp.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The position in theta of the arc between two of n nodes, in memory order.
template <int Layout>
struct place_of_arc {
    static constexpr bool directed = true;
    Eigen::Index nodes;
    /// The numbers of theta.
    [[nodiscard]] Eigen::Index size() const noexcept { return nodes * nodes; }
    [[nodiscard]] Eigen::Index operator()(int from, int to) const noexcept {
        return Layout == Eigen::RowMajor ? from * nodes + to : from + to * nodes;
    }
};
/// The position in theta of the edge between two of n nodes.
struct place_of_edge {
    static constexpr bool directed = false;
    Eigen::Index nodes;
    [[nodiscard]] Eigen::Index size() const noexcept { return nodes * (nodes - 1) / 2; }
    [[nodiscard]] Eigen::Index operator()(int a, int b) const noexcept {
        const int low = std::min(a, b), high = std::max(a, b);
        return low * (2 * nodes - low - 1) / 2 + high - low - 1;
    }
};

/// The n of an instance of [n, n]; throws for other shapes.
[[nodiscard]] inline Eigen::Index nodes_of_arcs(Eigen::Index rows, Eigen::Index columns) {
    if (columns != rows)
        throw_invalid("theta", message("[", rows, ", ", columns, "]"),
                      "a square matrix of arcs, [nodes, nodes]");
    return rows;
}

}  // namespace detail

/// The MAP state of a distribution over the tours of n <= 20 nodes: the round trip through all of them with
/// the largest sum of theta, so costs are -theta.
///
/// - Rank 2, theta [n, n]: directed. z(i, j) = 1 where the tour goes from i to j; the diagonal is ignored,
///   and z is 0 there.
/// - Rank 1, theta [n(n - 1)/2]: undirected, the edges in the order (0, 1), (0, 2), ..., (1, 2), .... z = 1
///   on the tour's edges.
///
/// One node gives zeros. Two nodes give both arcs, or the one edge once. Tours of a batch are found side by
/// side, up to 12 nodes; with more, one tour fills the registers.
///
/// A coordinate that `context.mask` forbids is a missing arc or edge, which no tour uses. If no tour is
/// left, the status is `infeasible`, and z is 0. Each direction of an arc has a coordinate of its own.
///
/// Held and Karp's dynamic programme over sets: O(2^n n^2) time, in a table of 2^(n - 1) x (n - 1) numbers
/// whose rows are rounded up to whole registers; half as many for undirected tours. Each copy keeps its
/// table for the next instance. 15 nodes: at most 1 MiB of float, 2 of double. 20 nodes: at most 64 and 96.
///
/// Sums are in Scalar along the tour, so the answer is optimal up to the rounding of n additions; none
/// overflows. Ties: the tour is traced back from node 0, at each step to the node of lowest index. For an
/// undirected tour the solver first takes the way between nodes 0 and n - 1 whose set of nodes, read as a
/// binary number, is lowest. So both layouts have the same answer.
///
/// Throws `std::invalid_argument` for a matrix that is not square, for a number of edges that is not
/// n(n - 1)/2, for more than 20 nodes and for numbers that are not finite.
class travelling_salesman : public detail::batch_forms<travelling_salesman, 1, 2> {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// The largest number of nodes.
    static constexpr Eigen::Index max_nodes = 20;

    /// theta: [n, n] of arcs, or [n(n - 1)/2] of edges; z: a tensor of its dimensions, which is written in
    /// full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z,
                            const solve_context& context = {}) requires(rank_of<ThetaT> <= 2) {
        const Eigen::Index n = nodes_of<rank_of<ThetaT>>(detail::dimensions_of(theta));
        detail::require_instance(theta, z, context);
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        if (n < 2) return solve_status::solved;
        return solve_one(static_cast<int>(n), place_in<ThetaT, rank_of<ThetaT>>(n), theta.data(), z.data(),
                         context.mask);
    }

  private:
    friend class detail::batch_forms<travelling_salesman, 1, 2>;

    /// Names a table's type for a generic lambda.
    template <class L, int Registers>
    struct held_karp_in {};

    /// The number of nodes of an instance of these dimensions.
    template <int Rank, class DimensionsT>
    [[nodiscard]] static Eigen::Index nodes_of(const DimensionsT& instance) {
        Eigen::Index n = 0;
        if constexpr (Rank == 2)
            n = detail::nodes_of_arcs(instance[0], instance[1]);
        else
            n = detail::nodes_of_complete_graph(instance[0]);
        if (n > max_nodes)
            detail::throw_invalid("the number of nodes", n,
                                  detail::message("at most ", max_nodes,
                                                  "; for more, use imle::tour_search, a heuristic, or "
                                                  "imle::travelling_salesman_program from "
                                                  "imle/adapters/cbc.hpp"));
        return n;
    }

    /// Where the arcs or edges of an instance are in memory.
    template <class ThetaT, int Rank>
    [[nodiscard]] static auto place_in(Eigen::Index nodes) noexcept {
        if constexpr (Rank == 2)
            return detail::place_of_arc<layout_of<ThetaT>>{nodes};
        else
            return detail::place_of_edge{nodes};
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        constexpr int rank = rank_of<ThetasT> - 1;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        const auto size = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        const auto n = static_cast<int>(nodes_of<rank>(shape.instance));
        const auto place = place_in<ThetasT, rank>(n);
        const auto given = detail::values_of(thetas);
        const auto values = detail::allowed_of_batch(given, contexts, allowed_);
        std::fill_n(zs.data(), zs.size(), Scalar(0));
        if (n < 2) return solve_status::solved;
        solve_status status = solve_status::solved;
        const bool suits = n <= most_in_lanes<Scalar> && scale(n, values, {}) == 1;
        const auto in_lanes = [&](std::size_t first, std::size_t left) {
            if (!solve_in_lanes(n, place, values.data() + first * size, left, zs.data() + first * size))
                status = solve_status::infeasible;
        };
        const auto alone = [&](std::size_t i) {
            if (solve_one(n, place, given.data() + i * size, zs.data() + i * size,
                          detail::mask_of(contexts, i)) != solve_status::solved)
                status = solve_status::infeasible;
        };
        detail::solve_in_groups(batch, suits ? detail::group_lanes<Scalar> : 0, in_lanes, alone);
        return status;
    }

    /// Measured: with more nodes the tables leave the cache, and one tour fills the lanes.
    template <class Scalar>
    static constexpr int most_in_lanes =
        detail::group_lanes<Scalar> == 1 ? 0 : detail::held_karp_in_lanes<Scalar>::most_nodes + 1;

    /// The gain of a missing edge, and so of all sums with one in them.
    template <class Scalar>
    static constexpr Scalar none = -std::numeric_limits<Scalar>::infinity();

    /// 1; where sums of 15 numbers might overflow 1/16, and 1/32 where there are more.
    template <class Scalar>
    [[nodiscard]] static Scalar scale(Eigen::Index nodes, std::span<const Scalar> values,
                                      std::span<const bool> mask) noexcept {
        const Scalar parts = nodes <= 15 ? 16 : 32, most = std::numeric_limits<Scalar>::max() / parts;
        bool is_huge = false;
        if (mask.empty())
            for (const Scalar value : values) is_huge |= std::abs(value) > most && value != none<Scalar>;
        else
            for (std::size_t i = 0; i < values.size(); ++i) is_huge |= mask[i] && std::abs(values[i]) > most;
        return is_huge ? 1 / parts : Scalar(1);
    }

    /// z: zeros, in which the best tour is marked.
    template <class Scalar, class PlaceT>
    solve_status solve_one(int n, const PlaceT& place, const Scalar* theta, Scalar* z,
                           std::span<const bool> mask) {
        const auto size = static_cast<std::size_t>(place.size());
        const Scalar factor = scale(n, std::span<const Scalar>(theta, size), mask);
        const auto solve = [&](const auto& gain) {
            return with_registers<Scalar>(n, [&]<class L, int R>(held_karp_in<L, R>) {
                const auto table = prepared<L, R>(n, bits_of<PlaceT>(n), gain);
                const unsigned set = PlaceT::directed ? 0 : one_way(table, n - 2);
                return mark_tour(
                    table, n, set, place, [&](int from) { return gain(from, 0); }, z);
            });
        };
        const auto gain = [=](int from, int to) -> Scalar {
            return detail::rounded(theta[place(from, to)] * factor);
        };
        if (mask.empty()) return solve(gain);
        return solve([=](int from, int to) {
            return mask[static_cast<std::size_t>(place(from, to))] ? gain(from, to) : none<Scalar>;
        });
    }

    /// The sets of so many nodes are in a table. A tour over edges is two paths from node 0 to the last node,
    /// which share the other nodes out: half of the sets are enough, those without the last node.
    template <class PlaceT>
    [[nodiscard]] static constexpr int bits_of(int nodes) noexcept {
        return PlaceT::directed ? nodes - 1 : nodes - 2;
    }

    /// Marks the best tour in z, from a table that counts from node 1. closing(from): the gain of the way
    /// back to node 0. one_way: for a tour over edges, the nodes of one of its two ways to the last node.
    template <class TableT, class PlaceT, class ClosingT, class Scalar>
    static solve_status mark_tour(const TableT& table, int nodes, unsigned one_way, const PlaceT& place,
                                  ClosingT&& closing, Scalar* z) {
        const auto mark = [&](int from, int to) { z[place(from + 1, to + 1)] = 1; };
        if constexpr (PlaceT::directed) {
            const unsigned all = (1u << (nodes - 1)) - 1;
            const auto from_node = [&](int node) { return closing(node + 1); };
            const int last = detail::last_of_path(table, all, from_node);
            const unsigned before = all ^ (1u << last);
            if (table.at(before, last) + from_node(last) == none<Scalar>) return solve_status::infeasible;
            mark(last, -1);
            detail::trace_path(table, before, last, mark);
        } else {
            const int last = nodes - 2;
            const unsigned other_way = ((1u << last) - 1) ^ one_way;
            if (table.at(one_way, last) + table.at(other_way, last) == none<Scalar>)
                return solve_status::infeasible;
            detail::trace_path(table, one_way, last, mark);
            detail::trace_path(table, other_way, last, mark);
        }
        return solve_status::solved;
    }

    /// Up to `group_lanes` of `groups` >= 1 instances; theta is -infinity where an edge is missing. False if
    /// one of them has no tour.
    template <class Scalar, class PlaceT>
    bool solve_in_lanes(int n, const PlaceT& place, const Scalar* theta, std::size_t groups, Scalar* z) {
        using table_t = detail::held_karp_in_lanes<Scalar>;
        using lanes = typename table_t::lanes;
        constexpr std::size_t width = table_t::size;
        const auto size = static_cast<std::size_t>(place.size()), others = static_cast<std::size_t>(n - 1);
        const int bits = bits_of<PlaceT>(n);
        const std::size_t column_numbers = detail::column_memory<Scalar>(size);
        Scalar* const columns = detail::aligned_columns(in_lanes_.template get<Scalar>(
            column_numbers + (others + others * others + (others << bits)) * width));
        Scalar* const first = columns + (column_numbers - width);
        Scalar* const gain = first + others * width;
        Scalar* const cells = gain + others * others * width;
        detail::write_columns(theta, groups, size, columns);
        const auto column = [&](int from, int to) {
            return columns + static_cast<std::size_t>(place(from, to)) * width;
        };
        for (int to = 1; to < n; ++to) {
            Scalar* next = gain + static_cast<std::size_t>(to - 1) * others * width;
            lanes::load(column(0, to)).store(first + static_cast<std::size_t>(to - 1) * width);
            for (int from = 1; from < n; ++from, next += width)
                if (from != to) lanes::load(column(from, to)).store(next);
        }
        const table_t table(others, first, gain, cells);
        table.fill(bits);
        std::array<Scalar, width> sets{};
        if constexpr (!PlaceT::directed) one_way_in_lanes(table, n - 2).store(sets.data());
        bool solved = true;
        for (std::size_t lane = 0; lane < std::min(groups, width); ++lane)
            solved &=
                mark_tour(
                    typename table_t::in_lane(table, lane), n, static_cast<unsigned>(sets[lane]), place,
                    [&](int from) { return column(from, 0)[lane]; }, z + lane * size) == solve_status::solved;
        return solved;
    }

    /// Calls f for the fewest registers that have a lane for each node but node 0: a power of 2 up to 15
    /// nodes, and as few as are enough for the most.
    template <class Scalar, int Registers = 1, class F>
    static solve_status with_registers(int nodes, F&& f) {
        using L = detail::lanes<Scalar, detail::native_lanes<Scalar>>;
        constexpr int enough = (static_cast<int>(max_nodes) - 2) / L::width + 1;
        if constexpr (Registers < enough)
            if (nodes - 1 > Registers * L::width)
                return with_registers<Scalar, std::min(Registers * L::width < 15 ? 2 * Registers : enough,
                                                       enough)>(nodes, f);
        return f(held_karp_in<L, Registers>{});
    }

    /// The filled table of best paths from node 0 through the sets of nodes 1 .. bits; it counts from node 1.
    template <class L, int Registers, class GainT>
    detail::held_karp<L, Registers> prepared(int nodes, int bits, const GainT& gain) {
        using table_t = detail::held_karp<L, Registers>;
        using cell = typename L::number_cell;
        // At least the 3 rows that a block of sets looks at.
        const int rows = std::max(nodes, 4);
        const auto gain_cells = static_cast<std::size_t>(rows * Registers);
        const auto cells = scratch_.template get<cell>(gain_cells + table_t::sets(bits) * Registers);
        std::fill_n(cells.begin(), gain_cells, cell{});
        for (int from = 0; from < nodes; ++from)
            for (int to = 1; to < nodes; ++to)
                if (from != to)
                    L::set(cells[static_cast<std::size_t>(from * Registers + (to - 1) / L::width)],
                           (to - 1) % L::width, gain(from, to));
        const table_t table(cells.data(), cells.data() + Registers, cells.data() + gain_cells);
        table.fill(bits);
        return table;
    }

    /// The nodes of the better way between node 0 and the last one: the lowest set of those of largest sum.
    template <class TableT>
    static unsigned one_way(const TableT& table, int others) {
        const unsigned all = (1u << others) - 1;
        // A set or its complement: the highest of the others is left out.
        const unsigned sets = others > 0 ? 1u << (others - 1) : 1;
        typename TableT::Scalar best = -std::numeric_limits<typename TableT::Scalar>::infinity();
        unsigned chosen = 0;
        for (unsigned set = 0; set < sets; ++set) {
            const auto value = table.at(set, others) + table.at(all ^ set, others);
            if (!(value > best)) continue;
            best = value;
            chosen = set;
        }
        return chosen;
    }

    /// The same in each lane, as numbers.
    template <class Scalar>
    static auto one_way_in_lanes(const detail::held_karp_in_lanes<Scalar>& table, int others) {
        using lanes = typename detail::held_karp_in_lanes<Scalar>::lanes;
        const unsigned all = (1u << others) - 1, sets = others > 0 ? 1u << (others - 1) : 1;
        const auto last = static_cast<std::size_t>(others);
        lanes best(none<Scalar>), chosen(0);
        for (unsigned set = 0; set < sets; ++set) {
            const lanes value = table.at(set, last) + table.at(all ^ set, last);
            const auto better = less(best, value);
            best = select(better, value, best);
            chosen = select(better, lanes(static_cast<Scalar>(set)), chosen);
        }
        return chosen;
    }

    template <class Scalar>
    using cell_of = typename detail::lanes<Scalar, detail::native_lanes<Scalar>>::number_cell;
    detail::basic_scratch<cell_of<float>, cell_of<double>> scratch_;
    detail::scratch in_lanes_, allowed_;
};

}  // namespace imle::inline IMLE_ABI
