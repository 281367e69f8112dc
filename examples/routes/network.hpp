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

/// Vectors have one number for each edge of the graph, but for `positions`.
struct road_network {
    std::string name;
    imle::directed_graph graph{0, {}};
    /// What anybody can measure.
    std::vector<float> lengths;
    /// How long an edge takes when the roads are empty, which the learner is not told.
    std::vector<float> free_flow_times;
    /// Trips begin and end at the first so many nodes; 0: at all.
    Eigen::Index zones = 0;
    /// Nodes below it are on no path but at its ends.
    Eigen::Index first_through_node = 0;
    /// Where each node is; empty if nobody knows.
    std::vector<position> positions;
};

}  // namespace routes
