#pragma once

/// @file
/// How well costs explain the paths of drivers.

#include <cstdint>
#include <span>
#include <vector>

#include "traffic.hpp"

namespace routes {

struct agreement {
    /// The share of an observed path's edges that the cheapest path has too, mean over trips.
    double edges = 0;
    /// The share of trips whose cheapest path is the observed one.
    double whole_paths = 0;
    /// By how much the cheapest paths really cost more than the observed ones, all together.
    double excess = 0;
};

/// The cheapest path of each of these trips.
[[nodiscard]] std::vector<path> cheapest_paths(const std::vector<float>& costs, const trips& of,
                                               std::span<const std::uint64_t> ids, int threads);

/// predicted: a path for each of these trips; hidden: what edges really cost.
[[nodiscard]] agreement compare(std::span<const path> predicted, const trips& of,
                                std::span<const std::uint64_t> ids, std::span<const float> hidden);

}  // namespace routes
