#pragma once

/// @file
/// Spanning trees by Boost.Graph.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include <boost/graph/kruskal_min_spanning_tree.hpp>
#include <boost/property_map/property_map.hpp>

#include <imle/adapters/boost_graph/detail/indexed_graph.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The spanning tree of largest weight of an undirected graph, by `boost::kruskal_minimum_spanning_tree` on
/// -theta; a forest where the graph is not connected. What `spanning_tree` does, by another hand.
///
/// theta: one number for each edge, in the order given or of `boost::edges(graph)`; z: 1 on the tree's edges.
/// Float or double. Which of several best trees is taken depends on theta alone.
///
/// Throws `std::invalid_argument` for an edge whose ends are not nodes, and for a theta of another size or
/// that is not finite. O(edges log edges); allocates. Copies share the graph.
class boost_spanning_tree {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    boost_spanning_tree(Eigen::Index nodes, const std::vector<graph_edge>& edges)
        : graph_(detail::make_indexed_graph<boost::undirectedS>(nodes, edges)) {}
    /// The same for an undirected graph of Boost's, which is copied.
    template <detail::boost_edge_list GraphT>
    explicit boost_spanning_tree(const GraphT& graph)
        : boost_spanning_tree(static_cast<Eigen::Index>(boost::num_vertices(graph)),
                              detail::edges_of(graph)) {
        static_assert(boost::is_undirected_graph<GraphT>::value,
                      "imle::boost_spanning_tree takes an undirected graph");
    }

    /// theta: [edges]; z: the same, all of it is written.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        detail::require_instance(theta, z);
        detail::require_edges(theta.size(), boost::num_edges(*graph_));
        costs_.resize(static_cast<std::size_t>(theta.size()));
        std::transform(theta.data(), theta.data() + theta.size(), costs_.begin(),
                       [](auto value) { return -static_cast<double>(value); });
        const auto number = get(boost::edge_index, *graph_);
        tree_.clear();
        boost::kruskal_minimum_spanning_tree(
            *graph_, std::back_inserter(tree_),
            boost::weight_map(boost::make_iterator_property_map(costs_.begin(), number)));
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        for (const auto& edge : tree_) z.data()[get(number, edge)] = 1;
    }

  private:
    using graph_type = detail::indexed_graph<boost::undirectedS>;

    std::shared_ptr<const graph_type> graph_;
    std::vector<double> costs_;
    std::vector<boost::graph_traits<graph_type>::edge_descriptor> tree_;
};

}  // namespace imle::inline IMLE_ABI
