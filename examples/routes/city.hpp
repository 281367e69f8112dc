#pragma once

/// @file
/// A fictional city.

#include <imle/random/random_key.hpp>

#include "network.hpp"

namespace routes {

/// Crossings on a slightly irregular grid, 100 m apart. Every ninth row and column is an arterial road, twice
/// as fast as a street. One street in five is missing, one in six is one-way. Each crossing can be reached
/// from every other.
[[nodiscard]] road_network make_city(int nodes, const imle::random_key& key);

}  // namespace routes
