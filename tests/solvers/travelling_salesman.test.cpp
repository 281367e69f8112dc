#include <imle/solvers/travelling_salesman.hpp>

#include <imle/testing/check_solver.hpp>
#include <imle/testing/tours.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

template <int Layout = Eigen::RowMajor>
using arcs = Eigen::Tensor<double, 2, Layout>;
using edges = Eigen::Tensor<double, 1>;

Eigen::Index edge(Eigen::Index a, Eigen::Index b, Eigen::Index n) {
    return std::min(a, b) * (2 * n - std::min(a, b) - 1) / 2 + std::abs(b - a) - 1;
}

// The oracle: Held and Karp as in textbooks, forward over sets, best[set][last]; the largest sum.
long double largest_sum(const arcs<>& theta) {
    const auto n = static_cast<std::size_t>(theta.dimension(0));
    const auto gain = [&](std::size_t i, std::size_t j) {
        return static_cast<long double>(theta(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
    };
    const std::size_t sets = std::size_t{1} << n;
    const long double none = -std::numeric_limits<long double>::infinity();
    std::vector<long double> best(sets * n, none);
    best[1 * n + 0] = 0;
    for (std::size_t set = 1; set < sets; set += 2)
        for (std::size_t last = 0; last < n; ++last)
            for (std::size_t next = 1; next < n && best[set * n + last] > none; ++next) {
                if ((set >> next) & 1u) continue;
                long double& sum = best[(set | std::size_t{1} << next) * n + next];
                sum = std::max(sum, best[set * n + last] + gain(last, next));
            }
    long double largest = none;
    for (std::size_t last = 1; last < n; ++last)
        largest = std::max(largest, best[(sets - 1) * n + last] + gain(last, 0));
    return largest;
}

// By how much z misses the oracle's value, over the sum of |theta|; 1 if z is no tour.
template <int Layout>
double miss(const arcs<Layout>& theta, const arcs<Layout>& z) {
    const Eigen::Index n = theta.dimension(0);
    arcs<> same(n, n);
    long double reached = 0, size = 0;
    int ones = 0;
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) {
            same(i, j) = theta(i, j);
            size += std::abs(theta(i, j));
            if (z(i, j) == 0) continue;
            if (z(i, j) != 1) return 1;
            ++ones;
            reached += theta(i, j);
        }
    Eigen::Index at = 0, steps = 0;
    do {
        Eigen::Index to = 0;
        while (to < n && z(at, to) == 0) ++to;
        if (to == n) return 1;
        at = to;
        ++steps;
    } while (at != 0 && steps <= n);
    if (steps != n || ones != n) return 1;
    return size == 0 ? 0 : static_cast<double>((largest_sum(same) - reached) / size);
}

double number(int kind, std::mt19937& random) {
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    const double values[] = {2 * u - 1,
                             std::floor(5 * u) - 2,                                 // ties
                             -1,                                                    // equal everywhere
                             (u < 0.5 ? -1 : 1) * std::pow(10.0, 120 * u - 60),     // 1e-60 .. 1e60
                             (u - 0.5) * 1.9 * std::numeric_limits<double>::max(),  // sums overflow
                             (std::floor(9 * u) - 4) * std::numeric_limits<double>::denorm_min()};
    return values[kind];
}

}  // namespace

TEST_CASE("travelling_salesman keeps a solver's laws", "[solvers][travelling_salesman][laws]") {
    using imle::testing::check_solver;
    const imle::travelling_salesman solver;
    for (const std::size_t nodes : {2u, 3u, 4u, 6u}) {
        const auto undirected =
            check_solver<float>(solver, imle::testing::tours(nodes), {.trials = nodes == 6 ? 20 : 40});
        INFO(undirected);
        CHECK(undirected.trials("z is optimal") > 20);
        CHECK(undirected.passed());
        const auto directed = check_solver<double, Eigen::ColMajor>(
            solver, imle::testing::directed_tours(nodes), {.trials = nodes == 6 ? 10 : 40});
        INFO(directed);
        CHECK(directed.trials("z is optimal") > 20);
        CHECK(directed.passed());
    }
}

