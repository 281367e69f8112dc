#pragma once

/// @file
/// Matchings by Boost.Graph.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/maximum_weighted_matching.hpp>

#include <imle/adapters/boost_graph/detail/indexed_graph.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The matching of largest weight of an undirected graph: edges of which no two share a node, by
/// `boost::maximum_weighted_matching` (Edmonds' blossoms, O(nodes^3)). Edges of theta <= 0 are never taken,
/// so the matching need not be perfect.
///
/// theta: one number for each edge, in the order given or of `boost::edges(graph)`; z: 1 on the matching's
/// edges. Float or double. Which of several best matchings is taken depends on theta alone; of parallel edges
/// it is the heaviest, the first of equals.
///
/// Boost compares sums of weights for equality, so it gets integers: theta over its largest value, rounded to
/// 40 bits. The matching's weight is within nodes * 2^-41 * max theta of the largest.
///
/// **Boost's own faults**: until the rewrite that answers https://github.com/boostorg/graph/issues/399
/// `maximum_weighted_matching` fails on some graphs: a failed assertion or a crash (with Boost 1.74 about one
/// solve in 400 of dense random graphs of 30 nodes, one in 30,000 of 14 or fewer), no end, or a worse
/// matching; and it leaks. For what must not fail, take `integer_program` with a row for each node (the sum
/// of its edges <= 1) or, between two sides, `assignment`.
///
/// Throws `std::invalid_argument` for an edge whose ends are not two nodes (no loops), and for a theta of
/// another size or that is not finite. Allocates. Copies share the edges.
class boost_matching {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    boost_matching(Eigen::Index nodes, std::vector<graph_edge> edges) : nodes_(nodes) {
        static_cast<void>(detail::make_indexed_graph<boost::undirectedS>(nodes, edges));  // checks them
        for (graph_edge& edge : edges) {
            if (edge.from == edge.to)
                detail::throw_invalid("an edge", detail::message("a loop at node ", edge.from),
                                      "edges between two nodes");
            if (edge.from > edge.to) std::swap(edge.from, edge.to);
        }
        edges_ = std::make_shared<const std::vector<graph_edge>>(std::move(edges));
    }
    /// The same for an undirected graph of Boost's, which is copied.
    template <detail::boost_edge_list GraphT>
    explicit boost_matching(const GraphT& graph)
        : boost_matching(static_cast<Eigen::Index>(boost::num_vertices(graph)), detail::edges_of(graph)) {
        static_assert(boost::is_undirected_graph<GraphT>::value,
                      "imle::boost_matching takes an undirected graph");
    }

    /// theta: [edges]; z: the same, all of it is written.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        detail::require_instance(theta, z);
        detail::require_edges(theta.size(), edges_->size());
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        candidates_.clear();
        double largest = 0;
        for (Eigen::Index e = 0; e < theta.size(); ++e) {
            if (!(theta.data()[e] > 0)) continue;
            candidates_.push_back(static_cast<std::size_t>(e));
            largest = std::max(largest, static_cast<double>(theta.data()[e]));
        }
        if (candidates_.empty()) return;
        keep_heaviest_of_parallels(theta.data());

        matching_graph graph(static_cast<std::size_t>(nodes_));
        for (const std::size_t e : candidates_) {
            const graph_edge& edge = (*edges_)[e];
            // Four times an integer, since the algorithm halves its dual variables.
            const auto weight =
                4 * std::llround(std::ldexp(static_cast<double>(theta.data()[e]) / largest, 40));
            if (weight > 0)
                boost::add_edge(static_cast<std::size_t>(edge.from), static_cast<std::size_t>(edge.to),
                                static_cast<std::int64_t>(weight), graph);
        }
        mates_.assign(static_cast<std::size_t>(nodes_), matching_traits::null_vertex());
        boost::maximum_weighted_matching(graph, mates_.data());
        for (const std::size_t e : candidates_) {
            const graph_edge& edge = (*edges_)[e];
            if (mates_[static_cast<std::size_t>(edge.from)] == static_cast<std::size_t>(edge.to))
                z.data()[e] = 1;
        }
    }

  private:
    using matching_graph =
        boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                              boost::property<boost::edge_weight_t, std::int64_t>>;
    using matching_traits = boost::graph_traits<matching_graph>;

    template <class Scalar>
    void keep_heaviest_of_parallels(const Scalar* theta) {
        const auto ends = [&](std::size_t e) { return std::pair((*edges_)[e].from, (*edges_)[e].to); };
        std::sort(candidates_.begin(), candidates_.end(), [&](std::size_t a, std::size_t b) {
            if (ends(a) != ends(b)) return ends(a) < ends(b);
            return theta[a] != theta[b] ? theta[a] > theta[b] : a < b;
        });
        candidates_.erase(std::unique(candidates_.begin(), candidates_.end(),
                                      [&](std::size_t a, std::size_t b) { return ends(a) == ends(b); }),
                          candidates_.end());
    }

    Eigen::Index nodes_;
    std::shared_ptr<const std::vector<graph_edge>> edges_;
    std::vector<std::size_t> candidates_;
    std::vector<matching_traits::vertex_descriptor> mates_;
};

}  // namespace imle::inline IMLE_ABI
