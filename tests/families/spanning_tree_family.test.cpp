#include <imle/families/spanning_tree_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/concepts/exponential_family.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/testing/spanning_trees.hpp>

#include "families/family_fixtures.hpp"
#include "families/tree_family_checks.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

using imle::graph_edge;
using imle::random_key;
using imle::spanning_tree_family;
using reference::normal_numbers;

namespace spanning_tree_family_tests {

namespace {

using vector = std::vector<double>;

// All spanning forests of a small graph: sets of edges without a cycle, as many as possible.
imle::testing::enumerated_family<1> forests(Eigen::Index nodes, const std::vector<graph_edge>& edges) {
    std::vector<vector> states;
    std::size_t most = 0;
    for (unsigned set = 0; set < 1u << edges.size(); ++set) {
        std::vector<Eigen::Index> tree(static_cast<std::size_t>(nodes));
        for (Eigen::Index v = 0; v < nodes; ++v) tree[static_cast<std::size_t>(v)] = v;
        vector state(edges.size(), 0);
        bool has_cycle = false;
        std::size_t count = 0;
        for (std::size_t e = 0; e < edges.size(); ++e) {
            if ((set >> e & 1u) == 0) continue;
            const auto kept = tree[static_cast<std::size_t>(edges[e].from)],
                       gone = tree[static_cast<std::size_t>(edges[e].to)];
            has_cycle = has_cycle || kept == gone;
            for (auto& t : tree) t = t == gone ? kept : t;
            state[e] = 1;
            ++count;
        }
        if (has_cycle || count < most) continue;
        if (count > most) states.clear();
        most = count;
        states.push_back(state);
    }
    return {"spanning forests", {static_cast<Eigen::Index>(edges.size())}, states};
}

// A ladder with a parallel edge, a loop, and a second component.
const std::vector<graph_edge> odd_edges{{3, 1}, {1, 4}, {4, 3}, {3, 4}, {2, 2},
                                        {1, 0}, {4, 0}, {6, 5}, {5, 6}};

}  // namespace

TEST_CASE("spanning_tree_family has the results of the enumeration", "[families][spanning_tree]") {
    for (const std::size_t nodes : {2u, 3u, 4u, 5u}) {
        INFO(nodes << " nodes");
        const auto n = static_cast<Eigen::Index>(nodes);
        CHECK(reference::wrong_results(spanning_tree_family{n, imle::complete_graph_edges(n)},
                                       imle::testing::spanning_trees(nodes),
                                       static_cast<std::uint32_t>(nodes)) == 0);
    }
    CHECK(reference::wrong_results(spanning_tree_family{7, odd_edges}, forests(7, odd_edges), 1) == 0);
    const std::vector<graph_edge> ring{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}};
    CHECK(reference::wrong_results(spanning_tree_family{6, ring}, forests(6, ring), 2) == 0);
}

