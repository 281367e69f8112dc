#pragma once

/// @file
/// The knapsack problem by branch and bound: the order in which the search goes through the items, and the
/// search.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/solvers/detail/knapsack_problem.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Orders items by falling value per surrogate weight, and finds the multipliers of the surrogate weights:
/// one a dimension. With good ones the bound of the search is that of the linear relaxation in all
/// dimensions, and the search some eighty times smaller than with equal ones (50 items in 2 dimensions,
/// measured); for one dimension there is nothing to choose.
class knapsack_order {
  public:
    /// order: the items to choose from, put in order by `find`; values: [item]. The others are to work with:
    /// surrogate, efficiency: [item]; multipliers: 3 numbers a dimension.
    knapsack_order(const knapsack_problem& problem, std::span<std::uint32_t> order, const double* values,
                   double* surrogate, double* efficiency, double* multipliers)
        : problem_(problem),
          order_(order),
          values_(values),
          surrogate_(surrogate),
          efficiency_(efficiency),
          multiplier_(multipliers),
          best_(multipliers + problem.dimensions),
          use_(multipliers + 2 * problem.dimensions) {}

    /// A power of two that brings the largest value near 1, once `find` has run.
    [[nodiscard]] double scale() const noexcept { return scale_; }

    /// Puts the items in order. Returns the capacity in surrogate weight.
    double find() {
        const std::size_t dimensions = problem_.dimensions;
        double largest = 0;
        for (const std::uint32_t item : order_) largest = std::max(largest, values_[item]);
        // A power of two, and so exact; the quotient of a large value and a tiny weight must not overflow,
        // nor the factor of a denormal value.
        scale_ =
            std::ldexp(1.0, std::min(-std::ilogb(largest), std::numeric_limits<double>::max_exponent - 1));
        std::fill_n(multiplier_, dimensions, 1.0);
        double bound = arrange();
        if (dimensions < 2) return capacity();

        // Multipliers that make the relaxed set fill each dimension just so minimise its value: those of
        // dimensions that it exceeds are raised, others lowered, and a step that does not help is halved.
        std::copy_n(multiplier_, dimensions, best_);
        const int rounds = order_.size() <= 20 ? 4 : 16;
        double step = 1;
        bool last_is_best = true;
        for (int round = 0; round < rounds && step > 0.05; ++round) {
            if (!last_is_best) {
                std::copy_n(best_, dimensions, multiplier_);
                arrange();
            }
            measure_use();
            double sum = 0;
            for (std::size_t d = 0; d < dimensions; ++d) {
                multiplier_[d] *= elementary::exp(step * std::clamp(use_[d] - 1, -1.0, 1.0));
                sum += rounded(multiplier_[d]);
            }
            for (std::size_t d = 0; d < dimensions; ++d)
                multiplier_[d] *= static_cast<double>(dimensions) / sum;
            const double next = arrange();
            last_is_best = next < bound;
            if (last_is_best) {
                bound = next;
                std::copy_n(multiplier_, dimensions, best_);
            } else {
                step /= 2;
            }
        }
        if (!last_is_best) {
            std::copy_n(best_, dimensions, multiplier_);
            arrange();
        }
        return capacity();
    }

  private:
    /// What a surrogate weight is at least: one of 0 would be worth taking at any bound. It is far within the
    /// slack of the capacity.
    static constexpr double least_surrogate = 1e-200;

    /// With room for the rounding of a sum of items, and no more than the search takes for equal: with the
    /// slack of `knapsack_limit` no bound would meet the value of a set that fills the knapsack.
    [[nodiscard]] double capacity() const {
        double sum = 0;
        for (std::size_t d = 0; d < problem_.dimensions; ++d) sum += multiplier_[d];
        const auto roundings = static_cast<double>(2 * (order_.size() + 4));
        return sum * (1 + rounded(roundings * std::numeric_limits<double>::epsilon()));
    }

