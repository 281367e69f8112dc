#pragma once

/// @file
/// The best path from one node through each set of the others, for travelling salesmen.
///
/// Held and Karp, "A dynamic programming approach to sequencing problems" (1962), turned round so that it
/// vectorises: instead of the best path that ends in one node of a set S, the table holds the best path
/// through S that arrives at a node j outside of it,
///
///     best(S, j) = max over i in S of best(S \ i, i) + gain(i, j),      best({}, j) = gain(home, j),
///
/// for all j at once: one lane of a register each. A step is then one number broadcast, one row of gains, an
/// addition and a maximum; nothing is taken together across lanes. (What lanes j in S hold is of no meaning.)

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>

#include <imle/core/config.hpp>
#include <imle/simd/wide_lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The table for nodes 0 .. 14 beside home, each row of it in `Registers` registers of L.
///
/// The arrays are the caller's: `first`, one row: the gains from home; `gain`, a row for each node, at least
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
                for (int r = 0; r < Registers; ++r) best[0][r] = first_[r].lane;
            for (unsigned rest = high; rest != 0; rest &= rest - 1) {
                const int i = std::countr_zero(rest);
                const unsigned without = high ^ (1u << i);
                for (unsigned low = 0; low < block; ++low) {
                    const Scalar path = at(without + low, i);
                    for (int r = 0; r < Registers; ++r)
                        best[low][r] = larger(gain_[i * Registers + r].lane + path, best[low][r]);
                }
            }
            for (unsigned low = 0; low < block; ++low) {
                for (int i = 0; i < low_bits; ++i) {
                    if (((low >> i) & 1u) == 0) continue;
                    const Scalar path = at(high + (low ^ (1u << i)), i);
                    for (int r = 0; r < Registers; ++r)
                        best[low][r] = larger(gain_[i * Registers + r].lane + path, best[low][r]);
                }
                for (int r = 0; r < Registers; ++r)
                    table_[(high + low) * Registers + static_cast<unsigned>(r)].lane = best[low][r];
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

    /// The node of a set that a best path visits last, if after it comes closing(node); the lowest of equal
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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
