#pragma once

/// @file
/// A road network.

#include <string>
#include <vector>

#include <imle/solvers/directed_graph.hpp>

namespace routes {

struct position {
    float x;
    float y;
};

/// All vectors except `positions` have one number per edge of the graph.
struct road_network {
    std::string name;
    imle::directed_graph graph{0, {}};
    /// Known to everybody.
    std::vector<float> lengths;
    /// The time on an edge when the roads are empty. The learner does not get it.
    std::vector<float> free_flow_times;
    /// Trips begin and end at the first so many nodes; 0: at any node.
    Eigen::Index zones = 0;
    /// Nodes below this one may only be the first or last of a path.
    Eigen::Index first_through_node = 0;
    /// The position of each node; empty if unknown.
    std::vector<position> positions;
};

}  // namespace routes
