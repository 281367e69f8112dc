#pragma once

/// @file
/// The knapsack problem of one dimension of integer weights, by a table.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The best set for each item and each room that the items in front of it leave (Bellman), of which one bit
/// is kept: whether the item is taken. O(items * capacity) in time, and an eighth of that in bytes.
class knapsack_table {
  public:
    /// The most cells that it makes: 128 megabytes.
    static constexpr std::size_t most_cells = std::size_t{1} << 30;

    /// values, weights, is_taken: [item]. Marks the best set, of several the first in the lexicographic order
    /// of the items, taken before left out.
    void choose(std::span<const double> values, std::span<const std::uint32_t> weights, std::size_t capacity,
                std::span<std::uint8_t> is_taken) {
        const std::size_t count = values.size(), columns = capacity + 1, words = columns / 64 + 1;
        const auto rows = numbers_.get<double>(2 * columns);
        double* after = rows.data();                                 // [room]: the best of the items behind
        double* with = after + columns;                              // the same, this one included
        const auto taken = bits_.get<std::uint64_t>(count * words);  // [item][room]
        std::fill_n(after, columns, 0.0);
        std::size_t before = 0;  // the weight of all items in front
        for (const std::uint32_t weight : weights) before += weight;
        for (std::size_t item = count; item-- > 0;) {
            const std::size_t weight = weights[item];
            before -= weight;
            // The items in front leave at least this much room.
            const std::size_t least = (capacity - std::min(capacity, before)) / 64 * 64;
            std::uint64_t* const row = taken.data() + item * words;
            for (std::size_t first = least; first < columns; first += 64) {
                const std::size_t size = std::min<std::size_t>(64, columns - first);
                if (first >= weight && size == 64)
                    row[first / 64] =
                        decide(after + first, after + (first - weight), values[item], with + first);
                else
                    row[first / 64] = decide_partly(after, first, size, weight, values[item], with);
            }
            std::swap(after, with);
        }
        std::size_t room = capacity;
        for (std::size_t item = 0; item < count; ++item) {
            is_taken[item] = static_cast<std::uint8_t>(taken[item * words + room / 64] >> (room % 64) & 1u);
            if (is_taken[item] != 0) room -= weights[item];
        }
    }

  private:
    /// 64 rooms at once: without the item, and with it in what room it leaves.
    static std::uint64_t decide(const double* without, const double* rest, double value, double* best) {
        std::array<std::uint8_t, 64> is_taken;
        for (std::size_t i = 0; i < 64; ++i) {
            const double sum = rest[i] + value;
            is_taken[i] = sum >= without[i] ? 1 : 0;
            best[i] = sum >= without[i] ? sum : without[i];
        }
        std::uint64_t bits = 0;
        for (std::size_t byte = 0; byte < 8; ++byte) {
            std::uint64_t group = 0;
            for (std::size_t i = 0; i < 8; ++i) group |= std::uint64_t{is_taken[8 * byte + i]} << i;
            bits |= group << (8 * byte);
        }
        return bits;
    }

    /// The same for rooms some of which may be too small for it.
    static std::uint64_t decide_partly(const double* without, std::size_t first, std::size_t size,
                                       std::size_t weight, double value, double* best) {
        std::uint64_t bits = 0;
        for (std::size_t room = first; room < first + size; ++room) {
            best[room] = without[room];
            if (room < weight) continue;
            const double sum = without[room - weight] + value;
            if (sum < without[room]) continue;
            best[room] = sum;
            bits |= std::uint64_t{1} << (room - first);
        }
        return bits;
    }

    basic_scratch<double> numbers_;
    basic_scratch<std::uint64_t> bits_;
};

}  // namespace imle::inline IMLE_ABI::detail
