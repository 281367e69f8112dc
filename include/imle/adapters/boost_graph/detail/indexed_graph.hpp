#pragma once

/// @file
/// Copies of graphs in which each edge knows its place in theta.

#include <cstddef>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/solvers/directed_graph.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A graph of Boost's whose edges are numbered. Parallel edges and loops are kept.
template <class DirectedS>
using indexed_graph = boost::adjacency_list<boost::vecS, boost::vecS, DirectedS, boost::no_property,
                                            boost::property<boost::edge_index_t, std::size_t>>;

/// A Boost graph that has an edge list and numbers its vertices: adjacency_list with vecS vertices,
/// compressed_sparse_row_graph, adjacency_matrix, ...
template <class GraphT>
concept boost_edge_list = requires(const GraphT& graph) {
    // The members and not `boost::graph_traits`, which is a hard error for what is no graph.
    typename GraphT::edge_iterator;
    typename GraphT::directed_category;
    boost::edges(graph);
    boost::num_vertices(graph);
    get(boost::vertex_index, graph);
};

/// The edges of a Boost graph in the order of `boost::edges`, which is theta's.
template <boost_edge_list GraphT>
[[nodiscard]] std::vector<graph_edge> edges_of(const GraphT& graph) {
    const auto index = get(boost::vertex_index, graph);
    std::vector<graph_edge> list;
    const auto range = boost::edges(graph);
    for (auto edge = range.first; edge != range.second; ++edge)
        list.push_back({static_cast<Eigen::Index>(get(index, source(*edge, graph))),
                        static_cast<Eigen::Index>(get(index, target(*edge, graph)))});
    return list;
}

/// Numbers the edges in the order given. Throws `std::invalid_argument` for one that leaves the graph.
template <class DirectedS, class EdgesT>
[[nodiscard]] std::shared_ptr<const indexed_graph<DirectedS>> make_indexed_graph(Eigen::Index nodes,
                                                                                 const EdgesT& edges) {
    if (nodes < 0) throw_invalid("the number of nodes", nodes, "0 or more");
    auto graph = std::make_shared<indexed_graph<DirectedS>>(static_cast<std::size_t>(nodes));
    std::size_t number = 0;
    for (const graph_edge& edge : edges) {
        for (const Eigen::Index end : {edge.from, edge.to})
            if (end < 0 || end >= nodes)
                throw_invalid("an edge", message("from node ", edge.from, " to node ", edge.to),
                              message("two of the ", nodes, " nodes, numbered from 0"));
        boost::add_edge(static_cast<std::size_t>(edge.from), static_cast<std::size_t>(edge.to), number++,
                        *graph);
    }
    return graph;
}

/// Throws unless theta has one number for each edge.
inline void require_edges(Eigen::Index given, std::size_t edges) {
    if (given != static_cast<Eigen::Index>(edges))
        throw_invalid("theta", message("of ", given, " numbers"),
                      message(edges, ", one for each edge of the graph"));
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
