#pragma once

/// @file
/// The weights and capacities of a knapsack, checked and made ready.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace imle::inline IMLE_ABI::detail {

/// What a sum of weights may be at most: a little more than the capacity, since sums of decimal fractions
/// that fill it in full (0.1 + 0.2 of 0.3) exceed it by their rounding. Integers below 10^11 are compared
/// exactly all the same. Finite, so that a sum that overflows does not fit.
[[nodiscard]] inline double knapsack_limit(double capacity) noexcept {
    return std::min(capacity * (1 + 1e-12), std::numeric_limits<double>::max());
}

/// Items of equal weight that can't all be taken: `most` of them fit, and a best set has none but the first
/// ones, by falling value, then by rising index. (The first best set, that is: another item could be replaced
/// by one of these.)
struct knapsack_groups {
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    std::vector<std::uint32_t> group_of;     // [item]: `none` if all of its weight fit
    std::vector<std::uint32_t> begin, most;  // [group]: the place of its list, and how many fit
    std::size_t places = 0;                  // of all lists

    /// Empty if it would leave most of the items.
    [[nodiscard]] bool is_empty() const noexcept { return group_of.empty(); }

    /// weights: [item]; fits: [item]. O(items + capacity).
    void find(std::span<const std::uint32_t> weights, std::span<const std::uint8_t> fits,
              std::size_t capacity) {
        // A group has more members than fit.
        if (capacity / weights.size() > 64) return;
        std::vector<std::uint32_t> members(capacity + 1, 0), group_at(capacity + 1, none);
        std::size_t items = 0, left = 0;
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (fits[i] != 0) ++members[weights[i]], ++items;
        for (std::size_t weight = 1; weight <= capacity; ++weight) {
            const auto fit = static_cast<std::uint32_t>(capacity / weight);
            left += std::min(members[weight], fit);
            if (members[weight] <= fit) continue;
            group_at[weight] = static_cast<std::uint32_t>(begin.size());
            begin.push_back(static_cast<std::uint32_t>(places));
            most.push_back(fit);
            places += fit;
        }
        if (4 * left > 3 * items) return;
        group_of.assign(weights.size(), none);
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (fits[i] != 0) group_of[i] = group_at[weights[i]];
    }

    /// items: by rising index; those that a best set can have are moved to its front. Returns their number.
    /// values: [item]. lists: `places`, counts: [group], to work with.
    std::size_t reduce(std::span<std::uint32_t> items, const double* values, std::span<std::uint32_t> lists,
                       std::span<std::uint32_t> counts) const {
        std::fill(counts.begin(), counts.end(), std::uint32_t{0});
        std::size_t count = 0;
        for (const std::uint32_t item : items) {
            const std::uint32_t group = group_of[item];
            if (group == none) {
                items[count++] = item;
                continue;
            }
            std::uint32_t* const list = &lists[begin[group]];
            std::uint32_t at = counts[group];
            if (at < most[group])
                ++counts[group];
            else if (values[list[--at]] >= values[item])
                continue;
            for (; at > 0 && values[list[at - 1]] < values[item]; --at) list[at] = list[at - 1];
            list[at] = item;
        }
        for (std::size_t group = 0; group < counts.size(); ++group)
            for (std::uint32_t i = 0; i < counts[group]; ++i) items[count++] = lists[begin[group] + i];
        return count;
    }
};

/// What of a knapsack problem does not depend on theta.
struct knapsack_problem {
    std::size_t items = 0;
    /// The dimensions that can be exceeded at all; the others are left out.
    std::size_t dimensions = 0;
    std::vector<double> limits;      // [dimension]: see `knapsack_limit`
    std::vector<double> weights;     // [item][dimension]
    std::vector<double> shares;      // [item][dimension]: weight / capacity, at most 1 if the item fits
    std::vector<std::uint8_t> fits;  // [item]: whether it fits alone
    /// For one dimension of integers, divided by what all of them are multiples of: weights, and the
    /// capacity. Empty where there is no such thing.
    std::vector<std::uint32_t> whole_weights;  // [item]
    std::size_t whole_capacity = 0;
    knapsack_groups groups;
    /// [item]: whether it is so in all dimensions. Empty if none is.
    std::vector<std::uint8_t> weightless;
    /// For one dimension: a power of two that brings the limit near 1.
    double weight_scale = 1;

