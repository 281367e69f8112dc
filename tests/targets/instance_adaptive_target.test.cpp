#include <imle/targets/adaptive_target.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::instance_adaptive_target;
using imle::random_key;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;

template <class TensorT>
TensorT row_of(const TensorT& tensor, Eigen::Index row) {
    auto dimensions = tensor.dimensions();
    dimensions[0] = 1;
    TensorT result(dimensions);
    const Eigen::Index n = result.size();
    std::copy_n(tensor.data() + row * n, n, result.data());
    return result;
}

double root_mean_square(const double* values, Eigen::Index n) {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) sum += values[i] * values[i];
    return std::sqrt(sum / static_cast<double>(n));
}

// Instances whose cotangents differ by a factor of 1e6, and one that has none.
cube scaled_cotangents(Eigen::Index samples) {
    cube dz = numbers<cube>({4, samples, 5}, 2);
    const double scales[] = {1, 1e-3, 0, 1e3};
    for (Eigen::Index i = 0; i < dz.size(); ++i) dz.data()[i] *= scales[i / (samples * 5)];
    return dz;
}

}  // namespace

static_assert(imle::TargetDistribution<instance_adaptive_target, float>);
static_assert(imle::TargetDistribution<instance_adaptive_target, double>);

TEST_CASE("instance_adaptive_target: the laws of a target", "[targets]") {
    CHECK(imle::testing::check_target<float>(instance_adaptive_target{}).passed());
    CHECK(imle::testing::check_target<double>(instance_adaptive_target{{.initial_alpha = 0.5}}).passed());
}

TEST_CASE("instance_adaptive_target: each instance takes its own step and is divided by it", "[targets]") {
    const matrix theta = numbers<matrix>({4, 5}, 1);
    const cube dz = scaled_cotangents(6);
    for (const auto kind : {imle::difference::forward, imle::difference::central}) {
        const imle::layer_options options{.samples = 6, .difference = kind};
        imle_layer layer{cube_solver, hashed_noise{},
                         instance_adaptive_target{{.initial_alpha = 0.5, .initial_beta = 2.5}}, options};
        const auto pass = layer.forward(theta, random_key{3});
        const matrix gradient = layer.vjp(pass, dz);
        for (Eigen::Index row = 0; row < 4; ++row) {
            const double dz_size = root_mean_square(dz.data() + row * 30, 30);
            const double lambda =
                dz_size > 0 ? 2.5 * root_mean_square(theta.data() + row * 5, 5) / dz_size : 0;
            imle_layer fixed{cube_solver, hashed_noise{},
                             imle::perturbation_target{.alpha = 0.5, .beta = lambda, .scale_gradient = true},
                             options};
            const auto one =
                fixed.forward(row_of(theta, row), random_key{3}, static_cast<std::uint64_t>(row));
            const matrix wanted = fixed.vjp(one, row_of(dz, row));
            double size = 0;
            for (Eigen::Index i = 0; i < 5; ++i) {
                CHECK(gradient(row, i) == Approx(wanted(0, i)).epsilon(1e-12).margin(1e-14));
                size += std::abs(wanted(0, i));
            }
            // Where the cotangent is zero, so may the gradient be.
            if (row != 2) CHECK(size > 0);
        }
    }
}

TEST_CASE("instance_adaptive_target: one batch, shards and threads agree", "[targets]") {
    const matrix theta = numbers<matrix>({4, 5}, 1);
    const cube dz = scaled_cotangents(3);
    imle_layer whole{cube_solver, hashed_noise{}, instance_adaptive_target{}, {.samples = 3}};
    imle_layer threaded{
        cube_solver, hashed_noise{}, instance_adaptive_target{}, {.samples = 3, .threads = 2}};
    const matrix gradient = whole.vjp(whole.forward(theta, random_key{3}), dz);
    CHECK(furthest(gradient, threaded.vjp(threaded.forward(theta, random_key{3}), dz)) == 0);
    for (Eigen::Index row = 0; row < 4; ++row) {
        imle_layer shard{cube_solver, hashed_noise{}, instance_adaptive_target{}, {.samples = 3}};
        const auto pass = shard.forward(row_of(theta, row), random_key{3}, static_cast<std::uint64_t>(row));
        const auto [part, counts] = shard.vjp_shard(pass, row_of(dz, row), {});
        CHECK(furthest(part, row_of(gradient, row)) == 0);
        CHECK(counts.differences == 3);
    }
}

TEST_CASE("instance_adaptive_target: passes of marginals, and costs", "[targets]") {
    const matrix theta = numbers<matrix>({4, 5}, 1), dmu = numbers<matrix>({4, 5}, 2);
    const auto argmax = [](const auto& t, auto&& z) {
        z.setZero();
        Eigen::Index best = 0;
        for (Eigen::Index i = 1; i < t.size(); ++i)
            if (t.data()[i] > t.data()[best]) best = i;
        z.data()[best] = 1;
    };
    imle_layer layer{argmax, imle::gumbel{}, instance_adaptive_target{}, {.samples = 50}};
    const matrix sampled = layer.vjp(layer.forward(theta, random_key{1}), dmu);
    layer.target().restore({});
    CHECK(furthest(sampled, layer.vjp(layer.marginals(theta, random_key{1}), dmu)) < 1e-12);

    const matrix cost = -theta;
    imle_layer minimizer{
        imle::minimizing(argmin_solver), imle::gumbel{}, instance_adaptive_target{}, {.samples = 50}};
    const matrix of_cost = minimizer.vjp(minimizer.forward(cost, random_key{1}), dmu);
    CHECK(furthest(sampled, matrix(-of_cost)) < 1e-12);
    // beta moves once a call.
    CHECK(minimizer.target().state().beta != 1);
    CHECK(std::abs(minimizer.target().state().beta - 1) < 2e-4);
}

TEST_CASE("instance_adaptive_target: a lambda that would overflow is the largest, for its instance alone",
          "[targets]") {
    matrix theta = numbers<matrix>({2, 5}, 1), dmu = numbers<matrix>({2, 5}, 2);
    for (Eigen::Index i = 0; i < 5; ++i) {
        theta(1, i) = std::numeric_limits<double>::max() / 2;
        dmu(1, i) = std::numeric_limits<double>::denorm_min();
    }
    imle_layer layer{cube_solver, imle::gumbel{}, instance_adaptive_target{}, {.samples = 2}};
    const auto pass = layer.forward(theta, random_key{1});
    const matrix gradient = layer.vjp(pass, dmu);
    for (Eigen::Index i = 0; i < gradient.size(); ++i) CHECK(std::isfinite(gradient.data()[i]));
    imle_layer first{cube_solver, imle::gumbel{}, instance_adaptive_target{}, {.samples = 2}};
    const matrix alone = first.vjp(first.forward(row_of(theta, 0), random_key{1}), row_of(dmu, 0));
    CHECK(same_bits(row_of(gradient, 0), alone));
}
