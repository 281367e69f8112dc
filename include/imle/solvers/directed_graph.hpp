#pragma once

/// @file
/// The edges of graphs, and a directed graph that does not change: of edges, or of the cells of a grid.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/errors.hpp>
#include <imle/core/rounded.hpp>
#include <imle/core/shared_object.hpp>

namespace imle::inline IMLE_ABI {

/// An edge between two nodes, which are numbered from 0. In a directed graph it goes from `from` to `to`.
struct graph_edge {
    /// The node where it begins.
    Eigen::Index from;
    /// The node where it ends.
    Eigen::Index to;

    /// True if both ends are equal.
    friend bool operator==(const graph_edge&, const graph_edge&) = default;
};

namespace detail {

/// Throws `std::invalid_argument` for a negative number of nodes, for an edge whose ends are not among them,
/// and for more nodes or edges than 32-bit indices can number.
inline void require_graph(Eigen::Index nodes, std::span<const graph_edge> edges) {
    constexpr auto most = std::numeric_limits<std::int32_t>::max();
    if (nodes < 0 || nodes > most) throw_invalid("the number of nodes", nodes, message("0 to ", most));
    if (edges.size() > static_cast<std::size_t>(most))
        throw_invalid("the number of edges", edges.size(), message("at most ", most));
    for (std::size_t e = 0; e < edges.size(); ++e)
        for (const Eigen::Index end : {edges[e].from, edges[e].to})
            if (end < 0 || end >= nodes)
                throw_invalid(message("edge ", e).c_str(),
                              message("from node ", edges[e].from, " to node ", edges[e].to),
                              message("two of the ", nodes, " nodes, numbered from 0"));
}

/// Where lists begin that follow one another in one array, one list for each node: node v's are places
/// first[v] to first[v + 1] - 1. for_each_entry(f): calls f(v) for each entry of node v's list.
template <class Index, class EntriesT>
[[nodiscard]] std::vector<Index> begin_lists(Eigen::Index nodes, EntriesT&& for_each_entry) {
    std::vector<Index> first(static_cast<std::size_t>(nodes) + 1, 0);
    for_each_entry([&](Eigen::Index node) { ++first[static_cast<std::size_t>(node) + 1]; });
    for (std::size_t v = 1; v < first.size(); ++v) first[v] += first[v - 1];
    return first;
}

/// The same for the edges of an undirected graph, each in the lists of both its ends, but for loops. Then
/// calls put(edge, place, other place) for each of these edges: its places in the lists of `from` and `to`.
template <class Index, class PutT>
[[nodiscard]] std::vector<Index> begin_edge_lists(Eigen::Index nodes, std::span<const graph_edge> edges,
                                                  PutT&& put) {
    auto first = begin_lists<Index>(nodes, [&](auto&& entry_of) {
        for (const graph_edge& edge : edges) {
            if (edge.from == edge.to) continue;
            entry_of(edge.from);
            entry_of(edge.to);
        }
    });
    std::vector<Index> next(first.begin(), first.end() - 1);
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if (edges[e].from == edges[e].to) continue;
        const Index place = next[static_cast<std::size_t>(edges[e].from)]++;
        put(e, place, next[static_cast<std::size_t>(edges[e].to)]++);
    }
    return first;
}

/// Throws unless theta has one number for each edge.
inline void require_edges(Eigen::Index given, std::size_t edges) {
    if (static_cast<std::size_t>(given) != edges)
        throw_invalid("theta", message("of ", given, " numbers"),
                      message("one for each of the graph's ", edges, " edges"));
}

/// Throws unless a mask is empty or says of each edge whether it may be chosen.
inline void require_mask(std::span<const bool> mask, std::size_t edges) {
    if (!mask.empty() && mask.size() != edges)
        throw_invalid("solve_context::mask", message("of ", mask.size(), " flags"),
                      message("one for each of the graph's ", edges, " edges, or none"));
}

/// n of theta's n(n - 1)/2 undirected edges. Throws if there is no such n.
[[nodiscard]] inline Eigen::Index nodes_of_complete_graph(Eigen::Index edges) {
    const auto n = static_cast<Eigen::Index>(
        std::llround(0.5 + std::sqrt(rounded(2 * static_cast<double>(edges)) + 0.25)));
    if (n * (n - 1) / 2 != edges)
        throw_invalid("theta", message("of ", edges, " edges"),
                      "n(n - 1)/2 of them, for n nodes: 0, 1, 3, 6, 10, ...");
    return n;
}

}  // namespace detail

