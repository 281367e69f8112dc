#pragma once

/// @file
/// Means over runs, and their variation.

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

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

/// A measured number and its standard error.
struct estimate {
    double value = 0;
    double error = 0;
};

/// The mean of a over the mean of b, which were measured in pairs: the error by linearisation. Needs two
/// pairs or more.
[[nodiscard]] inline estimate ratio_of_means(std::span<const double> a, std::span<const double> b) {
    const double above = summarize(a).mean, below = summarize(b).mean;
    std::vector<double> residuals;
    for (std::size_t i = 0; i < a.size(); ++i) residuals.push_back((a[i] - above / below * b[i]) / below);
    return {above / below, summarize(residuals).error(a.size())};
}

}  // namespace experiments