TEST_CASE("spanning_tree_family under masks", "[families][spanning_tree]") {
    std::mt19937 random(7);
    support::tally wrong;
    const spanning_tree_family family{7, odd_edges};
    const auto all = forests(7, odd_edges);
    const std::size_t n = odd_edges.size();
    for (int trial = 0; trial < support::repeats(150); ++trial) {
        const vector theta = normal_numbers(n, random, trial % 2 == 0 ? 1 : 1e4),
                     dmu = normal_numbers(n, random);
        const support::mask allowed = support::random_mask(n, random);
        std::vector<vector> left;
        for (const vector& state : all.states()) {
            bool keeps = true;
            for (std::size_t e = 0; e < n; ++e) keeps = keeps && (state[e] == 0 || allowed[e]);
            if (keeps) left.push_back(state);
        }
        vector spoiled = theta;
        support::spoil_forbidden(spoiled, allowed, random);
        using tensor = Eigen::Tensor<double, 1>;
        tensor in(static_cast<Eigen::Index>(n)), cotangent(in.size()), out(in.size());
        std::copy(spoiled.begin(), spoiled.end(), in.data());
        std::copy(dmu.begin(), dmu.end(), cotangent.data());
        const imle::solve_context context{.mask = allowed.span()};
        if (left.empty()) {
            CHECK_THROWS_WITH(family.marginals(in, out, context), mentions("context.mask"));
            continue;
        }
        const imle::testing::enumerated_family<1> exact("left", {in.size()}, left);
        const double slack = trial % 2 == 0 ? 1e-12 : 1e-8;
        family.marginals(in, out, context);
        wrong.expect(support::furthest(support::numbers_of(out), exact.gibbs_marginals(theta)) < slack,
                     "marginals of ", theta, ", mask ", allowed);
        family.marginals_vjp(in, cotangent, out, context);
        wrong.expect(
            support::furthest(support::numbers_of(out), exact.gibbs_marginals_vjp(theta, 1, dmu)) < slack,
            "gradient of ", theta, ", mask ", allowed);
        wrong.expect(std::abs(family.log_partition(in, context) - exact.gibbs_log_partition(theta)) < slack,
                     "log-partition of ", theta, ", mask ", allowed);
        for (std::uint64_t item = 0; item < 10; ++item) {
            family.sample(in, random_key{3}, item, out, context);
            wrong.expect(exact.contains(support::numbers_of(out)), "draw ", item, ", mask ", allowed);
        }
        family.map(in, out, context);
        wrong.expect(support::numbers_of(out) == exact.map(theta), "MAP of ", theta, ", mask ", allowed);
    }
    CHECK(wrong == 0);
}

TEST_CASE("spanning_tree_family's samples follow the law", "[families][spanning_tree][draws]") {
    std::mt19937 random(3);
    const std::size_t draws = support::repeats(std::size_t{3000});
    for (const double scale : {0.0, 2.0}) {
        for (const std::size_t nodes : {2u, 4u, 5u}) {
            const auto n = static_cast<Eigen::Index>(nodes);
            const spanning_tree_family family{n, imle::complete_graph_edges(n)};
            reference::check_draws(family, imle::testing::spanning_trees(nodes),
                                   normal_numbers(family.edges().size(), random, scale), draws);
        }
        reference::check_draws(spanning_tree_family{7, odd_edges}, forests(7, odd_edges),
                               normal_numbers(odd_edges.size(), random, scale), draws);
    }
    // By numbers with an exponent of their own.
    vector far = normal_numbers(odd_edges.size(), random);
    far[0] += 8e5;
    far[5] += 7e5;
    reference::check_draws(spanning_tree_family{7, odd_edges}, forests(7, odd_edges), far, draws);
}

TEST_CASE("spanning_tree_family against finite differences", "[families][spanning_tree]") {
    std::mt19937 random(4);
    reference::check_differences(spanning_tree_family{9, imle::complete_graph_edges(9)},
                                 normal_numbers(36, random), normal_numbers(36, random));
    reference::check_differences(spanning_tree_family{7, odd_edges}, normal_numbers(9, random),
                                 normal_numbers(9, random));
}

TEST_CASE("spanning_tree_family computes in double for float", "[families][spanning_tree]") {
    std::mt19937 random(5);
    const spanning_tree_family family{9, imle::complete_graph_edges(9)};
    reference::check_floats(family, normal_numbers(36, random, 3), normal_numbers(36, random));
    reference::check_floats(family, normal_numbers(36, random, 1e5), normal_numbers(36, random));
}

