#pragma once

// Oracles for shortest_path, written apart from it: all simple paths of a small graph, and Bellman and Ford's
// algorithm with the tie rule for larger ones. Costs are one for each edge, already clamped where that is
// due; an answer is the path's edges from the source to the target.

#include <imle/solvers/directed_graph.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace reference {

using edge_path = std::vector<std::size_t>;

/// All simple paths from source to target.
inline std::vector<edge_path> simple_paths(const imle::directed_graph& graph, Eigen::Index source,
                                           Eigen::Index target) {
    std::vector<edge_path> paths;
    edge_path path;
    std::vector<bool> used(static_cast<std::size_t>(graph.nodes()));
    const auto visit = [&](const auto& self, Eigen::Index node) -> void {
        if (node == target) {
            paths.push_back(path);
            return;
        }
        used[static_cast<std::size_t>(node)] = true;
        for (std::size_t e = 0; e < graph.edges().size(); ++e) {
            const auto [from, to] = graph.edges()[e];
            if (from != node || used[static_cast<std::size_t>(to)]) continue;
            path.push_back(e);
            self(self, to);
            path.pop_back();
        }
        used[static_cast<std::size_t>(node)] = false;
    };
    visit(visit, source);
    return paths;
}

/// The path that the tie rule names: lowest cost as summed from the source, then fewest edges, then, back
/// from the target, lowest edges. O(nodes * edges). Costs may be negative if the graph has no cycles.
template <class Scalar>
edge_path bellman_ford(const imle::directed_graph& graph, Eigen::Index source, Eigen::Index target,
                       const std::vector<Scalar>& costs) {
    const auto nodes = static_cast<std::size_t>(graph.nodes());
    constexpr Scalar infinite = std::numeric_limits<Scalar>::infinity();
    constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
    std::vector<Scalar> distance(nodes, infinite);
    std::vector<std::size_t> edges_to(nodes, never);
    const auto at = [](Eigen::Index i) { return static_cast<std::size_t>(i); };
    distance[at(source)] = 0;
    edges_to[at(source)] = 0;
    // Edges on which a path can go: other ones may make cycles of negative cost.
    std::vector<bool> goes_on(nodes, false);
    goes_on[at(target)] = true;
    const auto useful = [&](std::size_t e) {
        const auto [from, to] = graph.edges()[e];
        return to != source && from != target && from != to && goes_on[at(to)];
    };
    // Relaxes the edges at a node, then those at each node that this changes.
    const auto spread = [&](Eigen::Index start, bool forward, const auto& relax) {
        std::vector<Eigen::Index> changed{start};
        std::vector<char> waits(nodes, 0);
        for (std::size_t done = 0; done < changed.size(); ++done) {
            const Eigen::Index node = changed[done];
            waits[at(node)] = 0;
            for (const Eigen::Index e : forward ? graph.out_edges(node) : graph.in_edges(node)) {
                const imle::graph_edge edge = graph.edges()[at(e)];
                if (!useful(at(e)) || !relax(at(e), at(edge.from), at(edge.to))) continue;
                const Eigen::Index other = forward ? edge.to : edge.from;
                if (waits[at(other)] == 0) changed.push_back(other);
                waits[at(other)] = 1;
            }
        }
    };
    spread(target, false, [&](std::size_t, std::size_t from, std::size_t) {
        const bool is_new = !goes_on[from];
        goes_on[from] = true;
        return is_new;
    });
    const auto shorten = [&](std::size_t e, std::size_t from, std::size_t to) {
        if (!(distance[from] + costs[e] < distance[to])) return false;
        distance[to] = distance[from] + costs[e];
        return true;
    };
    // Any order comes to the same end. Without cycles, a node after all nodes before it comes up once.
    std::vector<std::size_t> before(nodes, 0);
    for (std::size_t e = 0; e < graph.edges().size(); ++e) before[at(graph.edges()[e].to)] += useful(e);
    std::vector<Eigen::Index> order;
    for (std::size_t node = 0; node < nodes; ++node)
        if (before[node] == 0) order.push_back(static_cast<Eigen::Index>(node));
    for (std::size_t done = 0; done < order.size(); ++done)
        for (const Eigen::Index e : graph.out_edges(order[done])) {
            const Eigen::Index to = graph.edges()[at(e)].to;
            if (!useful(at(e))) continue;
            (void)shorten(at(e), at(order[done]), at(to));
            if (--before[at(to)] == 0) order.push_back(to);
        }
    if (order.size() < nodes) {  // there are cycles
        distance.assign(nodes, infinite);
        distance[at(source)] = 0;
        spread(source, true, shorten);
    }
    const auto tight = [&](std::size_t e) {
        const auto [from, to] = graph.edges()[e];
        return useful(e) && distance[at(from)] < infinite &&
               distance[at(from)] + costs[e] == distance[at(to)];
    };
    spread(source, true, [&](std::size_t e, std::size_t from, std::size_t to) {
        if (!tight(e) || edges_to[from] == never || edges_to[from] + 1 >= edges_to[to]) return false;
        edges_to[to] = edges_to[from] + 1;
        return true;
    });
    edge_path path;
    for (Eigen::Index node = target; node != source;) {
        std::size_t i = 0;
        const auto e = [&] { return at(graph.in_edges(node)[i]); };
        while (!tight(e()) || edges_to[at(graph.edges()[e()].from)] + 1 != edges_to[at(node)]) ++i;
        path.push_back(e());
        node = graph.edges()[e()].from;
    }
    std::reverse(path.begin(), path.end());
    return path;
}

/// The edges of the graph for which keep(e) holds, as a graph of its own, and what they are called there.
struct kept_edges {
    imle::directed_graph graph;
    std::vector<std::size_t> names;

    template <class Keep>
    kept_edges(const imle::directed_graph& whole, Keep&& keep) : graph(whole.nodes(), {}) {
        std::vector<imle::graph_edge> edges;
        for (std::size_t e = 0; e < whole.edges().size(); ++e) {
            if (!keep(e)) continue;
            edges.push_back(whole.edges()[e]);
            names.push_back(e);
        }
        graph = {whole.nodes(), edges};
    }

    /// `bellman_ford` on these edges, as z of the whole graph; empty if there is no path.
    template <class Scalar>
    [[nodiscard]] std::vector<Scalar> cheapest(Eigen::Index source, Eigen::Index target,
                                               const std::vector<Scalar>& costs) const {
        std::vector<char> reached(static_cast<std::size_t>(graph.nodes()), 0);
        reached[static_cast<std::size_t>(source)] = 1;
        std::vector<Eigen::Index> nodes{source};
        for (std::size_t done = 0; done < nodes.size(); ++done)
            for (const Eigen::Index e : graph.out_edges(nodes[done])) {
                const Eigen::Index to = graph.edges()[static_cast<std::size_t>(e)].to;
                if (reached[static_cast<std::size_t>(to)] == 0) nodes.push_back(to);
                reached[static_cast<std::size_t>(to)] = 1;
            }
        if (!reached[static_cast<std::size_t>(target)]) return {};
        std::vector<Scalar> kept_costs, z(costs.size(), 0);
        for (const std::size_t e : names) kept_costs.push_back(costs[e]);
        for (const std::size_t e : bellman_ford(graph, source, target, kept_costs)) z[names[e]] = 1;
        return z;
    }
};

}  // namespace reference
