#pragma once

/// @file
/// The spanning tree of largest weight.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/detail/heaviest_forest.hpp>
#include <imle/solvers/detail/scratch.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The edges of the complete graph: (0, 1), (0, 2), ..., (1, 2), .... Throws `std::invalid_argument` for a
/// negative number of nodes.
[[nodiscard]] inline std::vector<graph_edge> complete_graph_edges(Eigen::Index nodes) {
    if (nodes < 0) detail::throw_invalid("the number of nodes", nodes, "0 or more");
    std::vector<graph_edge> edges;
    for (Eigen::Index from = 0; from < nodes; ++from)
        for (Eigen::Index to = from + 1; to < nodes; ++to) edges.push_back({from, to});
    return edges;
}

/// The MAP state of a distribution over the spanning trees of an undirected graph: z is 1 on the edges of the
/// tree with the largest sum of theta, 0 elsewhere. Where the graph is not connected there is no tree; then z
/// is the spanning forest, a tree in each part, of largest sum.
///
///     imle::spanning_tree solver{5, imle::complete_graph_edges(5)};
///
/// By Kruskal's algorithm: edges from the largest theta on, of equal ones the lowest index first (0.0 and
/// -0.0 are equal), each taken if it closes no cycle. Theta is compared, never summed, so nothing overflows.
/// Several edges between the same nodes are allowed, and loops, which are in no tree.
///
/// When made: throws `std::invalid_argument` for a negative number of nodes, for an edge whose ends are not
/// among them and for more than 2^31 - 1 nodes or edges. Copies share the graph. When solving: throws
/// `std::invalid_argument` for a theta that is not one number for each edge and for numbers that are not
/// finite. O(edges log edges) at worst; where a tree needs few of the edges, the others are set aside
/// unsorted.
class spanning_tree {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    spanning_tree(Eigen::Index nodes, std::vector<graph_edge> edges)
        : graph_(std::make_shared<const graph>(nodes, std::move(edges))) {}

    /// How many nodes there are.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return graph_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return graph_->edges; }

    /// theta: one number for each edge, [edges]; z: of its dimensions, all of it is written.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        using Scalar = scalar_of<ThetaT>;
        const std::size_t count = graph_->edges.size();
        detail::require_edges(theta.dimension(0), count);
        detail::require_instance(theta, z);
        const auto weights = scratch_.template get<Scalar>(2 * count);
        const auto indices = scratch_.template get<std::uint32_t>(2 * count);
        const detail::edge_list<Scalar> all{weights.first(count), indices.first(count)};
        const detail::edge_list<Scalar> other{weights.last(count), indices.last(count)};
        std::copy_n(theta.data(), count, all.weight.begin());
        std::iota(all.edge.begin(), all.edge.end(), std::uint32_t{0});
        std::fill_n(z.data(), count, Scalar(0));
        detail::heaviest_forest forest(
            graph_->ends, scratch_.template get<std::int32_t>(static_cast<std::size_t>(graph_->nodes)),
            graph_->tree_edges);
        forest.grow(all, other, scratch_.template get<detail::order_entry>(2 * count),
                    [&](std::uint32_t edge) { z.data()[edge] = 1; });
    }

  private:
    struct graph {
        Eigen::Index nodes;
        std::vector<graph_edge> edges;
        std::vector<detail::edge_ends> ends;
        /// How many edges a spanning forest has.
        std::size_t tree_edges = 0;

        graph(Eigen::Index node_count, std::vector<graph_edge> edge_list)
            : nodes(node_count), edges(std::move(edge_list)) {
            detail::require_graph(nodes, edges);
            ends.reserve(edges.size());
            for (const graph_edge& edge : edges)
                ends.push_back({static_cast<std::int32_t>(edge.from), static_cast<std::int32_t>(edge.to)});
            std::vector<std::int32_t> parents(static_cast<std::size_t>(nodes));
            detail::heaviest_forest forest(ends, parents, edges.size());
            for (std::size_t e = 0; e < ends.size(); ++e)
                tree_edges += forest.join(static_cast<std::uint32_t>(e)) ? 1 : 0;
        }
    };

    std::shared_ptr<const graph> graph_;
    detail::basic_scratch<float, double, std::int32_t, std::uint32_t, detail::order_entry> scratch_;
};

}  // namespace imle::inline IMLE_ABI