TEST_CASE("travelling_salesman has the same answer for half of theta", "[solvers][travelling_salesman]") {
    // Halving is exact for these numbers and so for their sums: not even ties may go another way.
    std::mt19937 random(3);
    imle::travelling_salesman solver;
    support::tally wrong;
    for (int trial = 0; trial < 60; ++trial) {
        const Eigen::Index n = 2 + trial % 8;
        arcs<> theta(n, n), z(n, n), half_z(n, n);
        edges theta_edges(n * (n - 1) / 2), z_edges(theta_edges.size()), half_z_edges(theta_edges.size());
        for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = number(trial % 2, random);
        for (Eigen::Index i = 0; i < theta_edges.size(); ++i) theta_edges(i) = number(trial % 2, random);
        const arcs<> half = 0.5 * theta;
        const edges half_edges = 0.5 * theta_edges;
        solver(theta, z);
        solver(half, half_z);
        solver(theta_edges, z_edges);
        solver(half_edges, half_z_edges);
        wrong.expect(std::equal(z.data(), z.data() + z.size(), half_z.data()), n, " nodes, theta ", theta,
                     " gives ", z, ", its half ", half_z);
        wrong.expect(std::equal(z_edges.data(), z_edges.data() + z_edges.size(), half_z_edges.data()), n,
                     " nodes, theta ", theta_edges, " gives ", z_edges, ", its half ", half_z_edges);
    }
    CHECK(wrong == 0);
}

TEST_CASE("travelling_salesman is as good as the textbook's Held-Karp", "[solvers][travelling_salesman]") {
    std::mt19937 random(1);
    imle::travelling_salesman solver;
    support::tally wrong;
    support::tally layouts_differ;
    // Sizes down and up again, over each number of registers: nothing is left from the size before.
    const Eigen::Index sizes[] = {9, 2, 7, 3, 10, 4, 8, 5, 6, 11};
    for (int trial = 0; trial < 120; ++trial) {
        const Eigen::Index n = trial < 6 ? 13 : sizes[trial % 10];
        arcs<> theta(n, n), z(n, n);
        arcs<Eigen::ColMajor> other(n, n), other_z(n, n);
        const int kind = trial % 6;
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j) other(i, j) = theta(i, j) = number(kind, random);
        solver(theta, z);
        wrong.expect(miss(theta, z) < 1e-15, "trial ", trial, ", ", n, " nodes: theta ", theta, " gives ", z);
        solver(other, other_z);
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j)
                layouts_differ.expect(z(i, j) == other_z(i, j), "trial ", trial, ": z(", i, ", ", j,
                                      ") of theta ", theta);

        // Undirected: the value of the best directed tour over both ways of each edge.
        edges theta_edges(n * (n - 1) / 2), z_edges(n * (n - 1) / 2);
        for (Eigen::Index i = 0; i < theta_edges.size(); ++i) theta_edges(i) = number(kind, random);
        solver(theta_edges, z_edges);
        if (n == 2) {
            wrong.expect(z_edges(0) == 1, "trial ", trial, ": the only edge");
            continue;
        }
        theta.setZero();
        z.setZero();
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j)
                if (i != j) theta(i, j) = theta_edges(edge(i, j, n));
        Eigen::Index at = 0;
        for (Eigen::Index step = 0, next = 0; step < n; ++step, at = next) {
            for (next = 0; next < n; ++next)
                if (next != at && z_edges(edge(at, next, n)) == 1) break;
            if (next == n) break;
            z_edges(edge(at, next, n)) = 0;
            z(at, next) = 1;
        }
        for (Eigen::Index i = 0; i < z_edges.size(); ++i)
            wrong.expect(z_edges(i) == 0, "trial ", trial, ": edge ", i, " of ", theta_edges,
                         " beside the tour");
        wrong.expect(miss(theta, z) < 1e-15, "trial ", trial, ", ", n, " nodes: edges ", theta_edges);
    }
    CHECK(wrong == 0);
    CHECK(layouts_differ == 0);
}

