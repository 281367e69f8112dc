#pragma once

// The structures that several programs solve on, so that all solve the same.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/noise/uniform.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/directed_graph.hpp>

namespace imle_benchmarks {

/// Node i goes to i + 1 and to three random nodes.
[[nodiscard]] inline imle::directed_graph random_graph(Eigen::Index nodes) {
    std::vector<double> place(static_cast<std::size_t>(3 * nodes));
    imle::uniform{0.0, 1.0}.fill(imle::random_key{11}, 0, std::span<double>(place));
    std::vector<imle::graph_edge> edges;
    for (Eigen::Index node = 0; node < nodes; ++node) {
        if (node + 1 < nodes) edges.push_back({node, node + 1});
        for (Eigen::Index i = 0; i < 3; ++i)
            edges.push_back({node, static_cast<Eigen::Index>(place[static_cast<std::size_t>(3 * node + i)] *
                                                             static_cast<double>(nodes))});
    }
    return {nodes, std::move(edges)};
}

/// Edges between random nodes, no two between the same ones.
[[nodiscard]] inline std::vector<imle::graph_edge> sparse_edges(Eigen::Index nodes, std::size_t count) {
    std::vector<double> place(8 * count);
    imle::uniform{0.0, 1.0}.fill(imle::random_key{14}, 0, std::span<double>(place));
    const auto node = [&](std::size_t i) {
        return static_cast<Eigen::Index>(place[i] * static_cast<double>(nodes));
    };
    std::vector<imle::graph_edge> edges;
    for (std::size_t i = 0; edges.size() < count && i + 1 < place.size(); i += 2) {
        const imle::graph_edge edge{std::min(node(i), node(i + 1)), std::max(node(i), node(i + 1))};
        if (edge.from != edge.to && std::find(edges.begin(), edges.end(), edge) == edges.end())
            edges.push_back(edge);
    }
    return edges;
}

/// Integer weights of 10 to 100.
[[nodiscard]] inline std::vector<double> item_weights(Eigen::Index items) {
    std::vector<double> weights(static_cast<std::size_t>(items));
    imle::uniform{10.0, 100.999}.fill(imle::random_key{12}, 0, std::span<double>(weights));
    for (double& weight : weights) weight = static_cast<double>(static_cast<int>(weight));
    return weights;
}

/// Weights of 3 to 8 in some dimensions, as in PyEPO's knapsack data; each capacity is 20.
[[nodiscard]] inline Eigen::MatrixXd item_weights(Eigen::Index dimensions, Eigen::Index items) {
    std::vector<double> numbers(static_cast<std::size_t>(dimensions * items));
    imle::uniform{3.0, 8.0}.fill(imle::random_key{13}, 0, std::span<double>(numbers));
    return Eigen::Map<const Eigen::MatrixXd>(numbers.data(), dimensions, items);
}

}  // namespace imle_benchmarks
