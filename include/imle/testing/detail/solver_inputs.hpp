#pragma once

/// @file
/// The thetas on which `check_solver` tries a solver.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/check_solver_options.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Folds a number into [lowest, highest]: mirrored at a bound, so that a half-line keeps the distribution of
/// |t|, and cut where that is not enough.
[[nodiscard]] inline double folded(double t, const testing::check_solver_options& options) {
    if (t > options.highest) t = options.highest - (t - options.highest);
    if (t < options.lowest) t = options.lowest + (options.lowest - t);
    return std::clamp(t, options.lowest, options.highest);
}

/// True if factor * theta is finite and within the domain.
[[nodiscard]] inline bool within(const std::vector<double>& theta, double factor,
                                 const testing::check_solver_options& options) {
    return std::all_of(theta.begin(), theta.end(), [&](double t) {
        return factor * t >= options.lowest && factor * t <= options.highest && std::abs(factor * t) < 1e37;
    });
}

/// Always the zeros, the unit vectors, the denormal and the huge; then random vectors of several kinds.
template <class Scalar>
[[nodiscard]] std::vector<std::vector<double>> solver_inputs(std::size_t n,
                                                             const testing::check_solver_options& options) {
    if (!(options.lowest < options.highest))
        throw_invalid("check_solver_options::lowest", options.lowest, "less than highest");
    std::mt19937_64 random(options.seed);
    // Not the standard's distributions: they differ between libraries, and a failure should be the same
    // everywhere.
    const auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    const double tiny = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
    const double huge = std::pow(static_cast<double>(std::numeric_limits<Scalar>::max()), 0.8);

    std::vector<std::vector<double>> inputs;
    const auto add = [&](auto&& number) {
        std::vector<double> theta(n);
        for (std::size_t i = 0; i < n; ++i) theta[i] = folded(number(i), options);
        inputs.push_back(std::move(theta));
    };
    add([](std::size_t) { return 0.0; });
    add([](std::size_t i) { return i % 2 == 0 ? 0.0 : -0.0; });
    add([](std::size_t) { return 1.0; });
    add([](std::size_t) { return -1.0; });
    for (std::size_t unit_at = 0; unit_at < n; ++unit_at) {
        add([&](std::size_t i) { return i == unit_at ? 1.0 : 0.0; });
        add([&](std::size_t i) { return i == unit_at ? -1.0 : 0.0; });
    }
    for (int trial = 0; trial < options.trials; ++trial) {
        add([&](std::size_t) { return 2 * unit() - 1; });
        add([&](std::size_t) { return std::floor(5 * unit()) - 2; });  // integers: ties
        if (trial % 4 != 0) continue;
        add([&](std::size_t) { return (std::floor(9 * unit()) - 4) * tiny; });
        add([&](std::size_t) { return (2 * unit() - 1) * huge; });
        add([&](std::size_t) { return (unit() < 0.5 ? -1 : 1) * std::exp(40 * unit() - 20); });
    }
    return inputs;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
