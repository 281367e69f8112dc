#pragma once

/// @file
/// The order in which a knapsack's solve goes through the items.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/core/backports.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/simd/vector.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/detail/ascending_order.hpp>
#include <imle/solvers/detail/knapsack_problem.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Puts items in the order of falling efficiency; of equal ones the larger value comes first, then the lower
/// index.
class knapsack_sort {
  public:
    /// values, efficiency: [item].
    void operator()(std::span<std::uint32_t> order, const double* values, const double* efficiency) {
        if (order.size() <= few) {
            insert(order, values, efficiency);
            return;
        }
        if (order.size() > most_to_compare && sort_near_ties(order, values, efficiency)) return;
        by_falling(order, efficiency, most_to_compare, [&](std::span<std::uint32_t> equals) {
            by_falling(equals, values, most_with_ties,
                       [](std::span<std::uint32_t> same) { std::sort(same.begin(), same.end()); });
        });
    }

    /// The same by insertion: for few items, or such as are almost in order.
    static void insert(std::span<std::uint32_t> order, const double* values, const double* efficiency) {
        for (std::size_t i = 1; i < order.size(); ++i) {
            const std::uint32_t item = order[i];
            std::size_t at = i;
            for (; at > 0 && precedes(item, order[at - 1], values, efficiency); --at)
                order[at] = order[at - 1];
            order[at] = item;
        }
    }

  private:
    static constexpr std::size_t few = 4;
    /// Measured: from this size on a radix sort is faster.
    static constexpr std::size_t most_to_compare = 100;
    /// The same where keys are equal, which takes twice as long to compare.
    static constexpr std::size_t most_with_ties = 64;

    /// Puts items in the order of falling keys: [item], and calls settle(items) for those that have one.
    /// most: how many are compared, if there are no ties.
    template <class SettleT>
    void by_falling(std::span<std::uint32_t> order, const double* keys, std::size_t most, SettleT&& settle) {
        const auto key = [&](std::size_t i) { return keys[order[i]]; };
        double least = key(0), largest = least;
        for (const std::uint32_t item : order) {
            least = std::min(least, keys[item]);
            largest = std::max(largest, keys[item]);
        }
        if (least == largest) {
            settle(order);
            return;
        }
        if (order.size() <= most) {
            if (place_by_comparing(order, keys)) return;
            if (order.size() <= most_with_ties) {
                settle_equals(order, key, settle);
                return;
            }
        }
        // A float is as good as a double to begin with: rounding keeps the order. The difference from the
        // least is exact where keys differ by little.
        const auto rough_key = [&](std::uint32_t item) {
            constexpr double most_of_floats = std::numeric_limits<float>::max();
            return static_cast<float>(std::min(keys[item] - least, most_of_floats));
        };
        sort_by_floats(order, rough_key);
        settle_equals(
            order, [&](std::size_t i) { return rough_key(order[i]); },
            [&](std::span<std::uint32_t> equals) {
                const auto falls = [&](std::uint32_t a, std::uint32_t b) { return keys[a] > keys[b]; };
                if (!std::is_sorted(equals.begin(), equals.end(), falls))
                    std::sort(equals.begin(), equals.end(), falls);
                settle_equals(
                    equals, [&](std::size_t i) { return keys[equals[i]]; }, settle);
            });
    }

