#include <imle/layer/perturbed_sampler.hpp>

#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace perturbed_sampler_tests {

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

/// A solver that returns what it was given: samples then are the perturbed parameters.
template <class SolverT, class NoiseT>
void check_replay(SolverT solver, NoiseT noise, double temperature, double sign,
                  imle::sampling how = imle::sampling::independent) {
    const matrix theta = numbers<matrix>({3, 1500}, 1);  // more than the replay draws at a time
    const imle::layer_options options{.samples = 7, .input_temperature = temperature, .sampling = how};
    imle_layer layer{solver, noise, perturbation_target{}, options};
    const imle::perturbed_sampler sampler{solver, noise, options};
    const auto pass = layer.forward(theta, random_key{3}, 5);
    auto replay = sampler.replay(pass);
    for (Eigen::Index row = 0; row < 3; ++row) {
        Eigen::Index next = 0;
        replay.for_each(row, [&](const imle::perturbed_sample<double>& sample) {
            REQUIRE(sample.sample == next++);
            support::tally different, off;
            for (Eigen::Index i = 0; i < 1500; ++i) {
                different.expect(sign * sample.parameters[i] == sample.z[i], "sample ", sample.sample,
                                 " of row ", row, ", element ", i, ": ", sample.parameters[i], " for ",
                                 sample.z[i]);
                if (sample.factors != nullptr)
                    off.expect(theta(row, i) * sample.factors[i] == sample.z[i], "sample ", sample.sample,
                               " of row ", row, ", element ", i, ": ", theta(row, i), " times ",
                               sample.factors[i], " for ", sample.z[i]);
            }
            CHECK(different == 0);
            CHECK(off == 0);
            CHECK((sample.factors != nullptr) == (imle::is_multiplicative_noise<NoiseT> && temperature != 0));
        });
        CHECK(next == 7);
        replay.for_each_noise(row, [&](Eigen::Index, const double* eps) {
            CHECK((eps == nullptr) == (temperature == 0 || imle::is_zero_noise<NoiseT>));
        });
    }
}

}  // namespace

TEST_CASE("perturbed_sampler: replay gives what the solver was given, bit for bit", "[layer]") {
    for (const double temperature : {0.0, 0.7, 1.0}) {
        check_replay(identity_solver, hashed_noise{}, temperature, 1);
        check_replay(imle::minimizing(identity_solver), hashed_noise{}, temperature, -1);
        check_replay(identity_solver, imle::multiplicative{imle::normal{}}, temperature, 1);
        check_replay(identity_solver, imle::no_noise{}, temperature, 1);
        check_replay(imle::minimizing(identity_solver), imle::normal{}, temperature, -1,
                     imle::sampling::latin);
        check_replay(identity_solver, imle::multiplicative{}, temperature, 1, imle::sampling::latin);
        check_replay(identity_solver, imle::no_noise{}, temperature, 1, imle::sampling::latin);
    }
}

TEST_CASE("perturbed_sampler: map is the MAP state, whatever the noise and the number of samples",
          "[layer]") {
    const matrix theta = numbers<matrix>({3, 6}, 1);
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 9}};
    matrix expected = theta;
    for (Eigen::Index i = 0; i < theta.size(); ++i) expected.data()[i] = theta.data()[i] > 0;
    CHECK(same_bits(layer.map(theta), expected));
    CHECK(same_bits(layer.map(theta * 1.0), expected));
}

}  // namespace perturbed_sampler_tests
