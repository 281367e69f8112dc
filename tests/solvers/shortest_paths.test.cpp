#include <imle/solvers/shortest_paths.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "solvers/path_reference.hpp"
#include "solvers/traffic_network.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::directed_graph;
using imle::graph_edge;
using imle::od_pair;
using imle::shortest_paths;
using imle::shortest_paths_options;
using imle::solve_context;
using imle::solve_status;

namespace shortest_paths_tests {

namespace {

// Costs of several kinds, 0 or more; theta is their negative.
template <class Scalar>
std::vector<Scalar> some_costs(unsigned kind, std::size_t n, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0, 1);
    std::vector<Scalar> costs(n);
    for (Scalar& cost : costs) {
        const double u = unit(random);
        const double values[] = {u,
                                 std::floor(3 * u),            // integers: ties, zeros
                                 1 + std::floor(4 * u),        // integers without zeros
                                 0,                            // all ties
                                 std::pow(10.0, 60 * u - 30),  // 1e-30 to 1e30
                                 u < 0.3 ? std::ldexp(1.0, 60) : std::floor(4 * u)};  // absorbing
        cost = static_cast<Scalar>(values[kind % std::size(values)]);
    }
    return costs;
}

directed_graph random_graph(Eigen::Index nodes, std::size_t edges, std::mt19937& random) {
    std::vector<graph_edge> list;
    while (list.size() < edges)
        list.push_back(
            {static_cast<Eigen::Index>(random()) % nodes, static_cast<Eigen::Index>(random()) % nodes});
    return {nodes, list};
}

std::vector<od_pair> all_pairs(Eigen::Index nodes) {
    std::vector<od_pair> pairs;
    for (Eigen::Index from = 0; from < nodes; ++from)
        for (Eigen::Index to = 0; to < nodes; ++to) pairs.push_back({from, to});
    return pairs;
}

template <class Scalar>
struct answer {
    std::vector<Scalar> z;
    solve_status status;
    friend bool operator==(const answer&, const answer&) = default;
};

template <class Scalar>
answer<Scalar> solve(shortest_paths& solver, const std::vector<Scalar>& costs, const solve_context& context) {
    const auto n = static_cast<Eigen::Index>(costs.size());
    std::vector<Scalar> theta(costs.size()), z(costs.size(), imle::detail::unwritten<Scalar>());
    std::transform(costs.begin(), costs.end(), theta.begin(), [](Scalar c) { return -c; });
    imle::const_view<Scalar, 1, Eigen::RowMajor> theta_view(theta.data(), n);
    imle::mutable_view<Scalar, 1, Eigen::RowMajor> z_view(z.data(), n);
    const auto status = solver(theta_view, z_view, context);
    return {z, status};
}

// Flags that can be a span<const bool>.
struct flags {
    std::unique_ptr<bool[]> data;
    std::size_t size;

