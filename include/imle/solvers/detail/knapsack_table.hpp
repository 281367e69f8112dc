#pragma once

/// @file
/// The knapsack problem of one dimension of integer weights, by a table.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/core/rounded.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The best set for each item and each room that the items in front of it leave (Bellman). A small table
/// keeps the values; a larger one, a bit for each: whether the item is taken. O(items * capacity) in time,
/// and an eighth of that in bytes, if it is large.
class knapsack_table {
  public:
    /// The most cells that it makes: 128 megabytes.
    static constexpr std::size_t most_cells = std::size_t{1} << 30;
    /// A small one fills in microseconds.
    static constexpr std::size_t small_cells = std::size_t{1} << 14;

    /// values, weights, is_taken: [item]; no weight exceeds the capacity. Marks the best set, of several the
    /// first in the lexicographic order of the items, taken before left out.
    void choose(std::span<const double> values, std::span<const std::uint32_t> weights, std::size_t capacity,
                std::span<std::uint8_t> is_taken) {
        if (keeps_values(values.size(), capacity))
            choose_by_values(values, weights, capacity, is_taken);
        else
            choose_by_bits(values, weights, capacity, is_taken);
    }

    /// Whether `choose_if_unique` can be asked.
    [[nodiscard]] static bool keeps_values(std::size_t items, std::size_t capacity) noexcept {
        return capacity <= most_for_values && items * (capacity + 1) <= small_cells;
    }

    /// The same, if all other sets are worth less than the best one by more than what rounding could do:
    /// then the order of the items does not matter. Else false.
    [[nodiscard]] bool choose_if_unique(std::span<const double> values,
                                        std::span<const std::uint32_t> weights, std::size_t capacity,
                                        std::span<std::uint8_t> is_taken) {
        const std::size_t stride = fill(values, weights, capacity), count = values.size();
        const double* rest = first_row_;
        // Four times what the other ways to the best set take for equal.
        const double margin =
            rest[capacity] * (static_cast<double>(16 * (count + 4)) * std::numeric_limits<double>::epsilon());
        std::size_t at = capacity;
        for (std::size_t item = 0; item < count; ++item) {
            rest += stride;
            const std::size_t weight = weights[item];
            is_taken[item] = 0;
            if (weight > at) continue;
            const double gain = (values[item] + rest[at - weight]) - rest[at];
            if (std::abs(gain) <= margin) return false;
            is_taken[item] = gain > 0 ? 1 : 0;
            at -= gain > 0 ? weight : 0;
        }
        return true;
    }

  private:
    /// Measured: up to this capacity it is faster to keep the values, of 8 bytes a cell.
    static constexpr std::size_t most_for_values = 255;
    /// In front of a row: the value of less room than none.
    static constexpr double no_room = -std::numeric_limits<double>::infinity();

    using lanes = widest_lanes<double>;

    static constexpr std::size_t rounded_up(std::size_t size, std::size_t unit) noexcept {
        return (size + unit - 1) / unit * unit;
    }

    /// Fills `first_row_` and those behind it, one for each item and one more: [room], the best of the items
    /// from this one on. Returns the numbers of a row.
    std::size_t fill(std::span<const double> values, std::span<const std::uint32_t> weights,
                     std::size_t capacity) {
        constexpr std::size_t unit = 8;
        const std::size_t count = values.size(), columns = rounded_up(capacity + 1, unit),
                          stride = unit + columns;
        double* rest = numbers_.get<double>((count + 1) * stride).data() + count * stride + unit;
        std::fill_n(rest - unit, unit, no_room);
        std::fill_n(rest, columns, 0.0);
        std::size_t before = 0;  // the weight of all items in front
        for (const std::uint32_t weight : weights) before += weight;
        for (std::size_t item = count; item-- > 0;) {
            const std::size_t weight = weights[item];
            const lanes value(values[item]);
            before -= weight;
            double* const best = rest - stride;
            std::fill_n(best - unit, unit, no_room);
            // The items in front leave at least this much room.
            std::size_t room = (capacity - std::min(capacity, before)) / unit * unit;
            for (; room + lanes::size <= weight; room += lanes::size)
                lanes::load(rest + room).store(best + room);
            for (; room < columns; room += lanes::size) {
                const lanes with = lanes::load(rest + room - weight) + value;
                maximum(lanes::load(rest + room), with).store(best + room);
            }
            rest = best;
        }
        first_row_ = rest;
        return stride;
    }

