#include <imle/solvers/spanning_tree.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/spanning_trees.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::graph_edge;
using imle::spanning_tree;

namespace spanning_tree_tests {

namespace {

// The oracle: Kruskal by a stable sort, each node knowing the tree that it is in.
template <class Scalar>
std::vector<Scalar> kruskal(Eigen::Index nodes, const std::vector<graph_edge>& edges, const Scalar* theta) {
    std::vector<std::size_t> order(edges.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return theta[a] > theta[b]; });
    std::vector<Eigen::Index> tree(static_cast<std::size_t>(nodes));
    std::iota(tree.begin(), tree.end(), Eigen::Index{0});
    std::vector<Scalar> z(edges.size(), 0);
    for (const std::size_t e : order) {
        const auto kept = tree[static_cast<std::size_t>(edges[e].from)];
        const auto gone = tree[static_cast<std::size_t>(edges[e].to)];
        if (kept == gone) continue;
        z[e] = 1;
        std::replace(tree.begin(), tree.end(), gone, kept);
    }
    return z;
}

template <class Scalar>
Scalar reward(unsigned kind, std::mt19937& random) {
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    const double values[] = {2 * u - 1,
                             1,
                             u < 0.5 ? 0.0 : -0.0,
                             std::floor(4 * u) - 2,
                             std::pow(10.0, 60 * u - 30),
                             1 + 1e-9 * std::floor(20 * u),  // doubles that are equal as floats
                             (u - 0.5) * 2 * static_cast<double>(std::numeric_limits<Scalar>::max())};
    return static_cast<Scalar>(values[kind % std::size(values)]);
}

template <class Scalar, int Layout>
support::tally wrong_trees(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        // Sparse and dense, connected and not, with loops and parallel edges.
        const auto nodes = static_cast<Eigen::Index>(1 + random() % 40);
        std::vector<graph_edge> edges(random() % (i % 4 == 0 ? 1200 : 60));
        for (graph_edge& edge : edges)
            edge = {static_cast<Eigen::Index>(random()) % nodes, static_cast<Eigen::Index>(random()) % nodes};
        spanning_tree solver{nodes, edges};
        const auto n = static_cast<Eigen::Index>(edges.size());
        Eigen::Tensor<Scalar, 1, Layout> theta(n), z(n);
        for (Eigen::Index e = 0; e < n; ++e) theta(e) = reward<Scalar>(static_cast<unsigned>(i), random);
        for (int again = 0; again < 2; ++again) {
            z.setConstant(imle::detail::unwritten<Scalar>());
            solver(theta, z);
            const auto expected = kruskal(nodes, edges, theta.data());
            wrong.expect(std::vector<Scalar>(z.data(), z.data() + n) == expected, "graph ", i, " of ", nodes,
                         " nodes: theta ", theta, " gives ", z, ", not ", expected);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("spanning_tree keeps the laws of solvers", "[solvers][spanning_tree]") {
    for (const std::size_t nodes : {2u, 5u}) {
        const auto n = static_cast<Eigen::Index>(nodes);
        const imle::testing::spanning_trees family(nodes);
        const spanning_tree solver{n, imle::complete_graph_edges(n)};
        REQUIRE(solver.edges().size() == family.edges().size());
        CHECK(imle::testing::check_solver<float>(solver, family).passed());
    }
}

TEST_CASE("spanning_tree is Kruskal's tree or forest, ties included", "[solvers][spanning_tree]") {
    CHECK(wrong_trees<float, Eigen::RowMajor>(support::repeats(600), 1) == 0);
    CHECK(wrong_trees<double, Eigen::ColMajor>(support::repeats(600), 2) == 0);
}

TEST_CASE("spanning_tree goes on where the heaviest edges do not span", "[solvers][spanning_tree]") {
    // A clique of heavy edges, and a tail of nodes that hang on it by light ones among many that are lighter.
    const Eigen::Index clique = 40, nodes = 80;
    auto edges = imle::complete_graph_edges(nodes);
    std::mt19937 random(3);
    Eigen::Tensor<float, 1> theta(static_cast<Eigen::Index>(edges.size())), z(theta.size());
    for (std::size_t e = 0; e < edges.size(); ++e) {
        const bool heavy = edges[e].from < clique && edges[e].to < clique;
        theta(static_cast<Eigen::Index>(e)) = reward<float>(0, random) + (heavy ? 10.0F : 0.0F);
    }
    spanning_tree{nodes, edges}(theta, z);
    CHECK(std::vector<float>(z.data(), z.data() + z.size()) == kruskal(nodes, edges, theta.data()));
}

TEST_CASE("spanning_tree at the edges of its domain", "[solvers][spanning_tree]") {
    Eigen::Tensor<float, 1> none(0), no_z(0);
    spanning_tree{0, {}}(none, no_z);
    spanning_tree{3, {}}(none, no_z);
    Eigen::Tensor<float, 1> theta(2), z(2);
    theta.setValues({-7, -8});
    spanning_tree{2, {{0, 1}, {1, 0}}}(theta, z);  // a tree takes an edge even if all are below 0
    CHECK((z(0) == 1 && z(1) == 0));
    spanning_tree{2, {{0, 0}, {1, 0}}}(theta, z);
    CHECK((z(0) == 0 && z(1) == 1));
    CHECK(imle::complete_graph_edges(3) == std::vector<graph_edge>{{0, 1}, {0, 2}, {1, 2}});
    CHECK(imle::complete_graph_edges(0).empty());
}

TEST_CASE("spanning_tree says what is wrong", "[solvers][spanning_tree][errors]") {
    CHECK_THROWS_WITH((spanning_tree{2, {{0, 1}, {1, 2}}}), mentions("edge 1 is from node 1 to node 2"));
    CHECK_THROWS_AS((spanning_tree{-1, {}}), std::invalid_argument);
    CHECK_THROWS_AS(imle::complete_graph_edges(-1), std::invalid_argument);
    spanning_tree solver{2, {{0, 1}, {0, 1}}};
    Eigen::Tensor<float, 1> theta(2), z(2), other(3);
    theta.setZero();
    CHECK_THROWS_WITH(solver(other, other), mentions("theta is of 3 numbers") && mentions("2 edges"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3]"));
    theta(1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), mentions("element 1"));
}

TEST_CASE("spanning_tree fits the concepts", "[solvers][spanning_tree]") {
    STATIC_REQUIRE(imle::Solver<spanning_tree, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<spanning_tree, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::sense_of<spanning_tree> == imle::sense::maximize);
}

namespace {

// The oracle: Kruskal on the graph of the allowed edges, if that connects what the whole graph does.
template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto nodes = static_cast<Eigen::Index>(1 + random() % (i % 4 == 0 ? 40 : 8));
        std::vector<graph_edge> edges(1 + random() % (i % 4 == 0 ? 1200 : 40));
        for (graph_edge& edge : edges)
            edge = {static_cast<Eigen::Index>(random()) % nodes, static_cast<Eigen::Index>(random()) % nodes};
        spanning_tree solver{nodes, edges};
        std::vector<Scalar> theta(edges.size());
        for (Scalar& t : theta) t = reward<Scalar>(static_cast<unsigned>(i), random);
        const support::mask allowed = support::random_mask(edges.size(), random);
        const auto full = kruskal(nodes, edges, theta.data());
        std::vector<graph_edge> left_edges;
        for (std::size_t e = 0; e < edges.size(); ++e)
            if (allowed[e]) left_edges.push_back(edges[e]);
        const auto left = support::gather(theta, allowed);
        const auto tree = kruskal(nodes, left_edges, left.data());
        support::spoil_forbidden(theta, allowed, random);
        const auto found = support::solve<Layout>(
            solver, theta, Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(edges.size())},
            allowed.span());
        const bool connects = std::count(tree.begin(), tree.end(), Scalar(1)) ==
                              std::count(full.begin(), full.end(), Scalar(1));
        const auto expected =
            connects ? support::answer<Scalar>{imle::solve_status::solved, support::scatter(tree, allowed)}
                     : support::infeasible<Scalar>(edges.size());
        wrong.expect(found == expected, nodes, " nodes: theta ", theta, ", mask ", allowed, " gives ",
                     found.status, " ", found.z, ", not ", expected.z);
    }
    return wrong;
}

}  // namespace