TEST_CASE("travelling_salesman of 15 nodes follows a hidden tour", "[solvers][travelling_salesman]") {
    // All arcs cost more than those of one tour, so the answer is known; and ties must not matter.
    std::mt19937 random(2);
    std::vector<Eigen::Index> order(15);
    for (std::size_t i = 0; i < 15; ++i) order[i] = static_cast<Eigen::Index>(i);
    std::shuffle(order.begin(), order.end(), random);
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(15, 15), z(15, 15), expected(15, 15);
    theta.setConstant(-2);
    expected.setZero();
    for (std::size_t i = 0; i < 15; ++i) {
        theta(order[i], order[(i + 1) % 15]) = -1;
        expected(order[i], order[(i + 1) % 15]) = 1;
    }
    imle::travelling_salesman solver;
    solver(theta, z);
    CHECK(std::equal(z.data(), z.data() + z.size(), expected.data()));

    Eigen::Tensor<float, 1, Eigen::RowMajor> theta_edges(105), z_edges(105), expected_edges(105);
    theta_edges.setConstant(-2);
    expected_edges.setZero();
    for (std::size_t i = 0; i < 15; ++i) {
        theta_edges(edge(order[i], order[(i + 1) % 15], 15)) = -1;
        expected_edges(edge(order[i], order[(i + 1) % 15], 15)) = 1;
    }
    solver(theta_edges, z_edges);
    CHECK(std::equal(z_edges.data(), z_edges.data() + 105, expected_edges.data()));
}

TEST_CASE("travelling_salesman ignores the diagonal and knows small cases",
          "[solvers][travelling_salesman]") {
    imle::travelling_salesman solver;
    arcs<> one(1, 1), one_z(1, 1), two(2, 2), two_z(2, 2), none(0, 0), none_z(0, 0);
    one.setConstant(5);
    one_z.setConstant(7);
    solver(one, one_z);
    CHECK(one_z(0, 0) == 0);
    two.setValues({{9, -1}, {-2, 9}});
    solver(two, two_z);
    CHECK((two_z(0, 0) == 0 && two_z(0, 1) == 1 && two_z(1, 0) == 1 && two_z(1, 1) == 0));
    edges no_edge(0), no_edge_z(0);
    CHECK_NOTHROW(solver(no_edge, no_edge_z));
    CHECK_NOTHROW(solver(none, none_z));
}

TEST_CASE("travelling_salesman says what is wrong", "[solvers][travelling_salesman][errors]") {
    using Catch::Matchers::Contains;
    imle::travelling_salesman solver;
    arcs<> oblong(3, 4), many(16, 16), square(3, 3), z(3, 3);
    edges four(4), five_nodes(10), z_edges(10), many_edges(120);
    oblong.setZero();
    many.setZero();
    square.setZero();
    four.setZero();
    many_edges.setZero();
    CHECK_THROWS_WITH(solver(oblong, oblong), Contains("theta is [3, 4]") && Contains("square"));
    CHECK_THROWS_WITH(solver(four, four), Contains("of 4 edges") && Contains("n(n - 1)/2"));
    CHECK_THROWS_WITH(solver(many, many), Contains("nodes is 16") && Contains("travelling_salesman_program"));
    CHECK_THROWS_WITH(solver(many_edges, many_edges), Contains("nodes is 16") && Contains("at most 15"));
    CHECK_THROWS_WITH(solver(square, oblong), Contains("z is of shape [3, 4]"));
    square(1, 2) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver(square, z), Contains("theta is nan") && Contains("element 5"));
    five_nodes.setConstant(std::numeric_limits<double>::infinity());
    CHECK_THROWS_AS(solver(five_nodes, z_edges), std::invalid_argument);
}
