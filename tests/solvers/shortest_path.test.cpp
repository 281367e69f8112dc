#include <imle/solvers/shortest_path.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/shortest_paths.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "solvers/path_reference.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::directed_graph;
using imle::graph_edge;
using imle::shortest_path;

namespace shortest_path_tests {

namespace {

// ---- Making instances: rewards theta, the cost is -theta

template <class Scalar>
std::vector<Scalar> rewards(unsigned kind, std::size_t n, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0, 1);
    std::vector<Scalar> theta(n);
    for (Scalar& t : theta) {
        const double u = unit(random);
        const double values[] = {-u,                                // positive costs
                                 1 - 2 * u,                         // of both signs
                                 u < 0.5 ? 0.0 : -0.0,              // all ties
                                 -3,                                // equal
                                 -std::floor(3 * u),                // small integers: ties, zeros
                                 u < 0.8 ? u : -std::floor(9 * u),  // mostly zeros once clamped
                                 -std::pow(10.0, 60 * u - 30),      // 1e-30 to 1e30
                                 u < 0.3 ? -std::ldexp(1.0, 60) : -std::floor(4 * u)};  // absorbing
        t = static_cast<Scalar>(values[kind % std::size(values)]);
    }
    return theta;
}

template <class Scalar>
std::vector<Scalar> costs_of(const std::vector<Scalar>& theta, bool clamped) {
    std::vector<Scalar> costs;
    for (const Scalar t : theta) costs.push_back(clamped && !(t < 0) ? Scalar(0) : -t);
    return costs;
}

// Edges a -> b for a < b, if `acyclic`; else any, loops and parallel edges included. `order` hides which
// node comes first.
directed_graph random_graph(Eigen::Index nodes, std::size_t edges, bool acyclic, std::mt19937& random) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(nodes));
    for (std::size_t v = 0; v < order.size(); ++v) order[v] = static_cast<Eigen::Index>(v);
    std::shuffle(order.begin(), order.end(), random);
    std::vector<graph_edge> list;
    while (list.size() < edges) {
        std::size_t a = random() % order.size(), b = random() % order.size();
        if (acyclic && a == b) continue;
        if (acyclic && a > b) std::swap(a, b);
        list.push_back({order[a], order[b]});
    }
    return {nodes, list};
}

// Solves `thetas` one by one, or as one batch, and gives each answer.
template <int Layout, class Scalar>
std::vector<std::vector<Scalar>> solve(shortest_path& solver, const std::vector<std::vector<Scalar>>& thetas,
                                       bool as_batch) {
    const auto batch = static_cast<Eigen::Index>(thetas.size());
    const auto n = static_cast<Eigen::Index>(solver.graph().edges().size());
    std::vector<Scalar> theta;
    for (const auto& one : thetas) theta.insert(theta.end(), one.begin(), one.end());
    std::vector<Scalar> z(theta.size(), imle::detail::unwritten<Scalar>());
    if (as_batch) {
        const bool rows = Layout == Eigen::RowMajor;
        imle::const_view<Scalar, 2, Layout> theta_view(theta.data(), rows ? batch : n, rows ? n : batch);
        imle::mutable_view<Scalar, 2, Layout> z_view(z.data(), rows ? batch : n, rows ? n : batch);
        solver.solve_batch(theta_view, z_view);
    } else {
        for (Eigen::Index b = 0; b < batch; ++b) {
            imle::const_view<Scalar, 1, Layout> theta_view(theta.data() + b * n, n);
            imle::mutable_view<Scalar, 1, Layout> z_view(z.data() + b * n, n);
            solver(theta_view, z_view);
        }
    }
    std::vector<std::vector<Scalar>> answers;
    for (Eigen::Index b = 0; b < batch; ++b) answers.emplace_back(z.begin() + b * n, z.begin() + (b + 1) * n);
    return answers;
}

template <class Scalar>
std::vector<Scalar> as_state(std::size_t edges, const reference::edge_path& path) {
    std::vector<Scalar> z(edges, 0);
    for (const std::size_t e : path) z[e] = 1;
    return z;
}

