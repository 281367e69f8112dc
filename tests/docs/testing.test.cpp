// The code of docs/testing.md.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <imle/imle.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/grid_paths.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("docs: one line for each solver", "[docs]") {
    // [one_line]
    using namespace imle::testing;
    CHECK(check_solver<float>(imle::top_k{3}, k_subsets(8, 3)).passed());
    CHECK(check_solver<float>(imle::categorical{}, categories(6)).passed());
    CHECK(check_solver<double>(imle::grid_shortest_path{}, grid_paths(3, 3), {.highest = 0}).passed());
    // [/one_line]
}

TEST_CASE("docs: what a report says", "[docs]") {
    std::ostringstream out;
    // [report]
    // It should choose three.
    const auto report = imle::testing::check_solver<float>(imle::top_k{2}, imle::testing::k_subsets(8, 3));
    if (!report.passed()) out << report;  // out: std::cerr, say
    // [/report]
    CHECK(report.broken("z is a state"));
    CHECK(out.str().find("z is a state: BROKEN in") != std::string::npos);
}

TEST_CASE("docs: exact marginals", "[docs]") {
    // [exact]
    const imle::testing::k_subsets family(5, 2);
    const std::vector<double> theta{0.5, 2, 1, -1, 0.8};
    const std::vector<double> exact = family.gumbel_marginals(theta);  // of perturb-and-MAP
    const std::vector<double> gibbs = family.gibbs_marginals(theta);   // of the exponential family

    imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 10000}};
    Eigen::Tensor<double, 2, Eigen::RowMajor> batch(1, 5);
    std::copy(theta.begin(), theta.end(), batch.data());
    const auto estimate = layer.marginals(batch, imle::random_key{0}).marginals();  // near `exact`
    // [/exact]
    // Six standard errors of a mean of 10,000 zeros and ones, at most 0.5 / 100 each: false alarm 1e-8.
    for (std::size_t i = 0; i < 5; ++i) CHECK(std::abs(estimate.data()[i] - exact[i]) < 0.03);
    double sum = 0;
    for (const double p : gibbs) sum += p;
    CHECK(sum == Approx(2));
}

TEST_CASE("docs: an exact gradient", "[docs]") {
    const imle::testing::spanning_trees family(4);
    const std::vector<double> theta{0.1, -0.4, 0.3, 0, 0.8, -0.2};
    const std::vector<double> w{1, 0, 0, 0, 0, 0};
    // [gradient]
    // d/dtheta of E |z - w|^2 under the Gibbs distribution at temperature 1.
    const std::vector<double> slope =
        family.gibbs_expected_gradient(theta, 1, [&](std::span<const double> z) {
            double distance = 0;
            for (std::size_t i = 0; i < z.size(); ++i) distance += (z[i] - w[i]) * (z[i] - w[i]);
            return distance;
        });
    // [/gradient]
    // All trees have three edges, so |z - w|^2 = 4 - 2 <w, z>, whose gradient the marginals' vjp knows.
    const auto expected = family.gibbs_marginals_vjp(theta, 1, w);
    for (std::size_t i = 0; i < slope.size(); ++i) CHECK(slope[i] == Approx(-2 * expected[i]));
}
