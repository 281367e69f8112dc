// Faults that implementations of these estimators are known to have, each a test here. "PyEPO" is
// khalil-research/PyEPO at 81089e6c (2026), pkg/pyepo/func/perturbed.py, read for this file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <imle/estimators/blackbox.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "testing/finite_differences.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::adaptive_target;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace {

// The k cheapest.
constexpr auto two_cheapest = [](const auto& cost, auto& z) {
    const std::vector<typename std::decay_t<decltype(cost)>::Scalar> c(cost.data(),
                                                                       cost.data() + cost.size());
    for (std::size_t i = 0; i < c.size(); ++i) {
        std::size_t cheaper = 0;
        for (std::size_t j = 0; j < c.size(); ++j) cheaper += c[j] < c[i] || (c[j] == c[i] && j < i);
        z.data()[i] = cheaper < 2 ? 1 : 0;
    }
};

// Gumbel noise with the wrong sign.
struct mirrored_gumbel {
    template <class Scalar>
    void fill(random_key key, std::uint64_t first, std::span<Scalar> out) const {
        imle::gumbel{}.fill(key, first, out);
        for (Scalar& x : out) x = -x;
    }
};

// The largest distance of a coordinate's frequency from p, in standard deviations, over `samples` draws of
// one instance.
template <class LayerT>
double furthest_frequency(const LayerT& layer, const vector& theta, const vector& p) {
    const auto pass = layer.forward(rows_of(theta, 1), random_key{17});
    const matrix mean = pass.marginals();
    const double samples = static_cast<double>(pass.sample_count());
    double most = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
        most = std::max(most, std::abs(mean.data()[i] - p[i]) / std::sqrt(p[i] * (1 - p[i]) / samples));
    return most;
}

}  // namespace

TEST_CASE("known fault: multiplicative noise whose mean is above 1", "[estimators][known_faults]") {
    // theta * exp(sigma * xi) without - sigma^2 / 2, or with another term, makes every theta larger.
    const double T = 0.8;
    const Eigen::Index count = support::repeats(Eigen::Index{100000});
    const imle_layer layer{identity_solver,
                           imle::multiplicative{},
                           perturbation_target{},
                           {.samples = count, .input_temperature = T}};
    const cube factor = layer.forward(rows_of({1}, 1), random_key{3}).samples();
    double mean = 0;
    for (Eigen::Index s = 0; s < count; ++s) mean += factor(0, s, 0) / static_cast<double>(count);
    const double deviation = std::sqrt((std::exp(T * T) - 1) / static_cast<double>(count));
    CHECK(std::abs(mean - 1) < 6 * deviation);
    // Without the 1/2 the mean would be far outside of that.
    CHECK(std::abs(mean * std::exp(T * T / 2) - 1) > 30 * deviation);
}

TEST_CASE("known fault: a perturbed optimiser's Jacobian that scales with the number of samples",
          "[estimators][known_faults][draws]") {
    // A sum in place of a mean, or a mean that is divided by S again.
    const vector theta{0.5, -0.3, 1.1, 0.0}, dmu{1.0, -0.5, 0.25, 2.0};
    const vector exact = imle::testing::k_subsets(4, 2).gumbel_marginals_vjp(theta, 1, dmu);
    for (const Eigen::Index samples : {2, 8, 64}) {
        const imle::perturbed_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = samples}};
        const Eigen::Index rows = 40000 / samples;
        check_mean(layer.vjp(layer.forward(rows_of(theta, rows), random_key{5}), rows_of(dmu, rows)), exact,
                   0.06);
        // The same by the chain rule from the mean of the samples, where each sample gets dmu / S.
        const auto [value, pullback] = layer.value_and_pullback(rows_of(theta, 1), random_key{5});
        cube dz(1, samples, 4);
        for (Eigen::Index s = 0; s < samples; ++s)
            for (std::size_t i = 0; i < 4; ++i)
                dz(0, s, static_cast<Eigen::Index>(i)) = dmu[i] / static_cast<double>(samples);
        const auto pass = layer.forward(rows_of(theta, 1), random_key{5});
        CHECK(furthest(pullback(dz), layer.vjp(pass, rows_of(dmu, 1))) < 1e-12);
    }
}

TEST_CASE("known fault: a perturbed optimiser's Jacobian that explodes as sigma goes to 0",
          "[estimators][known_faults]") {
    // Without a baseline it grows as 1 / sigma; PyEPO has it as an option (variance_reduction).
    const vector theta{0.5, -0.3, 1.1, 0.0}, dmu{1.0, -0.5, 0.25, 2.0};
    for (const double sigma : {1e-3, 1e-8, 1e-100}) {
        const imle::perturbed_layer layer{
            imle::top_k{2}, imle::gumbel{}, {.samples = 10, .temperature = sigma}};
        const matrix gradient =
            layer.vjp(layer.forward(rows_of(theta, 100), random_key{5}), rows_of(dmu, 100));
        CHECK(std::all_of(gradient.data(), gradient.data() + 400, [](double g) { return g == 0; }));
    }
}

