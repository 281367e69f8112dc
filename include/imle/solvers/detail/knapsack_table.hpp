#pragma once

/// @file
/// The knapsack problem by dynamic programming.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The best set of n items of integer weights within a capacity (Bellman): the first one in the lexicographic
/// order of the items, taken before left out, as `search_knapsack` finds it. values, weights: n; best: 2 *
/// (capacity + 1) numbers and taken: n * (capacity + 1) flags to work with. chosen: n flags, the answer.
/// O(n capacity).
inline void fill_knapsack_table(std::span<const double> values, std::span<const std::uint32_t> weights,
                                std::size_t capacity, std::span<double> best, std::span<std::uint8_t> taken,
                                std::span<std::uint8_t> chosen) {
    const std::size_t n = values.size(), columns = capacity + 1;
    double* after = best.data();     // [room]: the best value of the items after this one
    double* with = after + columns;  // the same, this one included
    std::fill_n(after, columns, 0.0);
    std::size_t before = 0;  // the weight of all items in front
    for (const std::uint32_t weight : weights) before += weight;
    for (std::size_t item = n; item-- > 0;) {
        const std::size_t weight = weights[item];
        before -= weight;
        // The items in front leave at least this much room.
        const std::size_t least = capacity - std::min(capacity, before);
        std::uint8_t* const flags = taken.data() + item * columns;
        for (std::size_t room = least; room < std::min(weight, columns); ++room) {
            with[room] = after[room];
            flags[room] = 0;
        }
        const double value = values[item];
        for (std::size_t room = std::max(least, weight); room < columns; ++room) {
            const double sum = after[room - weight] + value;
            flags[room] = sum >= after[room] ? 1 : 0;
            with[room] = sum >= after[room] ? sum : after[room];
        }
        std::swap(after, with);
    }
    std::size_t room = capacity;
    for (std::size_t item = 0; item < n; ++item) {
        chosen[item] = taken[item * columns + room];
        if (chosen[item] != 0) room -= weights[item];
    }
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
