#pragma once

/// @file
/// Solvers that use Boost.Graph (Debian: libboost-graph-dev; its headers are enough). Not part of `imle.hpp`:
/// include it where you use it. See docs/adapters/boost_graph.md.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dag_shortest_paths.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/graph_traits.hpp>
#include <boost/graph/kruskal_min_spanning_tree.hpp>
#include <boost/graph/properties.hpp>
#include <boost/graph/visitors.hpp>
#include <boost/property_map/property_map.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/shortest_path.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A Boost graph with numbered edges. Parallel edges and loops are kept.
template <class DirectedS>
using indexed_graph = boost::adjacency_list<boost::vecS, boost::vecS, DirectedS, boost::no_property,
                                            boost::property<boost::edge_index_t, std::size_t>>;

/// A Boost graph with an edge list and numbered vertices: adjacency_list with vecS vertices,
/// compressed_sparse_row_graph, adjacency_matrix, ...
template <class GraphT>
concept boost_edge_list = requires(const GraphT& graph) {
    // Tests the members, because `boost::graph_traits` is a hard error for types that are not graphs.
    typename GraphT::edge_iterator;
    typename GraphT::directed_category;
    boost::edges(graph);
    boost::num_vertices(graph);
    get(boost::vertex_index, graph);
};

/// The edges of a Boost graph in the order of `boost::edges`, which is the order of theta.
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

/// Numbers the edges in the order given. Throws `std::invalid_argument` if an edge has a node outside the
/// graph.
template <class DirectedS>
[[nodiscard]] std::shared_ptr<const indexed_graph<DirectedS>> make_indexed_graph(
    Eigen::Index nodes, std::span<const graph_edge> edges) {
    require_graph(nodes, edges);
    auto graph = std::make_shared<indexed_graph<DirectedS>>(static_cast<std::size_t>(nodes));
    std::size_t number = 0;
    for (const graph_edge& edge : edges)
        boost::add_edge(static_cast<std::size_t>(edge.from), static_cast<std::size_t>(edge.to), number++,
                        *graph);
    return graph;
}

}  // namespace detail

/// The cheapest path between two nodes of a directed graph, by `boost::dijkstra_shortest_paths`, or by
/// `boost::dag_shortest_paths` if the graph has no cycle. The same problem as `shortest_path`, solved by
/// other code.
///
///     boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS> graph(4);
///     imle::boost_shortest_path solver(graph, 0, 3);       // or an imle::directed_graph
///
/// theta: one number per edge, in the order of `boost::edges(graph)`; an edge costs -theta. z: 1 on the
/// path's edges. If source == target, the path is empty. Float or double; sums are in double.
///
/// Ties: the path that Boost's algorithm finds first, which depends on theta alone. Negative costs are exact
/// on graphs without cycles; with cycles they count as 0 or throw, as `shortest_path_options` says.
///
/// The constructor throws `std::invalid_argument` for nodes that do not exist and for an unreachable target.
/// A solve throws it for a theta of the wrong size or that is not finite, and if sums overflow. If a mask
/// closes every path: `solve_status::infeasible`. O((nodes + edges) log nodes); allocates. Copies share the
/// graph.
class boost_shortest_path {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// source and target are nodes of the graph. O((nodes + edges) log nodes).
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
    /// Copies a directed Boost graph.
    template <detail::boost_edge_list GraphT>
    boost_shortest_path(const GraphT& graph, Eigen::Index source, Eigen::Index target,
                        const shortest_path_options& options = {})
        : boost_shortest_path(
              directed_graph(static_cast<Eigen::Index>(boost::num_vertices(graph)), detail::edges_of(graph)),
              source, target, options) {
        static_assert(boost::is_directed_graph<GraphT>::value,
                      "imle::boost_shortest_path takes a directed graph; replace each edge of an undirected "
                      "graph by two arcs");
    }

