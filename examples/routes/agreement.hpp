#pragma once

/// @file
/// How well costs explain the drivers' paths.

#include <cstdint>
#include <span>
#include <vector>

#include "traffic.hpp"

namespace routes {

struct agreement {
    /// The share of an observed path's edges that the cheapest path has too; the mean over trips.
    double edges = 0;
    /// The share of trips whose cheapest path is the observed one.
    double whole_paths = 0;
    /// How much more the cheapest paths really cost than the observed ones, in total.
    double excess = 0;
};

/// The cheapest path of each of these trips.
[[nodiscard]] std::vector<path> cheapest_paths(const std::vector<float>& costs, const trips& of,
                                               std::span<const std::uint64_t> ids, int threads);

/// predicted: a path for each of these trips; hidden: the real costs of edges.
[[nodiscard]] agreement compare(std::span<const path> predicted, const trips& of,
                                std::span<const std::uint64_t> ids, std::span<const float> hidden);

}  // namespace routes
