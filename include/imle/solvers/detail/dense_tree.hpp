#pragma once

/// @file
/// The heaviest spanning forest of a graph with few nodes, by Prim's algorithm on a matrix of weights.
///
/// Edges are compared by weight, of equal ones the lowest comes first. In this order no two edges are equal,
/// so the heaviest forest is unique, and Prim's algorithm finds the one that Kruskal's does. It never sorts:
/// a step goes over one row of the matrix, with a lane for each node.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <imle/selection/columns.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Which edge joins two nodes, for graphs that are small and dense enough.
struct edge_matrix {
    Eigen::Index nodes = 0;
    /// The number of columns: a multiple of the lanes of any vector.
    std::size_t stride = 0;
    /// [node, column]: the edge between two nodes, or -1. Empty if the graph is not suited.
    std::vector<std::int32_t> edge;
    /// Where in a matrix [node, column] each edge is, twice. Loops are in a place behind the end.
    struct places {
        std::int32_t there, back;
    };
    std::vector<places> place;

    edge_matrix(Eigen::Index node_count, std::span<const graph_edge> edges) : nodes(node_count) {
        if (nodes > most_nodes || nodes * nodes > most_cells_of_edge * std::ssize(edges)) return;
        stride = (static_cast<std::size_t>(nodes) + block - 1) / block * block;
        edge.assign(static_cast<std::size_t>(nodes) * stride, -1);
        const auto behind = static_cast<std::int32_t>(edge.size());
        place.reserve(edges.size());
        for (std::size_t e = 0; e < edges.size(); ++e) {
            const auto a = static_cast<std::size_t>(edges[e].from), b = static_cast<std::size_t>(edges[e].to);
            if (a == b) {
                place.push_back({behind, behind});
                continue;
            }
            // There is no room for parallel edges.
            if (edge[a * stride + b] >= 0) {
                edge.clear();
                return;
            }
            edge[a * stride + b] = edge[b * stride + a] = static_cast<std::int32_t>(e);
            place.push_back(
                {static_cast<std::int32_t>(a * stride + b), static_cast<std::int32_t>(b * stride + a)});
        }
    }

    [[nodiscard]] bool is_suited() const noexcept { return !edge.empty(); }

  private:
    static constexpr std::size_t block = 16;
    static constexpr Eigen::Index most_nodes = 256, most_cells_of_edge = 12;
};

/// Solves one problem after another in the same memory; a copy starts empty.
template <class Scalar>
class dense_tree {
  public:
    /// Allocates what `grow` needs.
    void reserve(const edge_matrix& graph) {
        static_cast<void>(memory_.template get<Scalar>(numbers_of(graph)));
    }

    /// theta: [edge]. Calls take(edge) for each edge of the heaviest forest of those that the mask allows,
    /// and returns how many there are. graph: suited, and the same in all calls. O(nodes^2).
    template <class TakeT>
    [[nodiscard]] std::size_t grow(const edge_matrix& graph, const Scalar* theta, std::span<const bool> mask,
                                   TakeT&& take) {
        load(graph, theta, mask);
        const auto n = static_cast<std::size_t>(graph.nodes);
        std::size_t taken = 0, node = 0;
        for (std::size_t left = n - 1;; --left) {
            const vector weight = reach_from(graph, node);
            if (left == 0) return taken;
            node = next_node(graph, weight);
            const auto from = static_cast<std::ptrdiff_t>(from_[node]);
            if (from < 0) continue;  // the root of another tree
            take(static_cast<std::uint32_t>(edge_between(graph, static_cast<std::size_t>(from), node)));
            ++taken;
        }
    }

  private:
    using vector = widest_lanes<Scalar>;
    static constexpr std::size_t size = vector::size;
    static constexpr std::uint32_t all_lanes = size == 1 ? 1u : (1u << size) - 1;
    static constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    /// The weight of nodes that are not reached, which an edge may have, too. What does not exist weighs
    /// less.
    static constexpr Scalar unreached = std::numeric_limits<Scalar>::lowest();

    [[nodiscard]] static std::size_t numbers_of(const edge_matrix& graph) noexcept {
        return (static_cast<std::size_t>(graph.nodes) + 4) * graph.stride + size;
    }

