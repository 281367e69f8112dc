#include <imle/estimators/perturbed_layer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/k_subsets.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::baseline;
using imle::perturbed_estimate;
using imle::perturbed_layer;
using imle::random_key;

namespace {

// Hashed numbers with a made-up score: what the layer does with it can be worked out by hand.
struct scored_noise : hashed_noise {
    static double score(double x) { return x * x * x - x; }
};

double normal_density(double x) {
    return std::exp(-x * x / 2) / std::sqrt(2 * 3.14159265358979323846);
}

// The gradients of many rows, of one theta and one cotangent each.
template <class SolverT, class NoiseT>
matrix gradients(SolverT solver, NoiseT noise, const vector& theta, const vector& dmu,
                 imle::perturbed_options options, Eigen::Index rows, std::uint64_t seed) {
    const perturbed_layer layer{std::move(solver), std::move(noise), options};
    return layer.vjp(layer.forward(rows_of(theta, rows), random_key{seed}), rows_of(dmu, rows));
}

}  // namespace

TEMPLATE_TEST_CASE("perturbed_layer: the gradient is the definition's", "[estimators][perturbed]",
                   (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<float, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    using tensor = Eigen::Tensor<Scalar, 3, layout>;
    const double T = 0.5;
    const random_key key{11};
    const bool minimizes = GENERATE(false, true);
    const auto kind = GENERATE(baseline::none, baseline::leave_one_out);
    const auto estimate = GENERATE(perturbed_estimate::score, perturbed_estimate::symmetrized);
    for (const Eigen::Index samples : {2, 5, 2000}) {
        const std::uint64_t first = 7;
        const std::array<Eigen::Index, 3> dimensions = layout == Eigen::RowMajor
                                                           ? std::array<Eigen::Index, 3>{3, 2, 2}
                                                           : std::array<Eigen::Index, 3>{2, 2, 3};
        const auto theta = numbers<tensor>(dimensions, 1), dmu = numbers<tensor>(dimensions, 2);
        // No element past the last may be asked for.
        scored_noise noise;
        noise.end = (first + 3) * static_cast<std::uint64_t>(samples) * 4;
        const imle::perturbed_options options{
            .samples = samples, .temperature = T, .baseline = kind, .estimate = estimate};
        const auto check = [&](const auto& layer) {
            const auto pass = layer.forward(theta, key, first);
            const tensor gradient = layer.vjp(pass, dmu);
            support::tally wrong;
            for (std::size_t b = 0; b < 3; ++b) {
                // a_s = <dmu + c, z_s> and v_s = <dmu - c, score(eps_s)>.
                std::vector<double> a(static_cast<std::size_t>(samples), 0.0), v(a);
                std::vector<std::array<double, 4>> z(a.size());
                double total_a = 0, total_v = 0, c = 0;
                if (estimate == perturbed_estimate::symmetrized)
                    for (std::size_t i = 0; i < 4; ++i) c += static_cast<double>(dmu.data()[b * 4 + i]) / 4;
                const auto eps = [&](std::size_t s, std::size_t i) {
                    return hashed(key, ((first + b) * static_cast<std::uint64_t>(samples) + s) * 4 + i);
                };
                for (std::size_t s = 0; s < a.size(); ++s) {
                    for (std::size_t i = 0; i < 4; ++i) {
                        // The cube's corner, and what the solver was given.
                        const double t = static_cast<double>(theta.data()[b * 4 + i]);
                        const double d = static_cast<double>(dmu.data()[b * 4 + i]);
                        const bool one = minimizes ? t - T * eps(s, i) < 0 : t + T * eps(s, i) > 0;
                        wrong.expect(pass.samples().data()[(b * a.size() + s) * 4 + i] == Scalar(one ? 1 : 0),
                                     "sample ", s, " of instance ", b, ", element ", i);
                        z[s][i] = one ? 1 : 0;
                        a[s] += (d + c) * z[s][i];
                        v[s] += (d - c) * scored_noise::score(eps(s, i));
                    }
                    total_a += a[s];
                    total_v += v[s];
                }
                const auto weight = [&](double own, double total) {
                    const double others = (total - own) / static_cast<double>(samples - 1);
                    return (own - (kind == baseline::none ? 0 : others)) / static_cast<double>(samples) / T;
                };
                for (std::size_t i = 0; i < 4; ++i) {
                    double expected = 0, mirrored = 0;
                    for (std::size_t s = 0; s < a.size(); ++s) {
                        expected += weight(a[s], total_a) * scored_noise::score(eps(s, i));
                        mirrored += weight(v[s], total_v) * z[s][i];
                    }
                    if (estimate == perturbed_estimate::symmetrized) expected = (expected + mirrored) / 2;
                    if (minimizes) expected = -expected;
                    const double found = static_cast<double>(gradient.data()[b * 4 + i]);
                    wrong.expect(std::abs(found - expected) < (std::is_same_v<Scalar, float> ? 1e-6 : 1e-12),
                                 samples, " samples, temperature ", T, ", instance ", b, ", element ", i,
                                 ": ", found, ", not ", expected);
                }
            }
            CHECK(wrong == 0);
        };
        if (minimizes)
            check(perturbed_layer{minimal_cube_solver{}, noise, options});
        else
            check(perturbed_layer{cube_solver, noise, options});
    }
}

TEST_CASE("perturbed_layer: Gumbel and k-subsets, the mean over keys is the exact gradient",
          "[estimators][perturbed][draws]") {
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0}, dmu{1.0, -0.5, 0.25, 2.0, -1.0};
    const imle::testing::k_subsets family(5, 2);
    for (const double T : {0.5, 2.0}) {
        const vector exact = family.gumbel_marginals_vjp(theta, T, dmu);
        for (const auto estimate : {perturbed_estimate::score, perturbed_estimate::symmetrized}) {
            // One sample or many: the mean is the same.
            check_mean(
                gradients(imle::top_k{2}, imle::gumbel{}, theta, dmu,
                          {.samples = 1, .temperature = T, .baseline = baseline::none, .estimate = estimate},
                          4000, 1),
                exact, 0.15);
            for (const Eigen::Index samples : {2, 20})
                check_mean(gradients(imle::top_k{2}, imle::gumbel{}, theta, dmu,
                                     {.samples = samples, .temperature = T, .estimate = estimate},
                                     6000 / samples, 2),
                           exact, 0.15);
        }
    }
    // A scale of the law is a temperature, and its location moves nothing.
    check_mean(gradients(imle::top_k{2}, imle::gumbel{3, 0.5}, theta, dmu,
                         {.samples = 10, .temperature = 1.5}, 2500, 3),
               family.gumbel_marginals_vjp(theta, 0.75, dmu), 0.1);
}

