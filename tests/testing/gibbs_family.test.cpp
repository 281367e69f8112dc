#include <imle/testing/gibbs_family.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <vector>

#include <imle/testing/assignments.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using imle::random_key;
using imle::testing::gibbs_family;
using vector = std::vector<double>;

TEST_CASE("a Gibbs family's samples follow the enumerated law", "[testing][families]") {
    const imle::testing::assignments assignments(3, 3);
    for (const double temperature : {0.5, 1.0}) {
        const gibbs_family family{assignments, temperature};
        STATIC_REQUIRE(std::is_same_v<decltype(family), const gibbs_family<2>>);
        const vector theta{0.5, -1, 0, 0.3, 0.9, -0.2, 0, 0, 1};
        const std::size_t draws = 30000, n = 9;
        const vector z = reference::sample_several(family, theta, random_key{1}, 0, draws);
        const vector p = assignments.gibbs_probabilities(theta, temperature);
        vector frequency(p.size(), 0);
        for (std::size_t s = 0; s < draws; ++s)
            for (std::size_t state = 0; state < p.size(); ++state)
                if (std::equal(assignments.states()[state].begin(), assignments.states()[state].end(),
                               z.begin() + static_cast<std::ptrdiff_t>(s * n)))
                    frequency[state] += 1.0 / draws;
        for (std::size_t state = 0; state < p.size(); ++state)  // false alarm: 12 * 1e-10
            CHECK(std::abs(frequency[state] - p[state]) < reference::frequency_bound(p[state], draws));
    }
}

TEST_CASE("a Gibbs family's draw is a function of its key and number", "[testing][families]") {
    const gibbs_family family{imle::testing::k_subsets(6, 2)};
    const std::vector<float> theta{0, 1, 2, -1, 0.5f, 0.25f};
    const auto several = reference::sample_several(family, theta, random_key{2}, 40, 20);
    std::vector<float> singly;
    for (std::uint64_t item = 40; item < 60; ++item) {
        const auto z = reference::sample(family, theta, random_key{2}, item);
        singly.insert(singly.end(), z.begin(), z.end());
    }
    CHECK(several == singly);
    CHECK(several != reference::sample_several(family, theta, random_key{3}, 40, 20));
}

TEST_CASE("a Gibbs family's marginals and gradient are the enumerated ones", "[testing][families]") {
    std::mt19937 random(3);
    const imle::testing::spanning_trees trees(4);
    const gibbs_family family{trees, 0.7};
    const vector theta = reference::normal_numbers(trees.size(), random);
    const vector dmu = reference::normal_numbers(trees.size(), random);
    CHECK(reference::marginals(family, theta) == trees.gibbs_marginals(theta, 0.7));
    CHECK(reference::log_partition(family, theta) == trees.gibbs_log_partition(theta, 0.7));
    const auto projected = [&](const vector& t) {
        return reference::dot(dmu, reference::marginals(family, t));
    };
    CHECK(support::furthest(reference::marginals_vjp(family, theta, dmu),
                            reference::gradient(theta, projected)) < 1e-9);
    CHECK(reference::map_of(family, theta) == trees.map(theta));
    // The only state with positive probability, whatever the uniform number.
    vector decided(trees.size(), 0);
    for (std::size_t i = 0; i < decided.size(); ++i) decided[i] = i < 3 ? 1e4 : -1e4;
    for (std::uint64_t item = 0; item < 100; ++item)
        CHECK(reference::sample(family, decided, random_key{4}, item) == trees.map(decided));
}

TEST_CASE("a Gibbs family's entropy and divergence follow from its law", "[testing][families]") {
    std::mt19937 random(4);
    const imle::testing::k_subsets subsets(6, 2);
    support::tally wrong;
    for (const double temperature : {0.5, 1.0, 2.0})
        for (const double scale : {0.0, 1.0, 10.0}) {
            const gibbs_family family{subsets, temperature};
            const vector theta = reference::normal_numbers(6, random, scale),
                         other = reference::normal_numbers(6, random, scale);
            const vector p = subsets.gibbs_probabilities(theta, temperature),
                         q = subsets.gibbs_probabilities(other, temperature);
            double entropy = 0, divergence = 0;
            for (std::size_t s = 0; s < p.size(); ++s) {
                entropy -= p[s] * std::log(p[s]);
                divergence += p[s] * std::log(p[s] / q[s]);
            }
            const double slack = 1e-12 * (1 + scale);
            wrong.expect(std::abs(reference::entropy(family, theta) - entropy) < slack, "the entropy of ",
                         theta, ": ", reference::entropy(family, theta), ", not ", entropy);
            const double found = reference::kl_divergence(family, theta, other);
            wrong.expect(std::abs(found - divergence) < slack, "the divergence of ", theta, " from ", other,
                         ": ", found, ", not ", divergence);
            wrong.expect(reference::kl_divergence(family, theta, theta) == 0,
                         "no divergence from itself: ", theta);
        }
    CHECK(wrong == 0);
    const gibbs_family family{subsets};
    CHECK(reference::entropy(family, std::vector<float>(6, 0)) == Approx(std::log(15.0)));
    // States of probability 0 count for nothing: {0, 1} and {0, 2} are alike, and the others never drawn.
    const vector decided{1e6, 0, 0, -1e6, -1e6, -1e6};
    CHECK(reference::entropy(family, decided) == Approx(std::log(2.0)));
    CHECK(reference::kl_divergence(family, decided, vector(6, 0)) == Approx(std::log(7.5)));
    CHECK(reference::kl_divergence(family, vector(6, 0), decided) > 1e5);
    const gibbs_family one_of_three{imle::testing::k_subsets(3, 1)};
    const vector furthest{1e308, -1e308, 1e308};
    CHECK(reference::entropy(one_of_three, furthest) == Approx(std::log(2.0)));
    CHECK(reference::kl_divergence(one_of_three, furthest, furthest) == 0);
    CHECK(reference::kl_divergence(one_of_three, furthest, vector(3, 0)) == Approx(std::log(1.5)));
    CHECK_THROWS_WITH(reference::kl_divergence(family, vector(6, 0), vector(5, 0)),
                      mentions("other is of 5"));
}

TEST_CASE("a Gibbs family says what is wrong", "[testing][families][errors]") {
    const imle::testing::k_subsets subsets(3, 1);
    CHECK_THROWS_WITH((gibbs_family{subsets, 0.0}), mentions("temperature is 0"));
    CHECK_THROWS_WITH((gibbs_family{subsets, std::nan("")}), mentions("temperature is nan"));
    const gibbs_family family{subsets};
    CHECK_THROWS_WITH(reference::marginals(family, vector{1, 2}), mentions("the 1-subsets of 3"));
    CHECK_THROWS_WITH(reference::sample(family, vector{1, 2, 3, 4}, random_key{}, 0), mentions("z is of 4"));
    CHECK_THROWS_WITH(reference::sample(family, vector{1, 2, std::nan("")}, random_key{}, 0),
                      mentions("theta is nan at element 2"));
    CHECK_THROWS_AS(reference::marginals_vjp(family, vector{1, 2, 3}, vector{1, 2}), std::invalid_argument);
    vector wrong(4);
    const vector theta{1, 2, 3};
    CHECK_THROWS_WITH(
        family.sample_several(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
        mentions("a multiple of n = 3"));
}
