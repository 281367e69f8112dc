#include <imle/noise/multiplicative.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_noise.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::multiplicative;
using imle::perturbation_target;
using imle::random_key;

static_assert(imle::NoiseDistribution<multiplicative<>, float> &&
              imle::NoiseDistribution<multiplicative<>, double>);
static_assert(imle::is_multiplicative_noise<multiplicative<>> &&
              !imle::is_multiplicative_noise<imle::normal>);
static_assert(std::same_as<decltype(multiplicative{}), multiplicative<imle::normal>>);
static_assert(std::same_as<decltype(multiplicative{imle::normal{}}), multiplicative<imle::normal>>);

namespace {

template <class Scalar>
using batch_of = Eigen::Tensor<Scalar, 2, Eigen::RowMajor>;

template <class Scalar>
std::vector<Scalar> xi(random_key key, std::size_t count) {
    std::vector<Scalar> out(count);
    imle::normal{}.fill(key, 0, std::span<Scalar>(out));
    return out;
}

// Standard normal numbers from a noise that is not the library's.
struct own_normal : imle::normal {
    own_normal() : imle::normal() {}
};

}  // namespace

TEST_CASE("multiplicative: a noise of standard normal numbers", "[multiplicative][noise][draws]") {
    CHECK(imle::testing::check_noise<float>(multiplicative{}).passed());
    CHECK(imle::testing::check_noise<double>(multiplicative{}).passed());
    std::vector<double> own(100);
    multiplicative{}.fill(random_key{5}, 0, std::span<double>(own));
    CHECK(own == xi<double>(random_key{5}, 100));
    CHECK(multiplicative{}.score(1.5) == 1.5);
    CHECK(multiplicative{own_normal{}}.base() == own_normal{});
}

TEMPLATE_TEST_CASE("multiplicative: the layer perturbs theta * exp(T * xi - T^2 / 2)",
                   "[multiplicative][noise]", float, double) {
    using tensor = batch_of<TestType>;
    const auto theta = numbers<tensor>({3, 5}, 1);
    const double T = 0.75;
    const random_key key{9};
    const imle::layer_options options{.samples = 4, .input_temperature = T};
    const imle_layer layer{identity_solver, multiplicative{}, perturbation_target{}, options};
    const imle_layer costs{imle::minimizing(identity_solver), multiplicative{}, perturbation_target{},
                           options};
    const auto pass = layer.forward(theta, key), of_costs = costs.forward(theta, key);
    const auto noise = xi<TestType>(key, 60);
    support::tally wrong;
    const double tolerance = 8 * static_cast<double>(std::numeric_limits<TestType>::epsilon());
    for (std::size_t item = 0; item < 12; ++item)
        for (std::size_t i = 0; i < 5; ++i) {
            const double expected = static_cast<double>(theta.data()[item / 4 * 5 + i]) *
                                    std::exp(T * static_cast<double>(noise[item * 5 + i]) - T * T / 2);
            for (const auto* z : {&pass.samples(), &of_costs.samples()}) {
                const double found = static_cast<double>(z->data()[item * 5 + i]);
                wrong.expect(std::abs(found / expected - 1) < tolerance, "item ", item, ", element ", i,
                             z == &pass.samples() ? ": " : " of costs: ", found, ", not ", expected);
            }
        }
    CHECK(wrong == 0);

    // At T = 0 theta is what it was.
    const imle_layer still{
        identity_solver, multiplicative{}, perturbation_target{}, {.input_temperature = 0}};
    const tensor unmoved = still.marginals(theta, key).marginals();
    CHECK(same_bits(unmoved, theta));
}

TEST_CASE("multiplicative: signs stay and zeros stay", "[multiplicative][noise]") {
    batch_of<float> theta(1, 4);
    theta.setValues({{0.0f, -0.0f, -2.0f, 1e-30f}});
    imle_layer layer{
        identity_solver, multiplicative{}, perturbation_target{}, {.samples = 2000, .input_temperature = 2}};
    const auto pass = layer.forward(theta, random_key{1});
    support::tally wrong;
    for (Eigen::Index s = 0; s < 2000; ++s)
        wrong.expect(pass.samples()(0, s, 0) == 0 && pass.samples()(0, s, 1) == 0 &&
                         pass.samples()(0, s, 2) < 0 && pass.samples()(0, s, 3) > 0,
                     "sample ", s, ": ", std::span(pass.samples().data() + 4 * s, 4));
    CHECK(wrong == 0);
}

