#include <imle/testing/enumerated_family.hpp>

#include <imle/testing/grid_paths.hpp>
#include <imle/testing/spanning_trees.hpp>

#include <cmath>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "testing/family_checks.hpp"

using imle::testing::enumerated_family;
using imle::testing::grid_paths;
using reference::normal_numbers;

namespace {

using vector = std::vector<double>;

}  // namespace

TEST_CASE("Gibbs marginals and gradients are derivatives of the log partition", "[testing][families]") {
    std::mt19937 random(1);
    const grid_paths family(3, 3);
    for (const double temperature : {0.5, 1.0, 3.0}) {
        const vector theta = normal_numbers(9, random), w = normal_numbers(9, random);
        const vector mu = family.gibbs_marginals(theta, temperature);
        const auto log_partition = [&](const vector& t) {
            return family.gibbs_log_partition(t, temperature);
        };
        CHECK(support::furthest(mu, reference::gradient(theta, log_partition)) < 1e-8);

        const vector vjp = family.gibbs_marginals_vjp(theta, temperature, w);
        const auto projected = [&](const vector& t) {
            return reference::dot(w, family.gibbs_marginals(t, temperature));
        };
        CHECK(support::furthest(vjp, reference::gradient(theta, projected)) < 1e-8);

        const Eigen::MatrixXd covariance = family.gibbs_covariance(theta, temperature);
        const Eigen::VectorXd by_covariance =
            covariance * Eigen::Map<const Eigen::VectorXd>(w.data(), 9) / temperature;
        CHECK(support::furthest(vjp, vector(by_covariance.data(), by_covariance.data() + 9)) < 1e-12);

        const auto f = [&](std::span<const double> z) {  // not linear in z
            double sum = 0;
            for (std::size_t i = 0; i < z.size(); ++i) sum += w[i] * z[i];
            return sum * sum;
        };
        const auto expected = [&](const vector& t) { return family.gibbs_expected(t, temperature, f); };
        CHECK(support::furthest(family.gibbs_expected_gradient(theta, temperature, f),
                                reference::gradient(theta, expected)) < 1e-7);
        const vector p = family.gibbs_probabilities(theta, temperature);
        CHECK(std::accumulate(p.begin(), p.end(), 0.0) == Approx(1).epsilon(1e-12));
        CHECK(reference::dot(mu, w) == Approx(family.gibbs_expected(theta, temperature, [&](auto z) {
                  return std::inner_product(z.begin(), z.end(), w.begin(), 0.0);
              })));
    }
}

TEST_CASE("A cold Gibbs law is the MAP state, and no theta overflows it", "[testing][families]") {
    std::mt19937 random(2);
    const grid_paths family(3, 3, 4);
    for (const double scale : {1.0, 1e6, 1e300}) {
        const vector theta = normal_numbers(9, random, scale);
        REQUIRE(family.maximizers(theta).size() == 1);
        CHECK(support::furthest(family.gibbs_marginals(theta, 1e-6 * scale), family.map(theta)) < 1e-6);
        CHECK(std::isfinite(family.gibbs_log_partition(theta, 1)));
        CHECK(support::furthest(family.gibbs_marginals_vjp(theta, 1e-6 * scale, theta), vector(9)) <
              1e-6 * scale);
    }
}

TEST_CASE("An enumerated family knows its maximisers", "[testing][families]") {
    const enumerated_family<1> corners("corners", {2}, {{0, 1}, {1, 0}, {1, 1}});
    CHECK(corners.maximizers(vector{1, 0}) == std::vector<std::size_t>{1, 2});
    CHECK(corners.maximizers(vector{1, 0.25}) == std::vector<std::size_t>{2});
    CHECK(corners.maximizers(vector{1, 0.25}, 0.25) == std::vector<std::size_t>{1, 2});
    CHECK(corners.map(vector{1, 0}) == vector{1, 0});
}

TEST_CASE("An enumerated family says what is wrong", "[testing][families][errors]") {
    const grid_paths family(2, 2);
    CHECK_THROWS_AS(family.gibbs_marginals(vector(3)), std::invalid_argument);
    CHECK_THROWS_AS(family.gibbs_marginals(vector(4), 0), std::invalid_argument);
    CHECK_THROWS_AS(family.gibbs_marginals_vjp(vector(4), 1, vector(5)), std::invalid_argument);
    CHECK_THROWS_AS(family.contains(vector(3)), std::invalid_argument);
    CHECK_THROWS_AS(grid_paths(0, 2), std::invalid_argument);
    CHECK_THROWS_AS(grid_paths(3, 6), std::invalid_argument);
    CHECK_THROWS_AS(grid_paths(3, 3, 6), std::invalid_argument);
    CHECK_THROWS_AS((enumerated_family<1>("none", {2}, {})), std::invalid_argument);
    CHECK_THROWS_AS((enumerated_family<1>("short", {2}, {{1}})), std::invalid_argument);
}
