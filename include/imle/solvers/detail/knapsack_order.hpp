#pragma once

/// @file
/// The order in which a search goes through the items of a knapsack problem.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/knapsack_problem.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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
                multiplier_[d] *= std::exp(step * std::clamp(use_[d] - 1, -1.0, 1.0));
                sum += multiplier_[d];
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
        return sum * (1 + roundings * std::numeric_limits<double>::epsilon());
    }

    /// Surrogate weights and order for the multipliers; returns the value of the relaxed problem: as many
    /// items as fit, and a part of the next.
    double arrange() {
        const std::size_t dimensions = problem_.dimensions;
        for (const std::uint32_t item : order_) {
            double sum = 0;
            for (std::size_t d = 0; d < dimensions; ++d)
                sum += multiplier_[d] * problem_.shares[item * dimensions + d];
            surrogate_[item] = std::max(sum, least_surrogate);
            efficiency_[item] = values_[item] * scale_ / surrogate_[item];
        }
        sort();
        double bound = 0;
        fill([&](std::uint32_t item, double part) { bound += part * values_[item]; });
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
                use_[d] += part * problem_.shares[item * dimensions + d];
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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