    /// Surrogate weights and order for the multipliers; returns the value of the relaxed problem: as many
    /// items as fit, and a part of the next.
    double arrange() {
        const std::size_t dimensions = problem_.dimensions;
        for (const std::uint32_t item : order_) {
            double sum = 0;
            for (std::size_t d = 0; d < dimensions; ++d)
                sum += rounded(multiplier_[d] * problem_.shares[item * dimensions + d]);
            surrogate_[item] = std::max(sum, least_surrogate);
            efficiency_[item] = values_[item] * scale_ / surrogate_[item];
        }
        sort();
        double bound = 0;
        fill([&](std::uint32_t item, double part) { bound += rounded(part * values_[item]); });
        return bound;
    }

    /// Falling efficiency; of equal ones the larger value, then the lower index. By insertion where they are
    /// few or almost in order, as they are after a change of multipliers.
    void sort() {
        const auto before = [&](std::uint32_t a, std::uint32_t b) {
            if (efficiency_[a] != efficiency_[b]) return efficiency_[a] > efficiency_[b];
            if (values_[a] != values_[b]) return values_[a] > values_[b];
            return a < b;
        };
        if (order_.size() > 40 && !sorted_once_) {
            std::sort(order_.begin(), order_.end(), before);
        } else {
            for (std::size_t i = 1; i < order_.size(); ++i) {
                const std::uint32_t item = order_[i];
                std::size_t at = i;
                for (; at > 0 && before(item, order_[at - 1]); --at) order_[at] = order_[at - 1];
                order_[at] = item;
            }
        }
        sorted_once_ = true;
    }

    /// Calls f(item, part) for the items of the relaxed set.
    template <class F>
    void fill(F&& f) const {
        double left = capacity();
        for (const std::uint32_t item : order_) {
            const double part = std::min(1.0, left / surrogate_[item]);
            f(item, part);
            if (part < 1) return;
            left -= surrogate_[item];
        }
    }

    /// What share of each dimension the relaxed set uses.
    void measure_use() {
        const std::size_t dimensions = problem_.dimensions;
        std::fill_n(use_, dimensions, 0.0);
        fill([&](std::uint32_t item, double part) {
            for (std::size_t d = 0; d < dimensions; ++d)
                use_[d] += rounded(part * problem_.shares[item * dimensions + d]);
        });
    }

    const knapsack_problem& problem_;
    std::span<std::uint32_t> order_;
    const double* values_;
    double* surrogate_;
    double* efficiency_;
    double* multiplier_;
    double* best_;
    double* use_;
    double scale_ = 1;
    bool sorted_once_ = false;
};

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
    /// How many items of `knapsack_work::best` are in the best set so far.
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
    /// The value of that set.
    [[nodiscard]] double best() const noexcept { return best_; }

    /// All values are multiples of `unit`, which is far above their rounding: what is better is so by as
    /// much.
    void set_unit(double unit) noexcept { margin_ = 0.9 * unit; }

    /// Goes on until there are `node_limit` nodes in all. Whether it is through.
    [[nodiscard]] bool run(std::uint64_t node_limit) {
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
        std::uint64_t nodes = nodes_;

        // The largest value from item `at` on: whole items up to `split`, and a part of that one. Where the
        // last split was is where to look for the next.
        const auto bound = [&] {
            const double reach = left + items.surrogate_before[at];
            split = std::max(split, at);
            while (split < n && items.surrogate_before[split + 1] <= reach) ++split;
            while (split > at && items.surrogate_before[split] > reach) --split;
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
                    if (nodes == node_limit) {
                        value_ = value, left_ = left, best_ = best;
                        depth_ = depth, at_ = at, split_ = split, nodes_ = nodes;
                        return false;
                    }
                    ++nodes;
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
                to_beat = rounded(best * tolerance) + margin;
                taken_ = depth;
                std::copy_n(work.stack, depth, work.best);
            }
            if (depth == 0) {
                nodes_ = nodes;
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
    const knapsack_items& items_;
    const knapsack_work& work_;
    double value_ = 0, left_ = 0, best_ = -1, margin_ = 0;
    std::size_t depth_ = 0, at_ = 0, split_ = 0, taken_ = 0;
    std::uint64_t nodes_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