TEST_CASE("perturbed_layer: Gumbel and one of n, costs, the mean over keys is the softmin's Jacobian",
          "[estimators][perturbed][draws]") {
    const vector cost{0, 0.5, 1, 2}, dmu{1, -2, 0.5, 1};
    const double T = 0.8;
    vector expected = imle::testing::categories(4).gibbs_marginals_vjp(vector{-0.0, -0.5, -1, -2}, T, dmu);
    for (double& x : expected) x = -x;
    check_mean(gradients(imle::minimizing(argmin_solver), imle::gumbel{}, cost, dmu,
                         {.samples = 5, .temperature = T}, 6000, 4),
               expected);
}

TEST_CASE("perturbed_layer: normal noise and one of two, in closed form", "[estimators][perturbed][draws]") {
    // P(z_0 = 1) = Phi((theta_0 - theta_1) / (T sqrt 2)).
    const vector theta{0.3, -0.2}, dmu{1.5, -1};
    for (const double deviation : {1.0, 2.0}) {
        const double T = 0.7, width = T * deviation * std::sqrt(2.0);
        const double slope = 2.5 * normal_density(0.5 / width) / width;
        check_mean(gradients(imle::categorical{}, imle::normal{0, deviation}, theta, dmu,
                             {.samples = 8, .temperature = T}, 3000, 5),
                   {slope, -slope});
    }
}

