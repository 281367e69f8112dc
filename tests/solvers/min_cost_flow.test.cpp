#include <imle/solvers/min_cost_flow.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/per_instance.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/flows.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"

using imle::directed_graph;
using imle::graph_edge;
using imle::min_cost_flow;
using imle::solve_status;

namespace min_cost_flow_tests {

namespace {

using amounts = std::vector<std::int64_t>;

struct network {
    directed_graph graph;
    amounts supplies, capacities;

    [[nodiscard]] min_cost_flow solver() const { return {graph, supplies, capacities}; }
    [[nodiscard]] std::size_t edges() const { return graph.edges().size(); }
};

// Loops and parallel edges too. The supplies are those of a random flow, so there is one.
network random_network(std::size_t nodes, std::size_t edges, std::uint32_t most, std::mt19937& random) {
    std::vector<graph_edge> list;
    amounts supplies(nodes, 0), capacities;
    for (std::size_t e = 0; nodes > 0 && e < edges; ++e) {
        const std::size_t from = random() % nodes, to = random() % nodes;
        list.push_back({static_cast<Eigen::Index>(from), static_cast<Eigen::Index>(to)});
        capacities.push_back(random() % (most + 1));
        const auto flow = static_cast<std::int64_t>(random() % static_cast<unsigned>(capacities.back() + 1));
        supplies[from] += flow;
        supplies[to] -= flow;
    }
    return {{static_cast<Eigen::Index>(nodes), list}, supplies, capacities};
}

template <int Layout = Eigen::RowMajor, class Scalar>
support::answer<Scalar> solve(min_cost_flow& solver, const std::vector<Scalar>& theta,
                              std::span<const bool> mask = {}) {
    return support::solve<Layout>(
        solver, theta, Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(theta.size())}, mask);
}

template <class Scalar>
std::vector<Scalar> random_integers(std::size_t count, unsigned spread, std::mt19937& random) {
    std::vector<Scalar> theta(count);
    for (Scalar& t : theta)
        t = static_cast<Scalar>(static_cast<int>(random() % (2 * spread + 1)) - static_cast<int>(spread));
    return theta;
}

template <class Scalar, int Layout>
support::tally wrong_answers(std::uint32_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (std::uint32_t i = 0; i < count; ++i) {
        network given = random_network(random() % 6, random() % 9, i % 3 + 1, random);
        if (i % 5 == 0 && given.supplies.size() > 1) {  // other supplies, for which there may be no flow
            ++given.supplies[0];
            --given.supplies[1];
        }
        const auto states = imle::testing::flows::all(given.graph, given.supplies, given.capacities);
        min_cost_flow solver = given.solver();
        // Several solves by one solver: what it keeps must not matter.
        support::mask allowed(given.edges());
        for (int again = 0; again < 5; ++again) {
            auto theta = random_integers<Scalar>(given.edges(), again == 0 ? 1 : 1000, random);
            if (again == 2) allowed = support::random_mask(given.edges(), random);
            if (again == 4) allowed = support::mask(given.edges());
            support::spoil_forbidden(theta, allowed, random);
            const bool no_mask = again < 2 ? i % 2 == 0 : again == 4;
            const auto mask = no_mask ? std::span<const bool>{} : allowed.span();
            const auto found = solve<Layout>(solver, theta, mask);
            wrong.expect(support::is_best(found, states, theta, allowed), given.supplies.size(),
                         " nodes, theta ", theta, ", mask ", allowed, ": ", found.status, ' ', found.z,
                         " of ", states.size());
            min_cost_flow fresh = given.solver();
            wrong.expect(solve<Layout>(fresh, theta, mask) == found, "a new solver differs for theta ",
                         theta);
        }
    }
    return wrong;
}

// The oracle for larger networks, with integer scores: a flow is a best one if no cycle of its residual
// network gains. Returns whether the flow is one at all and Bellman and Ford find no such cycle.
bool is_best_flow(const network& given, const std::vector<double>& theta, const std::vector<double>& z) {
    const auto edges = given.graph.edges();
    const auto node = [](Eigen::Index v) { return static_cast<std::size_t>(v); };
    std::vector<double> left(given.supplies.begin(), given.supplies.end());
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if (!(z[e] >= 0 && z[e] <= static_cast<double>(given.capacities[e]) && z[e] == std::floor(z[e])))
            return false;
        left[node(edges[e].from)] -= z[e];
        left[node(edges[e].to)] += z[e];
    }
    if (std::count(left.begin(), left.end(), 0.0) != std::ssize(left)) return false;
    std::vector<double> gain(left.size(), 0);
    for (std::size_t round = 0; round <= left.size(); ++round) {
        bool changed = false;
        const auto relax = [&](Eigen::Index from, Eigen::Index to, double score) {
            if (gain[node(from)] + score <= gain[node(to)]) return;
            gain[node(to)] = gain[node(from)] + score;
            changed = true;
        };
        for (std::size_t e = 0; e < edges.size(); ++e) {
            if (z[e] < static_cast<double>(given.capacities[e])) relax(edges[e].from, edges[e].to, theta[e]);
            if (z[e] > 0) relax(edges[e].to, edges[e].from, -theta[e]);
        }
        if (!changed) return true;
    }
    return false;
}