// Answers that are not Bellman and Ford's, alone or in batches, on `count` graphs. `graph_of` makes them.
template <int Layout, class Scalar, class GraphOf>
support::tally wrong_answers(int count, std::uint32_t seed, GraphOf&& graph_of) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const directed_graph graph = graph_of(random);
        const auto source = static_cast<Eigen::Index>(random()) % graph.nodes();
        const auto target = static_cast<Eigen::Index>(random()) % graph.nodes();
        try {
            shortest_path solver{graph, source, target};
            // A batch mixes kinds, so that its lanes end at different times.
            std::vector<std::vector<Scalar>> thetas;
            const std::size_t batch = 1 + static_cast<std::size_t>(i) % 33;
            for (std::size_t b = 0; b < batch; ++b)
                thetas.push_back(rewards<Scalar>(
                    i % 2 == 0 ? static_cast<unsigned>(i) / 2 : static_cast<unsigned>(random()),
                    graph.edges().size(), random));
            const auto alone = solve<Layout>(solver, thetas, false);
            const auto together = solve<Layout>(solver, thetas, true);
            for (std::size_t b = 0; b < batch; ++b) {
                const auto path = reference::bellman_ford(
                    graph, source, target, costs_of(thetas[b], !solver.takes_negative_costs()));
                const auto expected = as_state<Scalar>(graph.edges().size(), path);
                for (const auto* found : {&alone, &together})
                    wrong.expect((*found)[b] == expected, "graph ", i, ", from ", source, " to ", target,
                                 ", ", found == &alone ? "alone" : "in a batch", ": theta ", thetas[b],
                                 " gives ", (*found)[b], ", not ", expected);
            }
        } catch (const std::invalid_argument& error) {
            const bool unreachable = std::string(error.what()).find("reached") != std::string::npos;
            wrong.expect(unreachable && reference::simple_paths(graph, source, target).empty(), "graph ", i,
                         ", from ", source, " to ", target, ": ", error.what());
        }
    }
    return wrong;
}

// The family of z that shortest_path chooses from.
imle::testing::enumerated_family<1> paths_of(const directed_graph& graph, Eigen::Index source,
                                             Eigen::Index target) {
    std::vector<std::vector<double>> states;
    for (const auto& path : reference::simple_paths(graph, source, target))
        states.push_back(as_state<double>(graph.edges().size(), path));
    return {"paths", {static_cast<Eigen::Index>(graph.edges().size())}, states};
}

}  // namespace

TEST_CASE("shortest_path keeps the laws of solvers", "[solvers][shortest_path]") {
    std::mt19937 random(2);
    // With cycles, loops and parallel edges.
    const auto cyclic = random_graph(6, 16, false, random);
    const shortest_path solver{cyclic, cyclic.edges()[3].from, cyclic.edges()[7].to};
    REQUIRE_FALSE(solver.takes_negative_costs());
    const auto family = paths_of(cyclic, solver.source(), solver.target());
    REQUIRE(family.states().size() > 3);
    CHECK(imle::testing::check_solver<float>(solver, family, {.highest = 0}).passed());
    // Without: theta of any sign.
    const auto acyclic = imle::monotone_grid_graph(3, 4);
    const auto report = imle::testing::check_solver<double, Eigen::ColMajor>(shortest_path{acyclic, 0, 11},
                                                                             paths_of(acyclic, 0, 11));
    CHECK(report.passed());
}

TEST_CASE("shortest_path is Bellman and Ford's, ties included", "[solvers][shortest_path]") {
    const auto small = [](bool acyclic) {
        return [acyclic](std::mt19937& random) {
            const auto nodes = static_cast<Eigen::Index>((acyclic ? 2 : 1) + random() % 7);
            return random_graph(nodes, random() % 25, acyclic, random);
        };
    };
    const auto grid = [](std::mt19937& random) {
        const auto rows = static_cast<Eigen::Index>(1 + random() % 7);
        const auto cols = static_cast<Eigen::Index>(1 + random() % 7);
        return imle::grid_graph(rows, cols, random() % 2 == 0 ? 4 : 8);
    };
    CHECK(wrong_answers<Eigen::RowMajor, float>(support::repeats(150), 11, small(false)) == 0);
    CHECK(wrong_answers<Eigen::RowMajor, float>(support::repeats(100), 12, small(true)) == 0);
    CHECK(wrong_answers<Eigen::ColMajor, double>(support::repeats(150), 13, small(false)) == 0);
    CHECK(wrong_answers<Eigen::ColMajor, double>(support::repeats(100), 14, small(true)) == 0);
    CHECK(wrong_answers<Eigen::RowMajor, float>(support::repeats(70), 15, grid) == 0);
    CHECK(wrong_answers<Eigen::ColMajor, double>(support::repeats(35), 16, grid) == 0);
}

