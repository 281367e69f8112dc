#pragma once

/// @file
/// A city that never was.

#include <imle/random/random_key.hpp>

#include "network.hpp"

namespace routes {

/// Crossings on a grid that is not quite regular, 100 m apart. Every ninth row and column is an arterial
/// road, twice as fast as a street. One street in five is missing, one in six goes one way only; each
/// crossing can be reached from every other.
[[nodiscard]] road_network make_city(int nodes, const imle::random_key& key);

}  // namespace routes
