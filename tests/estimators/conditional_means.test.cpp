// The means of a conditional_layer over keys are the exact marginals and their exact gradient, and its
// variance is lower.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <imle/estimators/conditional_layer.hpp>
#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/k_subsets.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "testing/finite_differences.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::conditional_layer;
using imle::random_key;

namespace {

/// P(z_i = 1) of the k largest of theta + T * eps, by the midpoint rule over u, where eps_i = quantile(u):
/// given it, at most k - 1 of the others are larger. `quantiles`: at the midpoints.
template <class LawT>
vector exact_marginals(const LawT& law, const vector& quantiles, const vector& theta, double T,
                       std::size_t k) {
    const std::size_t n = theta.size();
    vector mu(n, 0);
    for (std::size_t i = 0; i < n; ++i)
        for (const double q : quantiles) {
            vector count(k, 0);  // the probability that 0, 1, ... of the others are larger
            count[0] = 1;
            for (std::size_t j = 0; j < n; ++j) {
                if (j == i) continue;
                const double larger = law.survival((theta[i] - theta[j]) / T + q);
                for (std::size_t c = k; c-- > 0;)
                    count[c] = count[c] * (1 - larger) + (c > 0 ? count[c - 1] * larger : 0);
            }
            for (const double c : count) mu[i] += c / static_cast<double>(quantiles.size());
        }
    return mu;
}

/// The means over keys of marginals and gradients, each within six deviations of the exact ones: a false
/// alarm of 2e-9 for each coordinate. Costs: theta negated.
template <class SolverT, class NoiseT>
void check_means(const SolverT& solver, const NoiseT& noise, const vector& theta, double T, const vector& dmu,
                 const vector& mu, const vector& gradient, Eigen::Index samples, std::uint64_t seed,
                 Eigen::Index rows = 2500) {
    rows = support::repeats(rows);
    const conditional_layer layer{solver, noise, {.samples = samples, .temperature = T}};
    const auto pass = layer.marginals(rows_of(theta, rows), random_key{seed});
    check_mean(pass.marginals(), mu);
    check_mean(layer.vjp(pass, rows_of(dmu, rows)), gradient, 0.1);
}

template <class NoiseT>
void check_law(const NoiseT& noise, std::uint64_t seed, int points = 200) {
    const vector theta{0.5, -0.3, 0.8, 0.0}, dmu{1.0, -0.5, 0.25, 2.0};
    const double T = 0.8;
    vector quantiles;
    for (int p = 0; p < points; ++p) quantiles.push_back(noise.quantile((p + 0.5) / points));
    const auto mu = [&](const vector& at) { return exact_marginals(noise, quantiles, at, T, 2); };
    check_means(imle::top_k{2}, noise, theta, T, dmu, mu(theta),
                reference::gradient(
                    theta, [&](const vector& at) { return reference::dot(dmu, mu(at)); }, 1e-4),
                1, seed);
}

/// The variance of the marginals, summed over coordinates, of S plain samples, over that of S conditional
/// ones.
double variance_ratio(std::size_t n, Eigen::Index k, Eigen::Index samples, imle::sampling how,
                      Eigen::Index rows) {
    vector theta(n);
    imle::normal{}.fill(random_key{9}, 0, std::span<double>(theta));
    const matrix batch = rows_of(theta, support::repeats(rows));
    const conditional_layer layer{imle::top_k{k}, imle::gumbel{}, {.samples = samples, .sampling = how}};
    const imle::perturbed_sampler plain{imle::top_k{k}, imle::gumbel{}, {.samples = samples}};
    std::vector<Eigen::Index> failed;
    matrix z(batch.dimensions());
    plain.write_marginals(imle::detail::checked_call(batch, samples, random_key{4}, {}), z.data(), failed);
    return row_statistics(z).total_variance() /
           row_statistics(layer.marginals(batch, random_key{4}).marginals()).total_variance();
}

}  // namespace

TEST_CASE("conditional_layer: Gumbel and k-subsets, the means over keys are exact",
          "[estimators][conditional][draws]") {
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0}, dmu{1.0, -0.5, 0.25, 2.0, -1.0};
    for (const std::size_t k : {1U, 2U, 4U}) {
        const imle::testing::k_subsets family(5, k);
        const double T = k == 2 ? 2.0 : 0.5;
        for (const Eigen::Index samples : {1, 5})
            check_means(imle::top_k{k}, imle::gumbel{}, theta, T, dmu, family.gumbel_marginals(theta, T),
                        family.gumbel_marginals_vjp(theta, T, dmu), samples, k, 2500 / samples);
    }
}