TEST_CASE("multiplicative: the same noise in both passes of I-MLE", "[multiplicative][noise]") {
    using tensor = batch_of<double>;
    const auto theta = numbers<tensor>({6, 4}, 2), dz = numbers<tensor>({6, 4}, 3);
    const Eigen::Index samples = 50;
    const double T = 0.5, beta = 0.6;
    const random_key key{4};
    imle_layer layer{imle::categorical{},
                     multiplicative{},
                     perturbation_target{.beta = beta},
                     {.samples = samples, .input_temperature = T, .target_temperature = T}};
    const tensor gradient = layer.vjp(layer.forward(theta, key), dz);

    const auto noise = xi<double>(key, 6 * 50 * 4);
    tensor expected(6, 4);
    expected.setZero();
    int moved = 0;
    for (Eigen::Index b = 0; b < 6; ++b)
        for (Eigen::Index s = 0; s < samples; ++s) {
            Eigen::Index near = 0, far = 0;
            const auto value = [&](Eigen::Index i, double step) {
                return (theta(b, i) - step * dz(b, i)) *
                       std::exp(T * noise[static_cast<std::size_t>((b * samples + s) * 4 + i)] - T * T / 2);
            };
            for (Eigen::Index i = 1; i < 4; ++i) {
                if (value(i, 0) > value(near, 0)) near = i;
                if (value(i, beta) > value(far, beta)) far = i;
            }
            moved += near != far;
            expected(b, near) += 1.0 / static_cast<double>(samples);
            expected(b, far) -= 1.0 / static_cast<double>(samples);
        }
    REQUIRE(moved > 20);
    CHECK(furthest(gradient, expected) < 1e-12);
}

TEST_CASE("multiplicative: laws other than the standard normal one are refused", "[multiplicative][noise]") {
    CHECK_THROWS_AS(multiplicative{imle::normal(1, 1)}, std::invalid_argument);
    CHECK_THROWS_AS(multiplicative{imle::normal(0, 2)}, std::invalid_argument);
    CHECK_THROWS_AS(multiplicative{imle::gumbel{}}, std::invalid_argument);
    CHECK_THROWS_AS(multiplicative{imle::logistic(0, std::sqrt(3.0) / 3.14159265358979323846)},
                    std::invalid_argument);
    CHECK_THROWS_WITH(multiplicative{imle::normal(0.5, 1)},
                      mentions("mean 0.5") && mentions("standard normal"));
    CHECK_THROWS_WITH(multiplicative{imle::normal(0, 2)}, mentions("variance 4"));
    // Mean 0 and variance 1, but not its law.
    struct flat : imle::uniform {
        flat() : imle::uniform(-1, 1) {}
        static double mean() { return 0; }
        static double variance() { return 1; }
    };
    CHECK_THROWS_WITH(multiplicative{flat{}}, mentions("standard normal"));
}

TEST_CASE("multiplicative: a theta that cannot be represented is an error, not a tie",
          "[multiplicative][noise]") {
    batch_of<float> theta(1, 8);
    theta.setConstant(1);
    const auto message_at = [&](double temperature) {
        const imle_layer layer{identity_solver,
                               multiplicative{},
                               perturbation_target{},
                               {.samples = 100, .input_temperature = temperature}};
        return support::message_of<std::invalid_argument>([&] { (void)layer.forward(theta, random_key{1}); });
    };
    CHECK(message_at(6).empty());
    CHECK(support::says(message_at(20), {"underflows", "smaller temperature"}));
    theta.setConstant(3e38f);
    CHECK(support::says(message_at(1), {"overflows", "smaller temperature"}));
}
