#include <imle/testing/matroid_family.hpp>

#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>

#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using imle::testing::categories;
using imle::testing::k_subsets;
using imle::testing::spanning_trees;

namespace {

using vector = std::vector<double>;

}  // namespace

TEST_CASE("Matroid families have all their bases and no more", "[testing][families]") {
    CHECK(k_subsets(6, 3).states().size() == 20);
    CHECK(k_subsets(6, 0).states() == std::vector<vector>{vector(6, 0)});
    CHECK(k_subsets(4, 4).states() == std::vector<vector>{vector(4, 1)});
    CHECK(categories(7).states().size() == 7);
    CHECK(spanning_trees(2).states().size() == 1);
    CHECK(spanning_trees(4).states().size() == 16);
    CHECK(spanning_trees(5).states().size() == 125);
    CHECK(!spanning_trees(4).contains(vector{1, 1, 0, 1, 0, 0}));  // a triangle
    CHECK(spanning_trees(4).contains(vector{1, 1, 1, 0, 0, 0}));   // a star
    CHECK(!k_subsets(4, 2).contains(vector{1, 1, 1, 0}));

    // No theta is too large for the race either.
    const vector marginals = k_subsets(4, 2).gumbel_marginals(vector{1e300, -1e300, 5e299, 0});
    CHECK(marginals == vector{1, 0, 1, 0});
}

TEST_CASE("Matroid families say what is wrong", "[testing][families][errors]") {
    CHECK_THROWS_AS(k_subsets(3, 4), std::invalid_argument);
    CHECK_THROWS_AS(k_subsets(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(k_subsets(21, 4), std::invalid_argument);
    CHECK_THROWS_AS(spanning_trees(1), std::invalid_argument);
    CHECK_THROWS_AS(spanning_trees(7), std::invalid_argument);
    CHECK_THROWS_AS(k_subsets(3, 1).gumbel_marginals(vector(2)), std::invalid_argument);
    CHECK_THROWS_AS(k_subsets(3, 1).gumbel_marginals(vector(3), -1), std::invalid_argument);
    CHECK_THROWS_AS(k_subsets(3, 1).gumbel_marginals_vjp(vector(3), 1, vector(2)), std::invalid_argument);
}
