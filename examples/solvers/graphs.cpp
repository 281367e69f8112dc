// Solvers over graphs and grids: shortest_path, shortest_paths, all_or_nothing, spanning_tree, matching,
// graph_cut, grid_shortest_path.

#include <imle/solvers/all_or_nothing.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/graph_cut.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/matching.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/shortest_paths.hpp>
#include <imle/solvers/spanning_tree.hpp>

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
#include "mean_state.hpp"

namespace solver_pictures {
namespace {

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

// Streets between scattered points, in both directions, with random costs.
struct street_map {
    street_map() {
        for (const imle::graph_edge& edge : near_pairs(drawing.nodes)) {
            drawing.edges.push_back(edge);
            drawing.edges.push_back({edge.to, edge.from});
        }
        theta.resize(1, static_cast<Eigen::Index>(drawing.edges.size()));
        std::mt19937 random(4);
        for (Eigen::Index e = 0; e < theta.size(); ++e)
            theta(0, e) = -0.5F - 2.0F * static_cast<float>(random()) / 4294967296.0F;
    }

    graph_drawing drawing{scattered_points(), {}, edge_shape::arrow, {0, 19}, {}};
    row theta;
};

}  // namespace

void draw_shortest_path(std::ostream& script) {
    const street_map streets;
    const graph_drawing& drawing = streets.drawing;
    const auto nodes = static_cast<Eigen::Index>(drawing.nodes.size());
    // [shortest_path]
    const imle::directed_graph graph{nodes, drawing.edges};  // edges: {{0, 1}, {1, 0}, {0, 5}, ...}
    const imle::shortest_path solver{graph, 0, 19};          // from node 0 to node 19
    // [/shortest_path]
    print_panels(script, drawing, solver, streets.theta,
                 {{"theta: dark is cheap", "z: the cheapest path", "marginals under Gumbel noise"}});
}

void draw_shortest_paths(std::ostream& script) {
    street_map streets;
    streets.drawing.terminals = {0, 4, 15, 19};
    const auto nodes = static_cast<Eigen::Index>(streets.drawing.nodes.size());
    const imle::directed_graph graph{nodes, streets.drawing.edges};
    const imle::shortest_paths solver{graph, std::vector<imle::od_pair>{{0, 19}, {15, 4}, {19, 15}}};
    const row theta = streets.theta.broadcast(Eigen::array<Eigen::Index, 2>{3, 1});  // one row for each pair
    const row paths = mean_state(solver, theta, 0);
    std::array<edge_shares, 3> panels{{{"z of id 0", {}}, {"z of id 1", {}}, {"z of id 2", {}}}};
    for (std::size_t id = 0; id < panels.size(); ++id) {
        const float* const first = paths.data() + static_cast<Eigen::Index>(id) * paths.dimension(1);
        panels[id].shares.assign(first, first + paths.dimension(1));
    }
    print_graphs(script, streets.drawing, panels);
}

void draw_all_or_nothing(std::ostream& script) {
    street_map streets;
    streets.drawing.terminals = {0, 4, 15, 19};
    const auto nodes = static_cast<Eigen::Index>(streets.drawing.nodes.size());
    const imle::directed_graph graph{nodes, streets.drawing.edges};
    const imle::all_or_nothing solver{graph,
                                      std::vector<imle::demand>{{0, 19, 60.0}, {15, 4, 30.0}, {0, 4, 20.0}}};
    print_panels(script, streets.drawing, solver, streets.theta,
                 {.titles = {"theta: dark is cheap", "z: flows on the cheapest paths",
                             "mean flows under Gumbel noise"},
                  .temperature = 0.25,
                  .largest = 110});
}

void draw_spanning_tree(std::ostream& script) {
    graph_drawing drawing{scattered_points(), {}, edge_shape::line, {}, {}};
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
                 {{"theta: dark is large", "z: the heaviest tree", "marginals under Gumbel noise"}});
}

void draw_matching(std::ostream& script) {
    graph_drawing drawing{scattered_points(), {}, edge_shape::line, {}, {}};
    drawing.edges = near_pairs(drawing.nodes);
    row theta(1, static_cast<Eigen::Index>(drawing.edges.size()));
    for (Eigen::Index e = 0; e < theta.size(); ++e) {
        const imle::graph_edge& edge = drawing.edges[static_cast<std::size_t>(e)];
        const point a = drawing.nodes[static_cast<std::size_t>(edge.from)];
        const point b = drawing.nodes[static_cast<std::size_t>(edge.to)];
        theta(0, e) = static_cast<float>(0.5 - std::hypot(a.x - b.x, a.y - b.y));
    }
    const imle::matching solver{static_cast<Eigen::Index>(drawing.nodes.size()), drawing.edges};
    print_panels(script, drawing, solver, theta,
                 {.titles = {"theta: dark is near", "z: the best pairs", "marginals under Gumbel noise"},
                  .temperature = 0.03});
}

void draw_graph_cut(std::ostream& script) {
    constexpr Eigen::Index side = 24;
    const auto pixel = [](Eigen::Index row, Eigen::Index column) { return row * side + column; };
    std::vector<imle::graph_edge> edges;
    for (Eigen::Index row = 0; row < side; ++row)
        for (Eigen::Index column = 0; column < side; ++column) {
            if (column + 1 < side) edges.push_back({pixel(row, column), pixel(row, column + 1)});
            if (row + 1 < side) edges.push_back({pixel(row, column), pixel(row + 1, column)});
        }
    // A ring under noise; equal neighbours score 1.
    row theta(1, side * side + static_cast<Eigen::Index>(edges.size()));
    theta.setConstant(1);
    std::mt19937 random(3);
    for (Eigen::Index row = 0; row < side; ++row)
        for (Eigen::Index column = 0; column < side; ++column) {
            const double radius =
                std::hypot(static_cast<double>(row) - 11.5, static_cast<double>(column) - 11.5);
            double noise = 0;
            for (int i = 0; i < 4; ++i) noise += static_cast<double>(random()) / 4294967296.0 - 0.5;
            theta(0, pixel(row, column)) =
                static_cast<float>((radius > 4.5 && radius < 9.5 ? 1 : -1) + 1.6 * noise);
        }
    const imle::graph_cut solver{side * side, edges, {.negative_scores = imle::negative_scores::clamp}};
    // The pixels without the edges.
    const auto image = [](const row& values) -> Eigen::MatrixXf {
        return Eigen::Map<const Eigen::Matrix<float, side, side, Eigen::RowMajor>>(values.data());
    };
    const std::array<heat_map, 3> maps{
        {{"theta of the pixels", image(theta), colours::numbers},
         {"z: the best labels", image(mean_state(solver, theta, 0)), colours::shares},
         {"marginals under Gumbel noise", image(mean_state(solver, theta, 0.5)), colours::shares}}};
    print_heat_maps(script, maps, "row", "column");
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
         {"marginals under Gumbel noise", as_matrix(mean_state(solver, theta, 0.5)), colours::shares}}};
    print_heat_maps(script, maps, "row", "column");
}

}  // namespace solver_pictures