    void load(const edge_matrix& graph, const Scalar* theta, std::span<const bool> mask) {
        const auto n = static_cast<std::size_t>(graph.nodes);
        const std::size_t cells = n * graph.stride;
        weight_ = aligned_columns(memory_.template get<Scalar>(numbers_of(graph)));
        best_ = weight_ + cells + graph.stride;  // the row between is for loops
        from_ = best_ + graph.stride;
        open_ = from_ + graph.stride;
        if (weight_[0] != infinity) {  // the memory is new
            std::fill_n(weight_, cells, -infinity);
            // Reached from itself, a node is closed: see `reach_from`.
            for (std::size_t v = 0; v < n; ++v) weight_[v * graph.stride + v] = infinity;
        }
        for (std::size_t e = 0; e < graph.place.size(); ++e) {
            const Scalar weight = mask.empty() || mask[e] ? theta[e] : -infinity;
            weight_[graph.place[e].there] = weight_[graph.place[e].back] = weight;
        }
        std::fill_n(best_, n, unreached);
        std::fill_n(best_ + n, graph.stride - n, infinity);
        std::fill_n(from_, graph.stride, Scalar(-1));
    }

    [[nodiscard]] static std::int32_t edge_between(const edge_matrix& graph, std::size_t a,
                                                   std::size_t b) noexcept {
        return graph.edge[a * graph.stride + b];
    }

    /// Adds a node to the forest: its edges may be the best ones to others. `best_` of a node in the forest
    /// is infinity. Returns the largest weight by which another node can be reached.
    [[nodiscard]] vector reach_from(const edge_matrix& graph, std::size_t node) noexcept {
        const Scalar* const row = weight_ + node * graph.stride;
        const vector here(static_cast<Scalar>(node)), closed(infinity), none(-infinity);
        vector most = none;
        for (std::size_t v = 0; v < graph.stride; v += size) {
            const vector weight = vector::load(row + v), before = vector::load(best_ + v);
            const auto is_better = less(before, weight), is_worse = less(weight, before);
            const vector best = select(is_better, weight, before);
            best.store(best_ + v);
            select(is_better, here, vector::load(from_ + v)).store(from_ + v);
            const vector open = select(less(best, closed), best, none);
            open.store(open_ + v);
            most = maximum(open, most);
            const std::uint32_t equal = all_lanes & ~(vector::bits(is_better) | vector::bits(is_worse));
            if (equal != 0) [[unlikely]]
                settle_ties(graph, node, v, equal);
        }
        return across(most, [](vector a, vector b) { return maximum(a, b); });
    }

    /// Of edges of equal weight to a node the lowest is best.
    void settle_ties(const edge_matrix& graph, std::size_t node, std::size_t first,
                     std::uint32_t equal) noexcept {
        for (; equal != 0; equal &= equal - 1) {
            const std::size_t v = first + static_cast<std::size_t>(std::countr_zero(equal));
            const auto from = static_cast<std::ptrdiff_t>(from_[v]);
            if (from < 0 ||
                edge_between(graph, node, v) < edge_between(graph, static_cast<std::size_t>(from), v))
                from_[v] = static_cast<Scalar>(node);
        }
    }

    /// The node that is reached by this largest weight, by the lowest edge; one that is not reached only if
    /// there is no other.
    [[nodiscard]] std::size_t next_node(const edge_matrix& graph, const vector& largest) const noexcept {
        const auto order = [&](std::size_t v) {
            const auto from = static_cast<std::ptrdiff_t>(from_[v]);
            return from < 0 ? std::numeric_limits<std::int32_t>::max()
                            : edge_between(graph, static_cast<std::size_t>(from), v);
        };
        std::size_t found = graph.stride;
        for (std::size_t first = 0; first < graph.stride; first += 64) {
            std::uint64_t equal = 0;
            for (std::size_t v = first; v < std::min(graph.stride, first + 64); v += size)
                equal |= std::uint64_t{all_lanes & ~vector::bits(less(vector::load(open_ + v), largest))}
                         << (v - first);
            for (; equal != 0; equal &= equal - 1) {
                const std::size_t v = first + static_cast<std::size_t>(std::countr_zero(equal));
                if (found == graph.stride || order(v) < order(found)) found = v;
            }
        }
        return found;
    }

    // Set by `load`, into the memory:
    Scalar* weight_ = nullptr;  // [node, column]: of the edge between two nodes
    Scalar* best_ = nullptr;    // [column]: of the best edge from the forest to a node
    Scalar* from_ = nullptr;    // [column]: the other node of that edge, or -1
    Scalar* open_ = nullptr;    // [column]: the same as best_ for nodes that are not in the forest
    scratch memory_;
};

}  // namespace imle::inline IMLE_ABI::detail
