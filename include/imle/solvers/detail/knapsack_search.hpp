#pragma once

/// @file
/// The knapsack problem by branch and bound, and by dynamic programming.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The items among which a search chooses, in the order of falling value per surrogate weight, so that a
/// greedy choice is a good one. A surrogate weight is a sum of an item's weights, each times a multiplier of
/// its dimension that is at least 0; what fits in all dimensions fits in their sum. One more entry where it
/// says so.
struct knapsack_items {
    std::size_t count;
    std::size_t dimensions;
    const double* limits;  // [dimension]
    double surrogate_limit;
    const double* values;            // [item]
    const double* weights;           // [item][dimension]
    const double* surrogate;         // [item]
    const double* value_before;      // [item + 1]: the sum over those before it
    const double* surrogate_before;  // [item + 1]
    const std::uint32_t* next;       // [item]: the first after it that is not its equal in value and weights
};

/// What a search works with.
struct knapsack_work {
    double* used;                // [dimension]
    double* used_by_stack;       // [item][dimension]: what was used before each item on the stack
    double* value_by_stack;      // [item]
    double* surrogate_by_stack;  // [item]
    std::uint32_t* stack;        // [item]: the items taken, in order
    std::uint32_t* best;         // [item]: the best set so far, as a stack
};

/// How a search ended.
struct knapsack_outcome {
    std::size_t taken;    // how many items of `knapsack_work::best` are in the set
    std::uint64_t nodes;  // how many bounds were computed
    bool finished;        // false: `node_limit` came first
};

/// Depth first, taking an item before leaving it out, so that sets come in the lexicographic order of the
/// items and the first of several best ones is kept (Horowitz and Sahni, "Computing partitions with
/// applications to the knapsack problem", J. ACM 1974). A subtree is left when even with a part of an item
/// (Dantzig's bound, on the surrogate weights) it would not be better, by more than the rounding of the sums.
/// Of items that are equal in value and weights those in front are taken first; else equal items would be
/// chosen in all ways. Dimensions: their number, if known at compile time.
template <int Dimensions>
[[nodiscard]] knapsack_outcome search_knapsack(const knapsack_items& items, const knapsack_work& work,
                                               std::uint64_t node_limit) {
    const std::size_t n = items.count;
    const std::size_t dimensions =
        Dimensions == Eigen::Dynamic ? items.dimensions : static_cast<std::size_t>(Dimensions);
    const double tolerance = 1 + static_cast<double>(4 * (n + 4)) * std::numeric_limits<double>::epsilon();
    double value = 0, left = items.surrogate_limit, best = -1, to_beat = -1;
    std::size_t depth = 0, at = 0, split = 0;
    knapsack_outcome outcome{0, 0, true};
    std::fill_n(work.used, dimensions, 0.0);

    // The largest value from item `at` on: whole items up to `split`, and a part of that one. Where the last
    // split was is where to look for the next.
    const auto bound = [&] {
        const double reach = left + items.surrogate_before[at];
        split = std::max(split, at);
        while (split < n && items.surrogate_before[split + 1] <= reach) ++split;
        while (split > at && items.surrogate_before[split] > reach) --split;
        double sum = value + (items.value_before[split] - items.value_before[at]);
        if (split < n && reach > items.surrogate_before[split])
            sum += items.values[split] * ((reach - items.surrogate_before[split]) / items.surrogate[split]);
        return sum;
    };
    const auto fits = [&](std::size_t item) {
        bool all = true;
        for (std::size_t d = 0; d < dimensions; ++d)
            all &= work.used[d] + items.weights[item * dimensions + d] <= items.limits[d];
        return all;
    };

    for (;;) {
        bool hopeless = false;
        bool left_out = true;  // a bound stays the same while items are taken
        while (at < n) {
            if (left_out) {
                if (outcome.nodes == node_limit) {
                    outcome.finished = false;
                    return outcome;
                }
                ++outcome.nodes;
                hopeless = bound() <= to_beat;
                if (hopeless) break;
            }
            left_out = !fits(at);
            if (left_out) {
                at = items.next[at];
                continue;
            }
            work.stack[depth] = static_cast<std::uint32_t>(at);
            work.value_by_stack[depth] = value;
            work.surrogate_by_stack[depth] = left;
            for (std::size_t d = 0; d < dimensions; ++d) {
                work.used_by_stack[depth * dimensions + d] = work.used[d];
                work.used[d] += items.weights[at * dimensions + d];
            }
            value += items.values[at];
            left -= items.surrogate[at];
            ++depth;
            ++at;
        }
        if (!hopeless && value > best) {
            best = value;
            to_beat = best * tolerance;
            outcome.taken = depth;
            std::copy_n(work.stack, depth, work.best);
        }
        if (depth == 0) return outcome;
        // Without the last item taken. What it found there comes back from the stack: to subtract would
        // round.
        --depth;
        at = items.next[work.stack[depth]];
        value = work.value_by_stack[depth];
        left = work.surrogate_by_stack[depth];
        for (std::size_t d = 0; d < dimensions; ++d)
            work.used[d] = work.used_by_stack[depth * dimensions + d];
    }
}

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