TEST_CASE("perturbed_layer: skewed gamma noise and one of two, by quadrature",
          "[estimators][perturbed][draws]") {
    // P(z_0 = 1) = E F(x + d), d = (theta_0 - theta_1) / T, and its slope is E f(x + d) / T.
    const imle::gamma law(3, 0.5);
    const vector theta{0.4, 0.1}, dmu{1, 0};
    const double T = 0.6, d = 0.3 / T;
    double slope = 0;
    const double width = 4e-3;
    for (double x = width / 2; x < 30; x += width) slope += law.pdf(x) * law.pdf(x + d) * width / T;
    check_mean(gradients(imle::categorical{}, law, theta, dmu, {.samples = 8, .temperature = T}, 4000, 6),
               {slope, -slope});
    // For costs the noise is subtracted: with one of two that is the same law mirrored.
    check_mean(gradients(imle::minimizing(argmin_solver), law, theta, dmu, {.samples = 8, .temperature = T},
                         4000, 7),
               {-slope, slope});
}

TEST_CASE("perturbed_layer: multiplicative noise and one of two, in closed form",
          "[estimators][perturbed][draws]") {
    const double T = 0.5, width = T * std::sqrt(2.0);
    const vector dmu{1, -1};
    const imle::perturbed_options options{.samples = 6, .temperature = T};
    // Log-normal numbers: z_0 = 1 where log theta_0 + T xi_0 > log theta_1 + T xi_1.
    const double slope = 2 * normal_density(std::log(1.2 / 0.9) / width) / width;
    check_mean(gradients(imle::categorical{}, imle::multiplicative{}, {1.2, 0.9}, dmu, options, 4000, 8),
               {slope / 1.2, -slope / 0.9});
    // Both negative: the one nearer to 0 wins, and moving away from it is a loss.
    check_mean(gradients(imle::categorical{}, imle::multiplicative{}, {-1.2, -0.9}, dmu, options, 4000, 9),
               {slope / 1.2, -slope / 0.9});
    // Costs.
    check_mean(gradients(imle::minimizing(argmin_solver), imle::multiplicative{}, {1.2, 0.9}, dmu, options,
                         4000, 10),
               {-slope / 1.2, slope / 0.9});
}

TEST_CASE("perturbed_layer: multiplicative noise and a theta of 0", "[estimators][perturbed]") {
    const vector dmu{1, -1, 2};
    const matrix gradient = gradients(imle::categorical{}, imle::multiplicative{}, {-0.5, 0.0, 0.4}, dmu,
                                      {.samples = 4, .baseline = baseline::none}, 50, 11);
    double elsewhere = 0;
    for (Eigen::Index b = 0; b < 50; ++b) {
        CHECK(gradient(b, 1) == 0);
        elsewhere += std::abs(gradient(b, 2));
    }
    CHECK(elsewhere > 0);
}

TEST_CASE("perturbed_layer: the baseline lowers the variance", "[estimators][perturbed][draws]") {
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0};
    const auto estimate = GENERATE(perturbed_estimate::score, perturbed_estimate::symmetrized);
    const auto total = [&](const vector& dmu, baseline kind) {
        return row_statistics(gradients(imle::top_k{2}, imle::gumbel{}, theta, dmu,
                                        {.samples = 10, .baseline = kind, .estimate = estimate}, 1000, 12))
            .total_variance();
    };
    // a_s is large and nearly the same for all samples: without a baseline that is all noise.
    const vector far{5.0, 5.1, 4.9, 5.2, 5.0};
    CHECK(total(far, baseline::leave_one_out) < 0.01 * total(far, baseline::none));
    const vector near{1.0, -0.5, 0.25, 2.0, -1.0};
    CHECK(total(near, baseline::leave_one_out) < total(near, baseline::none));
}

TEST_CASE("perturbed_layer: as T goes to 0", "[estimators][perturbed]") {
    const vector theta{0.3, 0.1, 0.7}, dmu{0.1, 0.3, 0.7};
    // All samples agree, so nothing is known about the derivative. The gradient is exactly 0, and not the
    // rounding error of a mean divided by T.
    for (const double T : {1e-3, 1e-30, 1e-300, std::numeric_limits<double>::denorm_min()})
        for (Eigen::Index samples = 2; samples < 20; ++samples) {
            const perturbed_layer layer{
                imle::top_k{2}, imle::gumbel{}, {.samples = samples, .temperature = T}};
            const auto pass = layer.forward(rows_of(theta, 20), random_key{13});
            const auto cotangents = numbers<matrix>({20, 3}, static_cast<std::uint64_t>(samples));
            const matrix gradient = layer.vjp(pass, matrix(cotangents * 0.1));
            CHECK(std::all_of(gradient.data(), gradient.data() + 60, [](double g) { return g == 0; }));
        }
    const std::string message = support::message_of<std::invalid_argument>([&] {
        (void)gradients(imle::top_k{2}, imle::gumbel{}, theta, dmu,
                        {.samples = 7, .temperature = 1e-310, .baseline = baseline::none}, 20, 13);
    });
    CHECK(support::says(message, {"the gradient is", "larger temperature"}));
}