// Scores of three sizes, whose sums no double holds.
struct scores_of_three_sizes {
    std::vector<double> theta;
    std::vector<std::array<int, 3>> parts;

    scores_of_three_sizes(std::size_t count, std::mt19937& random) {
        for (std::size_t i = 0; i < count; ++i) {
            std::array<int, 3> part{};
            part[random() % 3] = static_cast<int>(random() % 5) - 2;
            parts.push_back(part);
            theta.push_back(part[0] * 0x1p70 + part[1] + part[2] * 0x1p-70);
        }
    }
    [[nodiscard]] std::array<double, 3> value(const std::vector<double>& z) const {
        std::array<double, 3> sums{};
        for (std::size_t i = 0; i < z.size(); ++i)
            for (std::size_t k = 0; k < 3; ++k) sums[k] += parts[i][k] * z[i];
        return sums;
    }
};

// One unit along a chain with two edges for each step.
network chain(std::size_t steps) {
    std::vector<graph_edge> edges;
    for (Eigen::Index step = 0; step < static_cast<Eigen::Index>(steps); ++step)
        edges.insert(edges.end(), 2, {step, step + 1});
    amounts supplies(steps + 1, 0);
    supplies.front() = 1;
    supplies.back() = -1;
    return {{static_cast<Eigen::Index>(steps + 1), edges}, supplies, amounts(edges.size(), 1)};
}

// All nodes of one side to all of the other, with supplies from 1 to 4 that add up to the demands.
network transport(std::size_t givers, std::size_t takers, std::mt19937& random) {
    std::vector<graph_edge> edges;
    for (std::size_t i = 0; i < givers; ++i)
        for (std::size_t j = 0; j < takers; ++j)
            edges.push_back({static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(givers + j)});
    amounts supplies(givers + takers, 0);
    for (std::size_t i = 0; i < givers; ++i) {
        const auto amount = static_cast<std::int64_t>(random() % 4 + 1);
        supplies[i] = amount;
        for (std::int64_t unit = 0; unit < amount; ++unit) --supplies[givers + random() % takers];
    }
    return {{static_cast<Eigen::Index>(givers + takers), edges}, supplies, amounts(edges.size(), 9)};
}

}  // namespace

TEST_CASE("min_cost_flow is the best of all flows", "[solvers][min_cost_flow]") {
    CHECK(wrong_answers<float, Eigen::RowMajor>(300, 1) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(300, 2) == 0);
}

TEST_CASE("min_cost_flow keeps the laws of solvers", "[solvers][min_cost_flow]") {
    const network given{{4, {{0, 1}, {0, 2}, {1, 2}, {2, 1}, {1, 3}, {2, 3}, {3, 0}, {2, 2}}},
                        {3, 0, 0, -3},
                        {2, 3, 1, 1, 2, 2, 1, 1}};
    const imle::testing::flows family(given.graph, given.supplies, given.capacities);
    CHECK(imle::testing::check_solver<float>(given.solver(), family).passed());
    CHECK(imle::testing::check_solver<double, Eigen::ColMajor>(imle::minimizing(given.solver()), family)
              .passed());
}

