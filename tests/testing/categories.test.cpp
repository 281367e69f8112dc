#include <imle/testing/categories.hpp>

#include <cstddef>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "testing/family_checks.hpp"

using imle::testing::categories;
using reference::normals;
using reference::vector;

TEST_CASE("Categories under Gumbel noise are a softmax", "[testing][families]") {
    std::mt19937 random(4);
    const categories family(6);
    const vector theta = normals(6, random, 2), w = normals(6, random);
    CHECK(reference::distance(family.gumbel_marginals(theta, 0.7), family.softmax(theta, 0.7)) < 1e-14);
    CHECK(reference::distance(family.gumbel_marginals_vjp(theta, 0.7, w),
                              family.gibbs_marginals_vjp(theta, 0.7, w)) < 1e-13);
    vector expected;  // (diag(p) - p p') w / T
    const vector p = family.softmax(theta, 0.7);
    for (std::size_t i = 0; i < 6; ++i) expected.push_back(p[i] * (w[i] - reference::dot(p, w)) / 0.7);
    CHECK(reference::distance(family.gibbs_marginals_vjp(theta, 0.7, w), expected) < 1e-13);
}
