#pragma once

// The structures that several programs solve on, so that all solve the same.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
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

/// Streets, each of them an edge in both directions, and how long each edge takes without traffic.
struct city_shape {
    imle::directed_graph graph;
    std::vector<float> times;
};
/// side x side crossings, a little out of place; a quarter of the streets are missing and half of the others
/// have a bend; every eighth line is a main road, twice as fast. Crossings are nodes 0 to side * side - 1.
[[nodiscard]] inline city_shape city(Eigen::Index side) {
    const Eigen::Index crossings = side * side;
    std::vector<double> numbers(static_cast<std::size_t>(8 * crossings));
    imle::uniform{0.0, 1.0}.fill(imle::random_key{21}, 0, std::span<double>(numbers));
    const auto number = [&](Eigen::Index crossing, Eigen::Index i) {
        return numbers[static_cast<std::size_t>(8 * crossing + i)];
    };
    const auto x = [&](Eigen::Index c) { return static_cast<double>(c % side) + 0.6 * number(c, 0); };
    const auto y = [&](Eigen::Index c) { return static_cast<double>(c / side) + 0.6 * number(c, 1); };
    std::vector<imle::graph_edge> edges;
    std::vector<float> times;
    const auto add_street = [&](Eigen::Index from, Eigen::Index to, double time) {
        for (const imle::graph_edge edge : {imle::graph_edge{from, to}, imle::graph_edge{to, from}}) {
            edges.push_back(edge);
            times.push_back(static_cast<float>(time));
        }
    };
    Eigen::Index nodes = crossings;
    for (Eigen::Index from = 0; from < crossings; ++from)
        for (const Eigen::Index way : {0, 1}) {
            const Eigen::Index row = from / side, col = from % side, to = from + (way == 0 ? 1 : side);
            if ((way == 0 ? col : row) + 1 == side) continue;
            const bool is_main = (way == 0 ? row : col) % 8 == 0;
            if (!is_main && number(from, 2 + way) < 0.25) continue;
            const double time = std::hypot(x(from) - x(to), y(from) - y(to)) / (is_main ? 2 : 1);
            if (number(from, 4 + way) < 0.5) {
                add_street(from, to, time);
            } else {
                const double there = 0.2 + 0.6 * number(from, 6 + way);
                add_street(from, nodes, 1.1 * time * there);
                add_street(nodes++, to, 1.1 * time * (1 - there));
            }
        }
    return {{nodes, std::move(edges)}, std::move(times)};
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

/// The edges between neighbours of a square picture's pixels, row by row.
[[nodiscard]] inline std::vector<imle::graph_edge> picture_edges(Eigen::Index side) {
    std::vector<imle::graph_edge> edges;
    for (Eigen::Index at = 0; at < side * side; ++at) {
        if ((at + 1) % side != 0) edges.push_back({at, at + 1});
        if (at + side < side * side) edges.push_back({at, at + side});
    }
    return edges;
}

/// A network with supplies and capacities.
struct flow_shape {
    std::string size;
    imle::directed_graph graph;
    std::vector<std::int64_t> supplies, capacities;
};

/// Transport problems, edge-disjoint paths, and goods from many nodes to many others.
[[nodiscard]] inline std::vector<flow_shape> flow_shapes() {
    std::vector<flow_shape> shapes;
    for (const Eigen::Index n : {10, 20, 50}) {
        std::vector<imle::graph_edge> edges;
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j) edges.push_back({i, n + j});
        std::vector<std::int64_t> supplies;
        for (Eigen::Index i = 0; i < n; ++i) supplies.push_back(i % 2 == 0 ? 2 : 8);
        supplies.resize(static_cast<std::size_t>(2 * n), -5);
        shapes.push_back({"transport, " + std::to_string(n) + " x " + std::to_string(n),
                          {2 * n, std::move(edges)},
                          std::move(supplies),
                          std::vector<std::int64_t>(static_cast<std::size_t>(n * n), 100)});
    }
    const auto add_paths = [&](const char* size, imle::directed_graph graph, std::int64_t paths) {
        std::vector<std::int64_t> supplies(static_cast<std::size_t>(graph.nodes()), 0);
        supplies.front() = paths;
        supplies.back() = -paths;
        std::vector<std::int64_t> capacities(graph.edges().size(), 1);
        shapes.push_back({size, std::move(graph), std::move(supplies), std::move(capacities)});
    };
    add_paths("3 paths, 16 x 16, 8 neighbours", imle::grid_graph(16, 16), 3);
    add_paths("2 paths, 1,000 nodes, 4,000 edges", random_graph(1000), 2);
    auto graph = random_graph(1000);
    std::vector<std::int64_t> supplies(1000, 0);
    for (std::size_t i = 0; i < 100; ++i) {
        supplies[i] = 5;
        supplies[900 + i] = -5;
    }
    std::vector<std::int64_t> capacities(graph.edges().size(), 20);
    shapes.push_back({"100 to 100 of 1,000 nodes, 4,000 edges", std::move(graph), std::move(supplies),
                      std::move(capacities)});
    return shapes;
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
