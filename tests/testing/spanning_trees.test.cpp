#include <imle/testing/spanning_trees.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "testing/family_checks.hpp"

using imle::testing::spanning_trees;
using reference::check_gumbel_gradient;
using reference::normal_numbers;
using reference::vector;

TEST_CASE("Spanning trees under Gumbel noise are a race of edges", "[testing][families]") {
    const spanning_trees family(4);
    check_gumbel_gradient(family, 5);
    // Kruskal on noisy weights. With 200,000 samples a marginal's standard deviation is at most 0.0012; six
    // edges at 5 of them raise a false alarm with a probability below 4e-6. The seed is fixed.
    std::mt19937 random(6);
    const vector theta = normal_numbers(6, random);
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
    CHECK(support::furthest(counts, exact) < 5 * std::sqrt(0.25 / samples));
    CHECK(std::accumulate(exact.begin(), exact.end(), 0.0) == Approx(3));
    // It is another law than Gibbs', by more than the test could overlook.
    CHECK(support::furthest(exact, family.gibbs_marginals(theta)) > 0.01);
}
