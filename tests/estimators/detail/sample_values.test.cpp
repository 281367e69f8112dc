// `perturbed_layer::gradient_of_values`: gradients of losses without a slope.

#include <imle/estimators/detail/sample_values.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/estimators/perturbed_layer.hpp>
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
using imle::perturbed_layer;
using imle::random_key;

namespace {

struct scored_noise : hashed_noise {
    static double score(double x) { return x * x * x - x; }
};

// A loss that is not linear in z.
double crooked(std::span<const double> z) {
    double sum = 0.5, power = 1;
    for (std::size_t i = 0; i < z.size(); ++i) sum += (power *= -1.3) * z[i] + (i > 0 ? z[i] * z[i - 1] : 0);
    return sum * sum + 3;
}

// The losses of a pass of rows [batch, n].
template <class PassT>
matrix losses_of(const PassT& pass) {
    const auto& z = pass.samples();
    matrix losses(z.dimension(0), z.dimension(1));
    const auto n = static_cast<std::size_t>(z.dimension(2));
    for (Eigen::Index item = 0; item < losses.size(); ++item)
        losses.data()[item] =
            crooked(std::span<const double>(z.data() + static_cast<std::size_t>(item) * n, n));
    return losses;
}

template <class LayerT>
matrix gradients(const LayerT& layer, const vector& theta, Eigen::Index rows, std::uint64_t seed) {
    const auto pass = layer.forward(rows_of(theta, rows), random_key{seed});
    return layer.gradient_of_values(pass, losses_of(pass));
}

}  // namespace