TEST_CASE("conditional_layer: costs, groups and one of n, the means over keys are exact",
          "[estimators][conditional][draws]") {
    const double T = 0.8;
    const vector theta{0.4, -0.2, 0.9, 0.1, -0.7}, dmu{1, -2, 0.5, 1, -1};
    // Groups of 2 and 3.
    vector mu, gradient;
    for (const auto& [first, size] : {std::pair<std::size_t, std::size_t>{0, 2}, {2, 3}}) {
        const imle::testing::categories family(size);
        const auto part = [&, f = first, s = size](const vector& all) {
            return vector(all.begin() + static_cast<std::ptrdiff_t>(f),
                          all.begin() + static_cast<std::ptrdiff_t>(f + s));
        };
        for (const double x : family.gumbel_marginals(part(theta), T)) mu.push_back(x);
        for (const double x : family.gumbel_marginals_vjp(part(theta), T, part(dmu))) gradient.push_back(x);
    }
    check_means(imle::k_of_groups{1, {2, 3}}, imle::gumbel{}, theta, T, dmu, mu, gradient, 1, 3);
    // Costs: skewed noise is subtracted, and the gradient's sign turns.
    vector costs = theta;
    for (double& c : costs) c = -c;
    for (double& g : gradient) g = -g;
    check_means(imle::minimizing(imle::k_of_groups{1, {2, 3}}), imle::gumbel{}, costs, T, dmu, mu, gradient,
                1, 4);
    const imle::testing::categories family(5);
    check_means(imle::categorical{}, imle::gumbel{}, theta, T, dmu, family.gumbel_marginals(theta, T),
                family.gumbel_marginals_vjp(theta, T, dmu), 2, 5);
}

TEST_CASE("conditional_layer: every law, the means over keys are exact", "[estimators][conditional][draws]") {
    check_law(imle::normal{0.2, 1.3}, 11);
    check_law(imle::logistic{}, 12);
    check_law(imle::laplace{}, 13);
    check_law(imle::gamma{2.5, 0.7}, 14);
}

TEST_CASE("conditional_layer: densities that jump at their ends, the means over keys are exact",
          "[estimators][conditional][draws]") {
    // m has kinks where a threshold passes an end of the law; they have probability 0.
    check_law(imle::exponential{1.5}, 15);
    check_law(imle::uniform{-1, 1}, 16);
    check_law(imle::gamma{1, 1}, 17);
}

TEST_CASE("conditional_layer: sum-of-gamma noise, the means over keys are exact",
          "[estimators][conditional][draws][slow]") {
    // The exact law for k = 1 is Gumbel's.
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0}, dmu{1.0, -0.5, 0.25, 2.0, -1.0};
    const imle::testing::k_subsets family(5, 2);
    check_means(imle::top_k{2}, imle::sum_of_gamma::exact(1), theta, 1, dmu,
                family.gumbel_marginals(theta, 1), family.gumbel_marginals_vjp(theta, 1, dmu), 1, 18);
    // A lower bound where the density is like a power of the distance.
    check_law(imle::sum_of_gamma{7, 10}, 19, 60);
}

TEST_CASE("conditional_layer: stratified samples, the means over keys are exact",
          "[estimators][conditional][draws]") {
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0}, dmu{1.0, -0.5, 0.25, 2.0, -1.0};
    const imle::testing::k_subsets family(5, 2);
    const conditional_layer layer{
        imle::top_k{2}, imle::gumbel{}, {.samples = 4, .sampling = imle::sampling::latin}};
    const Eigen::Index rows = support::repeats(2000);
    const auto pass = layer.marginals(rows_of(theta, rows), random_key{8});
    check_mean(pass.marginals(), family.gumbel_marginals(theta, 1));
    check_mean(layer.vjp(pass, rows_of(dmu, rows)), family.gumbel_marginals_vjp(theta, 1, dmu), 0.1);
}

TEST_CASE("conditional_layer: the variance is lower", "[estimators][conditional][draws]") {
    // At 16 samples. Standard normal theta, Gumbel noise.
    const auto both = [](std::size_t n, Eigen::Index k, Eigen::Index rows) {
        return std::pair{variance_ratio(n, k, 16, imle::sampling::independent, rows),
                         variance_ratio(n, k, 16, imle::sampling::latin, rows)};
    };
    const auto [five_of_ten, latin_five_of_ten] = both(10, 5, 500);
    const auto [one_of_fifty, latin_one_of_fifty] = both(50, 1, 200);
    const auto [ten_of_350, latin_ten_of_350] = both(350, 10, 50);
    CAPTURE(five_of_ten, one_of_fifty, ten_of_350, latin_five_of_ten, latin_one_of_fifty, latin_ten_of_350);
    CHECK(five_of_ten > 4);
    CHECK(one_of_fifty > 12);
    CHECK(ten_of_350 > 15);
    CHECK(latin_five_of_ten > 1.5 * five_of_ten);
    CHECK(latin_one_of_fifty > 1.1 * one_of_fifty);
    CHECK(latin_ten_of_350 > 1.3 * ten_of_350);
}