    /// Items of one value per weight, as in sums of subsets: their efficiencies differ by the rounding of a
    /// quotient at most. Their place among these few numbers and the value make one key, which is sorted at
    /// once, in half of the time. False, and no change, where that does not hold, or values are no floats, or
    /// the items do not come by rising index.
    bool sort_near_ties(std::span<std::uint32_t> order, const double* values, const double* efficiency) {
        constexpr std::uint64_t most_apart = 15;
        constexpr int widest_digit = 11;
        // Of positive numbers, and so are these, the bits have their order.
        std::uint64_t least = std::numeric_limits<std::uint64_t>::max(), largest = 0;
        std::uint32_t least_value = std::numeric_limits<std::uint32_t>::max(), largest_value = 0, varied = 0;
        const std::size_t n = order.size();
        const std::span<float> floats = keys_.get<float>(n);
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t item = order[i];
            const auto bits = bit_cast<std::uint64_t>(efficiency[item]);
            least = std::min(least, bits);
            largest = std::max(largest, bits);
            if (largest - least > most_apart || (i > 0 && order[i - 1] > item)) return false;
            if (!(values[item] <= static_cast<double>(std::numeric_limits<float>::max()))) return false;
            floats[i] = static_cast<float>(values[item]);
            if (static_cast<double>(floats[i]) != values[item]) return false;
            const auto value = bit_cast<std::uint32_t>(floats[i]);
            least_value = std::min(least_value, value);
            largest_value = std::max(largest_value, value);
            varied |= value ^ bit_cast<std::uint32_t>(floats[0]);
        }
        // Bits below the lowest that varies say nothing.
        const int shift = varied == 0 ? 0 : std::countr_zero(varied);
        const int value_bits = 32 - std::countl_zero((largest_value >> shift) - (least_value >> shift));
        const int bits = value_bits + 64 - std::countl_zero(largest - least);
        if (bits > 32) return false;
        const int digits = (bits + widest_digit - 1) / widest_digit;
        const int width = digits == 0 ? 0 : (bits + digits - 1) / digits;
        const auto entries = entries_.get<order_entry>(2 * n);
        order_entry* from = entries.data();
        order_entry* to = from + n;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t place = largest - bit_cast<std::uint64_t>(efficiency[order[i]]);
            const std::uint32_t value =
                (largest_value >> shift) - (bit_cast<std::uint32_t>(floats[i]) >> shift);
            from[i] = ((place << value_bits | value) << 32) | order[i];
        }
        const std::span<std::uint32_t> starts = items_.get<std::uint32_t>(std::size_t{1} << width);
        for (int d = 0; d < digits; ++d) {  // the least significant one first; each pass is stable
            const auto digit = [&](order_entry entry) {
                return static_cast<std::size_t>(entry >> (32 + d * width)) & (starts.size() - 1);
            };
            std::fill(starts.begin(), starts.end(), std::uint32_t{0});
            for (std::size_t i = 0; i < n; ++i) ++starts[digit(from[i])];
            std::uint32_t below = 0;
            for (std::uint32_t& count : starts) below += std::exchange(count, below);
            for (std::size_t i = 0; i < n; ++i) to[starts[digit(from[i])]++] = from[i];
            std::swap(from, to);
        }
        for (std::size_t i = 0; i < n; ++i) order[i] = index_of(from[i]);
        return true;
    }

    /// Calls settle(items) for those that follow one another and have equal keys.
    template <class KeyT, class SettleT>
    static void settle_equals(std::span<std::uint32_t> order, KeyT&& key, SettleT&& settle) {
        for (std::size_t first = 0; first < order.size();) {
            std::size_t end = first + 1;
            while (end < order.size() && key(end) == key(first)) ++end;
            if (end - first > 1) settle(order.subspan(first, end - first));
            first = end;
        }
    }

    template <class KeyT>
    void sort_by_floats(std::span<std::uint32_t> order, const KeyT& key) {
        const std::size_t n = order.size();
        const auto floats = keys_.get<float>(n);
        for (std::size_t i = 0; i < n; ++i) floats[i] = key(order[i]);
        const auto items = items_.get<std::uint32_t>(n);
        std::copy(order.begin(), order.end(), items.begin());
        const auto ascending =
            ascending_order(std::span<const float>(floats), entries_.get<order_entry>(2 * n));
        for (std::size_t i = 0; i < n; ++i) order[i] = items[index_of(ascending[n - 1 - i])];
    }

    static bool precedes(std::uint32_t a, std::uint32_t b, const double* values, const double* efficiency) {
        if (efficiency[a] != efficiency[b]) return efficiency[a] > efficiency[b];
        if (values[a] != values[b]) return values[a] > values[b];
        return a < b;
    }

    /// An item's place is the number of items before it: all pairs are compared, without a branch. Returns
    /// whether all keys differ. If some do not, and there are more than `most_with_ties`, changes nothing.
    bool place_by_comparing(std::span<std::uint32_t> order, const double* efficiency) {
        const std::size_t n = order.size(), width = (n + lane_count - 1) / lane_count * lane_count;
        double* const keys = keys_.get<double>(2 * width).data();
        double* const numbers = keys + width;  // 0, 1, 2, ...
        std::uint32_t* const items = items_.get<std::uint32_t>(n + width).data();
        std::uint32_t* const places = items + n;
        for (std::size_t i = 0; i < n; ++i) {
            items[i] = order[i];
            keys[i] = efficiency[items[i]];
        }
        for (std::size_t i = n; i < width; ++i) keys[i] = 0;
        std::size_t sum = 0;
        for (std::size_t first = 0; first < width; first += lane_count)
            count(n, places + first,
                  [&](std::size_t i) { return keys[i] > load_vector<double, lane_count>(keys + first); });
        for (std::size_t i = 0; i < n; ++i) sum += places[i];
        // Each pair counts once, unless its keys are equal. Of those the one in front comes first.
        const bool differ = sum == n * (n - 1) / 2;
        if (!differ && n > most_with_ties) return false;
        if (!differ) {
            for (std::size_t i = 0; i < width; ++i) numbers[i] = static_cast<double>(i);
            for (std::size_t first = 0; first < width; first += lane_count)
                count(n, places + first, [&](std::size_t i) {
                    const auto own = load_vector<double, lane_count>(keys + first);
                    const auto place = load_vector<double, lane_count>(numbers + first);
                    return (keys[i] > own) | ((keys[i] == own) & (numbers[i] < place));
                });
        }
        for (std::size_t i = 0; i < n; ++i) order[places[i]] = items[i];
        return differ;
    }

    static constexpr std::size_t lane_count = std::size_t{native_lanes<double>};

    /// Writes for each of the lanes for how many i < n is_before(i) is true.
    template <class IsBefore, std::size_t Lanes = lane_count>
    static void count(std::size_t n, std::uint32_t* places, IsBefore&& is_before) {
        if constexpr (Lanes == 1) {
            *places = 0;
            for (std::size_t i = 0; i < n; ++i) *places += is_before(i) ? 1u : 0u;
        } else {
            vector_of<std::int64_t, Lanes> before{};
            for (std::size_t i = 0; i < n; ++i) before -= is_before(i);  // true is -1
            for (std::size_t j = 0; j < Lanes; ++j) places[j] = static_cast<std::uint32_t>(before[j]);
        }
    }

    basic_scratch<float, double> keys_;
    basic_scratch<std::uint32_t> items_;
    basic_scratch<order_entry> entries_;
};