    void choose_by_values(std::span<const double> values, std::span<const std::uint32_t> weights,
                          std::size_t capacity, std::span<std::uint8_t> is_taken) {
        const std::size_t stride = fill(values, weights, capacity), count = values.size();
        const double* rest = first_row_;
        // As the search does, not to take rounding for a difference: of the sets that are the best but for
        // that, the first.
        const double tolerance =
            rounded(static_cast<double>(4 * (count + 4)) * std::numeric_limits<double>::epsilon());
        const double enough = rest[capacity] * (1 - tolerance);
        std::size_t at = capacity;
        double sum = 0;
        for (std::size_t item = 0; item < count; ++item) {
            rest += stride;
            const std::size_t weight = weights[item];
            const bool takes = weight <= at && sum + values[item] + rest[at - weight] >= enough;
            is_taken[item] = takes ? 1 : 0;
            sum += takes ? values[item] : 0;
            at -= takes ? weight : 0;
        }
    }

    void choose_by_bits(std::span<const double> values, std::span<const std::uint32_t> weights,
                        std::size_t capacity, std::span<std::uint8_t> is_taken) {
        constexpr std::size_t unit = 64;
        const std::size_t count = values.size(), columns = rounded_up(capacity + 1, unit),
                          words = columns / unit;
        const auto rows = numbers_.get<double>(2 * (unit + columns));
        double* after = rows.data() + unit;                          // [room]: the best of the items behind
        double* best = after + columns + unit;                       // the same, this one included
        const auto taken = bits_.get<std::uint64_t>(count * words);  // [item][room]
        std::fill_n(after - unit, unit, no_room);
        std::fill_n(best - unit, unit, no_room);
        std::fill_n(after, columns, 0.0);
        std::size_t before = 0;  // the weight of all items in front
        for (const std::uint32_t weight : weights) before += weight;
        for (std::size_t item = count; item-- > 0;) {
            const std::size_t weight = weights[item];
            before -= weight;
            // The items in front leave at least this much room.
            const std::size_t least = (capacity - std::min(capacity, before)) / unit * unit;
            std::uint64_t* const row = taken.data() + item * words;
            const std::size_t reached = std::max(least, weight / unit * unit);
            std::copy(after + least, after + reached, best + least);
            std::fill(row + least / unit, row + reached / unit, std::uint64_t{0});
            for (std::size_t first = reached; first < columns; first += unit)
                row[first / unit] = decide(after + first, after + first - weight, values[item], best + first);
            std::swap(after, best);
        }
        std::size_t room = capacity;
        for (std::size_t item = 0; item < count; ++item) {
            is_taken[item] =
                static_cast<std::uint8_t>(taken[item * words + room / unit] >> (room % unit) & 1u);
            if (is_taken[item] != 0) room -= weights[item];
        }
    }

    /// 64 rooms at once: without the item, and with it in what room it leaves.
    static std::uint64_t decide(const double* without, const double* rest, double value, double* best) {
        constexpr std::uint32_t all_lanes = lanes::size == 1 ? 1u : (1u << lanes::size) - 1;
        const lanes added(value);
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < 64; i += lanes::size) {
            const lanes with = lanes::load(rest + i) + added, before = lanes::load(without + i);
            bits |= std::uint64_t{all_lanes & ~lanes::bits(less(with, before))} << i;
            maximum(before, with).store(best + i);
        }
        return bits;
    }

    const double* first_row_ = nullptr;  // set by `fill`
    basic_scratch<double> numbers_;
    basic_scratch<std::uint64_t> bits_;
};

}  // namespace imle::inline IMLE_ABI::detail
