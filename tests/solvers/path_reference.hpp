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
        for (std::size_t done = 0; done < changed.size(); ++done) {
            const Eigen::Index node = changed[done];
            for (const Eigen::Index e : forward ? graph.out_edges(node) : graph.in_edges(node)) {
                const imle::graph_edge edge = graph.edges()[at(e)];
                if (useful(at(e)) && relax(at(e), at(edge.from), at(edge.to)))
                    changed.push_back(forward ? edge.to : edge.from);
            }
        }
    };
    spread(target, false, [&](std::size_t, std::size_t from, std::size_t) {
        const bool is_new = !goes_on[from];
        goes_on[from] = true;
        return is_new;
    });
    spread(source, true, [&](std::size_t e, std::size_t from, std::size_t to) {
        if (!(distance[from] + costs[e] < distance[to])) return false;
        distance[to] = distance[from] + costs[e];
        return true;
    });
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
        std::vector<bool> reached(static_cast<std::size_t>(graph.nodes()), false);
        reached[static_cast<std::size_t>(source)] = true;
        for (bool busy = true; busy;) {
            busy = false;
            for (const auto& [from, to] : graph.edges()) {
                if (!reached[static_cast<std::size_t>(from)] || reached[static_cast<std::size_t>(to)])
                    continue;
                reached[static_cast<std::size_t>(to)] = busy = true;
            }
        }
        if (!reached[static_cast<std::size_t>(target)]) return {};
        std::vector<Scalar> kept_costs, z(costs.size(), 0);
        for (const std::size_t e : names) kept_costs.push_back(costs[e]);
        for (const std::size_t e : bellman_ford(graph, source, target, kept_costs)) z[names[e]] = 1;
        return z;
    }
};

}  // namespace reference
