#include <imle/layer/pullback.hpp>

#include <functional>

#include <imle/layer/imle_layer.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;

}  // namespace

TEST_CASE("pullback: it obeys the chain rule", "[layer]") {
    const Eigen::Index samples = 10;
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{.beta = 4}, {.samples = samples}};
    const matrix theta = numbers<matrix>({3, 7}, 1);
    const matrix dmu = numbers<matrix>({3, 7}, 2);
    auto [value, pullback] = layer.value_and_pullback(theta, random_key{2});
    const auto pass = layer.forward(theta, random_key{2});
    CHECK(same_bits(value, pass.samples()));

    // A loss of the mean over samples hands each sample dmu / S.
    cube dz(3, samples, 7);
    for (Eigen::Index b = 0; b < 3; ++b)
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < 7; ++i) dz(b, s, i) = dmu(b, i) / static_cast<float>(samples);
    const matrix gradient = pullback(dz);
    CHECK(same_bits(gradient, layer.vjp(pass, dmu)));
    // Not what the reference's rule gives for these cotangents: its step has shrunk with S.
    CHECK_FALSE(same_bits(gradient, layer.vjp(pass, dz)));

    // It can be copied, and outlives the layer.
    std::function<matrix(const cube&)> kept;
    {
        imle_layer short_lived{
            cube_solver, hashed_noise{}, perturbation_target{.beta = 4}, {.samples = samples}};
        auto result = short_lived.value_and_pullback(theta, random_key{2});
        auto copy = result.pullback;
        kept = copy;
    }
    CHECK(same_bits(kept(dz), gradient));
    CHECK(same_bits(kept(dz), gradient));
}

TEST_CASE("pullback: an adaptive target learns through the pullback and its copies", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, imle::adaptive_target{{.beta_step = 0.1}}, {.samples = 4}};
    const matrix theta = numbers<matrix>({3, 7}, 1);
    const auto made = layer.value_and_pullback(theta, random_key{2});
    made.pullback(made.value);
    const double once = layer.target().state().beta;
    CHECK(once != 1.0);
    const std::function<matrix(const cube&)> copy = made.pullback;
    copy(made.value);
    CHECK(layer.target().state().beta != once);
}

TEST_CASE("pullback: marginals have one too, which passes their cotangent to vjp unchanged", "[layer]") {
    const matrix theta = numbers<matrix>({3, 7}, 1);
    const matrix dmu = numbers<matrix>({3, 7}, 2);
    const auto made_layer = [] {
        return imle_layer{
            cube_solver, hashed_noise{}, imle::adaptive_target{{.beta_step = 0.1}}, {.samples = 4}};
    };
    auto own = made_layer();
    const auto pass = own.marginals(theta, random_key{2}, 5);
    const matrix expected = own.vjp(pass, dmu);

    auto kept = made_layer();
    std::function<matrix(const matrix&)> pullback;
    {
        auto layer = made_layer();
        auto result = layer.marginals_and_pullback(theta, random_key{2}, 5);
        CHECK(same_bits(result.value, pass.marginals()));
        pullback = result.pullback;
        kept = std::move(layer);
    }
    CHECK(same_bits(pullback(dmu), expected));  // it outlives the layer's name
    CHECK(kept.target().state() == own.target().state());
}

TEST_CASE("pull_back: it is vjp of S * dz, bit for bit, and of dmu itself", "[layer]") {
    const matrix theta = numbers<matrix>({3, 7}, 1), dmu = numbers<matrix>({3, 7}, 2);
    const cube dz = numbers<cube>({3, 6, 7}, 3);
    const cube scaled = dz * 6.0F;
    const auto check = [&](auto solver, auto target, imle::difference difference) {
        imle_layer layer{solver, hashed_noise{}, target, {.samples = 6, .difference = difference}};
        imle_layer other = layer;
        const auto pass = layer.forward(theta, random_key{2});
        for (int call = 0; call < 3; ++call) {  // the adaptive target's steps too
            CHECK(same_bits(layer.pull_back(pass, dz), other.vjp(pass, scaled)));
            CHECK(same_bits(layer.pull_back(pass, dmu), other.vjp(pass, dmu)));
        }
        const auto mean = layer.marginals(theta, random_key{2});
        matrix into(3, 7);
        layer.pull_back_into(mean, dmu, into);
        CHECK(same_bits(into, other.vjp(mean, dmu)));
    };
    for (const auto difference : {imle::difference::forward, imle::difference::central}) {
        check(cube_solver, perturbation_target{.beta = 4}, difference);
        check(imle::minimizing(cube_solver), perturbation_target{.beta = 4}, difference);
        check(cube_solver, imle::adaptive_target{{.beta_step = 0.1}}, difference);
        check(cube_solver, imle::instance_adaptive_target{{.beta_step = 0.1}}, difference);
    }
}