    flags(std::size_t n, std::mt19937& random, unsigned closed_of_8) : data(new bool[n]), size(n) {
        for (std::size_t i = 0; i < n; ++i) data[i] = random() % 8 >= closed_of_8;
    }
    [[nodiscard]] std::span<const bool> span() const { return {data.get(), size}; }
};

// What the options, a pair and a mask leave of a graph, by their definition.
reference::kept_edges left_of(const directed_graph& graph, const shortest_paths_options& options,
                              od_pair pair, std::span<const bool> mask) {
    return {graph, [&](std::size_t e) {
                const auto [from, to] = graph.edges()[e];
                const auto has = [](const std::vector<Eigen::Index>& list, Eigen::Index i) {
                    return std::find(list.begin(), list.end(), i) != list.end();
                };
                return (mask.empty() || mask[e]) &&
                       !has(options.closed_edges, static_cast<Eigen::Index>(e)) &&
                       !has(options.closed_nodes, from) && !has(options.closed_nodes, to) &&
                       (from >= options.first_through_node || from == pair.from) &&
                       (to >= options.first_through_node || to == pair.to);
            }};
}

// Answers that are not Bellman and Ford's, or not shortest_path's where it can be asked, on `count` graphs.
template <class Scalar, class GraphOf>
support::tally wrong_answers(int count, std::uint32_t seed, bool with_options, GraphOf&& graph_of) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const directed_graph graph = graph_of(random);
        const auto edges = graph.edges().size();
        shortest_paths_options options;
        if (with_options) {
            options.first_through_node = static_cast<Eigen::Index>(random() % 4) % (graph.nodes() + 1);
            if (random() % 2 == 0) options.closed_nodes = {graph.nodes() - 1};
            for (std::size_t e = 0; e < edges; ++e)
                if (random() % 8 == 0) options.closed_edges.push_back(static_cast<Eigen::Index>(e));
        }
        const auto pairs = all_pairs(graph.nodes());
        shortest_paths solver{graph, pairs, options};
        const auto costs = some_costs<Scalar>(static_cast<unsigned>(i), edges, random);
        const flags mask(edges, random, 2);
        for (int p = 0; p < 12; ++p) {
            const auto id = static_cast<std::size_t>(random()) % pairs.size();
            const od_pair pair = pairs[id];
            const auto closed = p % 3 == 2 ? mask.span() : std::span<const bool>{};
            const auto found = solve(solver, costs, {.id = id, .mask = closed});
            auto expected = left_of(graph, options, pair, closed).cheapest(pair.from, pair.to, costs);
            const auto status =
                expected.empty() && edges > 0 ? solve_status::infeasible : solve_status::solved;
            if (expected.empty()) expected.assign(edges, 0);
            if (edges == 0 && pair.from != pair.to) continue;
            wrong.expect(found == answer<Scalar>{expected, status}, "graph ", i, ", from ", pair.from, " to ",
                         pair.to, ": ", found.status, ", costs ", costs, " give ", found.z, ", not ",
                         expected);
            if (with_options || status != solve_status::solved) continue;
            imle::shortest_path one{graph, pair.from, pair.to};
            Eigen::Tensor<Scalar, 1, Eigen::RowMajor> theta(static_cast<Eigen::Index>(edges)),
                z(static_cast<Eigen::Index>(edges));
            std::transform(costs.begin(), costs.end(), theta.data(), [](Scalar c) { return -c; });
            (void)one(theta, z, solve_context{.mask = closed});
            wrong.expect(std::equal(found.z.begin(), found.z.end(), z.data()), "graph ", i, ", from ",
                         pair.from, " to ", pair.to, ": shortest_path differs");
        }
    }
    return wrong;
}

imle::testing::enumerated_family<1> paths_of(const directed_graph& graph, od_pair pair) {
    std::vector<std::vector<double>> states;
    for (const auto& path : reference::simple_paths(graph, pair.from, pair.to)) {
        states.emplace_back(graph.edges().size(), 0.0);
        for (const std::size_t e : path) states.back()[e] = 1;
    }
    return {"paths", {static_cast<Eigen::Index>(graph.edges().size())}, states};
}

}  // namespace

TEST_CASE("shortest_paths keeps the laws of solvers", "[solvers][shortest_paths]") {
    std::mt19937 random(2);
    const auto cyclic = random_graph(6, 16, random);
    const od_pair pair{cyclic.edges()[3].from, cyclic.edges()[7].to};
    const shortest_paths solver{cyclic, {pair}};
    REQUIRE_FALSE(solver.takes_negative_costs());
    const auto family = paths_of(cyclic, pair);
    REQUIRE(family.states().size() > 3);
    CHECK(imle::testing::check_solver<float>(solver, family, {.highest = 0}).passed());
    CHECK(imle::testing::check_solver<double>(imle::minimizing(solver), family, {.lowest = 0}).passed());
    const auto acyclic = imle::monotone_grid_graph(3, 4);
    const shortest_paths any_sign{acyclic, {{0, 11}}};
    CHECK(any_sign.takes_negative_costs());
    CHECK(
        imle::testing::check_solver<double, Eigen::ColMajor>(any_sign, paths_of(acyclic, {0, 11})).passed());
}