TEST_CASE("known fault: skewed noise that is added to costs", "[estimators][known_faults][draws]") {
    // PyEPO's implicitMLE and adaptiveImplicitMLE perturb c + sigma * noise, with sum-of-gamma noise, which
    // is skewed, for minimisers and maximisers alike. Costs are the negated theta: c - sigma * noise.
    const vector cost{0, 0.5, 1, 2};
    vector softmin(4);
    double total = 0;
    for (std::size_t i = 0; i < 4; ++i) total += softmin[i] = std::exp(-cost[i]);
    for (double& p : softmin) p /= total;
    const vector published{0.474, 0.287, 0.174, 0.064};
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(std::abs(softmin[i] - published[i]) < 7e-4);

    const imle::minimizing solver(argmin_solver);
    const imle::layer_options options{.samples = 100000};
    CHECK(furthest_frequency(imle_layer{solver, imle::gumbel{}, perturbation_target{}, options}, cost,
                             softmin) < 6);
    CHECK(furthest_frequency(imle::straight_through_layer{solver, imle::gumbel{}, options}, cost, softmin) <
          6);
    CHECK(furthest_frequency(imle::perturbed_layer{solver, imle::gumbel{}, {.samples = 100000}}, cost,
                             softmin) < 6);
    // The wrong way round.
    CHECK(furthest_frequency(imle_layer{solver, mirrored_gumbel{}, perturbation_target{}, options}, cost,
                             softmin) > 12);
}

TEST_CASE("known fault: differences that step to the wrong side", "[estimators][known_faults][draws]") {
    // PyEPO's one-sided difference stepped to theta + lambda * dz for maximisers, until c218e337 (June 2026).
    // Solutions are linear in what is averaged, so that with Gumbel noise the estimators' means are exact:
    // (mu(theta) - mu(theta - lambda dz)) / lambda, and the central (mu(+) - mu(-)) / (2 lambda).
    const vector theta{0.5, -0.3, 1.1, 0.0}, dmu{1.0, -0.5, 0.25, 0.75};
    const double lambda = 0.8;
    const imle::testing::k_subsets family(4, 2);
    const Eigen::Index rows = 15000;
    const auto mu = [&](double sign, double step) {
        vector moved(4);
        for (std::size_t i = 0; i < 4; ++i) moved[i] = sign * theta[i] + step * dmu[i];
        return family.gumbel_marginals(moved);
    };
    for (const double sign : {1.0, -1.0}) {  // theta, or costs: -theta
        for (const imle::difference kind : {imle::difference::forward, imle::difference::central}) {
            const vector near = kind == imle::difference::central ? mu(sign, lambda) : mu(sign, 0);
            const vector far = mu(sign, -lambda);
            vector expected(4);
            for (std::size_t i = 0; i < 4; ++i)
                expected[i] =
                    sign * (near[i] - far[i]) / (kind == imle::difference::central ? 2 * lambda : lambda);
            const perturbation_target target{.beta = lambda, .scale_gradient = true};
            const auto check = [&](auto solver) {
                imle_layer layer{solver, imle::gumbel{}, target, {.difference = kind}};
                const matrix gradient =
                    layer.vjp(layer.forward(rows_of(theta, rows), random_key{7}), rows_of(dmu, rows));
                check_mean(gradient, expected);
                // Downhill, as the exact gradient is.
                vector signed_theta = theta;
                for (double& t : signed_theta) t *= sign;
                vector exact = family.gumbel_marginals_vjp(signed_theta, 1, dmu);
                for (double& x : exact) x *= sign;
                CHECK(reference::dot(exact, row_statistics(gradient).mean) >
                      0.9 * std::sqrt(reference::dot(exact, exact) * reference::dot(expected, expected)));
            };
            if (sign > 0)
                check(imle::top_k{2});
            else
                check(imle::minimizing(two_cheapest));
        }
    }
}

TEST_CASE("known fault: a lambda that depends on the reduction of the loss", "[estimators][known_faults]") {
    // With a mean over a batch of 8 the cotangents are an eighth, and the gradient must be, bit for bit; a
    // fixed lambda then takes an eighth of the step. Norms over the whole call are independent of it.
    const auto theta = numbers<matrix>({8, 5}, 1), dz = numbers<matrix>({8, 5}, 2);
    const auto gradient_of = [&](double reduction) {
        imle_layer layer{imle::top_k{2}, imle::gumbel{}, adaptive_target{}, {.samples = 4}};
        return matrix(layer.vjp(layer.forward(theta, random_key{1}), matrix(dz * reduction)));
    };
    const matrix sum = gradient_of(1);
    REQUIRE(*std::max_element(sum.data(), sum.data() + sum.size()) > 0);
    CHECK(same_bits(matrix(gradient_of(0.125) * 8.0), sum));
    // Through a tape: the pullback of the mean over samples equals one cotangent for all samples.
    imle_layer layer{imle::top_k{2}, imle::gumbel{}, adaptive_target{}, {.samples = 4}};
    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{1});
    cube each(8, 4, 5);
    for (Eigen::Index b = 0; b < 8; ++b)
        for (Eigen::Index s = 0; s < 4; ++s)
            for (Eigen::Index i = 0; i < 5; ++i) each(b, s, i) = dz(b, i) / 4;
    CHECK(same_bits(matrix(pullback(each)), sum));
}