TEMPLATE_TEST_CASE("gradient_of_values: the gradient is the definition's", "[estimators][perturbed]",
                   (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<float, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    constexpr bool row_major = layout == Eigen::RowMajor;
    using tensor = Eigen::Tensor<Scalar, 3, layout>;
    using plane = Eigen::Tensor<Scalar, 2, layout>;
    using line = Eigen::Tensor<Scalar, 1, layout>;
    const double T = 0.5;
    const random_key key{11};
    const Eigen::Index samples = 6;
    const bool minimizes = GENERATE(false, true);
    const auto theta = row_major ? numbers<tensor>({3, 2, 2}, 1) : numbers<tensor>({2, 2, 3}, 1);
    const auto losses = row_major ? numbers<plane>({3, samples}, 2) : numbers<plane>({samples, 3}, 2);
    const auto own = numbers<line>({3}, 3);
    const auto check = [&](auto&& layer, auto kind) {
        const auto pass = layer.forward(theta, key, 7);
        const bool has_own = kind == baseline::exact_marginals;  // Stands for a baseline of the caller's.
        const tensor gradient =
            has_own ? layer.gradient_of_values(pass, losses, own) : layer.gradient_of_values(pass, losses);
        support::tally wrong;
        for (std::size_t b = 0; b < 3; ++b) {
            double total = 0;
            const auto f = [&](std::size_t s) { return static_cast<double>(losses.data()[b * 6 + s]); };
            for (std::size_t s = 0; s < 6; ++s) total += f(s);
            for (std::size_t i = 0; i < 4; ++i) {
                double expected = 0;
                for (std::size_t s = 0; s < 6; ++s) {
                    const double subtracted = has_own                  ? static_cast<double>(own.data()[b])
                                              : kind == baseline::none ? 0
                                                                       : (total - f(s)) / 5;
                    expected += (f(s) - subtracted) *
                                scored_noise::score(hashed(key, ((7 + b) * 6 + s) * 4 + i)) / 6 / T;
                }
                if (minimizes) expected = -expected;
                const double found = static_cast<double>(gradient.data()[b * 4 + i]);
                wrong.expect(std::abs(found - expected) < (std::is_same_v<Scalar, float> ? 1e-6 : 1e-12),
                             "instance ", b, ", element ", i, ": ", found, ", not ", expected);
            }
        }
        CHECK(wrong == 0);
    };
    for (const baseline kind : {baseline::none, baseline::leave_one_out, baseline::exact_marginals}) {
        const imle::perturbed_options options{
            .samples = samples,
            .temperature = T,
            .baseline = kind == baseline::none ? baseline::none : baseline::leave_one_out};
        if (minimizes)
            check(perturbed_layer{minimal_cube_solver{}, scored_noise{}, options}, kind);
        else
            check(perturbed_layer{cube_solver, scored_noise{}, options}, kind);
    }
}

TEST_CASE("gradient_of_values: the mean over keys is the exact gradient", "[estimators][perturbed][draws]") {
    // Gumbel noise and one of n: the law of z is the family's.
    const double T = 0.8;
    const vector theta{0.5, -0.3, 1.1, 0.0};
    const vector exact = imle::testing::categories(4).gibbs_expected_gradient(theta, T, crooked);
    for (const baseline kind : {baseline::none, baseline::leave_one_out})
        check_mean(gradients(perturbed_layer{imle::categorical{},
                                             imle::gumbel{},
                                             {.samples = 5, .temperature = T, .baseline = kind}},
                             theta, 3000, 1),
                   exact, 0.2);
    // Costs, by any estimate of vjp.
    vector cost = theta, of_costs = exact;
    for (double& x : cost) x = -x;
    for (double& x : of_costs) x = -x;
    check_mean(gradients(perturbed_layer{imle::minimizing(imle::categorical{}),
                                         imle::gumbel{},
                                         {.samples = 5, .temperature = T}},
                         cost, 3000, 2),
               of_costs, 0.2);
    // One of two by normal noise that multiplies: f_0 or f_1, with P(z_0 = 1) = Phi(log(1.2 / 0.9) / w).
    const double w = 0.5 * std::sqrt(2.0);
    const vector first{1, 0}, second{0, 1};
    const double slope = (crooked(first) - crooked(second)) * imle::normal{}.pdf(std::log(1.2 / 0.9) / w) / w;
    check_mean(
        gradients(
            perturbed_layer{imle::categorical{}, imle::multiplicative{}, {.samples = 6, .temperature = 0.5}},
            {1.2, 0.9}, 8000, 3),
        {slope / 1.2, -slope / 0.9});
    // The option for vjp has no effect.
    const vector two{0.2, 0.4};
    const auto by = [&](imle::perturbed_estimate estimate) {
        return gradients(
            perturbed_layer{imle::categorical{}, imle::normal{}, {.samples = 3, .estimate = estimate}}, two,
            10, 4);
    };
    CHECK(same_bits(by(imle::perturbed_estimate::directional), by(imle::perturbed_estimate::score)));
}

TEST_CASE("gradient_of_values: passes of all kinds", "[estimators][perturbed]") {
    const perturbed_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 5}};
    imle::perturbed_options options = layer.options();
    options.threads = 3;
    const perturbed_layer threaded{imle::top_k{2}, imle::gumbel{}, options, eager_threads()};
    const auto theta = numbers<matrix>({700, 4}, 1);
    const auto pass = layer.forward(theta, random_key{3}, 10);
    const matrix losses = losses_of(pass), gradient = layer.gradient_of_values(pass, losses);
    CHECK(same_bits(threaded.gradient_of_values(pass, losses), gradient));
    // Expressions, and equal losses, which say nothing.
    CHECK(same_bits(layer.gradient_of_values(pass, losses * 1.0), gradient));
    const matrix equal = losses.constant(0.1);
    CHECK(furthest(layer.gradient_of_values(pass, equal), std::vector<double>(2800, 0.0)) == 0);
    // A failed row.
    const imle::sampled_pass<double, 2, Eigen::RowMajor> failed(theta, pass.samples(), random_key{3}, 10,
                                                                {2});
    const matrix without = layer.gradient_of_values(failed, losses);
    CHECK(row_is_zero(without, 2));
    CHECK(without(3, 1) == gradient(3, 1));
    // One theta for all rows: the sum, in double. Enough rows for several parts would take long.
    const Eigen::Tensor<double, 1, Eigen::RowMajor> one = theta.chip(0, 0);
    matrix repeated(700, 4);
    for (Eigen::Index b = 0; b < 700; ++b) repeated.chip(b, 0) = one;
    const auto rows = layer.forward(repeated, random_key{3}, 10);
    const auto shared = layer.forward(imle::shared(one, 700), random_key{3}, 10);
    const matrix of_rows = layer.gradient_of_values(rows, losses);
    vector sum(4, 0);
    for (Eigen::Index i = 0; i < 2800; ++i) sum[static_cast<std::size_t>(i % 4)] += of_rows.data()[i];
    CHECK(same_bits(shared.samples(), rows.samples()));
    CHECK(furthest(layer.gradient_of_values(shared, losses), sum) < 1e-10);
    // Column-major, with the batch first: losses [batch, sample].
    const Eigen::Tensor<double, 2> columns = theta.swap_layout().shuffle(std::array<int, 2>{1, 0});
    const Eigen::Tensor<double, 2> own = losses.swap_layout().shuffle(std::array<int, 2>{1, 0});
    const auto first = layer.forward(imle::batch_first(columns), random_key{3}, 10);
    const Eigen::Tensor<double, 2> found = layer.gradient_of_values(first, own);
    CHECK(found(699, 3) == gradient(699, 3));
    CHECK(found(1, 2) == gradient(1, 2));
    // A mask.
    const bool mask[] = {true, false, true, true};
    const auto masked = layer.forward(theta, random_key{3}, {.mask = mask});
    const matrix allowed = layer.gradient_of_values(masked, losses);
    CHECK(allowed(0, 1) == 0);
    CHECK(allowed(0, 2) != 0);
}