TEST_CASE("shortest_paths is Bellman and Ford's and shortest_path's, ties included",
          "[solvers][shortest_paths]") {
    const auto small = [](std::mt19937& random) {
        return random_graph(static_cast<Eigen::Index>(1 + random() % 7), random() % 25, random);
    };
    const auto grid = [](std::mt19937& random) {
        return imle::grid_graph(static_cast<Eigen::Index>(1 + random() % 6),
                                static_cast<Eigen::Index>(2 + random() % 6), random() % 2 == 0 ? 4 : 8);
    };
    for (const bool with_options : {false, true}) {
        CHECK(wrong_answers<float>(support::repeats(120), 11, with_options, small) == 0);
        CHECK(wrong_answers<double>(support::repeats(60), 12, with_options, small) == 0);
        CHECK(wrong_answers<float>(support::repeats(36), 13, with_options, grid) == 0);
        CHECK(wrong_answers<double>(support::repeats(36), 14, with_options, grid) == 0);
    }
}

TEST_CASE("shortest_paths has the cost that Floyd and Warshall find", "[solvers][shortest_paths]") {
    std::mt19937 random(3);
    const Eigen::Index nodes = 12;
    const auto graph = random_graph(nodes, 40, random);
    const auto costs = some_costs<double>(2, 40, random);
    constexpr double infinite = std::numeric_limits<double>::infinity();
    std::vector<std::vector<double>> best(12, std::vector<double>(12, infinite));
    for (std::size_t v = 0; v < 12; ++v) best[v][v] = 0;
    for (std::size_t e = 0; e < 40; ++e) {
        double& entry = best[static_cast<std::size_t>(graph.edges()[e].from)]
                            [static_cast<std::size_t>(graph.edges()[e].to)];
        entry = std::min(entry, costs[e]);
    }
    for (std::size_t by = 0; by < 12; ++by)
        for (auto& row : best)
            for (std::size_t to = 0; to < 12; ++to) row[to] = std::min(row[to], row[by] + best[by][to]);
    const auto pairs = all_pairs(nodes);
    shortest_paths solver{graph, pairs};
    for (std::size_t id = 0; id < pairs.size(); ++id) {
        const auto found = solve(solver, costs, {.id = id});
        const double expected = best[id / 12][id % 12];
        CHECK((found.status == solve_status::solved) == (expected < infinite));
        double cost = 0;
        for (std::size_t e = 0; e < 40; ++e) cost += costs[e] * found.z[e];
        if (expected < infinite) CHECK(cost == expected);
    }
}

TEST_CASE("shortest_paths has shortest_path's bits in a city", "[solvers][shortest_paths]") {
    // Large enough for the two searches to meet; costs with many ties, with roundings, with zeros.
    std::mt19937 random(4);
    const Eigen::Index side = 40;
    const auto graph = imle::grid_graph(side, side, 4);
    const std::size_t edges = graph.edges().size();
    std::vector<od_pair> pairs;
    for (int i = 0; i < 30; ++i)
        pairs.push_back({static_cast<Eigen::Index>(random()) % graph.nodes(),
                         static_cast<Eigen::Index>(random()) % graph.nodes()});
    shortest_paths solver{graph, pairs};
    support::tally wrong;
    for (std::size_t id = 0; id < pairs.size(); ++id) {
        const auto costs = some_costs<float>(static_cast<unsigned>(id), edges, random);
        imle::shortest_path one{graph, pairs[id].from, pairs[id].to};
        Eigen::Tensor<float, 1, Eigen::RowMajor> theta(static_cast<Eigen::Index>(edges)),
            z(static_cast<Eigen::Index>(edges));
        std::transform(costs.begin(), costs.end(), theta.data(), [](float c) { return -c; });
        one(theta, z);
        const auto found = solve(solver, costs, {.id = id});
        wrong.expect(
            found.status == solve_status::solved && std::equal(found.z.begin(), found.z.end(), z.data()),
            "pair ", id);
    }
    CHECK(wrong == 0);
}

