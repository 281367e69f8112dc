#pragma once

/// @file
/// The best round trip through all nodes, from the best paths through each set of them.
///
/// Held and Karp, "A dynamic programming approach to sequencing problems" (1962), rearranged so that it
/// vectorises. Instead of the best path that ends in one node of a set S, the table holds the best path
/// through S that arrives at a node j outside of it,
///
///     best(S, j) = max over i in S of best(S \ i, i) + gain(i, j),      best({}, j) = gain(home, j),
///
/// for all j at once, one lane of a register each. A step is then one broadcast number, one row of gains, an
/// addition and a maximum; lanes are never combined. (The lanes j in S hold values without a meaning.)

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <imle/core/rounded.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The table for the nodes other than home. Each of its rows has `Registers` registers of L, a lane for each
/// node.
///
/// The caller owns the arrays: `first`, one row: the gains from home; `gain`, a row for each node, at least
/// 3; `table`, `sets(bits)` rows.
template <class L, int Registers>
class held_karp {
  public:
    using Scalar = typename L::Scalar;
    using cell = typename L::number_cell;

    /// Rows of the table for the sets of `bits` nodes.
    [[nodiscard]] static constexpr std::size_t sets(int bits) noexcept {
        return std::max<std::size_t>(block, std::size_t{1} << bits);
    }

    held_karp(const cell* first, const cell* gain, cell* table) noexcept
        : first_(first), gain_(gain), table_(table) {}

    /// Fills the table for all sets of nodes 0 .. bits - 1. O(bits * 2^bits * Registers).
    void fill(int bits) const noexcept {
        // Of its own, so that the compiler knows that no store to the table changes the pointers.
        const held_karp own = *this;
        using number = typename L::number;
        const auto larger = [](const number& a, const number& b) { return a > b ? a : b; };
        const number none = number{} - std::numeric_limits<Scalar>::infinity();
        // A block is the sets that differ in the lowest nodes only. They share the loop over the other nodes
        // and its rows of gains, and their sums stay in registers.
        for (unsigned high = 0; high < sets(bits); high += block) {
            number best[block][Registers];
            for (auto& row : best)
                for (number& numbers : row) numbers = none;
            if (high == 0)
                for (int r = 0; r < Registers; ++r) best[0][r] = own.first_[r].lane;
            for (unsigned rest = high; rest != 0; rest &= rest - 1) {
                const int i = std::countr_zero(rest);
                const unsigned without = high ^ (1u << i);
                for (unsigned low = 0; low < block; ++low) {
                    const Scalar path = own.at(without + low, i);
                    for (int r = 0; r < Registers; ++r)
                        best[low][r] = larger(own.gain_[i * Registers + r].lane + path, best[low][r]);
                }
            }
            for (unsigned low = 0; low < block; ++low) {
                for (int i = 0; i < low_bits; ++i) {
                    if (((low >> i) & 1u) == 0) continue;
                    const Scalar path = own.at(high + (low ^ (1u << i)), i);
                    for (int r = 0; r < Registers; ++r)
                        best[low][r] = larger(own.gain_[i * Registers + r].lane + path, best[low][r]);
                }
                for (int r = 0; r < Registers; ++r)
                    own.table_[(high + low) * Registers + static_cast<unsigned>(r)].lane = best[low][r];
            }
        }
    }

    /// The gain of the best path from home through the set to a node outside of it.
    [[nodiscard]] Scalar at(unsigned set, int node) const noexcept {
        return L::get(table_[set * Registers + static_cast<unsigned>(node / L::width)], node % L::width);
    }
    /// The gain from one node to another.
    [[nodiscard]] Scalar gain(int from, int to) const noexcept {
        return L::get(gain_[from * Registers + to / L::width], to % L::width);
    }

    /// The node of a set that a best path visits last, if closing(node) follows it; the lowest of equal
    /// ones. The sums are those of `fill`, so the path's parents need not be stored.
    template <class ClosingT>
    [[nodiscard]] int last_of(unsigned set, ClosingT&& closing) const noexcept {
        Scalar best = -std::numeric_limits<Scalar>::infinity();
        int last = std::countr_zero(set);
        for (unsigned rest = set; rest != 0; rest &= rest - 1) {
            const int node = std::countr_zero(rest);
            const Scalar value = at(set ^ (1u << node), node) + closing(node);
            if (!(value > best)) continue;
            best = value;
            last = node;
        }
        return last;
    }

    /// Calls mark(from, to) for each step, the last one first, of the best path from home through the set to
    /// a node outside of it; home is -1.
    template <class MarkT>
    void trace(unsigned set, int node, MarkT&& mark) const noexcept {
        while (set != 0) {
            const int from = last_of(set, [&](int i) { return gain(i, node); });
            mark(from, node);
            set ^= 1u << from;
            node = from;
        }
        mark(-1, node);
    }

  private:
    // As many sums as fit the registers.
    static constexpr int low_bits = Registers == 1 ? 3 : Registers == 2 ? 2 : 1;
    static constexpr unsigned block = 1u << low_bits;

    const cell* first_;
    const cell* gain_;
    cell* table_;
};

/// The position in theta of the arc between two of n nodes, in memory order.
template <int Layout>
struct place_of_arc {
    Eigen::Index nodes;
    [[nodiscard]] Eigen::Index operator()(int from, int to) const noexcept {
        return Layout == Eigen::RowMajor ? from * nodes + to : from + to * nodes;
    }
};
/// The position in theta of the edge between two of n nodes.
struct place_of_edge {
    Eigen::Index nodes;
    [[nodiscard]] Eigen::Index operator()(int a, int b) const noexcept {
        const int low = std::min(a, b), high = std::max(a, b);
        return low * (2 * nodes - low - 1) / 2 + high - low - 1;
    }
};

