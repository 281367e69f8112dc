#pragma once

/// @file
/// A graph laid out for the search for matchings.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The neighbours of each node: those of v are first[v] to first[v + 1] - 1. Loops are left out.
struct matching_graph {
    struct neighbour {
        std::int32_t node;
        std::int32_t edge;
    };

    Eigen::Index nodes;
    std::vector<graph_edge> edges;
    std::vector<std::size_t> first;
    std::vector<neighbour> neighbours;

    matching_graph(Eigen::Index node_count, std::vector<graph_edge> edge_list)
        : nodes(node_count), edges(std::move(edge_list)) {
        require_graph(nodes, edges);
        if (nodes > most_nodes) throw_invalid("the number of nodes", nodes, message("at most ", most_nodes));
        neighbours.resize(2 * edges.size());
        first = begin_edge_lists<std::size_t>(
            nodes, edges, [&](std::size_t e, std::size_t place, std::size_t other) {
                const auto edge = static_cast<std::int32_t>(e);
                neighbours[place] = {static_cast<std::int32_t>(edges[e].to), edge};
                neighbours[other] = {static_cast<std::int32_t>(edges[e].from), edge};
            });
        neighbours.resize(first.back());
    }

    /// With their blossoms they have 32-bit numbers.
    static constexpr Eigen::Index most_nodes = 1 << 30;
};

}  // namespace imle::inline IMLE_ABI::detail
