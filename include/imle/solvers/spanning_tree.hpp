#pragma once

/// @file
/// The spanning tree of largest weight: by Kruskal's algorithm, sorting no more than it needs, and for small
/// dense graphs without sorting.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/each_of.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/ascending_order.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/dense_tree.hpp>
#include <imle/solvers/detail/forests_in_lanes.hpp>
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

namespace detail {

/// The two nodes of an edge.
struct edge_ends {
    std::int32_t a;
    std::int32_t b;
};

/// A list of edges and their weights, the edges increasing.
template <class Scalar>
struct edge_list {
    std::span<Scalar> weight;
    std::span<std::uint32_t> edge;

    [[nodiscard]] std::size_t size() const noexcept { return weight.size(); }
    [[nodiscard]] edge_list first(std::size_t count) const {
        return {weight.first(count), edge.first(count)};
    }
};

/// A forest that grows edge by edge, with its trees in a union-find structure.
class heaviest_forest {
  public:
    /// ends: of all edges; parents: scratch, one for each node; full: the number of edges of a spanning
    /// forest.
    heaviest_forest(std::span<const edge_ends> ends, std::span<std::int32_t> parents,
                    std::size_t full) noexcept
        : ends_(ends), parents_(parents), missing_(full) {
        std::iota(parents.begin(), parents.end(), 0);
    }

    /// Adds an edge unless it closes a cycle; returns whether it did.
    bool join(std::uint32_t edge) noexcept {
        const std::int32_t a = root(ends_[edge].a), b = root(ends_[edge].b);
        if (a == b) return false;
        // Without ranks: halving paths alone keeps trees flat.
        parents_[static_cast<std::size_t>(a)] = b;
        return true;
    }

    /// Whether no edge is missing.
    [[nodiscard]] bool spans() const noexcept { return missing_ == 0; }

    /// Adds the heaviest edges of a list until the forest spans, of equal ones the lowest first, and calls
    /// take(edge) for each. other: as long as the list; order: twice as long. Overwrites all of them.
    ///
    /// After the filter-Kruskal of Osipov, Sanders and Singler ("The filter-Kruskal minimum spanning tree
    /// algorithm", ALENEX 2009): the heaviest edges are sorted and added first. Then the edges that would
    /// close a cycle are dropped, and the algorithm continues with the rest, unless the forest spans.
    template <class Scalar, class TakeT>
    void grow(edge_list<Scalar> left, const edge_list<Scalar>& other, std::span<order_entry> order,
              TakeT&& take) {
        while (missing_ > 0 && left.size() > 0) {
            // In a random graph the first n log(n) / 2 edges connect n nodes (Erdos and Renyi).
            const std::size_t wanted =
                missing_ * (static_cast<std::size_t>(std::bit_width(missing_)) + 2) / 2;
            auto heavier = left;
            std::size_t kept = 0;
            if (left.size() > 2 * wanted) {
                const std::size_t count = split(left, other, wanted);
                heavier = other.first(count);
                kept = left.size() - count;
            }
            add(heavier, order, take);
            left = drop_cycles(left.first(kept));
        }
    }

  private:
    [[nodiscard]] std::int32_t root(std::int32_t node) noexcept {
        while (true) {
            std::int32_t& parent = parents_[static_cast<std::size_t>(node)];
            if (parent == node) return node;
            parent = parents_[static_cast<std::size_t>(parent)];
            node = parent;
        }
    }

    /// Moves about `wanted` of the heaviest edges to another list, at least one, and returns their number.
    template <class Scalar>
    [[nodiscard]] static std::size_t split(const edge_list<Scalar>& list, const edge_list<Scalar>& heavier,
                                           std::size_t wanted) noexcept {
        std::array<Scalar, 32> sample;
        for (std::size_t i = 0; i < sample.size(); ++i)
            sample[i] = list.weight[i * list.size() / sample.size()];
        const std::size_t rank = wanted * sample.size() / list.size();
        std::nth_element(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(rank), sample.end(),
                         std::greater<>{});
        const Scalar least = sample[rank];
        std::size_t moved = 0, kept = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const Scalar weight = list.weight[i];
            const std::uint32_t edge = list.edge[i];
            heavier.weight[moved] = list.weight[kept] = weight;
            heavier.edge[moved] = list.edge[kept] = edge;
            const auto is_heavy = static_cast<std::size_t>(weight >= least);
            moved += is_heavy;
            kept += 1 - is_heavy;
        }
        return moved;
    }