TEST_CASE("min_cost_flow of larger networks leaves no cycle that gains", "[solvers][min_cost_flow]") {
    std::mt19937 random(3);
    support::tally wrong;
    const auto check = [&](const network& given) {
        min_cost_flow used = given.solver();
        auto theta = random_integers<double>(given.edges(), 50, random);
        for (int again = 0; again < 6; ++again) {
            // Few or all scores change; in the last solves there are many ties.
            for (double& t : theta)
                if (again % 2 == 1 || random() % 8 == 0)
                    t = static_cast<double>(random() % (again < 4 ? 1001U : 3U)) - (again < 4 ? 500 : 1);
            const auto found = solve(used, theta);
            wrong.expect(found.status == solve_status::solved && is_best_flow(given, theta, found.z),
                         given.supplies.size(), " nodes, ", given.edges(), " edges, solve ", again);
            min_cost_flow fresh = given.solver();
            wrong.expect(solve(fresh, theta) == found, "a new solver differs in solve ", again);
        }
    };
    for (const auto& [nodes, edges] : {std::pair{10, 60}, {40, 100}, {60, 400}, {100, 150}})
        for (const std::uint32_t most : {1U, 7U})
            for (int i = 0; i < 3; ++i)
                check(random_network(static_cast<std::size_t>(nodes), static_cast<std::size_t>(edges), most,
                                     random));
    for (int i = 0; i < 5; ++i) check(transport(8, 11, random));
    CHECK(wrong == 0);
}

TEST_CASE("min_cost_flow decides as without rounding", "[solvers][min_cost_flow]") {
    std::mt19937 random(4);
    support::tally wrong;
    for (int i = 0; i < 400; ++i) {
        const network given = i % 2 == 0 ? random_network(2 + random() % 4, 4 + random() % 7, 2, random)
                                         : chain(3 + random() % 3);
        const auto states = imle::testing::flows::all(given.graph, given.supplies, given.capacities);
        const scores_of_three_sizes scores(given.edges(), random);
        min_cost_flow solver = given.solver();
        const auto found = solve(solver, scores.theta);
        auto best = scores.value(states.front());
        for (const auto& state : states) best = std::max(best, scores.value(state));
        wrong.expect(scores.value(found.z) == best, "theta ", scores.theta, ": ", found.z, " of value ",
                     scores.value(found.z), ", not ", best);
    }
    CHECK(wrong == 0);
}

TEST_CASE("min_cost_flow of one unit is a shortest path", "[solvers][min_cost_flow]") {
    std::mt19937 random(5);
    support::tally wrong;
    const directed_graph graphs[] = {imle::grid_graph(5, 6), imle::monotone_grid_graph(7, 4)};
    for (int i = 0; i < 40; ++i) {
        const directed_graph& graph = graphs[i % 2];
        amounts supplies(static_cast<std::size_t>(graph.nodes()), 0);
        supplies.front() = 1;
        supplies.back() = -1;
        std::vector<float> theta(graph.edges().size());
        for (float& t : theta) t = -static_cast<float>(random()) * 0x1p-32F;
        min_cost_flow solver{graph, supplies};
        imle::shortest_path path{graph, 0, graph.nodes() - 1};
        const auto found = solve(solver, theta);
        std::vector<float> expected(theta.size());
        const Eigen::array<Eigen::Index, 1> size{static_cast<Eigen::Index>(theta.size())};
        imle::const_view<float, 1, Eigen::RowMajor> theta_view(theta.data(), size);
        imle::mutable_view<float, 1, Eigen::RowMajor> z_view(expected.data(), size);
        path(theta_view, z_view);
        wrong.expect(found.z == expected, "graph ", i % 2, ", theta ", theta);
    }
    CHECK(wrong == 0);
}

TEST_CASE("min_cost_flow of one unit for each node is an assignment", "[solvers][min_cost_flow]") {
    std::mt19937 random(6);
    support::tally wrong;
    for (int i = 0; i < 40; ++i) {
        const Eigen::Index n = 2 + i % 9;
        std::vector<graph_edge> edges;
        for (Eigen::Index row = 0; row < n; ++row)
            for (Eigen::Index column = 0; column < n; ++column) edges.push_back({row, n + column});
        amounts supplies(static_cast<std::size_t>(2 * n), 1);
        std::fill(supplies.begin() + n, supplies.end(), -1);
        std::vector<double> theta(edges.size());
        for (double& t : theta) t = static_cast<double>(random()) * 0x1p-31 - 1;
        min_cost_flow solver{{2 * n, edges}, supplies};
        imle::assignment other;
        const auto expected =
            support::solve<Eigen::RowMajor>(other, theta, Eigen::array<Eigen::Index, 2>{n, n}, {});
        wrong.expect(solve(solver, theta) == expected, n, " nodes, theta ", theta);
    }
    CHECK(wrong == 0);
}