TEST_CASE("spanning_tree under a mask is the tree of the edges that it allows", "[solvers][spanning_tree]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(700), 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(700), 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(700), 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(700), 4) == 0);
}

namespace {

// Graphs of n edges: for the matrix and for lists, for lanes and not, with loops and parallel edges.
template <class Scalar, int Layout>
support::tally wrong_tree_batches(int count, std::uint32_t seed) {
    const std::size_t sizes[] = {0, 1, 3, 6, 10, 30, 45, 190, 300};
    unsigned kind = 0;
    return support::wrong_batches<Scalar, Layout>(
        sizes, count, seed,
        [&](std::size_t edges, std::mt19937& random) {
            ++kind;
            const auto n = static_cast<Eigen::Index>(edges);
            const bool complete = random() % 2 == 0;
            const auto nodes = complete
                                   ? static_cast<Eigen::Index>(std::sqrt(2.0 * static_cast<double>(n))) + 1
                                   : static_cast<Eigen::Index>(1 + random() % 60);
            auto list = imle::complete_graph_edges(complete ? nodes : 0);
            while (std::ssize(list) > n) list.pop_back();
            while (std::ssize(list) < n)
                list.push_back({static_cast<Eigen::Index>(random()) % nodes,
                                static_cast<Eigen::Index>(random()) % nodes});
            return spanning_tree{nodes, list};
        },
        [&](std::size_t edges, std::mt19937& random) {
            std::vector<Scalar> theta(edges);
            // Now and then an instance with ties among others without.
            const unsigned own = random() % 4 == 0 ? static_cast<unsigned>(random()) : kind;
            for (Scalar& t : theta) t = reward<Scalar>(own, random);
            return theta;
        });
}

}  // namespace

TEST_CASE("spanning_tree solves batches to the bits of single solves", "[solvers][spanning_tree][batch]") {
    STATIC_REQUIRE(imle::BatchSolver<spanning_tree, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::BatchSolver<spanning_tree, float, 2, Eigen::RowMajor>);
    CHECK(wrong_tree_batches<float, Eigen::RowMajor>(200, 5) == 0);
    CHECK(wrong_tree_batches<double, Eigen::RowMajor>(200, 6) == 0);
    CHECK(wrong_tree_batches<float, Eigen::ColMajor>(60, 7) == 0);
    CHECK(wrong_tree_batches<double, Eigen::ColMajor>(60, 8) == 0);
    spanning_tree solver{3, imle::complete_graph_edges(3)};
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3), others(2, 4);
    thetas.setZero();
    CHECK_THROWS_WITH(solver.solve_batch(others, others), mentions("theta is of 4 numbers"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, others), mentions("z is of shape [2, 4]"));
    thetas(1, 2) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("element 5"));
}

}  // namespace spanning_tree_tests
