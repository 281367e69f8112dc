// Solvers over graphs and grids: shortest_path, spanning_tree, grid_shortest_path.

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <random>
#include <unsupported/Eigen/CXX11/Tensor>
#include <vector>

#include "drawings.hpp"
#include "graph_picture.hpp"
#include "heat_maps.hpp"

namespace solver_pictures {
namespace {

// Without noise: the best state. With it: the marginals.
template <class SolverT, class TensorT>
TensorT mean_state(const SolverT& solver, const TensorT& theta, float temperature) {
    imle::imle_layer layer{solver, imle::gumbel{}, imle::perturbation_target{},
                           imle::layer_options{.samples = 1000, .input_temperature = temperature}};
    return layer.marginals(theta, imle::random_key{1}).marginals();
}

using row = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // a batch of one: [1, edges]

// Points with a minimum distance from each other, in a wide rectangle.
std::vector<point> scattered_points() {
    std::mt19937 random(12);
    const auto unit = [&] { return static_cast<double>(random()) / 4294967296.0; };
    std::vector<point> points;
    for (int row = 0; row < 4; ++row)
        for (int column = 0; column < 5; ++column)
            points.push_back(
                {(column + 0.15 + 0.6 * unit()) * 1.3 / 4.75, (3 - row + 0.15 + 0.6 * unit()) / 3.75});
    return points;
}

// Pairs of points that are close to each other, in one direction.
std::vector<imle::graph_edge> near_pairs(const std::vector<point>& points) {
    std::vector<imle::graph_edge> pairs;
    for (std::size_t a = 0; a < points.size(); ++a)
        for (std::size_t b = a + 1; b < points.size(); ++b)
            if (std::hypot(points[a].x - points[b].x, points[a].y - points[b].y) < 0.41)
                pairs.push_back({static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)});
    return pairs;
}

// Theta scaled to 0 to 1, and the layer's results.
template <class SolverT>
void print_panels(std::ostream& script, const graph_drawing& graph, const SolverT& solver, const row& theta,
                  const std::array<const char*, 3>& titles) {
    const float* const end = theta.data() + theta.size();
    const float lowest = *std::min_element(theta.data(), end), highest = *std::max_element(theta.data(), end);
    const auto numbers = [](const row& values) {
        return std::vector<double>(values.data(), values.data() + values.size());
    };
    std::vector<double> scaled = numbers(theta);
    for (double& t : scaled) t = (t - lowest) / (highest - lowest);
    const std::array<edge_shares, 3> panels{{{titles[0], scaled},
                                             {titles[1], numbers(mean_state(solver, theta, 0))},
                                             {titles[2], numbers(mean_state(solver, theta, 0.5F))}}};
    print_graphs(script, graph, panels);
}

}  // namespace

void draw_shortest_path(std::ostream& script) {
    graph_drawing drawing{scattered_points(), {}, true, {0, 19}};
    for (const imle::graph_edge& edge : near_pairs(drawing.nodes)) {
        drawing.edges.push_back(edge);
        drawing.edges.push_back({edge.to, edge.from});
    }
    row theta(1, static_cast<Eigen::Index>(drawing.edges.size()));
    std::mt19937 random(4);
    for (Eigen::Index e = 0; e < theta.size(); ++e)
        theta(0, e) = -0.5F - 2.0F * static_cast<float>(random()) / 4294967296.0F;
    const auto nodes = static_cast<Eigen::Index>(drawing.nodes.size());
    // [shortest_path]
    const imle::directed_graph graph{nodes, drawing.edges};  // edges: {{0, 1}, {1, 0}, {0, 5}, ...}
    const imle::shortest_path solver{graph, 0, 19};          // from node 0 to node 19
    // [/shortest_path]
    print_panels(script, drawing, solver, theta,
                 {"theta: dark is cheap", "z: the cheapest path", "marginals under Gumbel noise"});
}

void draw_spanning_tree(std::ostream& script) {
    graph_drawing drawing{scattered_points(), {}, false, {}};
    drawing.edges = near_pairs(drawing.nodes);
    row theta(1, static_cast<Eigen::Index>(drawing.edges.size()));
    std::mt19937 random(9);
    for (Eigen::Index e = 0; e < theta.size(); ++e)
        theta(0, e) = 3.0F * static_cast<float>(random()) / 4294967296.0F;
    const auto nodes = static_cast<Eigen::Index>(drawing.nodes.size());
    // [spanning_tree]
    const imle::spanning_tree solver{nodes, drawing.edges};  // edges: {{0, 1}, {0, 5}, ...}
    // [/spanning_tree]
    print_panels(script, drawing, solver, theta,
                 {"theta: dark is large", "z: the heaviest tree", "marginals under Gumbel noise"});
}

void draw_grid_shortest_path(std::ostream& script) {
    constexpr Eigen::Index side = 16;
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(1, side, side);
    // Hills: crossing them costs more than going round them.
    for (Eigen::Index row = 0; row < side; ++row)
        for (Eigen::Index col = 0; col < side; ++col) {
            const float y = static_cast<float>(row), x = static_cast<float>(col);
            const auto hill = [&](float at_y, float at_x, float width) {
                const float dy = y - at_y, dx = x - at_x;
                return std::exp(-(dy * dy + dx * dx) / (2 * width * width));
            };
            theta(0, row, col) = -0.6F - 4 * (hill(5, 6, 2.2F) + hill(11, 10, 2.6F) + hill(2, 13, 2));
        }
    // [grid_shortest_path]
    const imle::grid_shortest_path solver{};  // 8 neighbours, costs below 0 count as 0
    // [/grid_shortest_path]
    const auto as_matrix = [](const Eigen::Tensor<float, 3, Eigen::RowMajor>& tensor) -> Eigen::MatrixXf {
        return Eigen::Map<const Eigen::Matrix<float, side, side, Eigen::RowMajor>>(tensor.data());
    };
    const Eigen::Tensor<float, 3, Eigen::RowMajor> costs = -theta;
    const std::array<heat_map, 3> maps{
        {{"cost -theta", as_matrix(costs), colours::numbers},
         {"z: the cheapest path", as_matrix(mean_state(solver, theta, 0)), colours::shares},
         {"marginals under Gumbel noise", as_matrix(mean_state(solver, theta, 0.5F)), colours::shares}}};
    print_heat_maps(script, maps, "row", "column");
}

}  // namespace solver_pictures
