#pragma once

/// @file
/// The weights and capacities of a knapsack, checked and made ready.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
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
        if (dimensions == 1) find_whole_weights();
        if (dimensions == 1 && limits[0] > 0)
            weight_scale = std::ldexp(
                1.0, std::min(-std::ilogb(limits[0]), std::numeric_limits<double>::max_exponent - 1));
    }

  private:
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
    }
};

}  // namespace imle::inline IMLE_ABI::detail
