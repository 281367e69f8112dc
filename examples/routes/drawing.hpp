#pragma once

/// @file
/// Maps, as gnuplot scripts. The network must have the positions of its nodes.

#include <cstdint>
#include <span>
#include <vector>

#include "network.hpp"
#include "support/picture_writer.hpp"
#include "traffic.hpp"

namespace routes {

using example_support::picture;

/// Some trips, before and after learning: which edges the predicted paths share with the observed ones. Both
/// have a path for each trip.
[[nodiscard]] picture draw_paths(const road_network& network, const trips& seen,
                                 std::span<const std::uint64_t> ids, std::span<const path> before,
                                 std::span<const path> after);

/// The cost per metre of each edge, learned and real, relative to the median edge of each map.
[[nodiscard]] picture draw_costs(const road_network& network, std::span<const float> learned,
                                 std::span<const float> hidden);

}  // namespace routes
