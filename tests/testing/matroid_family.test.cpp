#include <imle/testing/matroid_family.hpp>

#include <imle/testing/categories.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "testing/finite_differences.hpp"

using imle::testing::categories;
using imle::testing::k_subsets;
using imle::testing::matroid_family;
using imle::testing::spanning_trees;

namespace {

using vector = std::vector<double>;

vector normals(std::size_t n, std::mt19937& random, double scale = 1) {
    std::normal_distribution<double> normal(0, scale);
    vector x(n);
    for (double& xi : x) xi = normal(random);
    return x;
}

// Plackett and Luce by going through all ordered draws of k of n, weights w.
vector plackett_luce(const vector& w, std::size_t k) {
    vector marginals(w.size(), 0);
    std::vector<std::size_t> drawn;
    auto draw = [&](auto& self, double probability, double left) -> void {
        if (drawn.size() == k) {
            for (const std::size_t i : drawn) marginals[i] += probability;
            return;
        }
        for (std::size_t i = 0; i < w.size(); ++i) {
            if (std::find(drawn.begin(), drawn.end(), i) != drawn.end()) continue;
            drawn.push_back(i);
            self(self, probability * w[i] / left, left - w[i]);
            drawn.pop_back();
        }
    };
    draw(draw, 1.0, std::accumulate(w.begin(), w.end(), 0.0));
    return marginals;
}

void check_gumbel_gradient(const matroid_family& family, std::uint32_t seed) {
    std::mt19937 random(seed);
    for (const double temperature : {0.5, 1.0, 4.0}) {
        const vector theta = normals(family.size(), random), w = normals(family.size(), random);
        const auto projected = [&](const vector& t) {
            return reference::dot(w, family.gumbel_marginals(t, temperature));
        };
        CHECK(reference::distance(family.gumbel_marginals_vjp(theta, temperature, w),
                                  reference::gradient(theta, projected)) < 1e-8);
    }
}

}  // namespace

TEST_CASE("k-subsets under Gumbel noise are Plackett and Luce's draws", "[testing][families]") {
    std::mt19937 random(1);
    for (std::size_t k = 0; k <= 5; ++k)
        for (const double temperature : {0.3, 1.0, 2.0}) {
            const vector theta = normals(5, random);
            vector weights;
            for (const double t : theta) weights.push_back(std::exp(t / temperature));
            CHECK(reference::distance(k_subsets(5, k).gumbel_marginals(theta, temperature),
                                      plackett_luce(weights, k)) < 1e-12);
        }
    check_gumbel_gradient(k_subsets(6, 3), 2);
    check_gumbel_gradient(k_subsets(4, 4), 3);
}

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

TEST_CASE("Spanning trees under Gumbel noise are a race of edges", "[testing][families]") {
    const spanning_trees family(4);
    check_gumbel_gradient(family, 5);
    // Kruskal on noisy weights. With 200,000 samples a marginal's standard deviation is at most 0.0012; six
    // edges at 5 of them raise a false alarm with a probability below 4e-6. The seed is fixed.
    std::mt19937 random(6);
    const vector theta = normals(6, random);
    std::uniform_real_distribution<double> unit(0, 1);
    const int samples = 200000;
    vector counts(6, 0);
    for (int s = 0; s < samples; ++s) {
        std::array<double, 6> noisy{};
        for (std::size_t e = 0; e < 6; ++e) noisy[e] = theta[e] - std::log(-std::log(unit(random)));
        std::array<std::size_t, 6> order{0, 1, 2, 3, 4, 5};
        std::sort(order.begin(), order.end(), [&](auto a, auto b) { return noisy[a] > noisy[b]; });
        std::array<std::size_t, 4> tree{0, 1, 2, 3};
        for (const std::size_t e : order) {
            const std::size_t a = tree[family.edges()[e].first], b = tree[family.edges()[e].second];
            if (a == b) continue;
            counts[e] += 1.0 / samples;
            for (auto& t : tree)
                if (t == b) t = a;
        }
    }
    const vector exact = family.gumbel_marginals(theta);
    CHECK(reference::distance(counts, exact) < 5 * std::sqrt(0.25 / samples));
    CHECK(std::accumulate(exact.begin(), exact.end(), 0.0) == Approx(3));
    // It is another law than Gibbs', by more than the test could overlook.
    CHECK(reference::distance(exact, family.gibbs_marginals(theta)) > 0.01);
}

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