/// A directed graph: nodes 0 to nodes - 1, and edges in the order in which you give them, which is theta's
/// order.
///
///     imle::directed_graph graph{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}}};
///
/// Parallel edges and loops (from == to) are allowed. Immutable: copies share one graph, so they cost
/// nothing, and several threads may use them at once. An argument `node` of a member must be one of the
/// nodes.
class directed_graph {
  public:
    /// Throws `std::invalid_argument` for a negative number of nodes, for an edge whose ends are not among
    /// them, and for more than 2^31 - 1 nodes or edges. O(nodes + edges).
    directed_graph(Eigen::Index nodes, std::vector<graph_edge> edges)
        : data_(detail::make_shared_object<const data>(nodes, std::move(edges))) {}

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return data_->nodes; }
    /// All edges, in the order in which you gave them.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return data_->edges; }
    /// The indices of the edges that leave a node, increasing.
    [[nodiscard]] std::span<const Eigen::Index> out_edges(Eigen::Index node) const noexcept {
        return data_->out.at(node);
    }
    /// The indices of the edges that enter a node, increasing.
    [[nodiscard]] std::span<const Eigen::Index> in_edges(Eigen::Index node) const noexcept {
        return data_->in.at(node);
    }
    /// The first edge that goes from one node to the other, if there is one. O(edges that leave `from`).
    [[nodiscard]] std::optional<Eigen::Index> find_edge(Eigen::Index from, Eigen::Index to) const noexcept {
        if (from < 0 || from >= nodes()) return std::nullopt;
        for (const Eigen::Index edge : out_edges(from))
            if (edges()[static_cast<std::size_t>(edge)].to == to) return edge;
        return std::nullopt;
    }

    /// True if no walk along edges returns to its start. A loop is such a walk.
    [[nodiscard]] bool is_acyclic() const noexcept {
        return data_->order.size() == static_cast<std::size_t>(nodes());
    }
    /// All nodes in topological order: each edge goes forward. Empty if the graph has a cycle.
    [[nodiscard]] std::span<const Eigen::Index> topological_order() const noexcept {
        if (!is_acyclic()) return {};
        return data_->order;
    }

  private:
    /// The edges at each node: those of node v are `index[first[v]]` to `index[first[v + 1] - 1]`.
    struct adjacency {
        std::vector<Eigen::Index> first;
        std::vector<Eigen::Index> index;

        adjacency(Eigen::Index nodes, const std::vector<graph_edge>& edges, Eigen::Index graph_edge::*end)
            : first(detail::begin_lists<Eigen::Index>(nodes,
                                                      [&](auto&& entry_of) {
                                                          for (const graph_edge& edge : edges)
                                                              entry_of(edge.*end);
                                                      })),
              index(edges.size()) {
            std::vector<Eigen::Index> next(first.begin(), first.end() - 1);
            for (std::size_t e = 0; e < edges.size(); ++e) {
                auto& place = next[static_cast<std::size_t>(edges[e].*end)];
                index[static_cast<std::size_t>(place++)] = static_cast<Eigen::Index>(e);
            }
        }
        [[nodiscard]] std::span<const Eigen::Index> at(Eigen::Index node) const noexcept {
            const auto from = static_cast<std::size_t>(first[static_cast<std::size_t>(node)]);
            const auto to = static_cast<std::size_t>(first[static_cast<std::size_t>(node) + 1]);
            return std::span<const Eigen::Index>(index).subspan(from, to - from);
        }
    };

    struct data {
        Eigen::Index nodes;
        std::vector<graph_edge> edges;
        adjacency out;
        adjacency in;
        /// Kahn's order; it leaves out what is on a cycle or behind one.
        std::vector<Eigen::Index> order;

        data(Eigen::Index node_count, std::vector<graph_edge> edge_list)
            : nodes(checked(node_count, edge_list)),
              edges(std::move(edge_list)),
              out(nodes, edges, &graph_edge::from),
              in(nodes, edges, &graph_edge::to) {
            std::vector<std::size_t> waiting(static_cast<std::size_t>(nodes));
            order.reserve(waiting.size());
            for (Eigen::Index v = 0; v < nodes; ++v) {
                waiting[static_cast<std::size_t>(v)] = in.at(v).size();
                if (in.at(v).empty()) order.push_back(v);
            }
            for (std::size_t done = 0; done < order.size(); ++done)
                for (const Eigen::Index edge : out.at(order[done])) {
                    const Eigen::Index to = edges[static_cast<std::size_t>(edge)].to;
                    if (--waiting[static_cast<std::size_t>(to)] == 0) order.push_back(to);
                }
        }

        static Eigen::Index checked(Eigen::Index nodes, const std::vector<graph_edge>& edges) {
            detail::require_graph(nodes, edges);
            return nodes;
        }
    };

    std::shared_ptr<const data> data_;
};

