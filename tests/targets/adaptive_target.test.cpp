#include <imle/targets/adaptive_target.hpp>

#include <cmath>
#include <imle/layer/imle_layer.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <limits>
#include <span>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace fixtures;
using imle::adaptive_target;
using imle::imle_layer;
using imle::random_key;
using imle::target_sums;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;

}  // namespace

static_assert(imle::TargetDistribution<adaptive_target, float>);
static_assert(imle::TargetDistribution<adaptive_target, double>);

TEST_CASE("adaptive_target: lambda is beta * rms(theta) / rms(dz)", "[targets]") {
    const adaptive_target target{{.initial_beta = 3}};
    CHECK(target.lambda({.theta_squared = 4, .theta_count = 1, .dz_squared = 9, .dz_count = 1}) == Approx(2));
    // The same numbers repeated, or four times the samples: the same step.
    CHECK(target.lambda({.theta_squared = 8, .theta_count = 2, .dz_squared = 36, .dz_count = 4}) ==
          Approx(2));
    CHECK(target.lambda({.theta_squared = 4, .theta_count = 1, .dz_squared = 0, .dz_count = 1}) == 0);
    CHECK(target.lambda({.theta_squared = 0, .theta_count = 1, .dz_squared = 9, .dz_count = 1}) == 0);
    CHECK(target.lambda({}) == 0);
}

TEST_CASE("adaptive_target: the layer takes that step and divides by it", "[targets]") {
    const matrix theta = numbers<matrix>({3, 4}, 1);
    const cube dz = numbers<cube>({3, 6, 4}, 2);
    double theta_squared = 0, dz_squared = 0;
    for (Eigen::Index i = 0; i < theta.size(); ++i) theta_squared += theta.data()[i] * theta.data()[i];
    for (Eigen::Index i = 0; i < dz.size(); ++i) dz_squared += dz.data()[i] * dz.data()[i];
    const double lambda = 2.5 * std::sqrt(theta_squared / 12) / std::sqrt(dz_squared / 72);
    for (const auto kind : {imle::difference::forward, imle::difference::central}) {
        const imle::layer_options options{.samples = 6, .difference = kind};
        imle_layer adaptive{cube_solver, hashed_noise{},
                            adaptive_target{{.initial_alpha = 0.5, .initial_beta = 2.5}}, options};
        imle_layer fixed{cube_solver, hashed_noise{},
                         imle::perturbation_target{.alpha = 0.5, .beta = lambda, .scale_gradient = true},
                         options};
        const auto pass = adaptive.forward(theta, random_key{3});
        CHECK(furthest(adaptive.vjp(pass, dz), fixed.vjp(pass, dz)) < 1e-12);
    }
}

TEST_CASE("adaptive_target: lambda does not depend on batch, samples or the loss's reduction", "[targets]") {
    // The same instance repeated, the same cotangent for each sample, or all divided by their number.
    const auto lambda_of = [](Eigen::Index batch, Eigen::Index samples, double reduction) {
        imle_layer layer{cube_solver, hashed_noise{}, adaptive_target{}, {.samples = samples}};
        matrix theta(batch, 4);
        cube dz(batch, samples, 4);
        for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = static_cast<double>(i % 4) - 1.5;
        for (Eigen::Index i = 0; i < dz.size(); ++i)
            dz.data()[i] = reduction * (static_cast<double>(i % 4) + 1);
        const auto pass = layer.forward(theta, random_key{1});
        return layer.target().lambda(layer.sums(pass, dz)) * reduction;
    };
    const double expected = lambda_of(1, 1, 1);
    CHECK(lambda_of(5, 1, 1) == Approx(expected));
    CHECK(lambda_of(1, 7, 1) == Approx(expected));
    CHECK(lambda_of(5, 7, 1.0 / 35) == Approx(expected));
}

TEST_CASE("adaptive_target: norms whose squares leave a double's range", "[targets]") {
    const auto gradient_of = [](double theta_scale, double dz_scale) {
        imle_layer layer{cube_solver,
                         hashed_noise{},
                         adaptive_target{},
                         {.samples = 5, .input_temperature = theta_scale, .target_temperature = theta_scale}};
        const matrix theta = numbers<matrix>({2, 4}, 1) * theta_scale;
        const matrix dz = numbers<matrix>({2, 4}, 2) * dz_scale;
        // The step is theta_scale / dz_scale, and divides the gradient.
        return matrix(layer.vjp(layer.forward(theta, random_key{3}), dz) * (theta_scale / dz_scale));
    };
    const matrix expected = gradient_of(1, 1);
    matrix zero = expected;
    zero.setZero();
    REQUIRE(furthest(expected, zero) > 0);
    if (std::numeric_limits<long double>::max_exponent > std::numeric_limits<double>::max_exponent)
        for (const double scale : {1e-200, 1e200})
            CHECK(furthest(gradient_of(scale, scale), expected) < 1e-9);
}

