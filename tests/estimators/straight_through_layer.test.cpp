#include <imle/estimators/straight_through_layer.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::random_key;
using imle::straight_through_layer;

namespace {

matrix mean_of(const cube& dz) {
    matrix mean(dz.dimension(0), dz.dimension(2));
    mean.setZero();
    for (Eigen::Index b = 0; b < dz.dimension(0); ++b)
        for (Eigen::Index s = 0; s < dz.dimension(1); ++s)
            for (Eigen::Index i = 0; i < dz.dimension(2); ++i)
                mean(b, i) += dz(b, s, i) / static_cast<double>(dz.dimension(1));
    return mean;
}

}  // namespace

TEST_CASE("straight_through_layer: forward is imle_layer's", "[estimators][straight_through]") {
    const auto theta = numbers<matrix>({3, 5}, 1);
    const imle::layer_options options{.samples = 6, .input_temperature = 0.5};
    const straight_through_layer layer{imle::top_k{2}, imle::gumbel{}, options};
    const imle::imle_layer same{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, options};
    CHECK(same_bits(layer.forward(theta, random_key{4}, 9).samples(),
                    same.forward(theta, random_key{4}, 9).samples()));
    CHECK(same_bits(layer.marginals(theta, random_key{4}, 9).marginals(),
                    same.marginals(theta, random_key{4}, 9).marginals()));
    CHECK(layer.options().input_temperature == 0.5);
    CHECK(layer.noise() == imle::gumbel{});
}

TEST_CASE("straight_through_layer: backward is the identity, or minus it for costs",
          "[estimators][straight_through]") {
    const auto theta = numbers<matrix>({3, 5}, 1), dmu = numbers<matrix>({3, 5}, 2);
    const auto dz = numbers<cube>({3, 4, 5}, 3);
    const imle::layer_options options{.samples = 4};
    const straight_through_layer layer{cube_solver, imle::gumbel{}, options};
    const straight_through_layer costs{minimal_cube_solver{}, imle::multiplicative{}, options};
    const auto pass = layer.forward(theta, random_key{4});
    CHECK(same_bits(matrix(layer.vjp(pass, dmu)), dmu));
    CHECK(same_bits(matrix(layer.vjp(layer.marginals(theta, random_key{4}), dmu)), dmu));
    CHECK(furthest(layer.vjp(pass, dz), mean_of(dz)) < 1e-15);
    const auto of_costs = costs.forward(theta, random_key{4});
    CHECK(same_bits(matrix(costs.vjp(of_costs, dmu)), matrix(-dmu)));
    CHECK(furthest(costs.vjp(of_costs, dz), matrix(-mean_of(dz))) < 1e-15);

    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{4});
    CHECK(same_bits(value, pass.samples()));
    CHECK(furthest(pullback(dz), matrix(mean_of(dz) * 4.0)) < 1e-14);
}

TEST_CASE("straight_through_layer: column-major floats, an executor, failures",
          "[estimators][straight_through]") {
    using tensor = Eigen::Tensor<float, 3>;
    const auto theta = numbers<tensor>({2, 3, 4}, 1), dmu = numbers<tensor>({2, 3, 4}, 2);
    const straight_through_layer layer{
        cube_solver, imle::gumbel{}, {.samples = 2, .threads = 2}, eager_threads()};
    const auto pass = layer.forward(theta, random_key{1});
    CHECK(same_bits(tensor(layer.vjp(pass, dmu)), dmu));
    const imle::sampled_pass<float, 3, Eigen::ColMajor> failed(theta, pass.samples(), random_key{1}, 0,
                                                               {1, 3});
    const tensor gradient = layer.vjp(failed, dmu);
    for (Eigen::Index i = 0; i < 24; ++i)
        CHECK(gradient.data()[i] == ((i / 6) % 2 == 1 ? 0.0f : dmu.data()[i]));
}

TEST_CASE("straight_through_layer: the same gradient on any number of threads",
          "[estimators][straight_through][threads]") {
    using floats = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const auto theta = numbers<floats>({21, 400}, 1);  // several units of rows
    const auto layer_on = [](int threads) {
        return straight_through_layer{imle::minimizing(imle::top_k{3}),
                                      imle::gumbel{},
                                      {.samples = 7, .threads = threads},
                                      eager_threads()};
    };
    const auto pass = layer_on(1).forward(theta, random_key{1});
    const auto dz = numbers<Eigen::Tensor<float, 3, Eigen::RowMajor>>({21, 7, 400}, 2);
    const floats by_sample = layer_on(1).vjp(pass, dz), by_row = layer_on(1).vjp(pass, theta);
    for (const int threads : {2, 3, 8}) {
        INFO(threads << " threads");
        CHECK(same_bits(floats(layer_on(threads).vjp(pass, dz)), by_sample));
        CHECK(same_bits(floats(layer_on(threads).vjp(pass, theta)), by_row));
    }
}

TEST_CASE("straight_through_layer: what is refused", "[estimators][straight_through]") {
    const auto theta = numbers<matrix>({2, 3}, 1);
    CHECK_THROWS_AS(straight_through_layer(cube_solver, imle::gumbel{}, {.samples = 0}),
                    std::invalid_argument);
    const straight_through_layer layer{cube_solver, imle::gumbel{}, {.samples = 2}};
    const auto pass = layer.forward(theta, random_key{1});
    CHECK_THROWS_AS(layer.vjp(pass, matrix(3, 2)), std::invalid_argument);
    CHECK_THROWS_AS(layer.vjp(pass, cube(2, 3, 3)), std::invalid_argument);
    cube dz = numbers<cube>({2, 2, 3}, 1);
    dz(1, 0, 2) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(layer.vjp(pass, dz), mentions("row 1, sample 0, coordinate 2"));
    dz.setConstant(std::numeric_limits<double>::max());
    CHECK_THROWS_WITH(layer.vjp(pass, dz), mentions("the gradient is inf"));
}