/// The n of a theta of [n, n]; throws for other shapes.
template <class ThetaT>
[[nodiscard]] Eigen::Index nodes_of_arcs(const ThetaT& theta) {
    const Eigen::Index n = theta.dimension(0);
    if (theta.dimension(1) != n)
        throw_invalid("theta", message("[", n, ", ", theta.dimension(1), "]"),
                      "a square matrix of arcs, [nodes, nodes]");
    return n;
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
/// One node gives zeros. Two nodes give both arcs, or the one edge once. A batch is solved tour by tour: one
/// tour already fills the registers.
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
class travelling_salesman {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// The largest number of nodes.
    static constexpr Eigen::Index max_nodes = 20;

    /// theta: [n, n] of arcs; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        const Eigen::Index n = detail::nodes_of_arcs(theta);
        if (!begin(n, theta, z)) return solve_status::solved;
        const detail::place_of_arc<layout_of<ThetaT>> place{n};
        return with_gains(n, theta, place, context,
                          [&](const auto& gain) { return directed(static_cast<int>(n), gain, place, z); });
    }

    /// theta: [n(n - 1)/2] of edges; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        const Eigen::Index n = detail::nodes_of_complete_graph(theta.size());
        if (!begin(n, theta, z)) return solve_status::solved;
        const detail::place_of_edge place{n};
        return with_gains(n, theta, place, context,
                          [&](const auto& gain) { return undirected(static_cast<int>(n), gain, place, z); });
    }

  private:
    /// Names a table's type for a generic lambda.
    template <class L, int Registers>
    struct held_karp_in {};

    /// Checks the instance and writes zeros. Returns false if zeros are the answer.
    template <class ThetaT, class ZT>
    [[nodiscard]] static bool begin(Eigen::Index n, const ThetaT& theta, ZT& z) {
        if (n > max_nodes)
            detail::throw_invalid("the number of nodes", n,
                                  detail::message("at most ", max_nodes,
                                                  "; for more, use imle::tour_search, a heuristic, or "
                                                  "imle::travelling_salesman_program from "
                                                  "imle/adapters/cbc.hpp"));
        detail::require_instance(theta, z);
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        return n >= 2;
    }

    /// The gain of a missing edge, and so of all sums with one in them.
    template <class Scalar>
    static constexpr Scalar none = -std::numeric_limits<Scalar>::infinity();

    /// Calls f(gain), where gain(from, to) is theta, or none where an edge is missing. Divided by 16 where
    /// sums of 15 of them might overflow; by 32 where there are more.
    template <class ThetaT, class PlaceT, class F>
    static solve_status with_gains(Eigen::Index n, const ThetaT& theta, const PlaceT& place,
                                   const solve_context& context, F&& f) {
        using Scalar = scalar_of<ThetaT>;
        Scalar largest = 0;
        for (const Scalar t : detail::values_of(theta)) largest = std::max(largest, std::abs(t));
        const Scalar parts = n <= 15 ? 16 : 32;
        const Scalar factor = largest > std::numeric_limits<Scalar>::max() / parts ? 1 / parts : Scalar(1);
        const auto gain = [data = theta.data(), factor, place](int from, int to) -> Scalar {
            return detail::rounded(data[place(from, to)] * factor);
        };
        if (context.mask.empty()) return f(gain);
        return f([&](int from, int to) {
            return context.allows(place(from, to)) ? gain(from, to) : none<Scalar>;
        });
    }

    /// The best tour over arcs, marked in z.
    template <class GainT, class PlaceT, class ZT>
    solve_status directed(int n, const GainT& gain, const PlaceT& place, ZT& z) {
        using Scalar = scalar_of<ZT>;
        return with_registers<Scalar>(n, [&]<class L, int R>(held_karp_in<L, R>) {
            const auto table = prepared<L, R>(n, n - 1, gain);
            const auto mark = [&](int from, int to) { z.data()[place(from + 1, to + 1)] = 1; };
            const unsigned all = (1u << (n - 1)) - 1;
            const auto closing = [&](int node) { return gain(node + 1, 0); };
            const int last = table.last_of(all, closing);
            const unsigned before = all ^ (1u << last);
            if (table.at(before, last) + closing(last) == none<Scalar>) return solve_status::infeasible;
            mark(last, -1);
            table.trace(before, last, mark);
            return solve_status::solved;
        });
    }

    /// The best tour over edges, marked in z.
    template <class GainT, class PlaceT, class ZT>
    solve_status undirected(int n, const GainT& gain, const PlaceT& place, ZT& z) {
        using Scalar = scalar_of<ZT>;
        return with_registers<Scalar>(n, [&]<class L, int R>(held_karp_in<L, R>) {
            // A tour is two paths from node 0 to the last node, which share the other nodes out: half of the
            // sets are enough, those without the last node.
            const int others = n - 2, last = others;
            const auto table = prepared<L, R>(n, others, gain);
            const unsigned set = one_way(table, others), rest = ((1u << others) - 1) ^ set;
            if (table.at(set, last) + table.at(rest, last) == none<Scalar>) return solve_status::infeasible;
            const auto mark = [&](int from, int to) { z.data()[place(from + 1, to + 1)] = 1; };
            table.trace(set, last, mark);
            table.trace(rest, last, mark);
            return solve_status::solved;
        });
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

    template <class Scalar>
    using cell_of = typename detail::lanes<Scalar, detail::native_lanes<Scalar>>::number_cell;
    detail::basic_scratch<cell_of<float>, cell_of<double>> scratch_;
};

}  // namespace imle::inline IMLE_ABI