    knapsack_problem(const Eigen::MatrixXd& w, const Eigen::VectorXd& capacities) {
        if (w.rows() != capacities.size())
            throw_invalid("knapsack's weights", message("[", w.rows(), " dimensions, ", w.cols(), " items]"),
                          message("a row for each of the ", capacities.size(), " capacities"));
        for (Eigen::Index d = 0; d < w.rows(); ++d) {
            if (!is_finite(capacities(d)) || capacities(d) < 0)
                throw_invalid("knapsack's capacities", message(capacities(d), " in dimension ", d),
                              "0 or more, and finite");
            for (Eigen::Index i = 0; i < w.cols(); ++i)
                if (!is_finite(w(d, i)) || w(d, i) < 0)
                    throw_invalid("knapsack's weights",
                                  message(w(d, i), " for item ", i, " in dimension ", d),
                                  "0 or more, and finite");
        }
        items = static_cast<std::size_t>(w.cols());
        fits.assign(items, 1);
        for (Eigen::Index i = 0; i < w.cols(); ++i)
            for (Eigen::Index d = 0; d < w.rows(); ++d)
                if (w(d, i) > knapsack_limit(capacities(d))) fits[static_cast<std::size_t>(i)] = 0;
        std::vector<Eigen::Index> binding;
        for (Eigen::Index d = 0; d < w.rows(); ++d) {
            double total = 0;
            for (Eigen::Index i = 0; i < w.cols(); ++i)
                if (fits[static_cast<std::size_t>(i)] != 0) total += w(d, i);
            if (total > knapsack_limit(capacities(d))) binding.push_back(d);
        }
        dimensions = binding.size();
        for (const Eigen::Index d : binding) limits.push_back(knapsack_limit(capacities(d)));
        for (Eigen::Index i = 0; i < w.cols(); ++i)
            for (const Eigen::Index d : binding) {
                weights.push_back(w(d, i));
                shares.push_back(w(d, i) / capacities(d));
            }
        find_weightless();
        if (dimensions == 1) find_whole_weights();
        if (dimensions == 1 && limits[0] > 0)
            weight_scale = std::ldexp(
                1.0, std::min(-std::ilogb(limits[0]), std::numeric_limits<double>::max_exponent - 1));
    }

  private:
    void find_weightless() {
        std::vector<std::uint8_t> all(items, 1);
        for (std::size_t i = 0; i < weights.size(); ++i)
            if (weights[i] != 0) all[i / dimensions] = 0;
        if (std::find(all.begin(), all.end(), 1) != all.end()) weightless = std::move(all);
    }

    void find_whole_weights() {
        constexpr double most = 1 << 24;  // a table has a column for each unit of the capacity
        std::uint32_t unit = 0;
        for (std::size_t i = 0; i < items; ++i) {
            if (fits[i] == 0) continue;
            if (weights[i] > most || weights[i] != std::floor(weights[i])) return;
            unit = std::gcd(unit, static_cast<std::uint32_t>(weights[i]));
        }
        // The weights exceed the capacity, so one of them is not 0.
        const double units = std::floor(limits[0] / unit);
        if (units > most) return;
        whole_capacity = static_cast<std::size_t>(units);
        whole_weights.assign(items, 0);
        for (std::size_t i = 0; i < items; ++i)
            if (fits[i] != 0) whole_weights[i] = static_cast<std::uint32_t>(weights[i]) / unit;
        groups.find(whole_weights, fits, whole_capacity);
    }
};

}  // namespace imle::inline IMLE_ABI::detail