TEST_CASE("min_cost_flow without limits: unbounded or infeasible", "[solvers][min_cost_flow]") {
    constexpr auto free = min_cost_flow::unlimited;
    // 0 -> 1 -> 2 -> 0 and a way out.
    const directed_graph graph{4, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {1, 1}}};
    const amounts supplies{2, 0, 0, -2};
    min_cost_flow all{graph, supplies};
    CHECK(all.capacities()[3] == free);
    using vector = std::vector<double>;
    const auto none = [](solve_status status) { return support::answer<double>{status, vector(5, 0)}; };
    const auto of = [](vector z) { return support::answer<double>{solve_status::solved, std::move(z)}; };
    CHECK(solve(all, vector{-1, -1, 1, -1, -1}) == of({2, 2, 0, 2, 0}));
    CHECK(solve(all, vector{-1, -1, 3, -1, -1}) == none(solve_status::unbounded));
    CHECK(solve(all, vector{-1, -1, 2, -1, 0}) == of({2, 2, 0, 2, 0}));  // a cycle of score 0
    CHECK(solve(all, vector{-1, -1, 1, -1, 0.5}) == none(solve_status::unbounded));
    CHECK(solve(all, vector{-1, -1, 1, -1, -1}) == of({2, 2, 0, 2, 0}));  // as before
    support::mask allowed(5);
    allowed[2] = allowed[4] = false;
    CHECK(solve(all, vector{-1, -1, 3, -1, 1}, allowed.span()) == of({2, 2, 0, 2, 0}));
    allowed[3] = false;
    CHECK(solve(all, vector{-1, -1, 3, -1, 1}, allowed.span()) == none(solve_status::infeasible));
    // A limit anywhere on the cycle is enough.
    min_cost_flow one{graph, supplies, {free, 5, free, free, 4}};
    CHECK(solve(one, vector{-1, -1, 3, -1, 1}) == of({5, 5, 3, 2, 4}));
    // No flow has these supplies: the capacities are too small, or there is no way.
    min_cost_flow narrow{graph, supplies, {free, 1, free, free, free}};
    CHECK(solve(narrow, vector{-1, -1, 3, -1, 1}) == none(solve_status::infeasible));
    min_cost_flow back{graph, {-1, 0, 0, 1}};
    CHECK(solve(back, vector{-1, -1, 3, -1, 1}) == none(solve_status::infeasible));
    min_cost_flow empty{directed_graph{0, {}}, {}};
    CHECK(solve(empty, vector{}).status == solve_status::solved);
}

TEST_CASE("min_cost_flow at the limits", "[solvers][min_cost_flow]") {
    const double most = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
    const directed_graph graph{3, {{0, 1}, {1, 2}, {0, 2}}};
    min_cost_flow solver{graph, {1, 0, -1}};
    using vector = std::vector<double>;
    CHECK(solve(solver, vector{-most, -most, -most}).z == vector{0, 0, 1});
    CHECK(solve(solver, vector{most, -most / 2, most / 4}).z == vector{1, 1, 0});
    CHECK(solve(solver, vector{-tiny, -tiny, -3 * tiny}).z == vector{1, 1, 0});
    // Two edges are better than three, in whichever order they come.
    min_cost_flow first{directed_graph{5, {{0, 1}, {1, 4}, {0, 2}, {2, 3}, {3, 4}}}, {1, 0, 0, 0, -1}};
    min_cost_flow last{directed_graph{5, {{0, 2}, {2, 3}, {3, 4}, {0, 1}, {1, 4}}}, {1, 0, 0, 0, -1}};
    CHECK(solve(first, vector(5, -most)).z == vector{1, 1, 0, 0, 0});
    CHECK(solve(last, vector(5, -most)).z == vector{0, 0, 0, 1, 1});
    // A large finite score forbids, and the others still count.
    CHECK(solve(solver, vector{1e-3, 2e-3, -1e300}).z == vector{1, 1, 0});
    constexpr std::int64_t large = std::int64_t{1} << 61;
    min_cost_flow wide{graph, {large, 0, -large}, {large - 1, min_cost_flow::unlimited, 1}};
    CHECK(solve(wide, vector{1, 1, 1}).z == vector{0x1p61, 0x1p61, 1});
    CHECK(wide.graph().nodes() == 3);
    CHECK(wide.supplies()[2] == -large);
}

