#pragma once

/// @file
/// The simulated traffic: hidden costs, and the paths of drivers who know them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_paths.hpp>

#include "network.hpp"

namespace routes {

/// Finds the cheapest path of the trip that `solve_context::id` names.
using path_solver = imle::minimizing<imle::shortest_paths>;

/// The edges of a path, in ascending order.
using path = std::vector<Eigen::Index>;

/// Trips from one node to another, all different, and the observed path of each.
struct trips {
    path_solver solver;
    std::vector<path> observed;
    /// The first so many trips are held out, the others are training trips. Adding training trips does not
    /// change the held-out ones.
    std::size_t held_out;

    /// The indices of the training trips, and of the held-out ones.
    [[nodiscard]] std::vector<std::uint64_t> training_ids() const;
    [[nodiscard]] std::vector<std::uint64_t> held_out_ids() const;
};

/// The cost of an edge to the drivers: its free flow time, with a factor that varies between districts and a
/// factor without a visible reason.
[[nodiscard]] std::vector<float> hidden_costs(const road_network& network, const imle::random_key& key);

/// Draws trips that have a path, and the cheapest path of each. Throws `std::runtime_error` if there are too
/// few.
[[nodiscard]] trips observe(const road_network& network, std::span<const float> costs, std::size_t held_out,
                            std::size_t training, const imle::random_key& key);

}  // namespace routes
