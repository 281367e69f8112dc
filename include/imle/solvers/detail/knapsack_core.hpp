#pragma once

/// @file
/// The knapsack problem of one dimension by dynamic programming over a growing core of its items.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>

#include <imle/core/rounded.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Decisions that were made about the items of a core. Bit k of `left_out`: whether the k-th item that came
/// from the front part is left out; bit 31 - k of `taken`: whether the k-th from the back part is taken.
struct knapsack_decisions {
    std::uint32_t left_out;
    std::uint32_t taken;
    /// The decisions before these: a place in the history.
    std::uint32_t earlier;

    /// Whether a set with these decisions comes before one with the others in the lexicographic order of the
    /// items (taken before left out). An item from the front part comes before all of the core so far, one
    /// from the back part after it, and the history is in order.
    [[nodiscard]] bool precede(const knapsack_decisions& other) const noexcept {
        if (left_out != other.left_out) return left_out < other.left_out;
        if (earlier != other.earlier) return earlier < other.earlier;
        return taken > other.taken;
    }
};

/// What a set weighs and is worth that decides so within the core, takes all in front of it, and none behind.
struct knapsack_state {
    double weight;
    double value;
    knapsack_decisions decisions;
};

/// Dynamic programming that begins with the items of most value per weight, as many as fit, and lets one item
/// more join its core at a time, in turns the next behind and the next in front (Pisinger, "A minimal
/// algorithm for the 0-1 knapsack problem", Operations Research 45, 1997). A state is dropped where another
/// one weighs no more and is worth more, and where no completion can be worth as much as the best set found;
/// an item never joins where the bound decides about it.
///
/// Unlike there, of states of equal value a heavier one stays if its sets come first in the lexicographic
/// order, and so does what can be merely as good as the best: the result is the first of the best sets.
/// Values and weights are real numbers; the bounds leave room for the rounding of their sums.
class knapsack_core {
  public:
    /// values, weights: [item], by falling value per weight, of which the largest, and the limit, are near 1;
    /// not all fit. They must live as long as the solve.
    void start(std::span<const double> values, std::span<const double> weights, double limit) {
        const std::size_t n = values.size();
        values_ = values;
        weights_ = weights;
        limit_ = limit;
        knapsack_state first{0, 0, {0, 0, 0}};
        for (split_ = 0; split_ + 1 < n && first.weight + weights[split_] <= limit; ++split_) {
            first.weight += weights[split_];
            first.value += values[split_];
        }
        efficiency_ = values[split_] / weights[split_];
        bound_ = first.value + rounded((limit - first.weight) * efficiency_);
        slack_ = static_cast<double>(8 * (n + 4)) * std::numeric_limits<double>::epsilon() * bound_;
        best_ = first.value;
        front_ = back_ = split_;
        next_is_behind_ = true;
        states_ = lists_[0].get<knapsack_state>(2);
        spare_ = 1;
        states_[0] = first;
        size_ = 1;
        joined_ = joined_items_.get<std::uint32_t>(n);
        joined_count_ = history_size_ = 0;
        from_front_ = from_back_ = 0;
        work_ = 0;
    }

    /// The value of the best set known.
    [[nodiscard]] double best() const noexcept { return best_; }
    /// A set of this value is known.
    void raise_best(double value) noexcept { best_ = std::max(best_, value); }
    /// What all values are multiples of, if it is far above the rounding of their sums; else 0.
    [[nodiscard]] double unit() const noexcept {
        std::uint64_t unit = 0;
        for (const double value : values_) {
            const double number = std::ldexp(value, 40);
            if (number != std::floor(number)) return 0;
            unit = std::gcd(unit, static_cast<std::uint64_t>(number));
        }
        const double result = std::ldexp(static_cast<double>(unit), -40);
        return result > 100 * slack_ ? result : 0;
    }
    /// How many states were looked at.
    [[nodiscard]] std::uint64_t work() const noexcept { return work_; }
    /// Whether its memory is at what it may be: half a gigabyte.
    [[nodiscard]] bool is_full() const noexcept {
        return size_ > (std::size_t{1} << 21) || history_size_ > (std::size_t{1} << 24);
    }
    /// Whether a set as good as the best can decide otherwise about an item than the relaxation, which takes
    /// those before `split()`. What it then loses against the relaxation is at least what the item is worth
    /// less (or more) than its weight at the efficiency of the item at the split.
    [[nodiscard]] bool may_differ(std::size_t item) const noexcept {
        const double gain = values_[item] - rounded(efficiency_ * weights_[item]);
        return (item < split_ ? gain : -gain) <= bound_ - best_ + slack_;
    }
    [[nodiscard]] std::size_t split() const noexcept { return split_; }

    /// Lets one item more join. False: there is none left that could change anything.
    bool expand() {
        pass_decided();
        const bool has_front = front_ > 0, has_back = back_ < values_.size();
        if (!has_front && !has_back) return false;
        const bool is_behind = has_back && (!has_front || next_is_behind_);
        next_is_behind_ = !is_behind;
        if (joined_count_ > 0 && joined_count_ % chunk == 0) move_to_history();
        const std::size_t item = is_behind ? back_++ : --front_;
        pass_decided();
        joined_[joined_count_++] = static_cast<std::uint32_t>(item);
        if (is_behind)
            merge(weights_[item], values_[item], {0, 1u << (chunk - 1 - from_back_++), 0});
        else
            merge(-weights_[item], -values_[item], {1u << from_front_++, 0, 0});
        return true;
    }

