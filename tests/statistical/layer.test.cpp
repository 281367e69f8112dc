// The layer against exact answers, where a solver, a noise and a family have them in closed form.
//
// All seeds are fixed, nothing is retried. A sample's coordinate, and a difference of two, lies in [-1, 1],
// so by Hoeffding's inequality the mean of N of them is further than 6.5 / sqrt(N) from its expectation with
// a probability below 2 exp(-6.5^2 / 2) = 1.4e-9 each: below 1e-6 for this whole file, for a seed chosen
// blindly.

#include <cmath>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using fixtures::argmin_solver;
using imle::difference;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using support::furthest;
using support::rows_of;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using vector = std::vector<double>;

constexpr Eigen::Index sample_count = 100000;
const double tolerance = 6.5 / std::sqrt(static_cast<double>(sample_count));

vector moved(const vector& theta, double step, const vector& direction) {
    vector result = theta;
    for (std::size_t i = 0; i < theta.size(); ++i) result[i] += step * direction[i];
    return result;
}

const vector theta{0.5, -1.0, 0.0, 1.5, -0.3, 0.8};
const vector w{1.0, -0.5, 2.0, 0.7, -1.5, 0.0};

}  // namespace

TEST_CASE("statistics: Gumbel noise and argmax give softmax, at any temperature", "[statistical]") {
    const imle::testing::categories family(theta.size());
    for (const double temperature : {0.5, 1.0, 3.0}) {
        imle_layer layer{imle::categorical{},
                         imle::gumbel{},
                         perturbation_target{},
                         {.samples = sample_count, .input_temperature = temperature}};
        const auto pass = layer.marginals(rows_of(theta), random_key{1});
        CHECK(furthest(pass.marginals(), family.softmax(theta, temperature)) < tolerance);
    }
}

TEST_CASE("statistics: Gumbel noise and top-k give Plackett and Luce's inclusion probabilities",
          "[statistical]") {
    for (const std::size_t k : {2u, 3u, 5u}) {
        const imle::testing::k_subsets family(theta.size(), k);
        imle_layer layer{imle::top_k{static_cast<Eigen::Index>(k)},
                         imle::gumbel{},
                         perturbation_target{},
                         {.samples = sample_count}};
        const auto pass = layer.marginals(rows_of(theta), random_key{2});
        CHECK(furthest(pass.marginals(), family.gumbel_marginals(theta)) < tolerance);
    }
}

TEST_CASE("statistics: the paper's noise makes perturb-and-MAP exact for disjoint paths", "[statistical]") {
    // A 3x3 grid with 4 neighbours and a forbidden centre has two paths of three cells of their own each. k =
    // 3 numbers of sum-of-gamma noise with infinitely many terms sum to one Gumbel number, so the paths'
    // probabilities are the softmax of their thetas' sums: Gibbs' law exactly (I-MLE).
    Eigen::Tensor<double, 3, Eigen::RowMajor> map(1, 3, 3);
    map.setValues({{{-50, -50.3, -50}, {-50.2, -1e6, -50.4}, {-50, -50.6, -50}}});
    const double first = -50.3 - 50 - 50.4, second = -50.2 - 50 - 50.6;
    const double p = 1 / (1 + std::exp(second - first));
    imle_layer layer{imle::grid_shortest_path{imle::grid_shortest_path_options{.connectivity = 4}},
                     imle::sum_of_gamma::exact(3),
                     perturbation_target{},
                     {.samples = sample_count}};
    const auto pass = layer.marginals(map, random_key{3});
    CHECK(furthest(pass.marginals(), {1, p, p, 1 - p, 0, p, 1 - p, 1 - p, 1}) < tolerance);
}

TEST_CASE("statistics: a small grid's marginals under normal noise", "[statistical]") {
    // 2x2 with 4 neighbours: two cells compete, and the difference of two normal numbers is normal.
    Eigen::Tensor<double, 3, Eigen::RowMajor> map(1, 2, 2);
    map.setValues({{{-30, -30}, {-30.7, -30}}});
    const double p = 0.5 * std::erfc(-0.7 / 2);  // P(N(0, 2) < 0.7)
    imle_layer layer{imle::grid_shortest_path{imle::grid_shortest_path_options{.connectivity = 4}},
                     imle::normal{},
                     perturbation_target{},
                     {.samples = sample_count}};
    const auto pass = layer.marginals(map, random_key{4});
    CHECK(furthest(pass.marginals(), {1, p, 1 - p, 1}) < tolerance);
}