TEST_CASE("perturbed_layer: the chain rule", "[estimators][perturbed]") {
    const auto theta = numbers<matrix>({4, 3}, 1), dmu = numbers<matrix>({4, 3}, 2);
    const Eigen::Index samples = 6;
    const perturbed_layer layer{imle::top_k{1}, imle::normal{}, {.samples = samples}};
    const auto pass = layer.forward(theta, random_key{3}, 2);
    const matrix expected = layer.vjp(pass, dmu);
    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{3}, 2);
    CHECK(same_bits(value, pass.samples()));
    // The mean over samples, then dmu: each sample's cotangent is dmu / S.
    cube dz(4, samples, 3);
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < 3; ++i) dz(b, s, i) = dmu(b, i) / static_cast<double>(samples);
    CHECK(furthest(pullback(dz), expected) < 1e-13);
    // Only the mean of the cotangents matters: the layer differentiates the marginals.
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index i = 0; i < 3; ++i) {
            dz(b, 0, i) += 0.5;
            dz(b, 1, i) -= 0.5;
        }
    CHECK(furthest(pullback(dz), expected) < 1e-12);
    CHECK(furthest(layer.vjp(pass, cube(dz * static_cast<double>(samples))), expected) < 1e-12);
}

TEST_CASE("perturbed_layer: as many threads as there are, and the same bits", "[estimators][perturbed]") {
    // Some units of rows, the last of which is not full.
    using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const auto theta = numbers<tensor>({67, 25}, 1), dmu = numbers<tensor>({67, 25}, 2);
    const auto dz = numbers<Eigen::Tensor<float, 3, Eigen::RowMajor>>({67, 33, 25}, 4);
    for (const auto estimate :
         {perturbed_estimate::score, perturbed_estimate::symmetrized, perturbed_estimate::directional}) {
        const imle::perturbed_options one{.samples = 33, .estimate = estimate};
        imle::perturbed_options three = one;
        three.threads = 3;
        const perturbed_layer layer{imle::top_k{4}, imle::normal{}, one};
        const perturbed_layer threaded{imle::top_k{4}, imle::normal{}, three, eager_threads()};
        const auto pass = layer.forward(theta, random_key{3}, 10);
        const tensor expected = layer.vjp(pass, dmu);
        CHECK(furthest(expected, std::vector<double>(67 * 25, 0.0)) > 0);
        CHECK(same_bits(tensor(threaded.vjp(pass, dmu)), expected));
        const tensor by_sample = layer.vjp(pass, dz);
        CHECK(furthest(by_sample, expected) > 0);
        CHECK(same_bits(tensor(threaded.vjp(pass, dz)), by_sample));
    }
}

TEST_CASE("perturbed_layer: symmetrized and what noise cannot be symmetrized", "[estimators][perturbed]") {
    // The default is symmetrized; with multiplicative noise it is score.
    CHECK(imle::perturbed_options{}.estimate == perturbed_estimate::symmetrized);
    const perturbed_layer layer{imle::top_k{1}, imle::normal{}, {.samples = 5}};
    const perturbed_layer by_score{
        imle::top_k{1}, imle::normal{}, {.samples = 5, .estimate = perturbed_estimate::score}};
    CHECK(layer.options().estimate == perturbed_estimate::symmetrized);
    CHECK(by_score.options().estimate == perturbed_estimate::score);
    const auto theta = numbers<matrix>({4, 3}, 1), dmu = numbers<matrix>({4, 3}, 2);
    const auto pass = layer.forward(theta, random_key{3});
    CHECK(furthest(layer.vjp(pass, dmu), by_score.vjp(pass, dmu)) > 1e-3);

    const perturbed_layer multiplied{imle::top_k{1}, imle::multiplicative{}, {.samples = 5}};
    CHECK(multiplied.options().estimate == perturbed_estimate::score);
    const perturbed_layer multiplied_by_score{
        imle::top_k{1}, imle::multiplicative{}, {.samples = 5, .estimate = perturbed_estimate::score}};
    const auto other = multiplied.forward(theta, random_key{3});
    CHECK(same_bits(matrix(multiplied.vjp(other, dmu)), matrix(multiplied_by_score.vjp(other, dmu))));
}

