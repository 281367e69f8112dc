#include <imle/testing/k_subsets.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "testing/family_checks.hpp"

using imle::testing::categories;
using imle::testing::k_subsets;
using reference::check_gumbel_gradient;
using reference::normal_numbers;
using reference::vector;

namespace {

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

}  // namespace

TEST_CASE("k-subsets under Gumbel noise are Plackett and Luce's draws", "[testing][families]") {
    std::mt19937 random(1);
    for (std::size_t k = 0; k <= 5; ++k)
        for (const double temperature : {0.3, 1.0, 2.0}) {
            const vector theta = normal_numbers(5, random);
            vector weights;
            for (const double t : theta) weights.push_back(std::exp(t / temperature));
            CHECK(support::furthest(k_subsets(5, k).gumbel_marginals(theta, temperature),
                                    plackett_luce(weights, k)) < 1e-12);
        }
    check_gumbel_gradient(k_subsets(6, 3), 2);
    check_gumbel_gradient(k_subsets(4, 4), 3);
}

TEST_CASE("Categories under Gumbel noise are a softmax", "[testing][families]") {
    std::mt19937 random(4);
    const categories family(6);
    const vector theta = normal_numbers(6, random, 2), w = normal_numbers(6, random);
    CHECK(support::furthest(family.gumbel_marginals(theta, 0.7), family.softmax(theta, 0.7)) < 1e-14);
    CHECK(support::furthest(family.gumbel_marginals_vjp(theta, 0.7, w),
                            family.gibbs_marginals_vjp(theta, 0.7, w)) < 1e-13);
    vector expected;  // (diag(p) - p p') w / T
    const vector p = family.softmax(theta, 0.7);
    for (std::size_t i = 0; i < 6; ++i) expected.push_back(p[i] * (w[i] - reference::dot(p, w)) / 0.7);
    CHECK(support::furthest(family.gibbs_marginals_vjp(theta, 0.7, w), expected) < 1e-13);
}