TEST_CASE("shortest_path uses only edges that the mask allows", "[solvers][shortest_path]") {
    std::mt19937 random(6);
    support::tally wrong;
    int infeasible = 0;
    for (int i = 0; i < support::repeats(120); ++i) {
        const bool acyclic = i % 3 == 0;
        const auto graph =
            i % 3 == 2 ? imle::grid_graph(4, 5) : random_graph(7, 16 + random() % 9, acyclic, random);
        const auto n = static_cast<Eigen::Index>(graph.edges().size());
        const auto source = graph.edges()[random() % 5].from;
        const auto target = graph.edges()[5 + random() % 5].to;
        if (reference::kept_edges(graph, [](std::size_t) { return true; })
                .cheapest(source, target, std::vector<float>(graph.edges().size(), 1))
                .empty())
            continue;
        shortest_path solver{graph, source, target};
        const Eigen::Index batch = 1 + i % 35;
        Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(batch, n), zs(batch, n);
        std::unique_ptr<bool[]> allowed(new bool[static_cast<std::size_t>(batch * n)]);
        std::vector<imle::solve_context> contexts(static_cast<std::size_t>(batch));
        // Mostly all have masks; sometimes only some.
        const bool some = i % 5 == 4;
        std::vector<std::vector<float>> expected;
        for (Eigen::Index b = 0; b < batch; ++b) {
            const auto theta = rewards<float>(static_cast<unsigned>(random()), graph.edges().size(), random);
            std::copy(theta.begin(), theta.end(), thetas.data() + b * n);
            bool* const mask = allowed.get() + b * n;
            for (Eigen::Index e = 0; e < n; ++e) mask[e] = random() % 4 != 0;
            auto& context = contexts[static_cast<std::size_t>(b)];
            if (!some || b % 2 == 0) context.mask = {mask, static_cast<std::size_t>(n)};
            const reference::kept_edges kept(
                graph, [&](std::size_t e) { return context.allows(static_cast<Eigen::Index>(e)); });
            expected.push_back(
                kept.cheapest(source, target, costs_of(theta, !solver.takes_negative_costs())));
            imle::const_view<float, 1, Eigen::RowMajor> one(thetas.data() + b * n, n);
            Eigen::Tensor<float, 1, Eigen::RowMajor> z(n);
            const auto status = solver(one, z, context);
            const bool none = expected.back().empty();
            infeasible += none ? 1 : 0;
            if (none) expected.back().assign(graph.edges().size(), 0);
            wrong.expect(status == (none ? imle::solve_status::infeasible : imle::solve_status::solved),
                         "graph ", i, ", instance ", b, ": ", status);
            wrong.expect(std::equal(z.data(), z.data() + n, expected.back().begin()), "graph ", i,
                         ", instance ", b, ", alone");
        }
        const auto status = solver.solve_batch(thetas, zs, contexts);
        bool all = true;
        for (std::size_t b = 0; b < expected.size(); ++b) {
            wrong.expect(std::equal(expected[b].begin(), expected[b].end(),
                                    zs.data() + static_cast<Eigen::Index>(b) * n),
                         "graph ", i, ", instance ", b, ", in a batch");
            all &= source == target ||
                   std::any_of(expected[b].begin(), expected[b].end(), [](float e) { return e != 0; });
        }
        wrong.expect((status == imle::solve_status::solved) == all, "graph ", i, ": ", status);
    }
    CHECK(wrong == 0);
    CHECK(infeasible > support::repeats(120) - 20);
}

