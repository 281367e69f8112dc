#include <imle/solvers/directed_graph.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::directed_graph;
using imle::graph_edge;

namespace directed_graph_tests {

TEST_CASE("directed_graph lists the edges at each node", "[solvers][graph]") {
    std::mt19937 random(1);
    support::tally wrong;
    for (int i = 0; i < 200; ++i) {
        const auto nodes = static_cast<Eigen::Index>(1 + random() % 8);
        std::vector<graph_edge> edges(random() % 30);
        for (graph_edge& edge : edges)
            edge = {static_cast<Eigen::Index>(random()) % nodes, static_cast<Eigen::Index>(random()) % nodes};
        const directed_graph graph{nodes, edges};
        wrong.expect(graph.nodes() == nodes &&
                         std::equal(edges.begin(), edges.end(), graph.edges().begin(), graph.edges().end()),
                     "nodes and edges of graph ", i);
        for (Eigen::Index v = 0; v < nodes; ++v) {
            std::vector<Eigen::Index> out, in;
            for (std::size_t e = 0; e < edges.size(); ++e) {
                if (edges[e].from == v) out.push_back(static_cast<Eigen::Index>(e));
                if (edges[e].to == v) in.push_back(static_cast<Eigen::Index>(e));
            }
            const auto found_out = graph.out_edges(v), found_in = graph.in_edges(v);
            wrong.expect(std::equal(out.begin(), out.end(), found_out.begin(), found_out.end()), "graph ", i,
                         ", out of ", v, ": edges ", found_out, ", not ", out);
            wrong.expect(std::equal(in.begin(), in.end(), found_in.begin(), found_in.end()), "graph ", i,
                         ", into ", v, ": edges ", found_in, ", not ", in);
            for (Eigen::Index w = 0; w < nodes; ++w) {
                const auto first = std::find(edges.begin(), edges.end(), graph_edge{v, w});
                const auto found = graph.find_edge(v, w);
                wrong.expect(found.has_value() == (first != edges.end()) &&
                                 found.value_or(0) == (first != edges.end() ? first - edges.begin() : 0),
                             "graph ", i, ", ", v, " to ", w, ": edge ", found.value_or(-1));
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("directed_graph has a topological order unless there is a cycle", "[solvers][graph]") {
    std::mt19937 random(2);
    support::tally wrong;
    for (int i = 0; i < 200; ++i) {
        const auto nodes = static_cast<Eigen::Index>(2 + random() % 8);
        std::vector<Eigen::Index> order(static_cast<std::size_t>(nodes));
        for (std::size_t v = 0; v < order.size(); ++v) order[v] = static_cast<Eigen::Index>(v);
        std::shuffle(order.begin(), order.end(), random);
        std::vector<graph_edge> edges;
        for (int e = 0; e < 20; ++e) {
            const std::size_t a = random() % order.size(), b = random() % order.size();
            if (a != b) edges.push_back({order[std::min(a, b)], order[std::max(a, b)]});
        }
        const directed_graph graph{nodes, edges};
        std::vector<int> place(order.size(), -1);
        int next = 0;
        for (const Eigen::Index v : graph.topological_order()) place[static_cast<std::size_t>(v)] = next++;
        wrong.expect(graph.is_acyclic() && next == nodes, "graph ", i, ": ", next, " of ", nodes,
                     " nodes in order");
        for (const graph_edge& edge : edges)
            wrong.expect(
                place[static_cast<std::size_t>(edge.from)] < place[static_cast<std::size_t>(edge.to)],
                "graph ", i, ": ", edge.from, " after ", edge.to);
        edges.push_back({order[1], order[0]});
        edges.push_back({order[0], order[1]});
        const directed_graph with_cycle{nodes, edges};
        wrong.expect(!with_cycle.is_acyclic() && with_cycle.topological_order().empty(), "graph ", i,
                     " with a cycle");
    }
    CHECK(wrong == 0);
    CHECK_FALSE((directed_graph{2, {{0, 1}, {1, 1}}}.is_acyclic()));
    CHECK((directed_graph{0, {}}.is_acyclic()));
}

TEST_CASE("directed_graph says what is wrong", "[solvers][graph][errors]") {
    CHECK_THROWS_WITH((directed_graph{2, {{0, 1}, {1, 2}}}),
                      mentions("edge 1 is from node 1 to node 2") && mentions("2 nodes"));
    CHECK_THROWS_AS((directed_graph{2, {{-1, 1}}}), std::invalid_argument);
    CHECK_THROWS_WITH((directed_graph{-1, {}}), mentions("nodes is -1"));
    CHECK_THROWS_AS((directed_graph{0, {{0, 0}}}), std::invalid_argument);
}

TEST_CASE("the edges of grids are in their documented order", "[solvers][graph]") {
    const auto monotone = imle::monotone_grid_graph(2, 3);
    const std::vector<graph_edge> expected{{0, 1}, {1, 2}, {0, 3}, {1, 4}, {2, 5}, {3, 4}, {4, 5}};
    CHECK(std::equal(expected.begin(), expected.end(), monotone.edges().begin(), monotone.edges().end()));
    CHECK(imle::monotone_grid_graph(5, 5).edges().size() == 40);
    for (const int connectivity : {4, 8}) {
        const auto grid = imle::grid_graph(3, 4, connectivity);
        CHECK(grid.edges().size() == (connectivity == 4 ? 34 : 58));
        CHECK(std::is_sorted(grid.edges().begin(), grid.edges().end(),
                             [](const graph_edge& a, const graph_edge& b) {
                                 return a.from != b.from ? a.from < b.from : a.to < b.to;
                             }));
        CHECK(grid.find_edge(5, 0).has_value() == (connectivity == 8));
        CHECK(grid.find_edge(3, 4) == std::nullopt);  // neighbours in memory, not in the grid
        CHECK(grid.find_edge(99, 0) == std::nullopt);
        CHECK(grid.edges()[static_cast<std::size_t>(grid.find_edge(5, 6).value_or(0))] == graph_edge{5, 6});
    }
    CHECK(imle::grid_graph(1, 1).edges().empty());
    CHECK_THROWS_AS(imle::grid_graph(0, 3), std::invalid_argument);
    CHECK_THROWS_AS(imle::grid_graph(3, 3, 6), std::invalid_argument);
    CHECK_THROWS_AS(imle::monotone_grid_graph(3, 0), std::invalid_argument);
}

}  // namespace directed_graph_tests