// Streets of one to four edges one after the other, some of them one-way, blind alleys, and a crossing where
// many meet: places that a search does not stop at.
directed_graph winding_streets(Eigen::Index crossings, std::mt19937& random) {
    std::vector<graph_edge> edges;
    Eigen::Index nodes = crossings;
    for (int street = 0; street < 2 * crossings; ++street) {
        Eigen::Index here = static_cast<Eigen::Index>(random()) % crossings;
        const auto end = static_cast<Eigen::Index>(random()) % crossings;
        const bool one_way = random() % 3 == 0, blind = random() % 5 == 0;
        for (std::size_t left = random() % 4;; --left) {
            const Eigen::Index next = left == 0 && !blind ? end : nodes++;
            edges.push_back({here, next});
            if (!one_way) edges.push_back({next, here});
            here = next;
            if (left == 0) break;
        }
    }
    for (Eigen::Index i = 0; i < 6; ++i)
        edges.push_back({static_cast<Eigen::Index>(random()) % crossings, nodes});
    edges.push_back({nodes++, 0});
    return {nodes, edges};
}

TEST_CASE("shortest_paths goes over bends and into blind alleys", "[solvers][shortest_paths]") {
    std::mt19937 random(8);
    support::tally wrong;
    int reached = 0;
    for (int i = 0; i < support::repeats(60); ++i) {
        const auto graph = winding_streets(7, random);
        const auto edges = graph.edges().size();
        const shortest_paths_options options{.first_through_node = i % 3 == 2 ? 2 : 0};
        // Few pairs, so that most places are no ends: a crossing to one, and to any place.
        std::vector<od_pair> pairs;
        for (const Eigen::Index among : {Eigen::Index{7}, graph.nodes()})
            pairs.push_back(
                {static_cast<Eigen::Index>(random()) % among, static_cast<Eigen::Index>(random()) % among});
        pairs.push_back({pairs[0].from, pairs[1].to});
        const auto costs = some_costs<float>(static_cast<unsigned>(i), edges, random);
        const flags open(edges, random, static_cast<unsigned>(i) % 2);
        shortest_paths solver{graph, pairs, options};
        std::vector<solve_context> contexts;
        const auto n = static_cast<Eigen::Index>(edges);
        Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(3, n), zs(3, n);
        for (std::size_t id = 0; id < 3; ++id) {
            contexts.push_back({.id = id, .mask = open.span()});
            std::transform(costs.begin(), costs.end(), thetas.data() + static_cast<Eigen::Index>(id) * n,
                           [](float c) { return -c; });
        }
        static_cast<void>(solver.solve_batch(thetas, zs, contexts));
        for (std::size_t id = 0; id < 3; ++id) {
            auto expected =
                left_of(graph, options, pairs[id], open.span()).cheapest(pairs[id].from, pairs[id].to, costs);
            reached += expected.empty() ? 0 : 1;
            expected.resize(edges, 0.0F);
            wrong.expect(solve(solver, costs, contexts[id]).z == expected, "graph ", i, ", pair ", id);
            wrong.expect(
                std::equal(expected.begin(), expected.end(), zs.data() + static_cast<Eigen::Index>(id) * n),
                "graph ", i, ", pair ", id, " of a batch");
        }
    }
    CHECK(wrong == 0);
    CHECK(reached > support::repeats(60));
    CHECK(reached < 3 * support::repeats(60));
}