TEST_CASE("adaptive_target: nonzeros are counted per sample, before averaging", "[targets]") {
    const Eigen::Index samples = 8;
    imle_layer layer{cube_solver,
                     hashed_noise{},
                     adaptive_target{{.initial_beta = 5, .initial_grad_norm = 50, .decay = 0}},
                     {.samples = samples}};
    const matrix theta = numbers<matrix>({3, 4}, 1);
    const matrix dmu = numbers<matrix>({3, 4}, 2);
    const auto pass = layer.forward(theta, random_key{3});
    // The same differences from a target that does not count.
    imle_layer fixed{cube_solver,
                     hashed_noise{},
                     imle::perturbation_target{.beta = layer.target().lambda(layer.sums(pass, dmu))},
                     {.samples = 1}};
    int nonzeros = 0;
    for (Eigen::Index b = 0; b < 3; ++b)
        for (Eigen::Index s = 0; s < samples; ++s) {
            matrix row(1, 4), cotangent(1, 4);
            std::copy_n(theta.data() + b * 4, 4, row.data());
            std::copy_n(dmu.data() + b * 4, 4, cotangent.data());
            const auto one = fixed.forward(row, random_key{3}, static_cast<std::uint64_t>(b * samples + s));
            const matrix difference = fixed.vjp(one, cotangent);
            for (Eigen::Index i = 0; i < 4; ++i) nonzeros += difference(0, i) != 0;
        }
    REQUIRE(nonzeros > 0);
    (void)layer.vjp(pass, dmu);
    CHECK(layer.target().state().grad_norm == Approx(nonzeros / 24.0));
}

TEST_CASE("adaptive_target: the update rule", "[targets]") {
    adaptive_target target{{.initial_beta = 0.1,
                            .initial_grad_norm = 2,
                            .beta_step = 0.25,
                            .beta_momentum = 0.5,
                            .decay = 0.75}};
    // n = 0.75 * 2 + 0.25 * 10/4 = 2.125 >= 1: down by 0.25, clipped at 0, the move kept unclipped.
    target.update({.nonzeros = 10, .differences = 4});
    CHECK(target.state().grad_norm == Approx(2.125));
    CHECK(target.state().beta == 0);
    CHECK(target.state().previous_update == Approx(-0.25));
    // n = 0.75 * 2.125 + 0 = 1.59375: down by 0.125 + 0.25.
    target.update({.nonzeros = 0, .differences = 4});
    CHECK(target.state().previous_update == Approx(-0.375));
    for (int i = 0; i < 2; ++i) target.update({.nonzeros = 0, .differences = 4});
    // n = 0.896: two steps later it has turned: previous -0.4375, then +0.25 - 0.21875.
    CHECK(target.state().grad_norm < 1);
    CHECK(target.state().previous_update == Approx(0.25 - 0.5 * 0.4375));
    CHECK(target.state().beta == Approx(0.25 - 0.5 * 0.4375));
    const auto before = target.state();
    target.update({});
    CHECK(target.state() == before);
}

TEST_CASE("adaptive_target: a zero step divides by 1", "[targets]") {
    const matrix theta = numbers<matrix>({2, 4}, 1);
    matrix zero = theta;
    zero.setZero();
    for (const double beta : {0.0, 1.0}) {
        imle_layer layer{
            cube_solver, hashed_noise{}, adaptive_target{{.initial_beta = beta}}, {.target_temperature = 0}};
        const auto pass = layer.forward(theta, random_key{3});
        const matrix gradient = layer.vjp(pass, beta == 0 ? theta : zero);
        // z - MAP(theta): not zero, since the target has no noise; and not divided.
        matrix expected(2, 4);
        for (Eigen::Index i = 0; i < 8; ++i)
            expected.data()[i] = pass.samples().data()[i] - (theta.data()[i] > 0 ? 1 : 0);
        CHECK(same_bits(gradient, expected));
    }
}

TEST_CASE("adaptive_target: learning continues unchanged from a saved state", "[targets]") {
    const matrix theta = numbers<matrix>({3, 4}, 1);
    const adaptive_target start{{.beta_step = 0.2, .beta_momentum = 0.5}};
    imle_layer layer{cube_solver, hashed_noise{}, start, {.samples = 3}};
    const auto pass = layer.forward(theta, random_key{3});
    (void)layer.vjp(pass, theta);
    (void)layer.vjp(pass, theta);
    const imle::adaptive_target_state saved = layer.target().state();
    const matrix third = layer.vjp(pass, theta);

    imle_layer resumed{cube_solver, hashed_noise{}, start, {.samples = 3}};
    resumed.target().restore(saved);
    CHECK(same_bits(resumed.vjp(pass, theta), third));
    CHECK(resumed.target().state() == layer.target().state());
}