/// Orders items by falling value per surrogate weight, and finds the multipliers of the surrogate weights:
/// one a dimension. With good ones the bound of the search is that of the linear relaxation in all
/// dimensions, and the search some eighty times smaller than with equal ones (50 items in 2 dimensions,
/// measured); for one dimension there is nothing to choose.
class knapsack_order {
  public:
    /// order: the items to choose from, put in order by `find`; values: [item]. The others are to work with:
    /// surrogate, efficiency: [item]; multipliers: 3 numbers a dimension.
    knapsack_order(const knapsack_problem& problem, std::span<std::uint32_t> order, const double* values,
                   double* surrogate, double* efficiency, double* multipliers, knapsack_sort& sort)
        : problem_(problem),
          order_(order),
          values_(values),
          surrogate_(surrogate),
          efficiency_(efficiency),
          multiplier_(multipliers),
          best_(multipliers + problem.dimensions),
          use_(multipliers + 2 * problem.dimensions),
          sort_(sort) {}

    /// A power of two that brings the largest value near 1, once `find` has run.
    [[nodiscard]] double scale() const noexcept { return scale_; }

    /// Puts the items in order. Returns the capacity in surrogate weight.
    double find() {
        const std::size_t dimensions = problem_.dimensions;
        double largest = 0;
        for (const std::uint32_t item : order_) largest = std::max(largest, values_[item]);
        // A power of two, and so exact; the quotient of a large value and a tiny weight must not overflow.
        scale_ = power_near_inverse(largest);
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

    /// The largest power of two up to 1 / x, or nearly so where that is no normal number. From the bits of x,
    /// since calls take a tenth of a small solve.
    [[nodiscard]] static double power_near_inverse(double x) {
        constexpr std::uint64_t most = 2045;
        const std::uint64_t exponent = bit_cast<std::uint64_t>(x) >> 52;
        if (exponent - 1 < most) return bit_cast<double>((most + 1 - exponent) << 52);
        return std::ldexp(1.0, std::min(-std::ilogb(x), std::numeric_limits<double>::max_exponent - 1));
    }

    /// With room for the rounding of a sum of items, and no more than the search takes for equal: with the
    /// slack of `knapsack_limit` no bound would meet the value of a set that fills the knapsack.
    [[nodiscard]] double capacity() const {
        double sum = 0;
        for (std::size_t d = 0; d < problem_.dimensions; ++d) sum += multiplier_[d];
        const auto roundings = static_cast<double>(2 * (order_.size() + 4));
        return sum * (1 + rounded(roundings * std::numeric_limits<double>::epsilon()));
    }

    /// Surrogate weights and order for the multipliers; returns the value of the relaxed problem, where there
    /// are several dimensions: as many items as fit, and a part of the next.
    double arrange() {
        const std::size_t dimensions = problem_.dimensions;
        if (dimensions == 1) {  // its multiplier is 1
            for (const std::uint32_t item : order_) {
                surrogate_[item] = std::max(problem_.shares[item], least_surrogate);
                efficiency_[item] = values_[item] * scale_ / surrogate_[item];
            }
            sort();
            return 0;
        }
        for (const std::uint32_t item : order_) {
            double sum = 0;
            for (std::size_t d = 0; d < dimensions; ++d)
                sum += rounded(multiplier_[d] * problem_.shares[item * dimensions + d]);
            surrogate_[item] = std::max(sum, least_surrogate);
            efficiency_[item] = values_[item] * scale_ / surrogate_[item];
        }
        sort();
        if (dimensions < 2) return 0;
        double bound = 0;
        fill([&](std::uint32_t item, double part) { bound += rounded(part * values_[item]); });
        return bound;
    }

    /// By insertion where they are almost in order, as they are after a change of multipliers.
    void sort() {
        if (!sorted_once_)
            sort_(order_, values_, efficiency_);
        else
            knapsack_sort::insert(order_, values_, efficiency_);
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
    knapsack_sort& sort_;
    bool sorted_once_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
