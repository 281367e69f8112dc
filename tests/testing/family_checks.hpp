#pragma once

// What the tests of the enumerated families share.

#include <cstdint>
#include <imle/testing/matroid_family.hpp>
#include <random>
#include <vector>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

namespace reference {

using vector = std::vector<double>;

// The gradient of the marginals under Gumbel noise against finite differences.
inline void check_gumbel_gradient(const imle::testing::matroid_family& family, std::uint32_t seed) {
    std::mt19937 random(seed);
    for (const double temperature : {0.5, 1.0, 4.0}) {
        const vector theta = normal_numbers(family.size(), random), w = normal_numbers(family.size(), random);
        const auto projected = [&](const vector& t) {
            return dot(w, family.gumbel_marginals(t, temperature));
        };
        CHECK(support::furthest(family.gumbel_marginals_vjp(theta, temperature, w),
                                gradient(theta, projected)) < 1e-8);
    }
}

}  // namespace reference
