#include <imle/adapters/boost_graph.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include <boost/graph/adjacency_list.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/spanning_trees.hpp>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

namespace {

using edges = std::vector<imle::graph_edge>;
using numbers = Eigen::Tensor<double, 1, Eigen::RowMajor>;

double value(const numbers& theta, const numbers& z) {
    double sum = 0;
    for (Eigen::Index e = 0; e < theta.size(); ++e) sum += theta(e) * z(e);
    return sum;
}

edges random_edges(Eigen::Index nodes, bool directed, std::mt19937& random) {
    edges list;
    for (Eigen::Index i = 0; i < nodes; ++i)
        for (Eigen::Index j = directed ? 0 : i + 1; j < nodes; ++j)
            if (i != j && random() % 3 != 0) list.push_back({i, j});
    return list;
}

}  // namespace

TEST_CASE("boost_shortest_path keeps the laws", "[adapters][boost]") {
    // Acyclic, so costs of any sign are exact: 0 to 3 by 1, by 2 or directly.
    const imle::directed_graph diamond{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}, {1, 2}}};
    const imle::testing::enumerated_family<1> paths(
        "paths", {6}, {{1, 0, 1, 0, 0, 0}, {0, 1, 0, 1, 0, 0}, {0, 0, 0, 0, 1, 0}, {1, 0, 0, 1, 0, 1}});
    const auto report = imle::testing::check_solver<float>(imle::boost_shortest_path(diamond, 0, 3), paths);
    INFO(report);
    CHECK(report.passed());

    // With the arc back from 2 to 1 there is a cycle, and negative costs are outside of the domain.
    const imle::directed_graph cyclic{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {2, 1}, {1, 2}}};
    const imle::testing::enumerated_family<1> walks(
        "paths", {6}, {{1, 0, 1, 0, 0, 0}, {0, 1, 0, 1, 0, 0}, {0, 1, 1, 0, 1, 0}, {1, 0, 0, 1, 0, 1}});
    const auto dijkstra = imle::testing::check_solver<double, Eigen::ColMajor>(
        imle::boost_shortest_path(cyclic, 0, 3), walks, {.highest = 0});
    INFO(dijkstra);
    CHECK(dijkstra.passed());
}

TEST_CASE("boost_shortest_path finds paths of shortest_path's cost", "[adapters][boost]") {
    std::mt19937 random(1);
    support::tally wrong;
    int compared = 0;
    for (int trial = 0; trial < 300; ++trial) {
        const auto nodes = static_cast<Eigen::Index>(2 + random() % 12);
        edges list = random_edges(nodes, true, random);
        list.push_back({0, nodes - 1});  // it can be reached
        list.push_back({0, nodes - 1});  // parallel
        const imle::directed_graph graph{nodes, list};
        numbers theta(static_cast<Eigen::Index>(list.size())), z(theta.size()), expected(theta.size());
        for (Eigen::Index e = 0; e < theta.size(); ++e)
            theta(e) = -static_cast<double>(random() % (trial % 2 == 0 ? 5 : 1000000));
        imle::boost_shortest_path(graph, 0, nodes - 1)(theta, z);
        imle::shortest_path{graph, 0, nodes - 1}(theta, expected);
        // If paths tie, the two solvers may differ, but both paths have the same cost: integers, so exact.
        wrong.expect(value(theta, z) == value(theta, expected), "graph ", trial, " of ", nodes,
                     " nodes: theta ", theta, " gives ", z, ", as good as ", expected);
        ++compared;
    }
    CHECK(compared == 300);
    CHECK(wrong == 0);
}