TEST_CASE("statistics: the gradient's expectation is the finite difference of the marginals",
          "[statistical]") {
    // For a linear loss <w, z> the cotangent is w, and with Gumbel noise the marginals are known, so the
    // expected gradient is: mu(theta) - mu(theta - beta w), or half of mu(theta + beta w) - mu(theta - beta
    // w).
    const double beta = 0.8;
    const imle::testing::k_subsets family(theta.size(), 2);
    const auto mu = [&](const vector& at, double temperature) {
        return family.gumbel_marginals(at, temperature);
    };
    for (const auto& [t_in, t_tgt] : {std::pair{1.0, 1.0}, std::pair{0.5, 2.0}}) {
        const imle::layer_options options{
            .samples = sample_count, .input_temperature = t_in, .target_temperature = t_tgt};
        auto central_options = options;
        central_options.difference = difference::central;
        const perturbation_target target{.beta = beta};
        imle_layer forward{imle::top_k{2}, imle::gumbel{}, target, options};
        imle_layer central{imle::top_k{2}, imle::gumbel{}, target, central_options};
        const vector low = mu(moved(theta, -beta, w), t_tgt);
        const vector expected_forward = moved(mu(theta, t_in), -1, low);
        vector expected_central = moved(mu(moved(theta, beta, w), t_tgt), -1, low);
        for (double& x : expected_central) x /= 2;
        const auto pass = forward.forward(rows_of(theta), random_key{5});
        CHECK(furthest(forward.vjp(pass, rows_of(w)), expected_forward) < tolerance);
        CHECK(furthest(central.vjp(pass, rows_of(w)), expected_central) < tolerance);
        // The expected gradients differ clearly from 0 and from each other.
        CHECK(furthest(rows_of(expected_forward), vector(theta.size(), 0.0)) > 10 * tolerance);
        CHECK(furthest(rows_of(expected_forward), expected_central) > 3 * tolerance);
    }
}

TEST_CASE("statistics: a small central step gives the marginals' exact gradient", "[statistical]") {
    const imle::testing::k_subsets family(theta.size(), 3);
    const vector exact = family.gumbel_marginals_vjp(theta, 1.0, w);
    const double beta = 0.25;
    imle_layer layer{imle::top_k{3},
                     imle::gumbel{},
                     perturbation_target{.beta = beta, .scale_gradient = true},
                     {.samples = 4 * sample_count, .difference = difference::central}};
    const auto pass = layer.marginals(rows_of(theta), random_key{6});
    // The difference is divided by beta, and so is its error; a central difference adds a bias of order
    // beta^2.
    const vector high = family.gumbel_marginals(moved(theta, beta, w)),
                 low = family.gumbel_marginals(moved(theta, -beta, w));
    vector expected = moved(high, -1, low);
    for (double& x : expected) x /= 2 * beta;
    const auto gradient = layer.vjp(pass, rows_of(w));
    CHECK(furthest(gradient, expected) < tolerance / 2 / beta);
    CHECK(furthest(rows_of(expected), exact) < 0.01);
}

TEST_CASE("statistics: skewed noise is subtracted from costs", "[statistical]") {
    // The exact softmin over four costs: a known fault of other implementations is to add the noise.
    const vector costs{0, 0.5, 1, 2};
    imle_layer layer{
        imle::minimizing(argmin_solver), imle::gumbel{}, perturbation_target{}, {.samples = sample_count}};
    const auto pass = layer.marginals(rows_of(costs), random_key{7});
    CHECK(furthest(pass.marginals(), {0.474, 0.287, 0.174, 0.064}) < tolerance + 0.001);
}

TEST_CASE("statistics: forward and backward use the same noise", "[statistical]") {
    // With a step of 0 the target's MAP state is the sample itself, for every single sample.
    imle_layer layer{imle::top_k{2}, imle::gumbel{}, perturbation_target{.beta = 0}, {.samples = 50}};
    const auto pass = layer.forward(rows_of(theta), random_key{8});
    CHECK(furthest(layer.vjp(pass, rows_of(w)), vector(theta.size(), 0.0)) == 0);
    imle_layer adaptive{
        imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{{.initial_beta = 0}}, {.samples = 50}};
    CHECK(furthest(adaptive.vjp(pass, rows_of(w)), vector(theta.size(), 0.0)) == 0);
}
