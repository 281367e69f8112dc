#pragma once

/// @file
/// The heaviest spanning forests of several instances of a small graph at the same time: each lane handles
/// one instance.
///
/// Of all paths between two nodes, take the one whose lightest edge is heaviest, and let `width` be the
/// weight of that edge. An edge is in a heaviest forest if it weighs as much as the width between its ends.
/// Widths follow as the distances of Floyd and Warshall do, with a maximum for the minimum and a minimum for
/// the sum: without a branch, so that lanes never wait for each other. Where these edges are more than a
/// forest has, several forests are heaviest: by a tie, which the caller has to settle.

#include <algorithm>
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

/// Which pair of nodes each edge joins: pair (i, j) with i < j has number i (2 nodes - i - 1) / 2 + j - i -
/// 1, as in `complete_graph_edges`. Loops are pairs of their own, behind the others.
struct edge_pairs {
    std::size_t nodes = 0, pairs = 0;
    std::vector<std::int32_t> of_edge;

    /// The most nodes for which lanes are faster, measured with each instruction set.
    template <class Scalar>
    static constexpr std::size_t most_nodes = 8 + 3 * group_lanes<Scalar> / 2;

    edge_pairs(Eigen::Index node_count, std::span<const graph_edge> edges)
        : nodes(static_cast<std::size_t>(node_count)) {
        if (nodes > most_nodes<float>) return;
        pairs = nodes * (nodes - std::min<std::size_t>(nodes, 1)) / 2;
        of_edge.reserve(edges.size());
        for (const auto& [from, to] : edges) {
            const Eigen::Index i = std::min(from, to), j = std::max(from, to);
            of_edge.push_back(static_cast<std::int32_t>(
                i == j ? static_cast<Eigen::Index>(pairs) : i * (2 * node_count - i - 1) / 2 + j - i - 1));
        }
    }
    /// Whether lanes are worth it for this graph.
    template <class Scalar>
    [[nodiscard]] bool is_suited() const noexcept {
        return group_lanes<Scalar> > 1 && nodes <= most_nodes<Scalar> && !of_edge.empty();
    }
};

/// theta: `groups` >= 1 instances of numbers for each edge, -infinity where an edge is forbidden. Writes z of
/// up to `group_lanes` of them: 1 for each edge that is in a heaviest forest. Then calls repeat(instance) for
/// those that have several, or none that connects what the graph does. tree_edges: what a forest of the graph
/// has. memory: a scratch. O(nodes^3) for each group.
template <class Scalar, class RepeatT>
void grow_in_lanes(const edge_pairs& graph, std::size_t tree_edges, const Scalar* theta, std::size_t groups,
                   scratch& memory, Scalar* z, RepeatT&& repeat) {
    using lanes = widest_lanes<Scalar>;
    constexpr std::size_t size = lanes::size;
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    const std::size_t n = graph.nodes, edges = graph.of_edge.size();
    const std::size_t column_numbers = column_memory<Scalar>(edges);
    Scalar* const columns =
        aligned_columns(memory.get<Scalar>(column_numbers + (graph.pairs + 1 + 2 * n) * size));
    Scalar* const widths = columns + (column_numbers - size);
    Scalar* const through = widths + (graph.pairs + 1) * size;
    Scalar* const also_through = through + n * size;
    write_columns(theta, groups, edges, columns);

    std::fill_n(widths, graph.pairs * size, -infinity);
    std::fill_n(widths + graph.pairs * size, size, infinity);  // no loop weighs as much
    const auto width_of = [&](std::size_t edge) {
        return widths + static_cast<std::size_t>(graph.of_edge[edge]) * size;
    };
    for (std::size_t e = 0; e < edges; ++e) {
        Scalar* const width = width_of(e);
        maximum(lanes::load(columns + e * size), lanes::load(width)).store(width);
    }
    // The widths between node k and each node.
    const auto copy_widths = [&](std::size_t k, Scalar* to) {
        for (std::size_t i = 0, pair = k - 1; i < k; pair += n - 2 - i++)
            lanes::load(widths + pair * size).store(to + i * size);
        lanes(infinity).store(to + k * size);
        std::copy_n(widths + (k * (2 * n - k - 1) / 2) * size, (n - 1 - k) * size, to + (k + 1) * size);
    };
    // By way of two nodes at a time, so that widths are loaded and stored half as often.
    for (std::size_t k = 0; k < n; k += 2) {
        copy_widths(k, through);
        if (k + 1 < n) {
            copy_widths(k + 1, also_through);
            const lanes between = lanes::load(through + (k + 1) * size);
            for (std::size_t i = 0; i < n; ++i) {
                Scalar* const width = also_through + i * size;
                maximum(minimum(between, lanes::load(through + i * size)), lanes::load(width)).store(width);
            }
        } else {
            std::fill_n(also_through, n * size, -infinity);
        }
        Scalar* width = widths;
        for (std::size_t i = 0; i < n; ++i) {
            const lanes here = lanes::load(through + i * size),
                        also_here = lanes::load(also_through + i * size);
            for (std::size_t j = i + 1; j < n; ++j, width += size) {
                const lanes one_way = minimum(here, lanes::load(through + j * size)),
                            other_way = minimum(also_here, lanes::load(also_through + j * size));
                maximum(maximum(one_way, other_way), lanes::load(width)).store(width);
            }
        }
    }

    const lanes one(1), zero(0), forbidden(-infinity);
    lanes count(0), narrowest(infinity);
    for (std::size_t e = 0; e < edges; ++e) {
        Scalar* const column = columns + e * size;
        const lanes width = lanes::load(width_of(e));
        const lanes chosen = select(less(lanes::load(column), width), zero, one);
        narrowest = minimum(width, narrowest);
        count = count + chosen;
        chosen.store(column);
    }
    write_groups(columns, groups, edges, z);
    Scalar counts[size];
    select(less(forbidden, narrowest), count, lanes(Scalar(-1))).store(counts);
    for (std::size_t lane = 0; lane < std::min(groups, size); ++lane)
        if (counts[lane] != static_cast<Scalar>(tree_edges)) repeat(lane);
}

}  // namespace imle::inline IMLE_ABI::detail
