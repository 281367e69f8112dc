#pragma once

/// @file
/// A graph laid out for minimum cuts.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The arcs of an undirected graph, two for each edge that joins different nodes: those that leave node v
/// are first[v] to first[v + 1] - 1.
struct cut_network {
    Eigen::Index nodes;
    std::vector<graph_edge> edges;
    std::vector<std::int32_t> first;
    /// Of each edge, the arc that leaves `from` and the one that leaves `to`; -1 for a loop.
    std::vector<std::int32_t> there, back;
    /// Of each arc, where it leads, and the arc that leads back.
    std::vector<std::int32_t> to, reverse;

    cut_network(Eigen::Index node_count, std::vector<graph_edge> edge_list)
        : nodes(node_count), edges(std::move(edge_list)) {
        require_graph(nodes, edges);
        if (edges.size() > most_edges) throw_invalid("the number of edges", edges.size(), most_edges);
        there.assign(edges.size(), -1);
        back.assign(edges.size(), -1);
        first = begin_edge_lists<std::int32_t>(nodes, edges,
                                               [&](std::size_t e, std::int32_t place, std::int32_t other) {
                                                   there[e] = place;
                                                   back[e] = other;
                                               });
        to.resize(static_cast<std::size_t>(first.back()));
        reverse.resize(to.size());
        for (std::size_t e = 0; e < edges.size(); ++e)
            if (there[e] >= 0) {
                const auto out = static_cast<std::size_t>(there[e]), in = static_cast<std::size_t>(back[e]);
                to[out] = static_cast<std::int32_t>(edges[e].to);
                to[in] = static_cast<std::int32_t>(edges[e].from);
                reverse[out] = back[e];
                reverse[in] = there[e];
            }
    }

    static constexpr std::size_t most_edges = std::numeric_limits<std::int32_t>::max() / 2;
};

}  // namespace imle::inline IMLE_ABI::detail
