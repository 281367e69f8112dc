#include <imle/solvers/travelling_salesman.hpp>

#include <imle/testing/check_solver.hpp>
#include <imle/testing/tours.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace travelling_salesman_tests {

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

namespace {

// A tour of n nodes is hidden among longer ones: the solver's miss, directed and undirected.
template <class Scalar>
void check_hidden_tour(Eigen::Index n, imle::travelling_salesman& solver) {
    INFO(n << " nodes of " << sizeof(Scalar) << " bytes");
    std::mt19937 random(static_cast<unsigned>(n));
    std::vector<Eigen::Index> order(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Eigen::Index>(i);
    std::shuffle(order.begin(), order.end(), random);
    Eigen::Tensor<Scalar, 2, Eigen::RowMajor> theta(n, n), z(n, n), expected(n, n);
    Eigen::Tensor<Scalar, 1> theta_edges(n * (n - 1) / 2), z_edges(n * (n - 1) / 2),
        expected_edges(n * (n - 1) / 2);
    theta.setConstant(-2);
    theta_edges.setConstant(-2);
    expected.setZero();
    expected_edges.setZero();
    for (std::size_t i = 0; i < order.size(); ++i) {
        const Eigen::Index from = order[i], to = order[(i + 1) % order.size()];
        theta(from, to) = theta_edges(edge(from, to, n)) = -1;
        expected(from, to) = expected_edges(edge(from, to, n)) = 1;
    }
    CHECK(solver(theta, z) == imle::solve_status::solved);
    CHECK(std::equal(z.data(), z.data() + z.size(), expected.data()));
    CHECK(solver(theta_edges, z_edges) == imle::solve_status::solved);
    CHECK(std::equal(z_edges.data(), z_edges.data() + z_edges.size(), expected_edges.data()));
}

}  // namespace

TEST_CASE("travelling_salesman takes more than 15 nodes", "[solvers][travelling_salesman]") {
    imle::travelling_salesman solver;
    // Smaller sizes too: data left from a larger table must have no effect.
    for (const Eigen::Index n : {16, 17, 16}) {
        check_hidden_tour<float>(n, solver);
        check_hidden_tour<double>(n, solver);
    }
    std::mt19937 random(6);
    for (const int kind : {0, 4}) {  // 4: sums of 16 overflow
        arcs<> theta(16, 16), z(16, 16);
        for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = number(kind, random);
        solver(theta, z);
        CHECK(miss(theta, z) < 1e-15);
    }
}

TEST_CASE("travelling_salesman takes 20 nodes", "[solvers][travelling_salesman][slow]") {
    imle::travelling_salesman solver;
    for (const Eigen::Index n : {19, 20}) {
        check_hidden_tour<float>(n, solver);
        check_hidden_tour<double>(n, solver);
    }
}

TEST_CASE("travelling_salesman uses no missing edge", "[solvers][travelling_salesman][mask]") {
    // All tours are tried; -1 where none is left.
    std::mt19937 random(8);
    imle::travelling_salesman solver;
    support::tally wrong;
    int without_tour = 0;
    for (int trial = 0; trial < 400; ++trial) {
        const Eigen::Index n = 2 + trial % 5;
        const bool directed = trial % 2 == 0;
        const auto states =
            imle::detail::tour_states(static_cast<std::size_t>(n), directed);  // rows for a matrix
        const std::size_t size = states[0].size();
        // A mask is a span of bool, which a vector is not.
        const auto mask = std::make_unique<bool[]>(size);
        arcs<> theta(n, n), z(n, n);
        arcs<Eigen::ColMajor> other(n, n), other_z(n, n);
        edges theta_edges(n * (n - 1) / 2), z_edges(n * (n - 1) / 2);
        std::vector<double> gains(size);
        for (std::size_t i = 0; i < size; ++i) {
            mask[i] = random() % 8 >= static_cast<unsigned>(trial / 2 % 5);
            // Forbidden arcs get a theta of 0, better than all others.
            gains[i] = mask[i] ? -1 - static_cast<double>(random() % 100) : 0;
        }
        imle::solve_context context;
        context.mask = {mask.get(), size};
        double best = -std::numeric_limits<double>::infinity();
        for (const auto& state : states) {
            double sum = 0;
            bool allowed = true;
            for (std::size_t i = 0; i < size; ++i) {
                sum += state[i] * gains[i];
                allowed = allowed && (state[i] == 0 || mask[i]);
            }
            if (allowed) best = std::max(best, sum);
        }
        const bool possible = best > -std::numeric_limits<double>::infinity();
        if (!possible) ++without_tour;
        const auto check = [&](imle::solve_status status, const auto& found) {
            double sum = 0;
            bool allowed = true, zeros = true;
            for (std::size_t i = 0; i < size; ++i) {
                sum += found[i] * gains[i];
                allowed = allowed && (found[i] == 0 || mask[i]);
                zeros = zeros && found[i] == 0;
            }
            const bool is_tour = std::find(states.begin(), states.end(),
                                           std::vector<double>(found, found + size)) != states.end();
            wrong.expect(possible ? status == imle::solve_status::solved && is_tour && allowed && sum == best
                                  : status == imle::solve_status::infeasible && zeros,
                         "trial ", trial, ", ", n, " nodes: ", status, ", sum ", sum, " of ", best);
        };
        if (directed) {
            std::copy(gains.begin(), gains.end(), theta.data());
            check(solver(theta, z, context), z.data());
            // The other layout: the same mask, in its order.
            const auto turned = std::make_unique<bool[]>(size);
            for (Eigen::Index i = 0; i < n; ++i)
                for (Eigen::Index j = 0; j < n; ++j) {
                    other(i, j) = theta(i, j);
                    turned[static_cast<std::size_t>(i + j * n)] = mask[static_cast<std::size_t>(i * n + j)];
                }
            context.mask = {turned.get(), size};
            solver(other, other_z, context);
            for (Eigen::Index i = 0; i < n; ++i)
                for (Eigen::Index j = 0; j < n; ++j)
                    wrong.expect(other_z(i, j) == z(i, j), "trial ", trial, ": by columns");
        } else {
            std::copy(gains.begin(), gains.end(), theta_edges.data());
            check(solver(theta_edges, z_edges, context), z_edges.data());
        }
    }
    CHECK(wrong == 0);
    CHECK(without_tour > 40);
    CHECK(without_tour < 360);
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
    imle::travelling_salesman solver;
    arcs<> oblong(3, 4), many(21, 21), square(3, 3), z(3, 3);
    edges four(4), five_nodes(10), z_edges(10), many_edges(210);
    oblong.setZero();
    many.setZero();
    square.setZero();
    four.setZero();
    many_edges.setZero();
    CHECK_THROWS_WITH(solver(oblong, oblong), mentions("theta is [3, 4]") && mentions("square"));
    CHECK_THROWS_WITH(solver(four, four), mentions("of 4 edges") && mentions("n(n - 1)/2"));
    CHECK_THROWS_WITH(solver(many, many), mentions("nodes is 21") && mentions("travelling_salesman_program"));
    CHECK_THROWS_WITH(solver(many_edges, many_edges),
                      mentions("nodes is 21") && mentions("at most 20") && mentions("imle::tour_search"));
    CHECK_THROWS_WITH(solver(square, oblong), mentions("z is of shape [3, 4]"));
    square(1, 2) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver(square, z), mentions("theta is nan") && mentions("element 5"));
    five_nodes.setConstant(std::numeric_limits<double>::infinity());
    CHECK_THROWS_AS(solver(five_nodes, z_edges), std::invalid_argument);
}

