#pragma once

/// @file
/// An edge between two nodes of a graph.

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// An edge between two nodes, which are numbered from 0. In a directed graph it goes from `from` to `to`.
struct graph_edge {
    Eigen::Index from;
    Eigen::Index to;

    friend bool operator==(const graph_edge&, const graph_edge&) = default;
};

}  // namespace imle::inline IMLE_ABI