TEST_CASE("boost_shortest_path takes a graph of Boost's", "[adapters][boost]") {
    // [users_graph]
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS> roads(4);
    boost::add_edge(0, 1, roads);
    boost::add_edge(0, 2, roads);
    boost::add_edge(1, 3, roads);
    boost::add_edge(2, 3, roads);

    // theta: one number for each edge, in the order of boost::edges(roads).
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 4);
    theta.setValues({{-1, -2, -4, -2}});
    imle::imle_layer layer{
        imle::boost_shortest_path(roads, 0, 3), imle::no_noise{}, imle::perturbation_target{}, {}};
    const auto pass = layer.forward(theta, imle::random_key{1});
    // pass.marginals() is 0, 1, 0, 1: by way of node 2.
    // [/users_graph]
    const float expected[] = {0, 1, 0, 1};
    for (int e = 0; e < 4; ++e) CHECK(pass.marginals()(0, e) == expected[e]);
}

TEST_CASE("boost_shortest_path says what is wrong", "[adapters][boost][errors]") {
    using support::message_of;
    using support::says;
    const imle::directed_graph graph{3, {{0, 1}, {1, 0}}};
    const auto make = [&](Eigen::Index source, Eigen::Index target) {
        return message_of<std::invalid_argument>([&] { imle::boost_shortest_path(graph, source, target); });
    };
    CHECK(says(make(0, 2), {"target is 2", "no path from 0"}));
    CHECK(says(make(5, 1), {"source is 5", "3 nodes"}));
    CHECK(says(make(0, -1), {"target is -1"}));

    numbers theta(2), z(2), other(3), z_of_other(3);
    theta.setConstant(1);
    other.setConstant(-1);
    imle::boost_shortest_path clamping(graph, 0, 1), rejecting(graph, 0, 1, {imle::negative_costs::reject});
    clamping(theta, z);
    CHECK(z(0) == 1);
    CHECK(z(1) == 0);
    CHECK(says(message_of<std::invalid_argument>([&] { rejecting(theta, z); }), {"cost", "-1 at edge 0"}));
    CHECK(says(message_of<std::invalid_argument>([&] { clamping(other, z_of_other); }),
               {"theta is of 3", "one for each of the graph's 2 edges"}));
    imle::boost_shortest_path(graph, 1, 1)(theta, z);
    CHECK(z(0) + z(1) == 0);

    imle::boost_shortest_path chain(imle::directed_graph{4, {{0, 1}, {1, 2}, {2, 3}}}, 0, 3);
    other.setConstant(-std::numeric_limits<double>::max());
    CHECK(says(message_of<std::invalid_argument>([&] { chain(other, z_of_other); }), {"overflows"}));
}

TEST_CASE("Boost's solvers declare that they maximise, so minimizing negates their theta",
          "[adapters][boost]") {
    using imle::testing::check_solver;
    const auto check = [](const imle::testing::law_report& report) {
        INFO(report);
        CHECK(report.passed());
    };
    edges complete;
    for (Eigen::Index i = 0; i < 4; ++i)
        for (Eigen::Index j = i + 1; j < 4; ++j) complete.push_back({i, j});
    const imle::testing::check_solver_options few{.trials = 20};
    check(check_solver<float>(imle::minimizing(imle::boost_spanning_tree(4, complete)),
                              imle::testing::spanning_trees(4), few));
    const edges square{{0, 1}, {0, 2}, {1, 3}, {2, 3}};
    check(check_solver<double>(
        imle::minimizing(imle::boost_shortest_path(imle::directed_graph{4, square}, 0, 3)),
        imle::testing::enumerated_family<1>("two paths", {4}, {{1, 0, 1, 0}, {0, 1, 0, 1}}), few));
}