TEST_CASE("shortest_path: costs and sums of closed edges do not count", "[solvers][shortest_path][errors]") {
    const directed_graph graph{4, {{0, 1}, {1, 2}, {2, 1}, {2, 3}, {0, 3}}};
    shortest_path solver{graph, 0, 3, {.negative_costs = imle::negative_costs::reject}};
    Eigen::Tensor<float, 1> theta(5), z(5);
    theta.setValues({-1, -1, 2, -1, -9});
    const bool open[] = {true, true, false, true, true};
    CHECK(solver(theta, z, {.mask = open}) == imle::solve_status::solved);
    CHECK(z(0) == 1);
    CHECK_THROWS_WITH(solver(theta, z), mentions("-2 at edge 2 of instance 0"));
    theta(1) = 3;
    CHECK_THROWS_WITH(solver(theta, z, {.mask = open}), mentions("-3 at edge 1 of instance 0"));
    theta(1) = -1;
    // The only way that is left is too long for a float; without a way there is nothing to be too long.
    theta(0) = theta(3) = -std::numeric_limits<float>::max();
    const bool around[] = {true, true, false, true, false}, nowhere[] = {true, false, false, true, false};
    CHECK_THROWS_WITH(solver(theta, z, {.mask = around}), mentions("too large"));
    CHECK(solver(theta, z, {.mask = nowhere}) == imle::solve_status::infeasible);
    CHECK_THROWS_WITH(solver(theta, z, {.mask = std::span(open).first(4)}),
                      mentions("mask is of 4 flags") && mentions("5 edges"));
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 5), zs(2, 5);
    thetas.setConstant(-1);
    const imle::solve_context contexts[] = {{.mask = open}};
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, contexts), mentions("contexts") && mentions("2"));
}

TEST_CASE("shortest_path has shortest_paths' bits on a large graph", "[solvers][shortest_path]") {
    // Large enough for a search that reads ahead, and for shortest_paths, which searches in another way, to
    // count cheap edges.
    const auto graph = imle::grid_graph(210, 210, 4);
    const auto edges = static_cast<Eigen::Index>(graph.edges().size());
    std::mt19937 random(9);
    support::tally wrong;
    shortest_path solver{graph, 211, 43800};
    const unsigned kinds[] = {0, 4, 6, 7};
    imle::shortest_paths other{graph, {{211, 43800}}};
    for (const unsigned kind : std::span(kinds).first(support::repeats(std::size_t{4}))) {
        const auto theta = rewards<float>(kind, graph.edges().size(), random);
        const imle::const_view<float, 1, Eigen::RowMajor> given(theta.data(), edges);
        Eigen::Tensor<float, 1, Eigen::RowMajor> z(edges), expected(edges);
        solver(given, z);
        CHECK(other(given, expected, imle::solve_context{}) == imle::solve_status::solved);
        wrong.expect(std::equal(z.data(), z.data() + edges, expected.data()), "costs of kind ", kind);
    }
    CHECK(wrong == 0);
}

// Enough edges for searches from both ends. Streets: two-way unless acyclic, each with a bend.
directed_graph very_large_graph(bool streets, bool acyclic, std::mt19937& random) {
    const Eigen::Index crossings = streets ? 9000 : 17000;
    Eigen::Index nodes = crossings;
    std::vector<graph_edge> edges;
    while (edges.size() < 80000) {
        const auto a = static_cast<Eigen::Index>(random()) % crossings;
        const auto b = acyclic ? std::min(a + 1 + static_cast<Eigen::Index>(random() % 200), crossings - 1)
                               : static_cast<Eigen::Index>(random()) % crossings;
        if (acyclic && a == b) continue;
        if (!streets) {
            edges.push_back({a, b});
            continue;
        }
        edges.push_back({a, nodes});
        edges.push_back({nodes, b});
        if (!acyclic) edges.insert(edges.end(), {{b, nodes}, {nodes, a}});
        ++nodes;
    }
    return {nodes, edges};
}

