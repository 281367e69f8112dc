#pragma once

/// @file
/// Means over runs, and their variation.

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace experiments {

struct mean_and_deviation {
    double mean = 0;
    /// With the divisor n - 1; 0 for a single number.
    double deviation = 0;

    /// The standard error of the mean of n such numbers.
    [[nodiscard]] double error(std::size_t n) const { return deviation / std::sqrt(static_cast<double>(n)); }
};

/// Needs at least one number; otherwise NaN.
[[nodiscard]] inline mean_and_deviation summarize(std::span<const double> numbers) {
    if (numbers.empty())
        return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    const auto n = static_cast<double>(numbers.size());
    mean_and_deviation found;
    for (const double x : numbers) found.mean += x / n;
    if (numbers.size() == 1) return found;
    double squares = 0;
    for (const double x : numbers) squares += (x - found.mean) * (x - found.mean);
    found.deviation = std::sqrt(squares / (n - 1));
    return found;
}

}  // namespace experiments