TEST_CASE("perturbed_layer: a heuristic's Jacobian is not symmetric, and score has the right one",
          "[estimators][perturbed][draws]") {
    // z_0 = 1 where theta_1 > 0, so mu_0 = Phi(theta_1 / T) and J has one number, in row 0 and column 1.
    const auto heuristic = [](const auto& theta, auto& z) {
        z.data()[0] = theta.data()[1] > 0 ? 1 : 0;
        z.data()[1] = 0;
    };
    const vector theta{0.3, 0.2}, dmu{1, 0.5};
    const double T = 0.8, slope = normal_density(0.2 / T) / T;
    const imle::perturbed_options options{
        .samples = 8, .temperature = T, .estimate = perturbed_estimate::score};
    check_mean(gradients(heuristic, imle::normal{}, theta, dmu, options, 2000, 31), {0, slope});
    imle::perturbed_options other = options;
    other.estimate = perturbed_estimate::symmetrized;
    // J^T (dmu + c) / 2 + J (dmu - c) / 2, with c = 0.75.
    check_mean(gradients(heuristic, imle::normal{}, theta, dmu, other, 2000, 32),
               {-slope / 8, 7 * slope / 8});
    other.estimate = perturbed_estimate::directional;
    check_mean(gradients(heuristic, imle::normal{}, theta, dmu, other, 2000, 33), {slope / 2, 0});
}

TEST_CASE("perturbed_layer: a mask and noise that has no score at 0", "[estimators][perturbed]") {
    // Noise of a forbidden coordinate is 0, where gamma throws if it is asked for its score. It counts for
    // nothing: the gradient is that of the allowed coordinates, whatever stands in the others.
    const bool mask[] = {true, false, true, true};
    matrix theta = rows_of({0.4, 9, 0.1, 0.3}, 3), dmu = rows_of({1, 7, -1, 0.5}, 3);
    for (const auto estimate : {perturbed_estimate::score, perturbed_estimate::symmetrized}) {
        const perturbed_layer layer{
            imle::top_k{1}, imle::gamma(3, 0.5), {.samples = 6, .estimate = estimate}};
        const auto of = [&](double other) {
            matrix own = dmu;
            for (Eigen::Index b = 0; b < 3; ++b) own(b, 1) = other;
            return matrix(layer.vjp(layer.forward(theta, random_key{3}, {.mask = mask}), own));
        };
        const matrix gradient = of(7);
        double elsewhere = 0;
        for (Eigen::Index b = 0; b < 3; ++b) {
            CHECK(gradient(b, 1) == 0);
            elsewhere += std::abs(gradient(b, 0));
        }
        CHECK(std::isfinite(elsewhere));
        CHECK(elsewhere > 0);
        CHECK(same_bits(of(-1e300), gradient));
    }
}