TEST_CASE("shortest_paths shares a search between items of one theta, one origin and one mask",
          "[solvers][shortest_paths]") {
    std::mt19937 random(5);
    support::tally wrong;
    for (int i = 0; i < 60; ++i) {
        const bool acyclic = i % 4 == 3;
        const auto graph = acyclic ? imle::monotone_grid_graph(4, 5) : random_graph(9, 30, random);
        const auto n = static_cast<Eigen::Index>(graph.edges().size());
        const std::size_t edges = graph.edges().size();
        const auto pairs = all_pairs(graph.nodes());
        shortest_paths solver{graph, pairs, {.first_through_node = i % 3}};
        const std::vector<std::vector<double>> costs{
            some_costs<double>(static_cast<unsigned>(i), edges, random),
            some_costs<double>(static_cast<unsigned>(i), edges, random)};
        const flags first(edges, random, 1), second(edges, random, 1);
        const std::span<const bool> masks[] = {{}, first.span(), second.span()};
        const Eigen::Index batch = 40;
        Eigen::Tensor<double, 2, Eigen::ColMajor> thetas(n, batch), zs(n, batch);
        std::vector<solve_context> contexts;
        std::vector<answer<double>> expected;
        bool all = true;
        for (Eigen::Index b = 0; b < batch; ++b) {
            const auto& these = costs[random() % 2];
            std::transform(these.begin(), these.end(), thetas.data() + b * n, [](double c) { return -c; });
            contexts.push_back({.id = random() % 3 * 2 * static_cast<std::size_t>(graph.nodes()) +
                                      random() % static_cast<std::size_t>(graph.nodes()),
                                .mask = masks[random() % 3]});
            expected.push_back(solve(solver, these, contexts.back()));
            all &= expected.back().status == solve_status::solved;
        }
        const auto status = solver.solve_batch(thetas, zs, contexts);
        wrong.expect((status == solve_status::solved) == all, "graph ", i, ": ", status);
        for (std::size_t b = 0; b < expected.size(); ++b)
            wrong.expect(std::equal(expected[b].z.begin(), expected[b].z.end(),
                                    zs.data() + static_cast<Eigen::Index>(b) * n),
                         "graph ", i, ", item ", b);
    }
    CHECK(wrong == 0);
}

TEST_CASE("shortest_paths finds long ways through a graph", "[solvers][shortest_paths]") {
    // As for shortest_path: a long corridor, and costs of 2^9 to 2^60 across it, which fit no threshold.
    const Eigen::Index nodes = 600;
    std::mt19937 random(5);
    std::vector<graph_edge> edges;
    std::vector<float> costs;
    for (Eigen::Index v = 0; v + 1 < nodes; ++v)
        for (const graph_edge edge : {graph_edge{v, v + 1}, graph_edge{v + 1, v}}) {
            edges.push_back(edge);
            costs.push_back(1);
        }
    for (int i = 0; i < 1000; ++i) {
        const auto a = static_cast<Eigen::Index>(random()) % nodes,
                   b = static_cast<Eigen::Index>(random()) % nodes;
        edges.push_back({a, b});
        costs.push_back(std::ldexp(1.0F, 9 + static_cast<int>(random() % 52)) +
                        static_cast<float>(std::max(a, b)));
    }
    const directed_graph graph{nodes, edges};
    shortest_paths solver{graph, {{0, nodes - 1}, {0, nodes / 2}}};
    for (const float corridor : {1.0F, 0.0F}) {
        std::replace_if(
            costs.begin(), costs.end(), [](float c) { return c <= 1; }, corridor);
        std::vector<std::vector<float>> expected;
        for (const auto [from, to] : solver.pairs()) {
            expected.emplace_back(edges.size(), 0.0F);
            for (const std::size_t e : reference::bellman_ford(graph, from, to, costs))
                expected.back()[e] = 1;
            CHECK(solve(solver, costs, {.id = expected.size() - 1}).z == expected.back());
        }
        const auto n = static_cast<Eigen::Index>(edges.size());
        Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, n), zs(2, n);
        for (Eigen::Index e = 0; e < n; ++e)
            thetas(0, e) = thetas(1, e) = -costs[static_cast<std::size_t>(e)];
        const solve_context contexts[] = {{.id = 0}, {.id = 1}};
        CHECK(solver.solve_batch(thetas, zs, contexts) == solve_status::solved);
        for (std::size_t b = 0; b < 2; ++b)
            CHECK(std::equal(expected[b].begin(), expected[b].end(),
                             zs.data() + static_cast<Eigen::Index>(b) * n));
    }
}