/// The grid of rows x columns cells in which a step goes to one of the 8 (or 4) neighbours, in both
/// directions; node row * columns + column is a cell.
///
/// The edges are ordered by the cell that they leave, then by the cell that they enter;
/// `find_edge(from, to)` finds one. Throws `std::invalid_argument` for a grid without cells and for another
/// connectivity. O(rows * columns).
[[nodiscard]] inline directed_graph grid_graph(Eigen::Index rows, Eigen::Index cols, int connectivity = 8) {
    if (rows < 1 || cols < 1)
        detail::throw_invalid("the grid", detail::message(rows, " x ", cols), "at least one cell");
    if (connectivity != 4 && connectivity != 8) detail::throw_invalid("connectivity", connectivity, "4 or 8");
    std::vector<graph_edge> edges;
    for (Eigen::Index row = 0; row < rows; ++row)
        for (Eigen::Index col = 0; col < cols; ++col)
            for (Eigen::Index down = -1; down <= 1; ++down)
                for (Eigen::Index right = -1; right <= 1; ++right) {
                    const Eigen::Index r = row + down, c = col + right;
                    const bool stays = down == 0 && right == 0, diagonal = down != 0 && right != 0;
                    if (stays || (diagonal && connectivity == 4)) continue;
                    if (r < 0 || r >= rows || c < 0 || c >= cols) continue;
                    edges.push_back({row * cols + col, r * cols + c});
                }
    return {rows * cols, std::move(edges)};
}

/// The grid of rows x columns cells in which a step goes right or down, so that there are no cycles; node
/// row * columns + column is a cell.
///
/// The edges are ordered by row: the steps to the right within row 0, the steps down from row 0, the steps
/// to the right within row 1, and so on. This is the order of PyEPO's shortest path data. Throws
/// `std::invalid_argument` for a grid without cells. O(rows * columns).
[[nodiscard]] inline directed_graph monotone_grid_graph(Eigen::Index rows, Eigen::Index cols) {
    if (rows < 1 || cols < 1)
        detail::throw_invalid("the grid", detail::message(rows, " x ", cols), "at least one cell");
    std::vector<graph_edge> edges;
    for (Eigen::Index row = 0; row < rows; ++row) {
        const Eigen::Index first = row * cols;
        for (Eigen::Index col = 0; col + 1 < cols; ++col) edges.push_back({first + col, first + col + 1});
        for (Eigen::Index col = 0; row + 1 < rows && col < cols; ++col)
            edges.push_back({first + col, first + cols + col});
    }
    return {rows * cols, std::move(edges)};
}

}  // namespace imle::inline IMLE_ABI
