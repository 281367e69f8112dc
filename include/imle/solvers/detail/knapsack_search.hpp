#pragma once

/// @file
/// The knapsack problem by branch and bound.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/config.hpp>
#include <imle/core/rounded.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The items among which a search chooses, in the order of falling value per surrogate weight, so that a
/// greedy choice is a good one. A surrogate weight is a sum of an item's weights, each times a multiplier of
/// its dimension that is at least 0; what fits in all dimensions fits in their sum. One more entry where it
/// says so.
struct knapsack_items {
    std::size_t count;
    std::size_t dimensions;
    const double* limits;  // [dimension]
    double surrogate_limit;
    double* values;            // [item]
    double* weights;           // [item][dimension]
    double* surrogate;         // [item]
    double* value_before;      // [item + 1]: the sum over those before it
    double* surrogate_before;  // [item + 1]
    std::uint32_t* next;       // [item]: the first after it that is not its equal in value and weights
    double* least;  // [item + 1]: in one dimension, the least weight from it on; infinity at the end
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

/// Depth first, taking an item before leaving it out, so that sets come in the lexicographic order of the
/// items and the first of several best ones is kept (Horowitz and Sahni, "Computing partitions with
/// applications to the knapsack problem", J. ACM 1974). A subtree is left when even with a part of an item
/// (Dantzig's bound, on the surrogate weights) it would not be better, by more than the rounding of the sums.
/// Of items that are equal in value and weights those in front are taken first; else equal items would be
/// chosen in all ways. Dimensions: their number, if known at compile time.
template <int Dimensions>
class knapsack_search {
  public:
    knapsack_search(const knapsack_items& items, const knapsack_work& work) : items_(items), work_(work) {
        std::fill_n(work.used, items.dimensions, 0.0);
        left_ = items.surrogate_limit;
    }

    /// How many bounds were computed.
    [[nodiscard]] std::uint64_t nodes() const noexcept { return nodes_; }
    /// What they took, in nanoseconds or so: it grows with the nodes and with the items that they passed.
    [[nodiscard]] std::uint64_t work() const noexcept { return work_of(nodes_, steps_); }
    /// How many items of `knapsack_work::best` are in the best set so far.
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
    /// The value of that set.
    [[nodiscard]] double best() const noexcept { return best_; }

    /// All values are multiples of `unit`, which is far above their rounding: what is better is so by as
    /// much.
    void set_unit(double unit) noexcept { margin_ = 0.9 * unit; }

    /// Goes on until there are `node_limit` nodes in all, or `work()` reaches a limit. Whether it is through.
    [[nodiscard]] bool run(std::uint64_t node_limit,
                           std::uint64_t work_limit = std::numeric_limits<std::uint64_t>::max()) {
        // What changes at each item is in variables of this call.
        const knapsack_items items = items_;
        const knapsack_work work = work_;
        const std::size_t n = items.count;
        const std::size_t dimensions =
            Dimensions == Eigen::Dynamic ? items.dimensions : static_cast<std::size_t>(Dimensions);
        const double tolerance =
            1 + rounded(static_cast<double>(4 * (n + 4)) * std::numeric_limits<double>::epsilon());
        const double margin = margin_;
        double value = value_, left = left_, best = best_, to_beat = rounded(best_ * tolerance) + margin;
        std::size_t depth = depth_, at = at_, split = split_;
        std::uint64_t nodes = nodes_, steps = steps_;

        // The largest value from item `at` on: whole items up to `split`, and a part of that one. Where the
        // last split was is where to look for the next.
        const auto bound = [&] {
            const double reach = left + items.surrogate_before[at];
            const std::size_t last = split;
            split = std::max(split, at);
            // In strides where it is far: the sums rise.
            while (split + stride <= n && items.surrogate_before[split + stride] <= reach) split += stride;
            while (split < n && items.surrogate_before[split + 1] <= reach) ++split;
            while (split >= at + stride && items.surrogate_before[split - stride + 1] > reach)
                split -= stride;
            while (split > at && items.surrogate_before[split] > reach) --split;
            steps += split > last ? split - last : last - split;
            double sum = value + (items.value_before[split] - items.value_before[at]);
            if (split < n && reach > items.surrogate_before[split])
                sum += rounded(items.values[split] *
                               ((reach - items.surrogate_before[split]) / items.surrogate[split]));
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
                    if (nodes == node_limit || work_of(nodes, steps) >= work_limit) {
                        value_ = value, left_ = left, best_ = best;
                        depth_ = depth, at_ = at, split_ = split, nodes_ = nodes, steps_ = steps;
                        return false;
                    }
                    ++nodes;
                    hopeless = bound() <= to_beat;
                    if (hopeless) break;
                }
                left_out = !fits(at);
                if (left_out) {
                    at = items.next[at];
                    if constexpr (Dimensions == 1) {
                        // On to one that fits: a bound for each of the others would take longer.
                        if (work.used[0] + items.least[at] > items.limits[0]) break;
                        if (!fits(at)) {
                            const std::size_t first = at++;
                            at = first_at_most(items.weights, at, n, work.used[0], items.limits[0]);
                            steps += at - first;
                        }
                    }
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
                ++steps;
            }
            if (!hopeless && value > best) {
                best = value;
                to_beat = rounded(best * tolerance) + margin;
                taken_ = depth;
                std::copy_n(work.stack, depth, work.best);
            }
            if (depth == 0) {
                nodes_ = nodes, steps_ = steps;
                return true;
            }
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

  private:
    static constexpr std::size_t stride = 8;
    using lanes = widest_lanes<double>;

    /// The first place in [at, n) whose number, with `used`, is at most the limit; there is one.
    [[nodiscard]] static std::size_t first_at_most(const double* numbers, std::size_t at, std::size_t n,
                                                   double used, double limit) {
        if constexpr (lanes::size > 1) {
            constexpr std::uint32_t all_lanes = (1u << lanes::size) - 1;
            const lanes already(used), most(limit);
            while (at + lanes::size <= n &&
                   lanes::bits(less(most, already + lanes::load(numbers + at))) == all_lanes)
                at += lanes::size;
        }
        while (used + numbers[at] > limit) ++at;
        return at;
    }

    [[nodiscard]] static std::uint64_t work_of(std::uint64_t nodes, std::uint64_t steps) noexcept {
        return 12 * nodes + steps / 16;
    }

    const knapsack_items& items_;
    const knapsack_work& work_;
    double value_ = 0, left_ = 0, best_ = -1, margin_ = 0;
    std::size_t depth_ = 0, at_ = 0, split_ = 0, taken_ = 0;
    std::uint64_t nodes_ = 0, steps_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