TEST_CASE("shortest_path is Bellman and Ford's on very large graphs", "[solvers][shortest_path]") {
    std::mt19937 random(12);
    support::tally wrong;
    for (const int shape : {0, 1, 2}) {
        // The reference takes most of the time, so a brief build compares one shape, but solves all.
        const bool compares = shape < support::repeats(3);
        const auto graph = very_large_graph(shape != 1, shape == 2, random);
        const std::size_t count = graph.edges().size();
        const auto n = static_cast<Eigen::Index>(count);
        const Eigen::Index source = 17, target = 8900;
        shortest_path solver{graph, source, target};
        CHECK(solver.takes_negative_costs() == (shape == 2));
        std::vector<std::vector<float>> thetas;
        if (shape != 2) thetas.push_back(rewards<float>(4, count, random));
        thetas.push_back(rewards<float>(shape == 0 ? 6 : 1, count, random));
        const auto together = solve<Eigen::RowMajor>(solver, thetas, true);
        std::unique_ptr<bool[]> open(new bool[count]);
        for (std::size_t e = 0; e < count; ++e) open[e] = random() % 16 != 0;
        for (std::size_t b = 0; b < thetas.size(); ++b) {
            const auto costs = costs_of(thetas[b], shape != 2);
            if (compares)
                wrong.expect(together[b] == as_state<float>(
                                                count, reference::bellman_ford(graph, source, target, costs)),
                             "shape ", shape, ", instance ", b);
            if (b != 0) continue;
            const imle::const_view<float, 1, Eigen::RowMajor> theta(thetas[b].data(), n);
            Eigen::Tensor<float, 1, Eigen::RowMajor> z(n);
            wrong.expect(solver(theta, z, {.mask = {open.get(), count}}) == imle::solve_status::solved,
                         "shape ", shape, " with a mask: not solved");
            if (!compares) continue;
            const auto expected = reference::kept_edges(graph, [&](std::size_t e) {
                                      return open[e];
                                  }).cheapest(source, target, costs);
            wrong.expect(std::equal(z.data(), z.data() + n, expected.begin(), expected.end()), "shape ",
                         shape, " with a mask");
        }
        // No way to the target: no path. All ways too long: an error, unless they are closed.
        for (std::size_t e = 0; e < count; ++e) open[e] = graph.edges()[e].to != target;
        Eigen::Tensor<float, 1, Eigen::RowMajor> theta(n), z(n);
        theta.setConstant(-std::numeric_limits<float>::max());
        CHECK_THROWS_WITH(solver(theta, z), mentions("too large"));
        theta.setConstant(-1);
        CHECK(solver(theta, z, {.mask = {open.get(), count}}) == imle::solve_status::infeasible);
        CHECK(std::all_of(z.data(), z.data() + n, [](float e) { return e == 0; }));
    }
    CHECK(wrong == 0);
}

TEST_CASE("shortest_path finds long ways through a graph", "[solvers][shortest_path]") {
    // One long corridor, and ways across it that cost more the farther they go: the path turns in and out of
    // any order of nodes, more often than sweeps are made; and costs of 2^0 to 2^60, which fit no threshold.
    const Eigen::Index nodes = 600;
    std::mt19937 random(5);
    std::vector<graph_edge> edges;
    std::vector<float> theta;
    for (Eigen::Index v = 0; v + 1 < nodes; ++v) {
        edges.push_back({v, v + 1});
        theta.push_back(-1);
        edges.push_back({v + 1, v});
        theta.push_back(-1);
    }
    for (int i = 0; i < 1000; ++i) {
        const auto a = static_cast<Eigen::Index>(random()) % nodes,
                   b = static_cast<Eigen::Index>(random()) % nodes;
        edges.push_back({a, b});
        theta.push_back(-std::ldexp(1.0F, 9 + static_cast<int>(random() % 52)) -
                        static_cast<float>(std::max(a, b)));
    }
    const directed_graph graph{nodes, edges};
    shortest_path solver{graph, 0, nodes - 1};
    std::vector<std::vector<float>> thetas(33, theta);
    for (float& t : thetas[20]) t = t == -1 ? 0 : t;  // the same with a plateau of cost 0
    const auto answers = solve<Eigen::RowMajor>(solver, thetas, true);
    support::tally wrong;
    for (std::size_t b = 0; b < thetas.size(); b += thetas.size() / support::repeats(thetas.size())) {
        const auto path = reference::bellman_ford(graph, 0, nodes - 1, costs_of(thetas[b], true));
        CHECK(path.size() > 400);
        wrong.expect(answers[b] == as_state<float>(edges.size(), path), "instance ", b);
        if (b == 0 || b == 20)
            wrong.expect(solve<Eigen::RowMajor, float>(solver, {thetas[b]}, false)[0] == answers[b],
                         "instance ", b, ", alone");
    }
    CHECK(wrong == 0);
}