    /// theta: [edges]; z: the same shape, written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best path of the edges that the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        detail::require_instance(theta, z, context);
        detail::require_edges(theta.size(), boost::num_edges(*graph_));
        costs_.resize(static_cast<std::size_t>(theta.size()));
        for (std::size_t e = 0; e < costs_.size(); ++e) {
            if (!context.allows(static_cast<Eigen::Index>(e))) {
                costs_[e] = unreached;
                continue;
            }
            costs_[e] = -static_cast<double>(theta.data()[e]);
            if (acyclic_ || !(costs_[e] < 0)) continue;
            if (options_.negative_costs == negative_costs::reject)
                detail::throw_invalid("the cost of an edge", detail::message(costs_[e], " at edge ", e),
                                      "0 or more in a graph with cycles (theta at most 0)");
            costs_[e] = 0;
        }
        solve(costs_);
        if (!(distances_[target_] < unreached)) {
            if (!context.mask.empty() && is_cut_off(context.mask)) return detail::no_answer(z);
            detail::throw_invalid("theta", "so large that the cost of every path overflows",
                                  "sums of edges that a double can hold");
        }
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        const auto number = get(boost::edge_index, *graph_);
        for (std::size_t node = target_; node != source_; node = boost::source(entries_[node], *graph_))
            z.data()[get(number, entries_[node])] = 1;
        return solve_status::solved;
    }

  private:
    using graph_type = detail::indexed_graph<boost::directedS>;
    using edge_type = boost::graph_traits<graph_type>::edge_descriptor;
    static constexpr double unreached = std::numeric_limits<double>::max();

    /// Whether no path of allowed edges reaches the target.
    [[nodiscard]] bool is_cut_off(std::span<const bool> mask) {
        for (std::size_t e = 0; e < costs_.size(); ++e) costs_[e] = mask[e] ? 0 : unreached;
        solve(costs_);
        return !(distances_[target_] < unreached);
    }

    /// An edge of cost `unreached`, which is Boost's infinity, is never part of a path.
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
        const auto parameters =
            boost::weight_map(weight).distance_map(distance).vertex_index_map(index).visitor(visitor);
        if (acyclic_)
            boost::dag_shortest_paths(graph, source_, parameters);
        else
            boost::dijkstra_shortest_paths(graph, source_, parameters);
    }

    bool acyclic_;
    shortest_path_options options_;
    std::size_t source_ = 0, target_ = 0;
    std::shared_ptr<const graph_type> graph_;
    std::vector<double> costs_, distances_;
    std::vector<edge_type> entries_;  // for each node, the last edge of its best path
};

/// The spanning tree of largest weight of an undirected graph, by `boost::kruskal_minimum_spanning_tree` on
/// -theta; a forest if the graph is not connected. The same problem as `spanning_tree`, solved by other code.
///
/// theta: one number per edge, in the order given or of `boost::edges(graph)`; z: 1 on the tree's edges.
/// Float or double. Which of several best trees is chosen depends on theta alone.
///
/// Throws `std::invalid_argument` for an edge whose ends are not nodes, and for a theta of the wrong size or
/// that is not finite. If a mask disconnects nodes that the graph connects: `solve_status::infeasible`.
/// O(edges log edges); allocates. Copies share the graph.
class boost_spanning_tree {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// nodes: the number of nodes, which are numbered from 0; edges: in the order of theta.
    boost_spanning_tree(Eigen::Index nodes, const std::vector<graph_edge>& edges)
        : graph_(detail::make_indexed_graph<boost::undirectedS>(nodes, edges)) {}
    /// Copies an undirected Boost graph.
    template <detail::boost_edge_list GraphT>
    explicit boost_spanning_tree(const GraphT& graph)
        : boost_spanning_tree(static_cast<Eigen::Index>(boost::num_vertices(graph)),
                              detail::edges_of(graph)) {
        static_assert(boost::is_undirected_graph<GraphT>::value,
                      "imle::boost_spanning_tree takes an undirected graph");
    }

    /// theta: [edges]; z: the same shape, written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best tree of the edges that the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        detail::require_instance(theta, z, context);
        detail::require_edges(theta.size(), boost::num_edges(*graph_));
        costs_.resize(static_cast<std::size_t>(theta.size()));
        for (Eigen::Index e = 0; e < theta.size(); ++e)
            costs_[static_cast<std::size_t>(e)] =
                context.allows(e) ? -static_cast<double>(theta.data()[e]) : forbidden;
        const auto number = get(boost::edge_index, *graph_);
        tree_.clear();
        boost::kruskal_minimum_spanning_tree(
            *graph_, std::back_inserter(tree_),
            boost::weight_map(boost::make_iterator_property_map(costs_.begin(), number)));
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        for (const auto& edge : tree_) {
            // This edge would come last, so without it some nodes are not connected.
            if (costs_[get(number, edge)] == forbidden) return detail::no_answer(z);
            z.data()[get(number, edge)] = 1;
        }
        return solve_status::solved;
    }

  private:
    static constexpr double forbidden = std::numeric_limits<double>::infinity();
    using graph_type = detail::indexed_graph<boost::undirectedS>;

    std::shared_ptr<const graph_type> graph_;
    std::vector<double> costs_;
    std::vector<boost::graph_traits<graph_type>::edge_descriptor> tree_;
};

}  // namespace imle::inline IMLE_ABI
