#pragma once

/// @file
/// Shortest paths by Boost.Graph.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include <boost/graph/dag_shortest_paths.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/visitors.hpp>
#include <boost/property_map/property_map.hpp>

#include <imle/adapters/boost_graph/detail/indexed_graph.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/shortest_path.hpp>

namespace imle::inline IMLE_ABI {

/// The cheapest path between two nodes of a directed graph, by `boost::dijkstra_shortest_paths`, or by
/// `boost::dag_shortest_paths` where the graph has no cycle. What `shortest_path` does, by another hand.
///
///     boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS> graph(4);
///     imle::boost_shortest_path solver(graph, 0, 3);       // or an imle::directed_graph
///
/// theta: one number for each edge, in the order of `boost::edges(graph)`; an edge costs -theta. z: 1 on the
/// path's edges. With source == target the path is empty. Float or double; sums are of double.
///
/// Ties: the path that Boost's algorithm finds first; it depends on theta alone. Negative costs are exact
/// without cycles; with them they count as 0 or throw, as `shortest_path_options` says.
///
/// Throws `std::invalid_argument` from the constructor for nodes that are not there and for a target that
/// cannot be reached; when solving, for a theta of another size or that is not finite, and where the sums
/// overflow. O((nodes + edges) log nodes); allocates. Copies share the graph.
class boost_shortest_path {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    boost_shortest_path(const directed_graph& graph, Eigen::Index source, Eigen::Index target,
                        const shortest_path_options& options = {})
        : acyclic_(graph.is_acyclic()), options_(options) {
        for (const Eigen::Index node : {source, target})
            if (node < 0 || node >= graph.nodes())
                detail::throw_invalid(node == source ? "source" : "target", node,
                                      detail::message("one of the ", graph.nodes(), " nodes"));
        source_ = static_cast<std::size_t>(source);
        target_ = static_cast<std::size_t>(target);
        graph_ = detail::make_indexed_graph<boost::directedS>(graph.nodes(), graph.edges());
        solve(std::vector<double>(boost::num_edges(*graph_), 1.0));
        if (distances_[target_] == unreached)
            detail::throw_invalid("target",
                                  detail::message(target, ", which no path from ", source, " reaches"),
                                  "a node that can be reached");
    }
    /// The same for a directed graph of Boost's, which is copied.
    template <detail::boost_edge_list GraphT>
    boost_shortest_path(const GraphT& graph, Eigen::Index source, Eigen::Index target,
                        const shortest_path_options& options = {})
        : boost_shortest_path(
              directed_graph(static_cast<Eigen::Index>(boost::num_vertices(graph)), detail::edges_of(graph)),
              source, target, options) {
        static_assert(boost::is_directed_graph<GraphT>::value,
                      "imle::boost_shortest_path takes a directed graph; give an undirected one both arcs of "
                      "each edge");
    }

    /// theta: [edges]; z: the same, all of it is written.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        detail::require_instance(theta, z);
        detail::require_edges(theta.size(), boost::num_edges(*graph_));
        costs_.resize(static_cast<std::size_t>(theta.size()));
        for (std::size_t e = 0; e < costs_.size(); ++e) {
            costs_[e] = -static_cast<double>(theta.data()[e]);
            if (acyclic_ || !(costs_[e] < 0)) continue;
            if (options_.negative_costs == negative_costs::reject)
                detail::throw_invalid("the cost of an edge", detail::message(costs_[e], " at edge ", e),
                                      "0 or more in a graph with cycles (theta at most 0)");
            costs_[e] = 0;
        }
        solve(costs_);
        if (!(distances_[target_] < unreached))
            detail::throw_invalid("theta", "so large that the cost of every path overflows",
                                  "sums of edges that a double can hold");
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        const auto number = get(boost::edge_index, *graph_);
        for (std::size_t node = target_; node != source_; node = boost::source(entries_[node], *graph_))
            z.data()[get(number, entries_[node])] = 1;
    }

  private:
    using graph_type = detail::indexed_graph<boost::directedS>;
    using edge_type = boost::graph_traits<graph_type>::edge_descriptor;
    static constexpr double unreached = std::numeric_limits<double>::max();

    void solve(const std::vector<double>& costs) {
        const graph_type& graph = *graph_;
        distances_.assign(boost::num_vertices(graph), unreached);
        entries_.assign(boost::num_vertices(graph), edge_type());
        const auto index = get(boost::vertex_index, graph);
        const auto weight = boost::make_iterator_property_map(costs.begin(), get(boost::edge_index, graph));
        const auto distance = boost::make_iterator_property_map(distances_.begin(), index);
        const auto entry = boost::make_iterator_property_map(entries_.begin(), index);
        const auto visitor =
            boost::make_dijkstra_visitor(boost::record_edge_predecessors(entry, boost::on_edge_relaxed()));
        if (acyclic_)
            boost::dag_shortest_paths(
                graph, source_,
                boost::weight_map(weight).distance_map(distance).vertex_index_map(index).visitor(visitor));
        else
            boost::dijkstra_shortest_paths(
                graph, source_,
                boost::weight_map(weight).distance_map(distance).vertex_index_map(index).visitor(visitor));
    }

    bool acyclic_;
    shortest_path_options options_;
    std::size_t source_ = 0, target_ = 0;
    std::shared_ptr<const graph_type> graph_;
    std::vector<double> costs_, distances_;
    std::vector<edge_type> entries_;  // for each node, the edge by which its best path comes
};

}  // namespace imle::inline IMLE_ABI