TEST_CASE("gradient_of_values: what is refused", "[estimators][perturbed]") {
    const auto message = [](auto&& f) { return support::message_of<std::invalid_argument>(f); };
    const auto theta = numbers<matrix>({2, 3}, 1);
    const perturbed_layer layer{imle::top_k{1}, imle::normal{}, {.samples = 4}};
    const auto pass = layer.forward(theta, random_key{1});
    matrix losses = numbers<matrix>({2, 4}, 2);
    CHECK(support::says(
        message([&] {
            (void)layer.gradient_of_values(pass, matrix(losses.shuffle(std::array<int, 2>{1, 0})));
        }),
        {"values is a tensor of shape [4, 2]", "[batch, sample], [2, 4]"}));
    Eigen::Tensor<double, 1, Eigen::RowMajor> own(3);
    own.setZero();
    CHECK(support::says(message([&] { (void)layer.gradient_of_values(pass, losses, own); }),
                        {"baseline is a tensor of shape [3]", "[batch], [2]"}));
    losses(1, 2) = std::numeric_limits<double>::quiet_NaN();
    CHECK(support::says(message([&] { (void)layer.gradient_of_values(pass, losses); }),
                        {"values is nan in row 1, sample 2", "a finite number"}));
    losses.setConstant(1e308);
    losses(0, 0) = losses(1, 1) = -1e308;
    CHECK(support::says(message([&] { (void)layer.gradient_of_values(pass, losses); }),
                        {"the gradient is", "smaller values"}));
    const perturbed_layer one{imle::top_k{1}, imle::normal{}};
    const auto single = one.forward(theta, random_key{1});
    CHECK(support::says(message([&] {
                            (void)one.gradient_of_values(single, numbers<matrix>({2, 1}, 2));
                        }),
                        {"number of samples is 1", "at least 2", "baseline::none"}));
    // With a baseline of the caller's one sample is enough.
    Eigen::Tensor<double, 1, Eigen::RowMajor> running(2);
    running.setConstant(0.5);
    CHECK(one.gradient_of_values(single, numbers<matrix>({2, 1}, 2), running).size() == 6);
}