    template <class Scalar, class TakeT>
    void add(const edge_list<Scalar>& list, std::span<order_entry> scratch, TakeT& take) {
        const auto order =
            ascending_order(std::span<const Scalar>(list.weight), scratch.first(2 * list.size()));
        for (std::size_t i = order.size(); i-- > 0;) {
            const std::uint32_t edge = list.edge[index_of(order[i])];
            if (!join(edge)) continue;
            take(edge);
            if (--missing_ == 0) return;
        }
    }

    /// Keeps the edges that join two trees.
    template <class Scalar>
    [[nodiscard]] edge_list<Scalar> drop_cycles(const edge_list<Scalar>& list) noexcept {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < list.size() && missing_ > 0; ++i) {
            const std::uint32_t edge = list.edge[i];
            list.weight[kept] = list.weight[i];
            list.edge[kept] = edge;
            kept += static_cast<std::size_t>(root(ends_[edge].a) != root(ends_[edge].b));
        }
        return list.first(kept);
    }

    std::span<const edge_ends> ends_;
    std::span<std::int32_t> parents_;
    std::size_t missing_;
};

}  // namespace detail

/// The MAP state of a distribution over the spanning trees of an undirected graph: z is 1 on the edges of
/// the tree with the largest sum of theta, 0 elsewhere. If the graph is not connected, z is the spanning
/// forest of largest sum, with a tree in each component.
///
///     imle::spanning_tree solver{5, imle::complete_graph_edges(5)};
///
/// z is the tree of Kruskal's algorithm, which takes each edge that closes no cycle, from the largest theta
/// on. Ties: the lowest index first (0.0 and -0.0 are equal). Theta is compared, never summed, so nothing
/// overflows. Parallel edges are allowed, and so are loops, which are in no tree.
///
/// Throws `std::invalid_argument` on construction for a negative number of nodes, an edge whose ends are not
/// nodes, and more than 2^31 - 1 nodes or edges. Throws it when solving for a theta that does not have one
/// number for each edge, and for numbers that are not finite. A mask that divides what the graph connects:
/// `solve_status::infeasible`. Copies share the graph. O(edges log edges) in the worst case; if a tree needs
/// few of the edges, the others are set aside unsorted. Small dense graphs: O(nodes^2), by Prim's algorithm;
/// in batches up to 32 nodes O(nodes^3), with a lane for each instance.
class spanning_tree : public detail::batch_forms<spanning_tree, 1> {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    spanning_tree(Eigen::Index nodes, std::vector<graph_edge> edges)
        : graph_(detail::make_shared_object<const graph>(nodes, std::move(edges))) {}

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return graph_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return graph_->edges; }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best tree of edges that the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        detail::require_edges(theta.dimension(0), graph_->edges.size());
        detail::require_instance(theta, z, context);
        return solve_one(theta.data(), context.mask, z.data());
    }

  private:
    friend class detail::batch_forms<spanning_tree, 1>;

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        detail::require_edges(shape.n, graph_->edges.size());
        const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        const auto given = detail::values_of(thetas);
        const auto values = detail::allowed_of_batch(given, contexts, allowed_);
        solve_status status = solve_status::solved;
        const auto solve = [&](std::size_t i) {
            const solve_status one =
                solve_one(given.data() + i * n, detail::mask_of(contexts, i), zs.data() + i * n);
            if (one != solve_status::solved) status = one;
        };
        const auto again = again_.get<std::size_t>(batch);
        std::size_t repeated = 0;
        const bool suits = graph_->pairs.is_suited<Scalar>();
        if (suits) reserve<Scalar>();  // so that the first tie allocates nothing
        const auto in_lanes = [&](std::size_t first, std::size_t left) {
            detail::grow_in_lanes(graph_->pairs, graph_->tree_edges, values.data() + first * n, left,
                                  in_lanes_, zs.data() + first * n,
                                  [&](std::size_t lane) { again[repeated++] = first + lane; });
        };
        detail::solve_in_groups(batch, suits ? detail::group_lanes<Scalar> : 0, in_lanes, solve);
        // (Not before the lanes after it have been written.)
        for (std::size_t i = 0; i < repeated; ++i) solve(again[i]);
        return status;
    }

    /// Allocates what `solve_one` needs.
    template <class Scalar>
    void reserve() {
        if (graph_->matrix.is_suited()) {
            static_cast<detail::dense_tree<Scalar>&>(dense_).reserve(graph_->matrix);
            return;
        }
        const std::size_t count = graph_->edges.size();
        static_cast<void>(scratch_.template get<Scalar>(2 * count));
        static_cast<void>(scratch_.template get<std::uint32_t>(2 * count));
        static_cast<void>(scratch_.template get<std::int32_t>(static_cast<std::size_t>(graph_->nodes)));
        static_cast<void>(scratch_.template get<detail::order_entry>(2 * count));
    }

    /// z: the best tree of the edges that the mask allows, or 0.
    template <class Scalar>
    solve_status solve_one(const Scalar* theta, std::span<const bool> mask, Scalar* z) {
        const std::size_t count = graph_->edges.size();
        const auto finish = [&](bool is_tree) {
            if (!is_tree) std::fill_n(z, count, Scalar(0));
            return is_tree ? solve_status::solved : solve_status::infeasible;
        };
        const auto take = [&](std::uint32_t edge) { z[edge] = 1; };
        std::fill_n(z, count, Scalar(0));
        if (graph_->matrix.is_suited()) {
            detail::dense_tree<Scalar>& tree = dense_;
            return finish(tree.grow(graph_->matrix, theta, mask, take) == graph_->tree_edges);
        }
        const auto weights = scratch_.template get<Scalar>(2 * count);
        const auto indices = scratch_.template get<std::uint32_t>(2 * count);
        detail::edge_list<Scalar> all{weights.first(count), indices.first(count)};
        const detail::edge_list<Scalar> other{weights.last(count), indices.last(count)};
        if (mask.empty()) {
            std::copy_n(theta, count, all.weight.begin());
            std::iota(all.edge.begin(), all.edge.end(), std::uint32_t{0});
        } else {
            all = keep_allowed(theta, mask, all);
        }
        detail::heaviest_forest forest(
            graph_->ends, scratch_.template get<std::int32_t>(static_cast<std::size_t>(graph_->nodes)),
            graph_->tree_edges);
        forest.grow(all, other, scratch_.template get<detail::order_entry>(2 * count), take);
        return finish(forest.spans());
    }

    /// The edges that may be chosen, in a list with room for all.
    template <class Scalar>
    static detail::edge_list<Scalar> keep_allowed(const Scalar* theta, std::span<const bool> mask,
                                                  const detail::edge_list<Scalar>& list) noexcept {
        std::size_t kept = 0;
        for (std::size_t edge = 0; edge < mask.size(); ++edge) {
            list.weight[kept] = theta[edge];
            list.edge[kept] = static_cast<std::uint32_t>(edge);
            kept += mask[edge] ? 1 : 0;
        }
        return list.first(kept);
    }

    struct graph {
        Eigen::Index nodes;
        std::vector<graph_edge> edges;
        std::vector<detail::edge_ends> ends;
        /// The number of edges of a spanning forest.
        std::size_t tree_edges = 0;
        detail::edge_matrix matrix;
        detail::edge_pairs pairs;

        graph(Eigen::Index node_count, std::vector<graph_edge> edge_list)
            : nodes(node_count),
              edges(checked(nodes, std::move(edge_list))),
              matrix(nodes, edges),
              pairs(nodes, edges) {
            ends.reserve(edges.size());
            for (const graph_edge& edge : edges)
                ends.push_back({static_cast<std::int32_t>(edge.from), static_cast<std::int32_t>(edge.to)});
            std::vector<std::int32_t> parents(static_cast<std::size_t>(nodes));
            detail::heaviest_forest forest(ends, parents, edges.size());
            for (std::size_t e = 0; e < ends.size(); ++e)
                tree_edges += forest.join(static_cast<std::uint32_t>(e)) ? 1 : 0;
        }

        static std::vector<graph_edge> checked(Eigen::Index nodes, std::vector<graph_edge> edges) {
            detail::require_graph(nodes, edges);
            return edges;
        }
    };

    std::shared_ptr<const graph> graph_;
    detail::basic_scratch<float, double, std::int32_t, std::uint32_t, detail::order_entry> scratch_;
    detail::each_of<detail::dense_tree<float>, detail::dense_tree<double>> dense_;
    detail::scratch in_lanes_, allowed_;
    detail::basic_scratch<std::size_t> again_;
};

}  // namespace imle::inline IMLE_ABI
