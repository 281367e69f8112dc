#pragma once

/// @file
/// What happens on the roads: hidden costs, and the paths of drivers who know them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_paths.hpp>

#include "network.hpp"

namespace routes {

/// Finds the cheapest path of a trip, which it is told by `solve_context::id`.
using path_solver = imle::minimizing<imle::shortest_paths>;

/// Edges of a path, increasing.
using path = std::vector<Eigen::Index>;

/// Trips from one node to another, no two of which are the same, and the path that was seen of each.
struct trips {
    path_solver solver;
    std::vector<path> observed;
    /// The first so many are held out, the others are learned from: more of these leave those the same.
    std::size_t held_out;

    /// The numbers of the trips that are learned from, and of the others.
    [[nodiscard]] std::vector<std::uint64_t> training_ids() const;
    [[nodiscard]] std::vector<std::uint64_t> held_out_ids() const;
};

/// What an edge costs the drivers: its free flow time, more in some districts than in others, and more or
/// less for no reason that can be seen.
[[nodiscard]] std::vector<float> hidden_costs(const road_network& network, const imle::random_key& key);

/// Draws trips that have a path, and the cheapest path of each. Throws `std::runtime_error` if there are
/// hardly so many.
[[nodiscard]] trips observe(const road_network& network, std::span<const float> costs, std::size_t held_out,
                            std::size_t training, const imle::random_key& key);

}  // namespace routes