TEST_CASE("perturbed_layer: threads, shards and passes from parts", "[estimators][perturbed]") {
    using tensor = Eigen::Tensor<float, 2>;
    const auto theta = numbers<tensor>({5, 6}, 1), dmu = numbers<tensor>({5, 6}, 2);
    const perturbed_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 40}};
    const perturbed_layer threaded{
        imle::top_k{2}, imle::gumbel{}, {.samples = 40, .threads = 3}, eager_threads()};
    const auto pass = layer.forward(theta, random_key{3}, 10);
    const tensor whole = layer.vjp(pass, dmu);
    CHECK(same_bits(threaded.forward(theta, random_key{3}, 10).samples(), pass.samples()));
    CHECK(same_bits(tensor(threaded.vjp(pass, dmu)), whole));
    for (Eigen::Index b = 0; b < 6; ++b) {
        const tensor row = theta.slice(std::array<Eigen::Index, 2>{0, b}, std::array<Eigen::Index, 2>{5, 1});
        const tensor cotangent =
            dmu.slice(std::array<Eigen::Index, 2>{0, b}, std::array<Eigen::Index, 2>{5, 1});
        const tensor part =
            layer.vjp(layer.forward(row, random_key{3}, 10 + static_cast<std::uint64_t>(b)), cotangent);
        CHECK(std::equal(part.data(), part.data() + 5, whole.data() + 5 * b));
    }
    // A row that failed has no gradient.
    const imle::sampled_pass<float, 2, Eigen::ColMajor> failed(theta, pass.samples(), random_key{3}, 10, {2});
    const tensor without = layer.vjp(failed, dmu);
    for (Eigen::Index b = 0; b < 6; ++b)
        for (Eigen::Index i = 0; i < 5; ++i) CHECK(without(i, b) == (b == 2 ? 0 : whole(i, b)));

    const tensor empty(5, 0);
    CHECK(layer.vjp(layer.forward(empty, random_key{1}), empty).size() == 0);
}

TEST_CASE("perturbed_layer: what is refused", "[estimators][perturbed]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto message_of_options = [](imle::perturbed_options options) {
        return support::message_of<std::invalid_argument>(
            [&] { perturbed_layer layer(imle::top_k{1}, imle::normal{}, options); });
    };
    CHECK(
        support::says(message_of_options({.samples = 0}), {"perturbed_options::samples is 0", "at least 1"}));
    for (const double T : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()})
        CHECK(support::says(message_of_options({.temperature = T}),
                            {"perturbed_options::temperature is ", "above 0"}));
    CHECK(support::says(message_of_options({.baseline = baseline::exact_marginals}),
                        {"perturbed_options::baseline is baseline::exact_marginals", "leave_one_out"}));
    CHECK(support::says(message_of_options({.baseline = static_cast<baseline>(7)}), {"baseline is 7"}));
    CHECK(support::says(message_of_options({.threads = -1}), {"perturbed_options::threads is -1"}));
    CHECK(support::says(message_of_options({.estimate = static_cast<perturbed_estimate>(7)}),
                        {"perturbed_options::estimate is 7", "directional"}));
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [] { perturbed_layer layer(imle::top_k{1}, imle::gamma(2, 1)); }),
                        {"shape of gamma", "above 2"}));

    const auto theta = numbers<matrix>({2, 3}, 1);
    const perturbed_layer one{imle::top_k{1}, imle::normal{}};
    const auto single = one.forward(theta, random_key{1});  // the forward pass is fine
    CHECK(support::says(support::message_of<std::invalid_argument>([&] { (void)one.vjp(single, theta); }),
                        {"number of samples is 1", "at least 2", "baseline::none"}));

    const perturbed_layer layer{imle::top_k{1}, imle::normal{}, {.samples = 3}};
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [&] { (void)layer.vjp(layer.marginals(theta, random_key{1}), theta); }),
                        {"the pass is one of marginals", "a pass of forward"}));
    const auto pass = layer.forward(theta, random_key{1});
    CHECK_THROWS_AS(layer.vjp(pass, matrix(3, 2)), std::invalid_argument);
    CHECK_THROWS_AS(layer.vjp(pass, cube(2, 4, 3)), std::invalid_argument);
    matrix bad = theta;
    bad(1, 1) = nan;
    CHECK_THROWS_AS(layer.vjp(pass, bad), std::invalid_argument);
    CHECK_THROWS_AS(layer.forward(bad, random_key{1}), std::invalid_argument);

    // A theta next to 0 under multiplicative noise.
    const perturbed_layer close{
        imle::categorical{}, imle::multiplicative{}, {.samples = 3, .baseline = baseline::none}};
    matrix tiny(1, 2);
    tiny.setValues({{1e-320, 1e-320}});
    matrix dmu(1, 2);
    dmu.setConstant(1);
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [&] { (void)close.vjp(close.forward(tiny, random_key{1}), dmu); }),
                        {"the gradient is", "further from 0"}));
}
