#include <imle/adapters/cbc.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/min_cost_flow.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/solvers/travelling_salesman.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>
#include <imle/testing/tours.hpp>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/messages.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
using numbers = Eigen::Tensor<double, 1, Eigen::RowMajor>;
using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

template <class TensorT>
double value(const TensorT& theta, const TensorT& z) {
    double sum = 0;
    for (Eigen::Index e = 0; e < theta.size(); ++e) sum += theta.data()[e] * z.data()[e];
    return sum;
}

template <class TensorT>
void fill(TensorT& theta, std::mt19937& random, double low, double high) {
    std::uniform_real_distribution<double> uniform(low, high);
    std::generate_n(theta.data(), theta.size(), [&] { return uniform(random); });
}

Eigen::VectorXd vector(std::initializer_list<double> values) {
    Eigen::VectorXd result(static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

// Weights 1 to 20 and half of their sum as capacity.
std::pair<Eigen::MatrixXd, Eigen::VectorXd> random_knapsack(int rows, int items, std::mt19937& random) {
    Eigen::MatrixXd weights(rows, items);
    for (Eigen::Index k = 0; k < weights.size(); ++k)
        weights.data()[k] = static_cast<double>(1 + random() % 20);
    return {weights, (weights.rowwise().sum() / 2).array().floor()};
}

imle::solve_status status_of(imle::integer_program solver, double theta_of_all = 1) {
    numbers theta(solver.decisions()), z(solver.decisions());
    theta.setConstant(theta_of_all);
    try {
        return solver(theta, z);
    } catch (const imle::solve_failure& failure) {
        return failure.status();
    }
}

}  // namespace

TEST_CASE("integer_program keeps the laws", "[adapters][cbc]") {
    // Integers from -1 to 2 with x0 + x1 <= 2, x0 - x1 >= -1.
    Eigen::MatrixXd a(2, 2);
    a << 1, 1, 1, -1;
    const imle::integer_program box(
        a, vector({2, infinity}),
        {.row_lower = vector({-infinity, -1}), .lower = vector({-1, -1}), .upper = vector({2, 2})});
    std::vector<std::vector<double>> states;
    for (int x = -1; x <= 2; ++x)
        for (int y = -1; y <= 2; ++y)
            if (x + y <= 2 && x - y >= -1) states.push_back({double(x), double(y)});
    const auto ranges =
        imle::testing::check_solver<float>(box, imle::testing::enumerated_family<1>("integers", {2}, states),
                                           {.trials = std::max(support::repeats(20), 5), .tolerance = 1e-4});
    INFO(ranges);
    CHECK(ranges.passed());

    std::mt19937 random(1);
    const auto [weights, capacities] = random_knapsack(2, 6, random);
    states.clear();
    for (unsigned set = 0; set < 64; ++set) {
        Eigen::VectorXd x(6);
        for (unsigned j = 0; j < 6; ++j) x(j) = set >> j & 1u;
        if (((weights * x).array() <= capacities.array()).all()) states.emplace_back(x.data(), x.data() + 6);
    }
    const auto knapsack = imle::testing::check_solver<float, Eigen::ColMajor>(
        imle::integer_program(weights, capacities),
        imle::testing::enumerated_family<2>("knapsack as 1 x 6", {1, 6}, states),
        {.trials = std::max(support::repeats(20), 5), .tolerance = 1e-4});
    INFO(knapsack);
    CHECK(knapsack.passed());
}

TEST_CASE("minimizing integer_program and travelling_salesman_program gives the least", "[adapters][cbc]") {
    const Eigen::RowVectorXd weights{{2, 3, 4, 5}};
    std::vector<std::vector<double>> sets;
    for (unsigned set = 0; set < 16; ++set) {
        std::vector<double> z(4);
        double weight = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            z[i] = (set >> i) & 1u;
            weight += z[i] * weights(static_cast<Eigen::Index>(i));
        }
        if (weight <= 7) sets.push_back(z);
    }
    const imle::testing::check_solver_options moderate{
        .lowest = -1e3, .highest = 1e3, .trials = 10, .tolerance = 1e-4};
    const auto items = imle::testing::check_solver<double>(
        imle::minimizing(imle::integer_program(Eigen::MatrixXd(weights), Eigen::VectorXd::Constant(1, 7))),
        imle::testing::enumerated_family<1>("a knapsack", {4}, sets), moderate);
    INFO(items);
    CHECK(items.passed());

    Eigen::Tensor<double, 1, Eigen::RowMajor> lengths(10), by_program(10), exact(10);
    for (Eigen::Index e = 0; e < 10; ++e) lengths(e) = static_cast<double>(e * 7 % 11) + 1;
    auto program = imle::minimizing(imle::travelling_salesman_program{});
    program(lengths, by_program);
    imle::minimizing(imle::travelling_salesman{})(lengths, exact);
    double length = 0, least = 0;
    for (Eigen::Index e = 0; e < 10; ++e) {
        length += lengths(e) * by_program(e);
        least += lengths(e) * exact(e);
    }
    CHECK(length == least);
}