TEST_CASE("shortest_path agrees with the dynamic programme on rows of PyEPO's data",
          "[solvers][shortest_path]") {
    // Costs c0 to c39 of two rows of its 5 x 5 grid, in its order: right within row i, then down from it.
    const std::vector<std::vector<double>> rows{
        {0.354125, 1.19466,  1.28507,  0.788174, 0.218256, 0.340452, 0.483303, 0.261406, 0.473172, 0.478629,
         0.580359, 0.31248,  0.968457, 0.741775, 0.524378, 0.355805, 0.425114, 0.348044, 0.603085, 0.394515,
         0.541924, 0.520299, 0.828802, 0.340876, 0.332057, 1.32023,  1.14451,  1.76178,  0.514053, 1.41785,
         0.305785, 1.66513,  0.397123, 0.85963,  0.665483, 0.341698, 0.830093, 0.60458,  0.350594, 0.53359},
        {1.43595,  3.74578,  0.245445, 0.228327, 0.128545, 0.734339, 1.91019,  0.493954, 0.984337, 0.506734,
         1.84558,  0.268406, 0.529172, 0.618715, 1.00928,  0.250484, 0.209179, 1.45349,  2.61782,  0.536695,
         2.05751,  0.550309, 2.32836,  1.9431,   0.14517,  0.952616, 1.95427,  0.777977, 0.145209, 0.297374,
         0.719216, 1.11904,  0.800363, 0.797724, 0.686292, 1.07079,  1.39174,  0.581471, 0.982423, 2.973}};
    for (const auto& costs : rows) {
        double best[5][5];
        for (std::size_t r = 0; r < 5; ++r)
            for (std::size_t c = 0; c < 5; ++c) {
                const double left = c > 0 ? best[r][c - 1] + costs[9 * r + c - 1] : 1e9;
                const double above = r > 0 ? best[r - 1][c] + costs[9 * (r - 1) + 4 + c] : 1e9;
                best[r][c] = r + c == 0 ? 0 : std::min(left, above);
            }
        shortest_path solver{imle::monotone_grid_graph(5, 5), 0, 24};
        Eigen::Tensor<double, 1> theta(40), z(40);
        for (Eigen::Index e = 0; e < 40; ++e) theta(e) = -costs[static_cast<std::size_t>(e)];
        solver(theta, z);
        double cost = 0, edges = 0;
        for (Eigen::Index e = 0; e < 40; ++e) cost -= theta(e) * z(e), edges += z(e);
        CHECK(cost == Approx(best[4][4]).epsilon(1e-12));
        CHECK(edges == 8);
    }
}

TEST_CASE("shortest_path is exact with negative costs where no cycle lies between",
          "[solvers][shortest_path]") {
    Eigen::Tensor<float, 1> theta(3), z(3), best(3);
    theta.setValues({-5, 8, -2});
    const auto best_of = [&](shortest_path solver) {
        solver(theta, z);
        return std::vector<float>(z.data(), z.data() + 3);
    };
    // 0 -> 1 -> 2 costs 5 - 8 = -3, 0 -> 2 costs 2.
    const shortest_path acyclic{directed_graph{3, {{0, 1}, {1, 2}, {0, 2}}}, 0, 2};
    CHECK(acyclic.takes_negative_costs());
    CHECK(best_of(acyclic) == std::vector<float>{1, 1, 0});
    const std::vector<graph_edge> off_the_way{{0, 2}, {2, 0}, {2, 2}};
    CHECK((shortest_path{directed_graph{3, off_the_way}, 0, 2}.takes_negative_costs()));
    // Here 1 -> 1 and 2 -> 1 make cycles, but no path from 0 to 1 uses them.
    CHECK(best_of({directed_graph{3, {{0, 1}, {1, 1}, {2, 1}}}, 0, 1}) == std::vector<float>{1, 0, 0});
}

