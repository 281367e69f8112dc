#pragma once

// What the tests of the enumerated families share.

#include <cstdint>
#include <imle/testing/matroid_family.hpp>
#include <random>
#include <vector>

#include "support/catch.hpp"
#include "testing/finite_differences.hpp"

namespace reference {

using vector = std::vector<double>;

inline vector normals(std::size_t n, std::mt19937& random, double scale = 1) {
    std::normal_distribution<double> normal(0, scale);
    vector x(n);
    for (double& xi : x) xi = normal(random);
    return x;
}

// The gradient of the marginals under Gumbel noise against finite differences.
inline void check_gumbel_gradient(const imle::testing::matroid_family& family, std::uint32_t seed) {
    std::mt19937 random(seed);
    for (const double temperature : {0.5, 1.0, 4.0}) {
        const vector theta = normals(family.size(), random), w = normals(family.size(), random);
        const auto projected = [&](const vector& t) {
            return dot(w, family.gumbel_marginals(t, temperature));
        };
        CHECK(distance(family.gumbel_marginals_vjp(theta, temperature, w), gradient(theta, projected)) <
              1e-8);
    }
}

}  // namespace reference