TEST_CASE("integer_program agrees with knapsack", "[adapters][cbc]") {
    std::mt19937 random(2);
    support::tally wrong;
    for (const int rows : {1, 2, 4}) {
        const auto [weights, capacities] = random_knapsack(rows, 16, random);
        imle::integer_program program(weights, capacities);
        imle::knapsack knapsack(weights, capacities);
        numbers theta(16), z(16), expected(16);
        for (int trial = 0; trial < std::max(support::repeats(15), 3); ++trial) {
            fill(theta, random, -1, 5);
            program(theta, z);
            knapsack(theta, expected);
            wrong.expect(std::equal(z.data(), z.data() + 16, expected.data()), rows, " rows: theta ", theta,
                         " gives ", z, ", not ", expected);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("integer_program agrees with assignment", "[adapters][cbc]") {
    constexpr Eigen::Index n = 5;
    Eigen::SparseMatrix<double> once(2 * n, n * n);
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) {
            once.insert(i, i * n + j) = 1;
            once.insert(n + j, i * n + j) = 1;
        }
    const Eigen::VectorXd one = Eigen::VectorXd::Ones(2 * n);
    imle::integer_program program(once, one, {.row_lower = one});
    std::mt19937 random(3);
    support::tally wrong;
    matrix theta(n, n), z(n, n), expected(n, n);
    for (int trial = 0; trial < 50; ++trial) {
        fill(theta, random, -1, 1);
        program(theta, z);
        imle::assignment{}(theta, expected);
        wrong.expect(std::equal(z.data(), z.data() + n * n, expected.data()), "theta ", theta, " gives ", z,
                     ", not ", expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("integer_program agrees with min_cost_flow", "[adapters][cbc]") {
    // Three units through a grid of one-way streets, two at most on each edge.
    const auto graph = imle::monotone_grid_graph(4, 4);
    const Eigen::Index count = std::ssize(graph.edges());
    Eigen::MatrixXd leaving = Eigen::MatrixXd::Zero(16, count);
    for (Eigen::Index e = 0; e < count; ++e) {
        leaving(graph.edges()[static_cast<std::size_t>(e)].from, e) += 1;
        leaving(graph.edges()[static_cast<std::size_t>(e)].to, e) -= 1;
    }
    Eigen::VectorXd supplies = Eigen::VectorXd::Zero(16);
    supplies[0] = 3;
    supplies[15] = -3;
    imle::integer_program program(leaving, supplies,
                                  {.row_lower = supplies, .upper = Eigen::VectorXd::Constant(count, 2)});
    std::vector<std::int64_t> amounts(16, 0);
    amounts.front() = 3;
    amounts.back() = -3;
    imle::min_cost_flow flow{graph, amounts, std::vector<std::int64_t>(static_cast<std::size_t>(count), 2)};
    std::mt19937 random(5);
    support::tally wrong;
    numbers theta(count), z(count), expected(count);
    for (int trial = 0; trial < 30; ++trial) {
        fill(theta, random, -1, 1);
        program(theta, z);
        flow(theta, expected);
        wrong.expect(std::equal(z.data(), z.data() + count, expected.data()), "theta ", theta, " gives ", z,
                     ", not ", expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("integer_program agrees with shortest_path", "[adapters][cbc]") {
    std::mt19937 random(4);
    std::vector<imle::graph_edge> edges;
    for (Eigen::Index i = 0; i < 8; ++i)
        for (Eigen::Index j = 0; j < 8; ++j)
            if (i != j && (random() % 2 == 0 || j == i + 1)) edges.push_back({i, j});
    const auto count = static_cast<Eigen::Index>(edges.size());
    Eigen::MatrixXd leaving = Eigen::MatrixXd::Zero(8, count);
    for (Eigen::Index e = 0; e < count; ++e) {
        leaving(edges[static_cast<std::size_t>(e)].from, e) += 1;
        leaving(edges[static_cast<std::size_t>(e)].to, e) -= 1;
    }
    Eigen::VectorXd balance = Eigen::VectorXd::Zero(8);
    balance(0) = 1;
    balance(7) = -1;
    imle::integer_program program(leaving, balance, {.row_lower = balance});
    imle::shortest_path path(imle::directed_graph{8, edges}, 0, 7);
    support::tally wrong;
    numbers theta(count), z(count), expected(count);
    for (int trial = 0; trial < 50; ++trial) {
        fill(theta, random, -1, -0.1);
        program(theta, z);
        path(theta, expected);
        wrong.expect(std::equal(z.data(), z.data() + count, expected.data()), "theta ", theta, " gives ", z,
                     ", not ", expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("integer_program's answer depends on theta alone, ties included", "[adapters][cbc]") {
    std::mt19937 random(5);
    const auto [weights, capacities] = random_knapsack(2, 12, random);
    const imle::integer_program original(weights, capacities);
    constexpr std::size_t count = std::max<std::size_t>(support::repeats(40), 10);
    std::vector<std::vector<float>> thetas(count, std::vector<float>(12)), first(thetas);
    for (auto& theta : thetas)
        for (float& t : theta) t = static_cast<float>(random() % 3);  // most optima tie
    const auto solve = [&](imle::integer_program& solver, std::size_t k, std::vector<float>& z) {
        imle::const_view<float, 1, Eigen::RowMajor> theta(thetas[k].data(), 12);
        imle::mutable_view<float, 1, Eigen::RowMajor> z_view(z.data(), 12);
        solver(theta, z_view);
    };
    imle::integer_program in_order(original);
    for (std::size_t k = 0; k < count; ++k) solve(in_order, k, first[k]);

    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    support::tally different;
    std::vector<float> z(12);
    for (int round = 0; round < std::max(support::repeats(4), 2); ++round) {
        std::shuffle(order.begin(), order.end(), random);
        imle::integer_program copy(round % 2 == 0 ? original : in_order);
        for (const std::size_t k : order) {
            solve(copy, k, z);
            different.expect(z == first[k], "round ", round, ": theta ", thetas[k], " gives ", z, ", not ",
                             first[k]);
        }
    }
    CHECK(different == 0);
}

TEST_CASE("a layer of integer_program gives the same bits by three threads", "[adapters][cbc]") {
    // [layer]
    // Two resources and six items: z = 1 for the items that are worth most and fit.
    Eigen::MatrixXd weights(2, 6);
    weights << 3, 4, 2, 5, 1, 6,  //
        4, 1, 5, 2, 6, 3;
    imle::integer_program knapsack(weights, Eigen::Vector2d(10, 10));

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 6);  // [batch, items]
    theta.setValues({{3, 2, 4, 3, 1, 5}});
    imle::imle_layer layer{
        knapsack, imle::gumbel{}, imle::perturbation_target{}, {.samples = 100, .threads = 3}};
    const auto pass = layer.marginals(theta, imle::random_key{1});
    // [/layer]
    imle::imle_layer alone{knapsack, imle::gumbel{}, imle::perturbation_target{}, {.samples = 100}};
    const auto pass_alone = alone.marginals(theta, imle::random_key{1});
    Eigen::Tensor<float, 2, Eigen::RowMajor> slope(1, 6);
    slope.setConstant(1);
    const auto gradient = layer.vjp(pass, slope), gradient_alone = alone.vjp(pass_alone, slope);
    for (int item = 0; item < 6; ++item) {
        CHECK(pass.marginals()(0, item) == pass_alone.marginals()(0, item));
        CHECK(gradient(0, item) == gradient_alone(0, item));
    }
}

TEST_CASE("integer_program's decisions: trees by flows, with the edges alone as theta", "[adapters][cbc]") {
    // Node 0 sends one unit to each other node, along edges that are open (Magnanti and Wolsey 1995).
    constexpr int nodes = 5;
    const auto edges = imle::complete_graph_edges(nodes);
    const int edge_count = static_cast<int>(edges.size()), variables = 3 * edge_count;
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(nodes + 1 + 2 * edge_count, variables);
    Eigen::VectorXd low = Eigen::VectorXd::Constant(a.rows(), -infinity),
                    high = Eigen::VectorXd::Zero(a.rows());
    std::vector<bool> integer(static_cast<std::size_t>(variables), false);
    std::vector<Eigen::Index> decisions;
    for (int e = 0; e < edge_count; ++e) {
        // Variables: the flow there, the edge, the flow back.
        const int there = 3 * e, open = there + 1, back = there + 2;
        const auto [from, to] = edges[static_cast<std::size_t>(e)];
        a(from, there) = a(to, back) = -1;
        a(to, there) = a(from, back) = 1;
        a(nodes, open) = 1;
        for (const int flow : {there, back}) {
            const int row = nodes + 1 + 2 * e + (flow == back);
            a(row, flow) = 1;
            a(row, open) = -(nodes - 1);
        }
        integer[static_cast<std::size_t>(open)] = true;
        decisions.push_back(open);
    }
    low.head(nodes).setOnes();
    low(0) = -(nodes - 1);
    low(nodes) = nodes - 1;
    high.head(nodes + 1) = low.head(nodes + 1);
    const imle::integer_program flows(a, high,
                                      {.row_lower = low,
                                       .upper = Eigen::VectorXd::Constant(variables, nodes - 1.0),
                                       .integer = integer,
                                       .decisions = decisions});
    CHECK(flows.variables() == variables);
    CHECK(flows.decisions() == edge_count);

    // The noise applies to the edges, so the samples are the tree solver's.
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(2, edge_count);
    std::mt19937 random(31);
    fill(theta, random, -1, 1);
    const imle::layer_options options{.samples = support::repeats(Eigen::Index{40})};
    const imle::imle_layer by_flows{flows, imle::gumbel{}, imle::perturbation_target{}, options};
    const imle::imle_layer by_kruskal{imle::spanning_tree(nodes, edges), imle::gumbel{},
                                      imle::perturbation_target{}, options};
    const auto pass = by_flows.forward(theta, imle::random_key{3}),
               expected = by_kruskal.forward(theta, imle::random_key{3});
    CHECK(std::equal(pass.samples().data(), pass.samples().data() + pass.samples().size(),
                     expected.samples().data()));
}

TEST_CASE("integer_program's decisions and fixed costs are the best of all x", "[adapters][cbc]") {
    std::mt19937 random(32);
    constexpr int variables = 8;
    const auto [weights, capacities] = random_knapsack(2, variables, random);
    Eigen::VectorXd fixed(variables);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (double& cost : fixed) cost = uniform(random);
    const std::vector<Eigen::Index> decisions{5, 0, 3};
    imle::integer_program most(weights, capacities, {.decisions = decisions, .fixed = fixed});
    imle::minimizing least(most);
    support::tally wrong;
    for (int trial = 0; trial < 100; ++trial) {
        numbers theta(3), z(3), z_of_least(3), best(3), best_of_least(3);
        fill(theta, random, -2, 2);
        support::mask mask = support::random_mask(3, random);
        double highest = -infinity, lowest = infinity;
        for (unsigned set = 0; set < 1u << variables; ++set) {
            Eigen::VectorXd x(variables);
            for (unsigned j = 0; j < variables; ++j) x(j) = set >> j & 1u;
            if (((weights * x).array() > capacities.array()).any()) continue;
            double gain = 0;
            bool allowed = true;
            for (Eigen::Index k = 0; k < 3; ++k) {
                const double chosen = x(decisions[static_cast<std::size_t>(k)]);
                gain += theta(k) * chosen;
                allowed = allowed && (chosen == 0 || mask[static_cast<std::size_t>(k)]);
            }
            const double cost = fixed.dot(x);
            const auto keep = [&](numbers& kept) {
                for (Eigen::Index k = 0; k < 3; ++k) kept(k) = x(decisions[static_cast<std::size_t>(k)]);
            };
            if (allowed && gain - cost > highest) highest = gain - cost, keep(best);
            if (allowed && gain + cost < lowest) lowest = gain + cost, keep(best_of_least);
        }
        const imle::solve_context context{.mask = mask.span()};
        wrong.expect(most(theta, z, context) == imle::solve_status::solved &&
                         std::equal(z.data(), z.data() + 3, best.data()),
                     "trial ", trial);
        wrong.expect(least(theta, z_of_least, context) == imle::solve_status::solved &&
                         std::equal(z_of_least.data(), z_of_least.data() + 3, best_of_least.data()),
                     "least, trial ", trial);
    }
    CHECK(wrong == 0);
}

TEST_CASE("integer_program accepts an x that is not proven if that is allowed", "[adapters][cbc]") {
    using imle::solve_status;
    std::mt19937 random(6);
    const auto [weights, capacities] = random_knapsack(5, 40, random);
    numbers theta(40), z(40), again(40), best(40);
    fill(theta, random, 1, 2);
    imle::integer_program exact(weights, capacities);
    CHECK(exact(theta, best) == solve_status::solved);

    imle::integer_program limited(weights, capacities, {.limits = {.nodes = 60, .accept_incumbent = true}});
    imle::integer_program copy = limited;
    REQUIRE(limited(theta, z) == solve_status::not_proven);
    CHECK(value(theta, z) <= value(theta, best) * (1 + 1e-9));
    CHECK(value(theta, z) >= 0.9 * value(theta, best));
    const Eigen::Map<const Eigen::VectorXd> x(z.data(), 40);
    CHECK(((weights * x).array() <= capacities.array()).all());
    CHECK(copy(theta, again) == solve_status::not_proven);
    CHECK(std::equal(z.data(), z.data() + 40, again.data()));

    // A layer uses it; without an x to accept there is still no answer.
    Eigen::Tensor<double, 2, Eigen::RowMajor> batch(1, 40);
    std::copy_n(theta.data(), 40, batch.data());
    const imle::imle_layer layer{limited, imle::no_noise{}, imle::perturbation_target{}};
    const auto pass = layer.forward(batch, imle::random_key{1});
    CHECK(std::equal(z.data(), z.data() + 40, pass.samples().data()));
    CHECK(status_of({weights, capacities, {.limits = {.seconds = 1e-9, .accept_incumbent = true}}}) ==
          solve_status::time_limit);
    // Within the limits the answer is the proven one.
    CHECK(status_of({weights, capacities, {.limits = {.nodes = 1'000'000, .accept_incumbent = true}}}) ==
          solve_status::solved);
}

TEST_CASE("integer_program says when there is no answer", "[adapters][cbc][errors]") {
    using imle::integer_program;
    using imle::solve_status;
    const Eigen::MatrixXd sum = Eigen::MatrixXd::Ones(1, 3);
    CHECK(status_of(integer_program(sum, vector({2}))) == solve_status::solved);
    // The relaxation is infeasible; and only the integers are: 2 x0 + 2 x1 + 2 x2 = 3.
    CHECK(status_of(integer_program(sum, vector({5}), {.row_lower = vector({4})})) ==
          solve_status::infeasible);
    CHECK(status_of(integer_program(Eigen::MatrixXd(2 * sum), vector({3}), {.row_lower = vector({3})})) ==
          solve_status::infeasible);
    const Eigen::VectorXd far = Eigen::VectorXd::Constant(3, infinity);
    // x0 - x1 <= 1 with both unlimited.
    Eigen::MatrixXd difference(1, 3);
    difference << 1, -1, 0;
    integer_program open(difference, vector({1}), {.upper = far});
    CHECK(status_of(open) == solve_status::unbounded);
    CHECK(status_of(open, -1) == solve_status::solved);  // a copy of it, and the other direction
    // The relaxation is unbounded, but no x is feasible: 2 x0 - 2 x1 = 1.
    integer_program odd(Eigen::MatrixXd(2 * difference), vector({1}),
                        {.row_lower = vector({1}), .upper = vector({8, 8, infinity})});
    CHECK(status_of(odd) == solve_status::infeasible);

    std::mt19937 random(6);
    const auto hard = random_knapsack(5, 40, random);
    numbers theta(40), z(40);
    fill(theta, random, 1, 2);
    const auto status_within = [&](const imle::integer_program_limits& limits) {
        integer_program solver(hard.first, hard.second, {.limits = limits});
        try {
            solver(theta, z);
        } catch (const imle::solve_failure& failure) {
            return failure.status();
        }
        return solve_status::solved;
    };
    CHECK(status_within({.nodes = 3}) == solve_status::time_limit);
    CHECK(status_within({.seconds = 1e-4}) == solve_status::time_limit);

    // Its message names the limits that are set, and no others.
    const auto message_within = [&](const imle::integer_program_limits& limits) {
        integer_program solver(hard.first, hard.second, {.limits = limits});
        return support::message_of<imle::solve_failure>([&] { solver(theta, z); });
    };
    CHECK(support::says(message_within({.nodes = 3}), {"within 3 nodes;"}));
    CHECK(support::says(message_within({.seconds = 1e-4}), {"within 0.0001 seconds;"}));
    CHECK(support::says(message_within({.seconds = 1e6, .nodes = 3}), {"within 1e+06 seconds and 3 nodes;"}));
}

TEST_CASE("integer_program without rows or without variables", "[adapters][cbc]") {
    imle::integer_program box(Eigen::MatrixXd(0, 3), Eigen::VectorXd(),
                              {.lower = vector({-3, -3, 2}), .upper = vector({4, 4.5, 4})});
    numbers theta(3), z(3);
    theta.setValues({-1, 1, 0});
    box(theta, z);
    CHECK(z(0) == -3);
    CHECK(z(1) == 4);  // 4.5, for an integer
    CHECK(z(2) == 2);
    CHECK(status_of(imle::integer_program(Eigen::MatrixXd(0, 1), {}, {.upper = vector({infinity})})) ==
          imle::solve_status::unbounded);

    const Eigen::MatrixXd nothing(1, 0);
    CHECK(status_of(imle::integer_program(nothing, vector({0}))) == imle::solve_status::solved);
    CHECK(status_of(imle::integer_program(nothing, vector({-1}))) == imle::solve_status::infeasible);
}

TEST_CASE("integer_program with continuous variables", "[adapters][cbc]") {
    // x integer, y continuous: y <= 2.5 - x / 2 and y <= x.
    Eigen::MatrixXd a(2, 2);
    a << 0.5, 1, -1, 1;
    imle::integer_program mixed(a, vector({2.5, 0}), {.upper = vector({5, 5}), .integer = {true, false}});
    numbers theta(2), z(2);
    theta.setValues({0.1, 1});
    mixed(theta, z);
    CHECK(z(0) == 2);  // by x alone 5/3 would be best
    CHECK(z(1) == Approx(1.5));
}

TEST_CASE("integer_program's answers are right for any magnitude of theta", "[adapters][cbc]") {
    std::mt19937 random(7);
    const auto [weights, capacities] = random_knapsack(2, 12, random);
    imle::integer_program program(weights, capacities);
    numbers theta(12), z(12), expected(12);
    fill(theta, random, -1, 5);
    program(theta, expected);
    for (const double scale : {1e-300, 1e-30, 1e30, 1e300}) {
        const numbers scaled = theta * scale;
        program(scaled, z);
        CHECK(std::equal(z.data(), z.data() + 12, expected.data()));
    }
}

TEST_CASE("integer_program says what is wrong", "[adapters][cbc][errors]") {
    using imle::integer_program;
    using support::says;
    const Eigen::MatrixXd a = Eigen::MatrixXd::Ones(1, 2);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto made = [&](const Eigen::MatrixXd& m, const Eigen::VectorXd& b,
                          const imle::integer_program_options& options) {
        return support::message_of<std::invalid_argument>([&] { integer_program(m, b, options); });
    };
    CHECK(says(made(a, vector({1, 2}), {}), {"b of integer_program", "2 numbers", "1, one for each row"}));
    CHECK(says(made(a, vector({nan}), {}), {"b of integer_program is nan at 0"}));
    CHECK(says(made(a * nan, vector({1}), {}), {"A of integer_program", "nan"}));
    CHECK(says(made(a, vector({1}), {.lower = vector({0})}), {"lower of integer_program", "of 1", "2, one"}));
    CHECK(says(made(a, vector({1}), {.upper = vector({1, nan})}), {"upper of integer_program", "nan at 1"}));
    CHECK(says(made(a, vector({1}), {.lower = vector({0, 2})}), {"lower", "2 at 1", "at most 1"}));
    CHECK(says(made(a, vector({1}), {.row_lower = vector({2})}), {"row_lower", "2 at 0", "at most 1"}));
    CHECK(says(made(a, vector({1}), {.integer = {true}}), {"integer of", "1 values"}));
    CHECK(says(made(a, vector({1}), {.lower = vector({0.2, 0}), .upper = vector({0.8, 1})}),
               {"0.2 to 0.8 at 0", "an integer"}));
    CHECK(says(made(a, vector({1}), {.limits = {.seconds = 0}}), {"limits.seconds"}));
    CHECK(says(made(a, vector({1}), {.limits = {.nodes = 0}}), {"limits.nodes"}));
    CHECK(says(made(a, vector({1}), {.decisions = {1, 2}}), {"decisions", "2 at 1", "from 0 to 1"}));
    CHECK(says(made(a, vector({1}), {.decisions = {-1}}), {"decisions", "-1 at 0"}));
    CHECK(says(made(a, vector({1}), {.decisions = {1, 0, 1}}), {"decisions", "variable 1 twice"}));
    CHECK(
        says(made(a, vector({1}), {.fixed = vector({1})}), {"fixed of", "of 1", "2, one for each variable"}));
    CHECK(says(made(a, vector({1}), {.fixed = vector({1, infinity})}), {"fixed of", "inf at 1"}));

    integer_program solver(a, vector({1}));
    numbers theta(3), z(3);
    theta.setConstant(1);
    CHECK(says(support::message_of<std::invalid_argument>([&] { solver(theta, z); }),
               {"theta is of 3 numbers", "2, one for each variable"}));
    integer_program one(a, vector({1}), {.decisions = {1}});
    CHECK(says(support::message_of<std::invalid_argument>([&] { one(theta, z); }),
               {"theta is of 3 numbers", "1, one for each decision"}));
}

TEST_CASE("travelling_salesman_program agrees with travelling_salesman", "[adapters][cbc]") {
    std::mt19937 random(8);
    imle::travelling_salesman_program program;
    support::tally wrong;
    for (const Eigen::Index n : {1, 2, 3, 4, 7, 10})
        for (int trial = 0; trial < 6; ++trial) {
            numbers edges(n * (n - 1) / 2), z(edges.size()), expected(edges.size());
            matrix arcs(n, n), z_arcs(n, n), expected_arcs(n, n);
            fill(edges, random, -2, 1);
            fill(arcs, random, -2, 1);
            program(edges, z);
            imle::travelling_salesman{}(edges, expected);
            program(arcs, z_arcs);
            imle::travelling_salesman{}(arcs, expected_arcs);
            wrong.expect(std::equal(z.data(), z.data() + z.size(), expected.data()), n, " nodes, edges ",
                         edges, " give ", z, ", not ", expected);
            wrong.expect(std::equal(z_arcs.data(), z_arcs.data() + n * n, expected_arcs.data()), n,
                         " nodes, arcs ", arcs, " give ", z_arcs, ", not ", expected_arcs);
        }
    CHECK(wrong == 0);
}

TEST_CASE("travelling_salesman_program finds one tour that no exchange makes better", "[adapters][cbc]") {
    std::mt19937 random(9);
    std::uniform_real_distribution<double> place(0, 1);
    imle::travelling_salesman_program program;
    for (const std::size_t n : {20u, 30u}) {
        std::vector<double> x(n), y(n);
        for (std::size_t i = 0; i < n; ++i) x[i] = place(random), y[i] = place(random);
        const auto length = [&](std::size_t i, std::size_t j) {
            return std::hypot(x[i] - x[j], y[i] - y[j]);
        };
        numbers theta(static_cast<Eigen::Index>(n * (n - 1) / 2)), z(theta.size());
        Eigen::Index e = 0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = i + 1; j < n; ++j) theta(e++) = -length(i, j);
        program(theta, z);

        std::vector<std::vector<std::size_t>> next(n);
        e = 0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = i + 1; j < n; ++j)
                if (z(e++) == 1) next[i].push_back(j), next[j].push_back(i);
        std::vector<std::size_t> tour{0};
        for (std::size_t before = n, at = 0; tour.size() <= n;) {
            REQUIRE(next[at].size() == 2);
            const std::size_t to = next[at][next[at][0] == before ? 1 : 0];
            before = at;
            at = to;
            if (at == 0) break;
            tour.push_back(at);
        }
        CHECK(tour.size() == n);
        support::tally better;  // by two edges exchanged: a condition that a random tour fails at once
        for (std::size_t i = 0; i + 1 < n; ++i)
            for (std::size_t j = i + 2; j < n; ++j) {
                const std::size_t a = tour[i], b = tour[i + 1], c = tour[j], d = tour[(j + 1) % n];
                better.expect(length(a, c) + length(b, d) >= length(a, b) + length(c, d) - 1e-9, n,
                              " nodes: ", a, "-", c, " and ", b, "-", d);
            }
        CHECK(better == 0);
    }
}

TEST_CASE("travelling_salesman_program: ties and errors", "[adapters][cbc][errors]") {
    using support::says;
    imle::travelling_salesman_program program, other;
    numbers theta(45), z(45), z_other(45), between(45), unused(45);
    std::mt19937 random(10);
    support::tally different;
    for (int trial = 0; trial < 10; ++trial) {
        for (Eigen::Index e = 0; e < 45; ++e) theta(e) = -static_cast<double>(random() % 2);
        program(theta, z);
        fill(between, random, -1, 0);
        other(between, unused);
        other(theta, z_other);
        different.expect(std::equal(z.data(), z.data() + 45, z_other.data()), "theta ", theta, " gives ", z,
                         ", then ", z_other);
    }
    CHECK(different == 0);

    numbers four(4), z_four(4);
    four.setZero();
    CHECK(says(support::message_of<std::invalid_argument>([&] { program(four, z_four); }),
               {"theta is of 4 edges", "1, 3, 6, 10"}));
    matrix oblong(2, 3), z_oblong(2, 3);
    oblong.setZero();
    CHECK(says(support::message_of<std::invalid_argument>([&] { program(oblong, z_oblong); }),
               {"[2, 3]", "[n, n]"}));
    CHECK_THROWS_AS(imle::travelling_salesman_program({.seconds = -1}), std::invalid_argument);
    STATIC_REQUIRE(imle::Solver<imle::travelling_salesman_program, float, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(!imle::Solver<imle::travelling_salesman_program, float, 3, Eigen::ColMajor>);
}

TEST_CASE("integer_program under a mask is the best x that is 0 where it forbids", "[adapters][cbc]") {
    using imle::integer_program;
    // 8 items, two resources.
    std::mt19937 random(11);
    const auto [weights, capacities] = random_knapsack(2, 8, random);
    std::vector<std::vector<double>> states;
    for (unsigned set = 0; set < 256; ++set) {
        Eigen::VectorXd x(8);
        for (unsigned j = 0; j < 8; ++j) x(j) = set >> j & 1u;
        if (((weights * x).array() <= capacities.array()).all()) states.emplace_back(x.data(), x.data() + 8);
    }
    const integer_program items(weights, capacities);
    const Eigen::array<Eigen::Index, 2> oblong{2, 4};
    CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(items, oblong, states, 150, 1) == 0);
    CHECK(support::wrong_under_masks<Eigen::ColMajor, double>(items, oblong, states, 150, 2) == 0);

    // Integers from -1 to 2, 1 to 3 and -3 to -1, their sum from 0 to 3: a mask may leave no x, by the bounds
    // of one variable or by the row alone.
    states.clear();
    for (int x = -1; x <= 2; ++x)
        for (int y = 1; y <= 3; ++y)
            for (int w = -3; w <= -1; ++w)
                for (int v = 0; v <= 1; ++v)
                    if (x + y + w + v >= 0 && x + y + w + v <= 3)
                        states.push_back({double(x), double(y), double(w), double(v)});
    const integer_program ranges(
        Eigen::MatrixXd::Ones(1, 4), vector({3}),
        {.row_lower = vector({0}), .lower = vector({-1, 1, -3, 0}), .upper = vector({2, 3, -1, 1})});
    const Eigen::array<Eigen::Index, 1> four{4};
    CHECK(support::wrong_under_masks<Eigen::RowMajor, double>(ranges, four, states, 200, 3) == 0);

    // An equation that only some sets of variables keep: 2 x0 + 3 x1 + 5 x2 + 7 x3 = 10.
    Eigen::MatrixXd coins(1, 4);
    coins << 2, 3, 5, 7;
    const integer_program change(coins, vector({10}), {.row_lower = vector({10})});
    CHECK(support::wrong_under_masks<Eigen::RowMajor, double>(change, four, {{1, 1, 1, 0}, {0, 1, 0, 1}}, 200,
                                                              4) == 0);

    // Without rows, and with continuous variables: <theta, x> is largest at a corner.
    std::vector<std::vector<double>> corners;
    for (unsigned set = 0; set < 16; ++set)
        corners.push_back({double(set & 1u), double(set >> 1 & 1u), double(set >> 2 & 1u), double(set >> 3)});
    const integer_program box(Eigen::MatrixXd(0, 4), Eigen::VectorXd(0));
    // A cost of 0 is a tie, whose state is 0: a corner too.
    CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(box, four, corners, 100, 5) == 0);
    const integer_program relaxed(Eigen::MatrixXd::Ones(1, 4), vector({4}),
                                  {.integer = {false, false, true, true}});
    CHECK(support::wrong_under_masks<Eigen::RowMajor, double>(relaxed, four, corners, 100, 6, 1, 5) == 0);
}

TEST_CASE("integer_program under a mask: what is unbounded, and the program without a mask",
          "[adapters][cbc]") {
    // x0 - x1 <= 1 with both unlimited: closing x1 bounds x0.
    Eigen::MatrixXd difference(1, 2);
    difference << 1, -1;
    imle::integer_program open(difference, vector({1}), {.upper = Eigen::VectorXd::Constant(2, infinity)});
    const std::vector<double> theta{1, 1};
    const Eigen::array<Eigen::Index, 1> two{2};
    support::mask first_only(2), all(2);
    first_only[1] = false;
    CHECK(support::solve<Eigen::RowMajor>(open, theta, two, first_only.span()) ==
          support::answer<double>{imle::solve_status::solved, {1, 0}});
    CHECK_THROWS_AS(support::solve<Eigen::RowMajor>(open, theta, two, all.span()), imle::solve_failure);
    // A program that has no x at all throws, and says what is wrong with it.
    imle::integer_program none(Eigen::MatrixXd::Ones(1, 2), vector({5}), {.row_lower = vector({4})});
    CHECK_THROWS_AS(support::solve<Eigen::RowMajor>(none, theta, two, {}), imle::solve_failure);

    // A masked solve leaves nothing behind, and a mask that allows all changes nothing, ties included.
    std::mt19937 random(12);
    const auto [weights, capacities] = random_knapsack(3, 12, random);
    imle::integer_program solver(weights, capacities);
    const Eigen::array<Eigen::Index, 1> twelve{12};
    support::tally wrong;
    for (int trial = 0; trial < support::repeats(30); ++trial) {
        std::vector<double> values(12);
        for (double& v : values) v = static_cast<double>(random() % 3);
        const auto before = support::solve<Eigen::RowMajor>(solver, values, twelve, {});
        support::solve<Eigen::RowMajor>(solver, values, twelve, support::random_mask(12, random).span());
        wrong.expect(
            support::solve<Eigen::RowMajor>(solver, values, twelve, {}) == before &&
                support::solve<Eigen::RowMajor>(solver, values, twelve, support::mask(12).span()) == before,
            "theta ", values);
    }
    CHECK(wrong == 0);
}

TEST_CASE("travelling_salesman_program under a mask is the best tour of open arcs", "[adapters][cbc]") {
    for (const std::size_t n : {2u, 3u, 5u, 6u}) {
        const auto nodes = static_cast<Eigen::Index>(n);
        const Eigen::array<Eigen::Index, 2> arcs{nodes, nodes};
        const Eigen::array<Eigen::Index, 1> edges{nodes * (nodes - 1) / 2};
        const imle::travelling_salesman_program solver;
        const auto directed = imle::detail::tour_states(n, true),
                   undirected = imle::detail::tour_states(n, false);
        INFO(n << " nodes");
        CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(solver, arcs, directed, 60, 1) == 0);
        CHECK(support::wrong_under_masks<Eigen::ColMajor, double>(solver, arcs, directed, 60, 2) == 0);
        CHECK(support::wrong_under_masks<Eigen::RowMajor, double>(solver, edges, undirected, 60, 3) == 0);
    }
    // One node has the empty tour, whatever the mask.
    CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(
              imle::travelling_salesman_program{}, Eigen::array<Eigen::Index, 2>{1, 1}, {{0}}, 9, 4) == 0);
}