TEST_CASE("known fault: an adaptive rule that averages nonzeros over all entries",
          "[estimators][known_faults]") {
    // PyEPO takes the share of nonzeros among all numbers of the gradient, which is at most 1, the norm aimed
    // at: its step can only grow. The rule counts the nonzeros of each sample's difference, before averaging.
    const auto theta = numbers<matrix>({6, 10}, 1), dz = numbers<matrix>({6, 10}, 2);
    vector counts;
    for (const Eigen::Index samples : {1, 50}) {
        imle_layer layer{imle::top_k{5},
                         imle::gumbel{},
                         adaptive_target{{.initial_beta = 20, .beta_step = 0.5, .decay = 0}},
                         {.samples = samples}};
        (void)layer.vjp(layer.forward(theta, random_key{1}), dz);
        // A step that large changes most of the ten, in any one sample.
        CHECK(layer.target().state().grad_norm > 2);
        CHECK(layer.target().state().grad_norm <= 10);
        CHECK(layer.target().state().beta == 19.5);
        counts.push_back(layer.target().state().grad_norm);
    }
    // More samples are not more signal. (6 differences against 300, each between 0 and 10.)
    CHECK(std::abs(counts[0] - counts[1]) < 2);
}

TEST_CASE("known fault: passes with different oracles or different noise", "[estimators][known_faults]") {
    // PyEPO with solve_ratio < 1 throws dice in each pass for whether to solve or to look into a pool of old
    // solutions: the difference of two oracles is no derivative.
    const auto theta = numbers<matrix>({5, 8}, 1);
    const matrix dz = numbers<matrix>({5, 8}, 2) * 1e-13;  // changes bits of theta', and no solution
    const auto calls = std::make_shared<int>(0);
    const auto counting = [calls](const auto& t, auto& z) {
        ++*calls;
        imle::top_k{3}(t, z);
    };
    const perturbation_target target{.beta = 1};
    for (const imle::difference kind : {imle::difference::forward, imle::difference::central}) {
        imle_layer layer{counting, imle::gumbel{}, target, {.samples = 20, .difference = kind}};
        *calls = 0;
        const auto pass = layer.forward(theta, random_key{1});
        CHECK(*calls == 100);
        *calls = 0;
        const matrix gradient = layer.vjp(pass, dz);
        CHECK(*calls == (kind == imle::difference::central ? 200 : 100));
        CHECK(
            std::all_of(gradient.data(), gradient.data() + gradient.size(), [](double g) { return g == 0; }));
    }
    // With another noise in the backward pass the difference is not 0: the test can fail.
    imle_layer layer{counting, imle::gumbel{}, target, {.samples = 20}};
    const auto pass = layer.forward(theta, random_key{1});
    const imle::sampled_pass<double, 2, Eigen::RowMajor> other(theta, pass.samples(), random_key{2}, 0);
    const matrix wrong = layer.vjp(other, dz);
    CHECK(std::any_of(wrong.data(), wrong.data() + wrong.size(), [](double g) { return g != 0; }));
}

TEST_CASE("known fault: a step and a division by different lambdas", "[estimators][known_faults]") {
    // For a solver that returns theta the difference is the step itself, and divided by the same lambda it is
    // dz: for any lambda and number of samples. (PyEPO divides by lambda plus a small number.)
    const auto theta = numbers<matrix>({3, 4}, 1);
    for (const Eigen::Index samples : {1, 7, 100}) {
        const auto dz = numbers<cube>({3, samples, 4}, 2);
        matrix mean(3, 4);
        mean.setZero();
        for (Eigen::Index b = 0; b < 3; ++b)
            for (Eigen::Index s = 0; s < samples; ++s)
                for (Eigen::Index i = 0; i < 4; ++i) mean(b, i) += dz(b, s, i) / static_cast<double>(samples);
        for (const imle::difference kind : {imle::difference::forward, imle::difference::central}) {
            const imle::layer_options options{.samples = samples, .difference = kind};
            for (const double lambda : {1e-6, 1.0, 1e3}) {
                const auto check = [&](auto layer) {
                    CHECK(furthest(layer.vjp(layer.forward(theta, random_key{1}), dz), mean) < 1e-8);
                };
                check(imle_layer{identity_solver, imle::gumbel{},
                                 perturbation_target{.beta = lambda, .scale_gradient = true}, options});
                check(imle_layer{identity_solver, imle::gumbel{}, adaptive_target{{.initial_beta = lambda}},
                                 options});
                check(imle::blackbox(identity_solver, lambda, options));
            }
        }
    }
}