namespace {

template <class Scalar, int Layout, class ShapeT>
support::tally wrong_tour_batches(std::span<const std::size_t> sizes, int count, std::uint32_t seed,
                                  ShapeT shape) {
    return support::wrong_batches<Scalar, Layout>(
        sizes, count, seed, [](std::size_t, std::mt19937&) { return imle::travelling_salesman{}; },
        [](std::size_t size, std::mt19937& random) {
            // Now and then numbers whose sums would overflow, or ties.
            const auto kinds = random() % 40;
            std::vector<Scalar> theta(size);
            for (Scalar& t : theta) {
                const double u = std::uniform_real_distribution<double>(-1, 1)(random);
                t = static_cast<Scalar>(kinds == 0   ? u * std::numeric_limits<Scalar>::max()
                                        : kinds < 20 ? std::floor(3 * u)
                                                     : u);
            }
            return theta;
        },
        shape);
}

}  // namespace

TEST_CASE("travelling_salesman solves batches to the bits of single solves",
          "[solvers][travelling_salesman][batch]") {
    using support::in_line;
    using support::in_square;
    const std::size_t arcs_of[] = {0, 1, 4, 9, 16, 25, 36, 49}, edges_of[] = {0, 1, 3, 6, 10, 15, 21, 28, 36};
    CHECK(wrong_tour_batches<float, Eigen::RowMajor>(arcs_of, support::repeats(90), 1, in_square{}) == 0);
    CHECK(wrong_tour_batches<double, Eigen::ColMajor>(arcs_of, support::repeats(90), 2, in_square{}) == 0);
    CHECK(wrong_tour_batches<float, Eigen::ColMajor>(edges_of, support::repeats(60), 3, in_line{}) == 0);
    CHECK(wrong_tour_batches<double, Eigen::RowMajor>(edges_of, support::repeats(60), 4, in_line{}) == 0);
    // The largest tables for lanes, and the smallest for which there are none.
    const std::size_t most_arcs[] = {169, 196}, most_edges[] = {78, 91};
    CHECK(wrong_tour_batches<float, Eigen::RowMajor>(most_arcs, 4, 5, in_square{}) == 0);
    CHECK(wrong_tour_batches<double, Eigen::RowMajor>(most_edges, 4, 6, in_line{}) == 0);
}

}  // namespace travelling_salesman_tests