TEST_CASE("shortest_paths: zones only begin and end paths, closed places are on none",
          "[solvers][shortest_paths]") {
    // 0 and 1 are zones. 0 -> 1 -> 3 costs 2, 0 -> 2 -> 3 costs 4; 4 is a dead end.
    const directed_graph graph{5, {{0, 1}, {1, 3}, {0, 2}, {2, 3}, {3, 1}, {3, 4}}};
    const std::vector<od_pair> pairs{{0, 3}, {1, 3}, {0, 1}, {2, 1}, {4, 0}, {1, 1}};
    const std::vector<double> costs{1, 1, 2, 2, 1, 1};
    const auto path = [&](std::size_t id, const shortest_paths_options& options) {
        shortest_paths solver{graph, pairs, options};
        const auto found = solve(solver, costs, {.id = id});
        CHECK(found.status == solve_status::solved);
        return found.z;
    };
    const auto status = [&](std::size_t id, const shortest_paths_options& options) {
        shortest_paths solver{graph, pairs, options};
        const auto found = solve(solver, costs, {.id = id});
        CHECK(found.z == std::vector<double>(6, 0));
        return found.status;
    };
    using z = std::vector<double>;
    CHECK(path(0, {}) == z{1, 1, 0, 0, 0, 0});
    CHECK(path(0, {.first_through_node = 2}) == z{0, 0, 1, 1, 0, 0});
    CHECK(path(1, {.first_through_node = 2}) == z{0, 1, 0, 0, 0, 0});
    CHECK(path(2, {.first_through_node = 2}) == z{1, 0, 0, 0, 0, 0});
    CHECK(path(3, {.first_through_node = 2}) == z{0, 0, 0, 1, 1, 0});
    CHECK(path(0, {.closed_nodes = {1}}) == z{0, 0, 1, 1, 0, 0});
    CHECK(path(0, {.closed_edges = {1}}) == z{0, 0, 1, 1, 0, 0});
    CHECK(status(0, {.first_through_node = 3}) == solve_status::infeasible);
    CHECK(status(0, {.closed_nodes = {1, 2}}) == solve_status::infeasible);
    CHECK(status(0, {.closed_nodes = {0}}) == solve_status::infeasible);
    CHECK(status(0, {.closed_edges = {1, 2}}) == solve_status::infeasible);
    CHECK(status(4, {}) == solve_status::infeasible);
    CHECK(status(5, {}) == solve_status::solved);
    // Without zone 1 there is no cycle left.
    CHECK_FALSE(shortest_paths(graph, pairs).takes_negative_costs());
    CHECK(shortest_paths(graph, pairs, {.first_through_node = 2}).takes_negative_costs());
    CHECK(shortest_paths(graph, pairs, {.closed_edges = {4}}).takes_negative_costs());
}

TEST_CASE("shortest_paths as its page shows it", "[solvers][shortest_paths]") {
    const directed_graph graph{5, {{0, 1}, {1, 3}, {0, 2}, {2, 3}, {3, 1}, {3, 4}}};
    // [pairs]
    const imle::shortest_paths solver{graph, std::vector<imle::od_pair>{{0, 3}, {0, 4}, {2, 3}},
                                      imle::shortest_paths_options{.first_through_node = 2}};
    // [/pairs]
    CHECK(solver.pairs().size() == 3);
    CHECK(solver.options().first_through_node == 2);
    CHECK(solver.graph().nodes() == 5);
}