TEST_CASE("boost_spanning_tree keeps the laws and agrees with spanning_tree", "[adapters][boost]") {
    edges complete;
    for (Eigen::Index i = 0; i < 4; ++i)
        for (Eigen::Index j = i + 1; j < 4; ++j) complete.push_back({i, j});
    const auto report = imle::testing::check_solver<float>(imle::boost_spanning_tree(4, complete),
                                                           imle::testing::spanning_trees(4));
    INFO(report);
    CHECK(report.passed());

    std::mt19937 random(2);
    support::tally wrong;
    for (int trial = 0; trial < 200; ++trial) {
        const auto nodes = static_cast<Eigen::Index>(1 + random() % 15);
        const edges list = random_edges(nodes, false, random);  // not always connected
        numbers theta(static_cast<Eigen::Index>(list.size())), z(theta.size()), expected(theta.size());
        for (Eigen::Index e = 0; e < theta.size(); ++e) theta(e) = static_cast<double>(random() % 9) - 4;
        imle::boost_spanning_tree(nodes, list)(theta, z);
        imle::spanning_tree(nodes, list)(theta, expected);
        wrong.expect(value(theta, z) == value(theta, expected), "graph ", trial, " of ", nodes,
                     " nodes: theta ", theta, " gives ", z, ", as good as ", expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("boost_spanning_tree says what is wrong", "[adapters][boost][errors]") {
    using support::message_of;
    using support::says;
    CHECK(says(message_of<std::invalid_argument>([] { imle::boost_spanning_tree(-1, {}); }), {"-1"}));
    numbers theta(1), z(1);
    theta(0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(imle::boost_spanning_tree(2, {{0, 1}})(theta, z), std::invalid_argument);
    STATIC_REQUIRE(imle::Solver<imle::boost_spanning_tree, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(!imle::Solver<imle::boost_spanning_tree, double, 2, Eigen::ColMajor>);
}

TEST_CASE("Boost's solvers under a mask find the best of the edges that it allows", "[adapters][boost]") {
    // With a cycle, so that costs are at least 0; and without one.
    const imle::directed_graph cyclic{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}, {1, 2}, {2, 1}}},
        diamond{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}, {1, 2}}};
    const std::vector<std::vector<double>> paths{
        {1, 0, 1, 0, 0, 0}, {0, 1, 0, 1, 0, 0}, {0, 0, 0, 0, 1, 0}, {1, 0, 0, 1, 0, 1}};
    std::vector<std::vector<double>> paths_with_cycle = paths;
    for (auto& path : paths_with_cycle) path.push_back(0);
    paths_with_cycle.push_back({0, 1, 1, 0, 0, 0, 1});
    CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(imle::boost_shortest_path(diamond, 0, 3),
                                                             Eigen::array<Eigen::Index, 1>{6}, paths, 400,
                                                             1) == 0);
    CHECK(support::wrong_under_masks<Eigen::ColMajor, double>(imle::boost_shortest_path(cyclic, 0, 3),
                                                              Eigen::array<Eigen::Index, 1>{7},
                                                              paths_with_cycle, 400, 2, -5, -1) == 0);
    // A closed edge's negative cost is not rejected; an open edge's is.
    imle::boost_shortest_path strict(cyclic, 0, 3, {.negative_costs = imle::negative_costs::reject});
    support::mask allowed(7);
    allowed[0] = false;
    std::vector<double> theta{1, -1, -1, -1, -3, -1, -1};
    const Eigen::array<Eigen::Index, 1> seven{7};
    CHECK(support::solve<Eigen::RowMajor>(strict, theta, seven, allowed.span()) ==
          support::answer<double>{imle::solve_status::solved, {0, 1, 0, 1, 0, 0, 0}});
    CHECK_THROWS_AS(support::solve<Eigen::RowMajor>(strict, theta, seven, {}), std::invalid_argument);
    // An overflow is not the same as a closed path.
    theta.assign(7, std::numeric_limits<double>::lowest());
    allowed[4] = false;
    CHECK_THROWS_AS(support::solve<Eigen::RowMajor>(strict, theta, seven, allowed.span()),
                    std::invalid_argument);

    edges complete;
    for (Eigen::Index i = 0; i < 4; ++i)
        for (Eigen::Index j = i + 1; j < 4; ++j) complete.push_back({i, j});
    CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(
              imle::boost_spanning_tree(4, complete), Eigen::array<Eigen::Index, 1>{6},
              imle::testing::spanning_trees(4).states(), 400, 3) == 0);
}
