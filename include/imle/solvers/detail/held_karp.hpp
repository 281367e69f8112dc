#pragma once

/// @file
/// The best paths through each set of nodes, for round trips.
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
#include <cstddef>
#include <limits>

#include <imle/simd/lanes.hpp>
#include <imle/simd/wide_lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

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
    /// The same for a node of the set, through the others.
    [[nodiscard]] Scalar before(unsigned set, int node) const noexcept {
        return at(set ^ (1u << node), node);
    }
    /// The gain from one node to another.
    [[nodiscard]] Scalar gain(int from, int to) const noexcept {
        return L::get(gain_[from * Registers + to / L::width], to % L::width);
    }

  private:
    // As many sums as fit the registers.
    static constexpr int low_bits = Registers == 1 ? 3 : Registers == 2 ? 2 : 1;
    static constexpr unsigned block = 1u << low_bits;

    const cell* first_;
    const cell* gain_;
    cell* table_;
};

/// The same tables for several instances at the same time: each lane handles one of them, and a row has a
/// vector for each node. Rows hold no more than the paths that there are, so half as many numbers are
/// computed.
///
/// The caller owns the arrays: `first`, a vector for each of `nodes` nodes: the gains from home; `gain`,
/// [node, node] vectors: the gains from the second to the first; `table`, [set, node] vectors.
template <class Scalar_>
class held_karp_in_lanes {
  public:
    using Scalar = Scalar_;
    using lanes = widest_lanes<Scalar>;
    static constexpr std::size_t size = lanes::size;

    held_karp_in_lanes(std::size_t nodes, const Scalar* first, const Scalar* gain, Scalar* table) noexcept
        : nodes_(nodes), first_(first), gain_(gain), table_(table) {
        for (std::size_t i = 0; i < nodes; ++i) back_[i] = ((nodes << i) - i) * size;
    }

    /// Fills the table for all sets of nodes 0 .. bits - 1, but for one that has all nodes. O(nodes * bits *
    /// 2^bits).
    void fill(int bits) const noexcept {
        std::copy_n(first_, nodes_ * size, table_);
        fill_sets_of<1>(bits);
    }

    /// What `held_karp` has, for one lane.
    class in_lane {
      public:
        using Scalar = Scalar_;
        in_lane(const held_karp_in_lanes& all, std::size_t lane) noexcept : all_(all), lane_(lane) {}
        [[nodiscard]] Scalar at(unsigned set, int node) const noexcept {
            return all_.place(set, static_cast<std::size_t>(node))[lane_];
        }
        [[nodiscard]] Scalar before(unsigned set, int node) const noexcept {
            return (all_.place(set, 0) - all_.back_[static_cast<std::size_t>(node)])[lane_];
        }
        [[nodiscard]] Scalar gain(int from, int to) const noexcept {
            return all_
                .gain_[(static_cast<std::size_t>(to) * all_.nodes_ + static_cast<std::size_t>(from)) * size +
                       lane_];
        }

      private:
        const held_karp_in_lanes& all_;
        std::size_t lane_;
    };

    /// The best paths through a set to a node.
    [[nodiscard]] lanes at(unsigned set, std::size_t node) const noexcept {
        return lanes::load(place(set, node));
    }

    /// The most nodes.
    static constexpr int most_nodes = 12;

  private:
    /// The sets of Count nodes, and then the larger ones. Loops of fixed length: a mispredicted end takes as
    /// long as ten paths.
    template <int Count>
    void fill_sets_of(int bits) const noexcept {
        if constexpr (Count < most_nodes) {
            const held_karp_in_lanes own = *this;
            if (Count > bits || Count >= static_cast<int>(own.nodes_)) return;
            const unsigned all = (1u << own.nodes_) - 1;
            for (unsigned set = (1u << Count) - 1; set < 1u << bits;) {
                Scalar* const row = own.place(set, 0);
                lanes path[Count];
                std::size_t node[Count];
                unsigned rest = set;
                for (int c = 0; c < Count; ++c, rest &= rest - 1) {
                    const auto i = static_cast<std::size_t>(std::countr_zero(rest));
                    node[c] = i * size;
                    path[c] = lanes::load(row - own.back_[i]);
                }
                rest = all ^ set;
                for (std::size_t left = own.nodes_ - Count; left > 0; --left, rest &= rest - 1) {
                    const auto j = static_cast<std::size_t>(std::countr_zero(rest));
                    const Scalar* const gain = own.gain_ + j * own.nodes_ * size;
                    lanes best = lanes::load(gain + node[0]) + path[0];
                    for (int c = 1; c < Count; ++c)
                        best = maximum(lanes::load(gain + node[c]) + path[c], best);
                    best.store(row + j * size);
                }
                // The next number with as many bits (Gosper).
                const unsigned lowest = set & (0u - set), carried = set + lowest;
                set = carried | ((set ^ carried) >> (2 + std::countr_zero(lowest)));
            }
            fill_sets_of<Count + 1>(bits);
        }
    }

    [[nodiscard]] Scalar* place(unsigned set, std::size_t node) const noexcept {
        return table_ + (set * nodes_ + node) * size;
    }

    std::size_t nodes_;
    const Scalar* first_;
    const Scalar* gain_;
    Scalar* table_;
    /// From a set's row back to the path through the set without node i to that node.
    std::size_t back_[most_nodes];
};

/// The node of a set that a best path visits last, if closing(node) follows it; the lowest of equal ones. The
/// sums are those of `fill`, so the path's parents need not be stored. table: a `held_karp`, or one lane.
template <class TableT, class ClosingT>
[[nodiscard]] int last_of_path(const TableT& table, unsigned set, ClosingT&& closing) noexcept {
    auto best = -std::numeric_limits<typename TableT::Scalar>::infinity();
    int last = std::countr_zero(set);
    for (unsigned rest = set; rest != 0; rest &= rest - 1) {
        const int node = std::countr_zero(rest);
        const auto value = table.before(set, node) + closing(node);
        // Without a branch, which would be mispredicted.
        const bool is_better = value > best;
        best = is_better ? value : best;
        last = is_better ? node : last;
    }
    return last;
}

/// Calls mark(from, to) for each step, the last one first, of the best path from home through the set to a
/// node outside of it; home is -1.
template <class TableT, class MarkT>
void trace_path(const TableT& table, unsigned set, int node, MarkT&& mark) noexcept {
    while (set != 0) {
        const int from = last_of_path(table, set, [&](int i) { return table.gain(i, node); });
        mark(from, node);
        set ^= 1u << from;
        node = from;
    }
    mark(-1, node);
}

}  // namespace imle::inline IMLE_ABI::detail