TEST_CASE("min_cost_flow with other supplies for each id", "[solvers][min_cost_flow]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}, {0, 2}}};
    imle::per_instance solver(
        std::vector{min_cost_flow{graph, {1, 0, -1}}, min_cost_flow{graph, {0, 2, -2}}});
    Eigen::Tensor<float, 1> theta(3), z(3);
    theta.setValues({-1, -1, -1});
    CHECK(solver(theta, z, {.id = 0}) == solve_status::solved);
    CHECK(z(2) == 1);
    CHECK(solver(theta, z, {.id = 1}) == solve_status::solved);
    CHECK(z(1) == 2);
}

TEST_CASE("min_cost_flow says what is wrong", "[solvers][min_cost_flow][errors]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}}};
    CHECK_THROWS_WITH((min_cost_flow{graph, {1, -1}}),
                      mentions("supplies is a list of 2") && mentions("3 nodes"));
    CHECK_THROWS_WITH((min_cost_flow{graph, {2, 0, -1}}),
                      mentions("the sum of min_cost_flow's supplies is 1"));
    CHECK_THROWS_WITH((min_cost_flow{graph, {1, 0, -1}, {1}}), mentions("capacities is a list of 1"));
    CHECK_THROWS_WITH((min_cost_flow{graph, {1, 0, -1}, {1, -2}}), mentions("edge 1 is -2"));
    constexpr std::int64_t half = std::int64_t{1} << 61, least = std::numeric_limits<std::int64_t>::min();
    for (const amounts& supplies : {amounts{2 * half, 1, -2 * half}, amounts{-2 * half, -1, half},
                                    amounts{least, least, 0}, amounts{2 * half, 2 * half, least}})
        CHECK_THROWS_WITH((min_cost_flow{graph, supplies}), mentions("too large") && mentions("2^62"));
    CHECK_THROWS_WITH((min_cost_flow{graph, {half, 0, -half}, {half, 1}}), mentions("too large"));
    CHECK_NOTHROW(min_cost_flow{graph, {half, 0, -half}, {half, min_cost_flow::unlimited}});

    min_cost_flow solver{graph, {1, 0, -1}};
    CHECK_THROWS_WITH(solve(solver, std::vector<float>{1, 2, 3}),
                      mentions("3 numbers") && mentions("2 edges"));
    CHECK_THROWS_AS(solve(solver, std::vector<float>{1, std::numeric_limits<float>::infinity()}),
                    std::invalid_argument);
    CHECK_THROWS_WITH(solve(solver, std::vector<float>{1, 2}, support::mask(3).span()), mentions("3 flags"));
}

TEST_CASE("min_cost_flow as its page shows it", "[solvers][min_cost_flow][docs]") {
    {
        // [transport]
        // Two plants make 3 and 4 units, three shops need 2, 2 and 3. What a unit costs on each way:
        const imle::directed_graph ways{5, {{0, 2}, {0, 3}, {0, 4}, {1, 2}, {1, 3}, {1, 4}}};
        imle::minimizing solver(imle::min_cost_flow{ways, {3, 4, -2, -2, -3}});
        Eigen::Tensor<double, 1> cost(6), z(6);
        cost.setValues({1, 4, 6, 2, 3, 9});
        solver(cost, z);  // 0 0 3 2 2 0
        // [/transport]
        CHECK(std::vector<double>(z.data(), z.data() + 6) == std::vector<double>{0, 0, 3, 2, 2, 0});
    }
    {
        // [paths]
        // Two paths from node 0 to node 3 that share no edge: two units, and room for one on each edge.
        const imle::directed_graph graph{4, {{0, 1}, {1, 2}, {2, 3}, {0, 2}, {1, 3}}};
        imle::min_cost_flow solver{graph, {2, 0, 0, -2}, {1, 1, 1, 1, 1}};
        Eigen::Tensor<float, 1> theta(5), z(5);
        theta.setValues({-1, -1, -1, -4, -4});
        solver(theta, z);  // 1 0 1 1 1, though the best single path is 0 -> 1 -> 2 -> 3
        // [/paths]
        CHECK(std::vector<float>(z.data(), z.data() + 5) == std::vector<float>{1, 0, 1, 1, 1});
    }
    STATIC_REQUIRE(imle::Solver<min_cost_flow, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::Solver<min_cost_flow, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<min_cost_flow> == imle::sense::maximize);
}

}  // namespace min_cost_flow_tests