TEST_CASE("shortest_paths with negative costs", "[solvers][shortest_paths]") {
    // Exact without cycles, to and from zones too: 0 -> 2 -> 3 costs 5 - 8, 0 -> 3 costs 2.
    const directed_graph acyclic{4, {{0, 2}, {2, 3}, {0, 3}, {3, 1}, {2, 0}, {3, 3}}};
    shortest_paths solver{acyclic, {{0, 3}, {0, 1}, {2, 1}, {2, 0}}, {.first_through_node = 2}};
    REQUIRE(solver.takes_negative_costs());
    const std::vector<float> costs{5, -8, 2, -1, -9, -9};
    CHECK(solve(solver, costs, {.id = 0}).z == std::vector<float>{1, 1, 0, 0, 0, 0});
    CHECK(solve(solver, costs, {.id = 1}).z == std::vector<float>{1, 1, 0, 1, 0, 0});
    CHECK(solve(solver, costs, {.id = 2}).z == std::vector<float>{0, 1, 0, 1, 0, 0});
    CHECK(solve(solver, costs, {.id = 3}).z == std::vector<float>{0, 0, 0, 0, 1, 0});
    // With cycles they count as 0, in all of the graph, or are rejected.
    const directed_graph cyclic{4, {{0, 1}, {1, 2}, {2, 1}, {2, 3}, {0, 3}}};
    shortest_paths clamping{cyclic, {{0, 3}}};
    CHECK(solve(clamping, std::vector<float>{1, -1, -1, 2, 2}, {}).z == std::vector<float>{0, 0, 0, 0, 1});
    shortest_paths rejecting{
        cyclic, {{0, 3}}, {.closed_edges = {3}, .negative_costs = imle::negative_costs::reject}};
    const std::vector<float> some_negative{1, -1, 1, -2, 2};
    CHECK_THROWS_WITH(solve(rejecting, some_negative, {.instance = 7, .id = 0}),
                      mentions("-1 at edge 1 of instance 7"));
    const bool open[] = {true, false, true, true, true};
    CHECK(solve(rejecting, some_negative, {.mask = open}).z == std::vector<float>{0, 0, 0, 0, 1});
}

TEST_CASE("shortest_paths says what is wrong", "[solvers][shortest_paths][errors]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}, {2, 1}}};
    const std::vector<od_pair> pairs{{0, 2}, {2, 0}};
    CHECK_THROWS_WITH((shortest_paths{graph, {{0, 2}, {3, 0}}}),
                      mentions("from of shortest_paths' pair 1 is 3") && mentions("3 nodes"));
    CHECK_THROWS_WITH((shortest_paths{graph, {{0, -1}}}), mentions("to of shortest_paths' pair 0 is -1"));
    CHECK_THROWS_WITH((shortest_paths{graph, pairs, {.first_through_node = 4}}),
                      mentions("first_through_node is 4"));
    CHECK_THROWS_WITH((shortest_paths{graph, pairs, {.closed_nodes = {0, 5}}}),
                      mentions("closed_nodes is a list with node 5"));
    CHECK_THROWS_WITH((shortest_paths{graph, pairs, {.closed_edges = {-1}}}),
                      mentions("closed_edges is a list with edge -1"));
    CHECK_THROWS_AS((shortest_paths{graph, pairs, {.negative_costs = static_cast<imle::negative_costs>(7)}}),
                    std::invalid_argument);

    shortest_paths solver{graph, pairs};
    const std::vector<float> costs(3, 1);
    CHECK_THROWS_WITH(solve(solver, costs, {.id = 2}),
                      mentions("id is 2") && mentions("less than 2, the number of pairs"));
    CHECK_THROWS_WITH(solve(solver, costs, {.instance = 9}), mentions("id is 9"));
    CHECK_THROWS_WITH(solve(solver, std::vector<float>(4, 1), {}), mentions("theta is of 4 numbers"));
    const bool two[] = {true, true};
    CHECK_THROWS_WITH(solve(solver, costs, {.mask = two}), mentions("mask is of 2 flags"));
    CHECK_THROWS_WITH(solve(solver, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), 1}, {}),
                      mentions("element 1"));
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3);
    thetas.setConstant(-1);
    const solve_context contexts[] = {{.id = 0}, {.id = 2}};
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, contexts), mentions("id is 2"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, std::span(contexts).first(1)),
                      mentions("contexts is a list of 1"));

    // Sums that overflow are not the same as no path, alone and together, with cycles and without.
    const std::vector<float> huge(3, std::numeric_limits<float>::max());
    const bool open[] = {true, true, true}, closed[] = {true, false, true};
    for (const bool acyclic : {false, true}) {
        shortest_paths over{
            graph, {{0, 2}, {0, 1}}, {.closed_edges = std::vector<Eigen::Index>(acyclic ? 1 : 0, 2)}};
        REQUIRE(over.takes_negative_costs() == acyclic);
        CHECK_THROWS_WITH(solve(over, huge, {.id = 0}), mentions("too large"));
        CHECK_THROWS_WITH(solve(over, huge, {.id = 0, .mask = open}), mentions("too large"));
        CHECK(solve(over, huge, {.id = 0, .mask = closed}).status == solve_status::infeasible);
        CHECK(solve(over, huge, {.id = 1}).status == solve_status::solved);
        thetas.setConstant(-std::numeric_limits<float>::max());
        const solve_context both[] = {{.id = 0}, {.id = 1}};
        CHECK_THROWS_WITH(over.solve_batch(thetas, zs, both), mentions("too large"));
    }
}

