#include <imle/families/projective_tree_family.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <vector>

#include <imle/concepts/exponential_family.hpp>
#include <imle/testing/projective_trees.hpp>

#include "families/family_fixtures.hpp"
#include "families/tree_family_checks.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

using imle::projective_tree_family;
using imle::random_key;
using imle::roots;
using imle::testing::projective_trees;
using reference::normal_numbers;

namespace projective_tree_family_tests {

namespace {

using vector = std::vector<double>;

}  // namespace

TEST_CASE("projective_tree_family has the results of the enumeration", "[families][projective_tree]") {
    for (const roots wanted : {roots::single, roots::any})
        for (std::size_t words = 1; words <= 5; ++words) {
            INFO(words << " words");
            CHECK(reference::wrong_results(projective_tree_family{{.roots = wanted}},
                                           projective_trees(words, wanted),
                                           static_cast<std::uint32_t>(words)) == 0);
        }
}

TEST_CASE("projective_tree_family under masks, in both layouts", "[families][projective_tree]") {
    for (const roots wanted : {roots::single, roots::any})
        CHECK(reference::wrong_under_masks(
                  projective_tree_family{{.roots = wanted}},
                  [&](std::size_t words) { return projective_trees(words, wanted).states(); },
                  support::repeats(300), 2) == 0);
    CHECK(reference::padding_differences(projective_tree_family{}, 3) == 0);
}

TEST_CASE("projective_tree_family's samples follow the law", "[families][projective_tree][draws]") {
    std::mt19937 random(3);
    for (const roots wanted : {roots::single, roots::any})
        for (const std::size_t words : {1u, 2u, 4u, 5u})
            for (const double scale : {0.0, 2.0})
                reference::check_draws(
                    projective_tree_family{{.roots = wanted}}, projective_trees(words, wanted),
                    normal_numbers(words * words, random, scale), support::repeats(std::size_t{3000}));
}

TEST_CASE("projective_tree_family against finite differences", "[families][projective_tree]") {
    std::mt19937 random(4);
    for (const roots wanted : {roots::single, roots::any})
        for (const std::size_t words : {3u, 8u})
            reference::check_differences(projective_tree_family{{.roots = wanted}},
                                         normal_numbers(words * words, random),
                                         normal_numbers(words * words, random));
}

TEST_CASE("projective_tree_family computes in double for float", "[families][projective_tree]") {
    std::mt19937 random(5);
    reference::check_floats(projective_tree_family{}, normal_numbers(36, random, 3),
                            normal_numbers(36, random));
    reference::check_floats(projective_tree_family{}, normal_numbers(36, random, 1e5),
                            normal_numbers(36, random));
}

TEST_CASE("projective_tree_family: the marginals of a word add up to 1, of roots to 1",
          "[families][projective_tree]") {
    CHECK(reference::wrong_sums(projective_tree_family{}, 1) == 0);
}

TEST_CASE("projective_tree_family of scores of 8e5", "[families][projective_tree]") {
    // Two words: the trees 0 -> 1 and 1 -> 0.
    const std::vector<float> theta{807687.0625F, 807680.0F, 807687.0F, 807680.0F};
    const auto mu = reference::marginals(projective_tree_family{}, theta);
    const double first = 1 / (1 + std::exp(-0.0625));
    CHECK(mu[0] == Approx(first).epsilon(1e-6));
    CHECK(mu[2] == Approx(1 - first).epsilon(1e-6));
    CHECK(reference::log_partition(projective_tree_family{}, theta) ==
          Approx(807687.0625 + 807680 + std::log1p(std::exp(-0.0625))).epsilon(1e-15));
    // An arc that every tree lacks but crossing ones, and a rare root.
    vector crossing(16, 0);
    crossing[1 * 4 + 3] = 8e5;  // 3 hangs from 1
    crossing[2 * 4 + 2] = 8e5;  // 2 is the root: both cannot be
    crossing[0] = -300;
    const projective_tree_family family;
    const vector expected = projective_trees(4).gibbs_marginals(crossing);
    const vector found = reference::marginals(family, crossing);
    CHECK(support::furthest(found, expected) < 1e-9);
    CHECK(found[0] > 0);
    CHECK(found[0] == Approx(expected[0]).epsilon(1e-8));
}

TEST_CASE("projective_tree_family is used by several threads", "[families][projective_tree][threads]") {
    CHECK(reference::thread_differences(projective_tree_family{}, 81, 11) == 0);
}

TEST_CASE("projective_tree_family says what is wrong", "[families][projective_tree][errors]") {
    const projective_tree_family family;
    const vector three{1, 2, 3}, nan{1, 2, std::nan(""), 4};
    CHECK_THROWS_WITH(reference::marginals(family, three),
                      mentions("theta is of 3 numbers") && mentions("[words, words]"));
    CHECK_THROWS_WITH(reference::marginals(family, nan), mentions("theta is nan at element 2"));
    CHECK_THROWS_AS((projective_tree_family{{.roots = static_cast<roots>(9)}}), std::invalid_argument);
    STATIC_REQUIRE(imle::DifferentiableFamily<projective_tree_family, float>);
    STATIC_REQUIRE(imle::DifferentiableFamily<projective_tree_family, double>);
}

}  // namespace projective_tree_family_tests