TEST_CASE("shortest_path at the edges of its domain", "[solvers][shortest_path]") {
    Eigen::Tensor<float, 1> none(0), no_z(0);
    shortest_path{directed_graph{1, {}}, 0, 0}(none, no_z);
    Eigen::Tensor<float, 1> theta(2), z(2);
    theta.setValues({-1, 2});
    const directed_graph pair{2, {{0, 1}, {1, 0}}};
    shortest_path{pair, 1, 1}(theta, z);
    CHECK((z(0) == 0 && z(1) == 0));
    shortest_path{pair, 1, 0}(theta, z);
    CHECK((z(0) == 0 && z(1) == 1));
    shortest_path{directed_graph{2, {{0, 1}, {0, 1}}}, 0, 1}(theta, z);  // parallel
    CHECK((z(0) == 0 && z(1) == 1));
    theta.setConstant(-1);
    shortest_path{directed_graph{2, {{0, 1}, {0, 1}}}, 0, 1}(theta, z);
    CHECK((z(0) == 1 && z(1) == 0));
    Eigen::Tensor<float, 2, Eigen::RowMajor> no_thetas(0, 2), no_zs(0, 2);
    shortest_path{pair, 0, 1}.solve_batch(no_thetas, no_zs);
}

TEST_CASE("shortest_path says what is wrong", "[solvers][shortest_path][errors]") {
    const directed_graph graph{4, {{0, 1}, {1, 2}, {2, 1}, {1, 3}, {3, 0}}};
    const directed_graph line{3, {{0, 1}, {1, 2}}};
    CHECK_THROWS_WITH((shortest_path{line, 2, 0}),
                      mentions("target is node 0") && mentions("source, node 2"));
    CHECK_THROWS_WITH((shortest_path{line, 3, 0}), mentions("source is 3") && mentions("3 nodes"));
    CHECK_THROWS_WITH((shortest_path{line, 0, -1}), mentions("target is -1"));
    CHECK_THROWS_AS((shortest_path{graph, 0, 3, {static_cast<imle::negative_costs>(7)}}),
                    std::invalid_argument);

    Eigen::Tensor<float, 1> theta(5), z(5), other(4);
    theta.setConstant(-1);
    shortest_path solver{graph, 0, 3, {.negative_costs = imle::negative_costs::reject}};
    solver(theta, z);
    CHECK_THROWS_WITH(solver(other, other), mentions("theta is of 4 numbers") && mentions("5 edges"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [4]"));
    theta(2) = 0.5F;
    CHECK_THROWS_WITH(solver(theta, z), mentions("-0.5 at edge 2 of instance 0"));
    theta(2) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(solver(theta, z), mentions("element 2"));

    // Sums that overflow, alone and in lanes, with cycles and without, upwards and downwards.
    const float huge = std::numeric_limits<float>::max();
    for (const float value : {-huge, huge})
        for (const auto& g : {graph, line}) {
            shortest_path over{g, 0, g.nodes() - 1};
            if (value > 0 && !over.takes_negative_costs()) continue;
            const auto n = static_cast<Eigen::Index>(g.edges().size());
            Eigen::Tensor<float, 1> big(n), big_z(n);
            big.setConstant(value);
            CHECK_THROWS_WITH(over(big, big_z), mentions("too large"));
            Eigen::Tensor<float, 2, Eigen::RowMajor> bigs(33, n), big_zs(33, n);
            bigs.setConstant(value);
            CHECK_THROWS_WITH(over.solve_batch(bigs, big_zs), mentions("too large"));
        }
}

TEST_CASE("shortest_path fits the concepts", "[solvers][shortest_path]") {
    STATIC_REQUIRE(imle::Solver<shortest_path, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<shortest_path, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<shortest_path>);
    STATIC_REQUIRE(imle::sense_of<shortest_path> == imle::sense::maximize);
}

}  // namespace shortest_path_tests