    /// After the last `expand`: whether it has a best set; its items are then marked in is_taken: [item].
    bool find_best(std::span<std::uint8_t> is_taken) {
        const knapsack_state* found = nullptr;
        for (const knapsack_state& state : states_.first(size_))
            if (state.weight <= limit_ &&
                (found == nullptr || state.value > found->value ||
                 (state.value == found->value && state.decisions.precede(found->decisions))))
                found = &state;
        if (found == nullptr) return false;  // `raise_best` was told of one that rounding excludes
        for (std::size_t item = 0; item < is_taken.size(); ++item) is_taken[item] = item < split_ ? 1 : 0;
        knapsack_decisions decisions = found->decisions;
        const auto history = history_.get<knapsack_decisions>(history_size_);
        for (std::size_t end = joined_count_; end > 0;) {
            const std::size_t begin = (end - 1) / chunk * chunk;
            for (std::size_t i = begin; i < end; ++i) {
                std::uint32_t& bits = joined_[i] < split_ ? decisions.left_out : decisions.taken;
                if (joined_[i] < split_) {
                    is_taken[joined_[i]] = (bits & 1u) == 0 ? 1 : 0;
                    bits >>= 1;
                } else {
                    is_taken[joined_[i]] = static_cast<std::uint8_t>(bits >> (chunk - 1));
                    bits <<= 1;
                }
            }
            if (begin > 0) decisions = history[decisions.earlier];
            end = begin;
        }
        return true;
    }

  private:
    /// After so many items the decisions of the states move to the history.
    static constexpr int chunk = 32;

    void pass_decided() noexcept {
        while (front_ > 0 && !may_differ(front_ - 1)) --front_;
        while (back_ < values_.size() && !may_differ(back_)) ++back_;
    }

    /// The states, and the same again with an item that joined taken, or left out: one list by rising weight
    /// and, but for the ties, rising value. Without a branch where its outcome is chance: twice as fast.
    void merge(double weight, double value, const knapsack_decisions& decision) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        // The most that a unit of weight can still bring, and the least that it costs to be rid of one.
        const double gain = back_ < values_.size() ? values_[back_] / weights_[back_] : 0;
        const double loss = front_ > 0 ? values_[front_ - 1] / weights_[front_ - 1] : infinity;
        const double weight_change[2] = {weight, 0}, value_change[2] = {value, 0};
        const std::uint32_t left_out[2] = {decision.left_out, 0}, taken[2] = {decision.taken, 0};
        work_ += 2 * size_;
        states_[size_].weight = infinity;  // either list ends with it
        const knapsack_state *same = states_.data(), *other = states_.data();
        const auto merged = lists_[spare_].get<knapsack_state>(2 * size_ + 1);
        knapsack_state* end = merged.data();
        double most = -infinity, needed = best_ - slack_;
        for (std::size_t left = 2 * size_; left > 0; --left) {
            const double other_weight = other->weight + weight;
            bool is_same = same->weight < other_weight;
            if (same->weight == other_weight) {
                const double other_value = other->value + value;
                is_same = same->value > other_value ||
                          (same->value == other_value &&
                           same->decisions.precede({other->decisions.left_out | decision.left_out,
                                                    other->decisions.taken | decision.taken,
                                                    other->decisions.earlier}));
            }
            const knapsack_state& from = is_same ? *same : *other;
            const knapsack_state state{from.weight + weight_change[is_same],
                                       from.value + value_change[is_same],
                                       {from.decisions.left_out | left_out[is_same],
                                        from.decisions.taken | taken[is_same], from.decisions.earlier}};
            same += is_same;
            other += !is_same;
            const double room = limit_ - state.weight;
            const bool is_hopeful = state.value + rounded(room * (room >= 0 ? gain : loss)) >= needed;
            bool is_better = state.value > most;
            // The last one kept is worth `most`.
            if (state.value == most) is_better = state.decisions.precede(end[-1].decisions);
            *end = state;
            const bool stays = is_hopeful & is_better;
            end += stays;
            most = stays ? state.value : most;
            if (stays && room >= 0 && state.value > best_) {
                best_ = state.value;
                needed = best_ - slack_;
            }
        }
        size_ = static_cast<std::size_t>(end - merged.data());
        states_ = merged;
        spare_ = 1 - spare_;
    }

    void move_to_history() {
        const auto order = order_.get<std::uint32_t>(size_);
        std::iota(order.begin(), order.end(), std::uint32_t{0});
        std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            return states_[a].decisions.precede(states_[b].decisions);
        });
        const auto history = history_.get<knapsack_decisions>(history_size_ + size_);
        for (const std::uint32_t i : order) {
            knapsack_decisions& decisions = states_[i].decisions;
            history[history_size_] = decisions;
            decisions = {0, 0, static_cast<std::uint32_t>(history_size_++)};
        }
        from_front_ = from_back_ = 0;
    }

    std::span<const double> values_, weights_;
    double limit_ = 0;
    double efficiency_ = 0;        // of the item at the split
    double bound_ = 0, best_ = 0;  // the value of the relaxation, of the best set known
    double slack_ = 0;             // for rounding
    /// Items from `split_` on do not fit; the core is [front_, back_).
    std::size_t split_ = 0, front_ = 0, back_ = 0;
    bool next_is_behind_ = true;
    std::span<knapsack_state> states_;  // the first size_ of them
    std::size_t size_ = 0, spare_ = 0;
    std::span<std::uint32_t> joined_;  // the items of the core, as they came
    std::size_t joined_count_ = 0, history_size_ = 0;
    int from_front_ = 0, from_back_ = 0;  // how many since decisions last moved to the history
    std::uint64_t work_ = 0;
    basic_scratch<knapsack_state> lists_[2];
    basic_scratch<knapsack_decisions> history_;
    basic_scratch<std::uint32_t> joined_items_, order_;
};

}  // namespace imle::inline IMLE_ABI::detail