TEST_CASE("shortest_paths fits the concepts", "[solvers][shortest_paths]") {
    STATIC_REQUIRE(imle::Solver<shortest_paths, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::BatchSolver<shortest_paths, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(
        imle::Solver<decltype(imle::minimizing(std::declval<shortest_paths>())), double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::sense_of<shortest_paths> == imle::sense::maximize);
    // A copy has its own memory, and the same answers.
    const auto graph = imle::grid_graph(4, 4);
    shortest_paths solver{graph, {{0, 15}}};
    const std::vector<float> costs(graph.edges().size(), 1);
    const auto first = solve(solver, costs, {});
    shortest_paths copy = solver;
    CHECK(solve(copy, costs, {}) == first);
    CHECK(std::count(first.z.begin(), first.z.end(), 1.0F) == 3);
    // No pairs at all, and a graph without edges.
    shortest_paths nothing{directed_graph{1, {}}, {{0, 0}}};
    CHECK(solve(nothing, std::vector<float>{}, {}).status == solve_status::solved);
    CHECK_THROWS_AS(solve(nothing, std::vector<float>{}, {.id = 1}), std::invalid_argument);
}

TEST_CASE("shortest_paths in Anaheim", "[solvers][shortest_paths]") {
    if (!std::filesystem::exists(support::anaheim())) return;
    const support::traffic_network net(support::anaheim());
    REQUIRE(net.graph.nodes() == 416);
    REQUIRE(net.first_through_node == 38);
    const std::vector<od_pair> pairs{{0, 2}, {0, 5}, {0, 6}};
    const auto length = [&](std::size_t id, Eigen::Index first_through_node) {
        shortest_paths solver{net.graph, pairs, {.first_through_node = first_through_node}};
        const auto found = solve(solver, net.free_flow_time, {.id = id});
        double sum = 0;
        for (std::size_t e = 0; e < found.z.size(); ++e) sum += found.z[e] * net.free_flow_time[e];
        return sum;
    };
    const double with[] = {13.573317, 13.168319, 12.432879}, without[] = {13.484749, 10.792306, 9.836168};
    for (std::size_t id = 0; id < 3; ++id) {
        CHECK(length(id, net.first_through_node) == Approx(with[id]).margin(5e-7));
        CHECK(length(id, 0) == Approx(without[id]).margin(5e-7));
    }
}

}  // namespace shortest_paths_tests