TEST_CASE("spanning_tree_family: marginals add up to the edges of a tree, at scores of 8e5 as well",
          "[families][spanning_tree]") {
    std::mt19937 random(6);
    support::tally wrong;
    for (const double scale : {1.0, 100.0, 8e5, 1e300})
        for (const Eigen::Index nodes : {2, 9, 30}) {
            const spanning_tree_family family{nodes, imle::complete_graph_edges(nodes)};
            const vector mu =
                reference::marginals(family, normal_numbers(family.edges().size(), random, scale));
            double sum = 0;
            for (const double m : mu) sum += m;
            wrong.expect(std::abs(sum - static_cast<double>(nodes - 1)) < 1e-11, nodes, " nodes at ", scale,
                         ": ", sum);
        }
    CHECK(wrong == 0);
    // A triangle: two of three edges. Float numbers of k_subset's published case.
    const spanning_tree_family triangle{3, imle::complete_graph_edges(3)};
    const std::vector<float> theta{807687.0625F, 807680.0F, 807687.0F};
    const auto mu = reference::marginals(triangle, theta);
    const double a = std::exp(0.0625 - 0.0), b = std::exp(-7.0), c = 1;  // relative to 807687
    const double total = a * b + a * c + b * c;
    CHECK(mu[0] == Approx((a * b + a * c) / total).epsilon(1e-6));
    CHECK(mu[1] == Approx((a * b + b * c) / total).epsilon(1e-6));
    CHECK(mu[2] == Approx((a * c + b * c) / total).epsilon(1e-6));
    // A rare edge has all digits.
    const vector rare{0, -400, 0};
    CHECK(reference::marginals(triangle, rare)[1] == Approx(2 * std::exp(-400.0)).epsilon(1e-13));
    CHECK(reference::marginals_vjp(triangle, rare, vector{0, 1, 0})[1] ==
          Approx(2 * std::exp(-400.0)).epsilon(1e-13));
}

TEST_CASE("spanning_tree_family of graphs without a tree's edge", "[families][spanning_tree]") {
    const spanning_tree_family none{3, {}}, loops{2, {{0, 0}, {1, 1}}}, nothing{0, {}};
    CHECK(reference::marginals(none, vector{}).empty());
    CHECK(reference::marginals(nothing, vector{}).empty());
    CHECK(reference::marginals(loops, vector{1, 2}) == vector{0, 0});
    CHECK(reference::marginals_vjp(loops, vector{1, 2}, vector{3, 4}) == vector{0, 0});
    CHECK(reference::sample(loops, vector{1, 2}, random_key{1}, 0) == vector{0, 0});
    CHECK(reference::log_partition(loops, vector{1, 2}) == 0);
    CHECK(loops.entropy(std::span<const double>(vector{1, 2})) == 0);
}

TEST_CASE("spanning_tree_family is used by several threads", "[families][spanning_tree][threads]") {
    CHECK(reference::thread_differences(spanning_tree_family{9, imle::complete_graph_edges(9)}, 36, 11) == 0);
}

TEST_CASE("spanning_tree_family says what is wrong", "[families][spanning_tree][errors]") {
    CHECK_THROWS_WITH((spanning_tree_family{2, {{0, 1}, {1, 2}}}), mentions("edge 1 is from node 1"));
    CHECK_THROWS_AS((spanning_tree_family{-1, {}}), std::invalid_argument);
    const spanning_tree_family family{2, {{0, 1}, {0, 1}}};
    const vector theta{1, 2}, three{1, 2, 3}, nan{1, std::nan("")};
    CHECK_THROWS_WITH(reference::marginals(family, three),
                      mentions("theta is of 3 numbers") && mentions("2, one for each edge"));
    CHECK_THROWS_WITH(reference::marginals(family, nan), mentions("theta is nan at element 1"));
    CHECK_THROWS_WITH(reference::marginals_vjp(family, theta, nan), mentions("dmu is nan"));
    CHECK_THROWS_WITH(family.kl_divergence(std::span<const double>(theta), std::span<const double>(three)),
                      mentions("other is of 3 numbers"));
    vector wrong(3);
    CHECK_THROWS_WITH(
        family.sample_several(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
        mentions("a multiple of the number of edges, 2"));
    CHECK(family == spanning_tree_family{2, {{0, 1}, {0, 1}}});
    CHECK_FALSE(family == spanning_tree_family{2, {{0, 1}}});
    STATIC_REQUIRE(imle::DifferentiableFamily<spanning_tree_family, float>);
    STATIC_REQUIRE(imle::DifferentiableFamily<spanning_tree_family, double>);
}

}  // namespace spanning_tree_family_tests