TEST_CASE("adaptive_target: invalid values are refused", "[targets]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto refused = [](imle::adaptive_target_options options) {
        CHECK_THROWS_AS(adaptive_target{options}, std::invalid_argument);
    };
    refused({.initial_alpha = nan});
    refused({.initial_beta = -1});
    refused({.initial_grad_norm = -1});
    refused({.beta_step = -1});
    refused({.beta_momentum = 1});
    refused({.decay = 1.5});
    refused({.target_norm = nan});
    adaptive_target target;
    CHECK_THROWS_AS(target.restore({.beta = -1}), std::invalid_argument);
    CHECK_THROWS_AS(target.restore({.grad_norm = nan}), std::invalid_argument);
    CHECK_THROWS_AS(target.restore({.previous_update = nan}), std::invalid_argument);
}

TEST_CASE("adaptive_target: a nearly vanishing cotangent gives a finite step", "[targets]") {
    constexpr double largest = std::numeric_limits<double>::max();
    CHECK(adaptive_target{}.lambda(
              {.theta_squared = 1, .theta_count = 1, .dz_squared = {1, -2100}, .dz_count = 1}) == largest);
    using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const tensor theta = numbers<tensor>({4, 5}, 1), dz = numbers<tensor>({4, 5}, 2);
    const auto gradient_of = [&](float scale) -> tensor {
        imle_layer layer{cube_solver, hashed_noise{}, adaptive_target{}, {.samples = 5}};
        return layer.vjp(layer.forward(theta, random_key{1}), tensor(dz * scale));
    };
    const tensor ordinary = gradient_of(1e-9F), denormal = gradient_of(1e-39F);  // lambda is no float here
    CHECK(furthest(tensor(denormal * 1e30F), ordinary) < 1e-12);
    CHECK(furthest(ordinary, tensor(ordinary.constant(0))) > 1e-10);
}

namespace {

template <class Scalar>
void check_vanishing_gradient(Scalar tiny) {
    using tensor = Eigen::Tensor<Scalar, 2, Eigen::RowMajor>;
    const tensor theta = numbers<tensor>({3, 4}, 1);
    tensor dz = numbers<tensor>({3, 4}, 2), small = dz;
    for (Eigen::Index i = 0; i < dz.size(); ++i) small.data()[i] = dz.data()[i] > 0 ? tiny : -tiny;
    imle_layer layer{cube_solver, hashed_noise{}, adaptive_target{}, {.samples = 8}};
    const auto pass = layer.forward(theta, random_key{3});
    const tensor gradient = layer.vjp(pass, small);
    for (Eigen::Index i = 0; i < gradient.size(); ++i) CHECK(std::isfinite(gradient.data()[i]));
    // The step is still one, so training goes on.
    CHECK(layer.target().state().grad_norm != 1.0);
    CHECK(layer.target().lambda(layer.sums(pass, small)) > 1e30);
}

}  // namespace

TEST_CASE("adaptive_target: a nearly vanishing gradient does not stop the layer", "[targets]") {
    check_vanishing_gradient(1e-39F);
    check_vanishing_gradient(std::numeric_limits<float>::denorm_min());
    check_vanishing_gradient(1e-308);
    check_vanishing_gradient(std::numeric_limits<double>::denorm_min());
}

TEST_CASE("square_sum: squares that no double holds", "[targets]") {
    const auto sum_of = [](std::vector<double> numbers) {
        imle::square_sum sum;
        sum.add(std::span<const double>(numbers));
        return sum;
    };
    CHECK(sum_of({3, 4}) == imle::square_sum(25));
    for (const double scale : {1e-300, 1e-200, 1.0, 1e200, 1e300})
        CHECK(sum_of({3 * scale, 4 * scale}).root_mean(1) == Approx(5 * scale).epsilon(1e-14));
    // Sums of shards of very different size, in any order.
    const auto large = sum_of({3e200}), small = sum_of({4e-200}), middling = sum_of({4, 4e200});
    for (auto total : {large + small + middling, middling + large + small, small + middling + large})
        CHECK(total.root_mean(1) == Approx(5e200).epsilon(1e-14));
    CHECK((small + small).root_mean(2) == Approx(4e-200).epsilon(1e-14));
    CHECK((imle::square_sum{} + small) == small);
    CHECK(sum_of({}).root_mean(0) == 0);
    CHECK(sum_of({0, 0}).root_mean(2) == 0);
}
