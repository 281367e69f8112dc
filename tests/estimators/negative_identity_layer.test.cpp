#include <imle/estimators/negative_identity_layer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::negative_identity_layer;
using imle::projection;
using imle::random_key;

namespace {

constexpr projection all_projections[] = {projection::none, projection::center, projection::normalize,
                                          projection::standardize};

// By the book.
vector projected(vector x, projection kind) {
    if (kind == projection::center || kind == projection::standardize) {
        const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
        for (double& xi : x) xi -= mean;
    }
    if (kind == projection::normalize || kind == projection::standardize) {
        const double norm = std::sqrt(reference::dot(x, x));
        for (double& xi : x) xi /= norm;
    }
    return x;
}

vector row_of(const matrix& values, Eigen::Index row) {
    const double* begin = values.data() + row * values.dimension(1);
    return {begin, begin + values.dimension(1)};
}

}  // namespace

TEST_CASE("negative_identity_layer: the solver sees the projected theta", "[estimators][negative_identity]") {
    const auto theta = numbers<matrix>({6, 5}, 1);
    for (const projection kind : all_projections) {
        const negative_identity_layer layer{identity_solver, {.projection = kind}};
        const auto pass = layer.forward(theta, random_key{1});
        CHECK(pass.sample_count() == 1);
        CHECK(same_bits(pass.theta(), theta));
        const negative_identity_layer threaded{identity_solver, {kind, 3}, eager_threads()};
        CHECK(same_bits(threaded.forward(theta).samples(), pass.samples()));
        for (Eigen::Index b = 0; b < 6; ++b) {
            const double* z = pass.samples().data() + b * 5;
            CHECK(support::furthest(vector(z, z + 5), projected(row_of(theta, b), kind)) < 1e-15);
        }
    }
}

TEST_CASE("negative_identity_layer: the same bits on any number of threads",
          "[estimators][negative_identity][threads]") {
    const auto theta = numbers<matrix>({12, 3000}, 1), dmu = numbers<matrix>({12, 3000}, 2);  // six units
    for (const projection kind : all_projections) {
        const auto layer_on = [kind](int threads) {
            return negative_identity_layer{imle::top_k{2}, {kind, threads}, eager_threads()};
        };
        const auto pass = layer_on(1).forward(theta);
        const matrix gradient = layer_on(1).vjp(pass, dmu);
        for (const int threads : {2, 3, 8}) {
            INFO(threads << " threads, projection " << static_cast<int>(kind));
            CHECK(same_bits(layer_on(threads).forward(theta).samples(), pass.samples()));
            CHECK(same_bits(matrix(layer_on(threads).vjp(pass, dmu)), gradient));
        }
    }
}

TEST_CASE("negative_identity_layer: the gradient is the projection's, with the sense's sign",
          "[estimators][negative_identity]") {
    const auto theta = numbers<matrix>({6, 5}, 1), dmu = numbers<matrix>({6, 5}, 2);
    for (const projection kind : all_projections) {
        const negative_identity_layer layer{imle::top_k{2}, {.projection = kind}};
        const negative_identity_layer costs{imle::minimizing(identity_solver), {.projection = kind}};
        const matrix gradient = layer.vjp(layer.forward(theta, random_key{1}), dmu);
        const matrix of_costs = costs.vjp(costs.forward(theta, random_key{1}), dmu);
        for (Eigen::Index b = 0; b < 6; ++b) {
            const vector slope = reference::gradient(row_of(theta, b), [&](const vector& t) {
                return reference::dot(projected(t, kind), row_of(dmu, b));
            });
            CHECK(support::furthest(row_of(gradient, b), slope) < 1e-8);
        }
        CHECK(same_bits(of_costs, matrix(-gradient)));
        // One sample: a cotangent of the samples' shape is the same, and so is the pullback.
        cube dz(6, 1, 5);
        std::copy_n(dmu.data(), dmu.size(), dz.data());
        CHECK(same_bits(matrix(layer.vjp(layer.forward(theta), dz)), gradient));
        const auto [value, pullback] = layer.value_and_pullback(theta);
        CHECK(same_bits(matrix(pullback(dz)), gradient));
    }
}

TEST_CASE("negative_identity_layer: projections take out what cannot change a solution",
          "[estimators][negative_identity]") {
    const auto theta = numbers<matrix>({4, 6}, 3), dmu = numbers<matrix>({4, 6}, 4);
    const negative_identity_layer layer{imle::top_k{2}, {.projection = projection::standardize}};
    const auto pass = layer.forward(theta);
    const negative_identity_layer plain{imle::top_k{2}};
    CHECK(same_bits(pass.samples(), plain.forward(theta).samples()));
    const matrix gradient = layer.vjp(pass, dmu);
    for (Eigen::Index b = 0; b < 4; ++b) {
        const vector g = row_of(gradient, b);
        CHECK(std::abs(std::accumulate(g.begin(), g.end(), 0.0)) < 1e-14);
        CHECK(std::abs(reference::dot(g, row_of(theta, b))) < 1e-14);
        CHECK(reference::dot(g, row_of(dmu, b)) > 0);
    }
}

TEST_CASE("negative_identity_layer: nothing is divided by a norm of 0", "[estimators][negative_identity]") {
    matrix theta(3, 4), dmu = numbers<matrix>({3, 4}, 2);
    // The mean of ten, or four, 0.1 is not 0.1 in binary: what rounding leaves must not be taken for a theta.
    theta.setValues({{0, 0, 0, 0}, {0.1, 0.1, 0.1, 0.1}, {-1e300, -1e300, -1e300, -1e300}});
    const negative_identity_layer normalized{identity_solver, {.projection = projection::normalize}};
    const auto pass = normalized.forward(theta);
    const matrix gradient = normalized.vjp(pass, dmu);
    for (Eigen::Index i = 0; i < 4; ++i) {
        CHECK(pass.samples()(0, 0, i) == 0);
        CHECK(gradient(0, i) == 0);
        CHECK(pass.samples()(1, 0, i) == Approx(0.5));
        CHECK(pass.samples()(2, 0, i) == Approx(-0.5));
    }
    for (const projection kind : {projection::center, projection::standardize}) {
        const negative_identity_layer layer{identity_solver, {.projection = kind}};
        const auto constant = layer.forward(theta);
        const matrix slope = layer.vjp(constant, dmu);
        for (Eigen::Index i = 0; i < theta.size(); ++i) {
            CHECK(constant.samples().data()[i] == 0);
            if (kind == projection::standardize) CHECK(slope.data()[i] == 0);
        }
    }
    // Ten times a number that is no binary fraction.
    matrix ten(1, 10);
    ten.setConstant(0.1);
    const negative_identity_layer layer{identity_solver, {.projection = projection::standardize}};
    const cube z = layer.forward(ten).samples();
    CHECK(std::all_of(z.data(), z.data() + 10, [](double x) { return x == 0; }));
}

TEST_CASE("negative_identity_layer: norms whose squares leave a double's range",
          "[estimators][negative_identity]") {
    const auto unit = numbers<matrix>({2, 5}, 5), dmu = numbers<matrix>({2, 5}, 6);
    const negative_identity_layer layer{identity_solver, {.projection = projection::standardize}};
    const cube expected = layer.forward(unit).samples();
    const matrix slope = layer.vjp(layer.forward(unit), dmu);
    for (const double scale : {0x1p-700, 0x1p700, 0x1p1022}) {
        const auto pass = layer.forward(matrix(unit * scale));
        CHECK(furthest(pass.samples(), expected) < 1e-15);
        if (scale < 0x1p1000) {
            const matrix scaled = matrix(layer.vjp(pass, dmu)) * scale;
            CHECK(furthest(scaled, slope) < 1e-12);
        }
    }
}

TEST_CASE("negative_identity_layer: instances of any rank and layout, and their contexts",
          "[estimators][negative_identity]") {
    using tensor = Eigen::Tensor<float, 3>;
    const auto theta = numbers<tensor>({2, 3, 4}, 1), dmu = numbers<tensor>({2, 3, 4}, 2);
    std::vector<std::uint64_t> seen;
    const auto watching = [&seen](const auto& t, auto& z, const imle::solve_context& context) {
        seen.push_back(context.instance);
        std::copy_n(t.data(), t.size(), z.data());
    };
    const negative_identity_layer layer{watching, {.projection = projection::center}};
    const auto pass = layer.forward(theta, random_key{8}, 100);
    CHECK(seen == std::vector<std::uint64_t>{100, 101, 102, 103});
    CHECK(pass.first_instance() == 100);
    CHECK(pass.key() == random_key{8});
    const tensor gradient = layer.vjp(pass, dmu);
    for (std::size_t b = 0; b < 4; ++b) {
        const vector t(theta.data() + 6 * b, theta.data() + 6 * b + 6);
        const vector g(dmu.data() + 6 * b, dmu.data() + 6 * b + 6);
        const vector z(pass.samples().data() + 6 * b, pass.samples().data() + 6 * b + 6);
        const vector slope(gradient.data() + 6 * b, gradient.data() + 6 * b + 6);
        CHECK(support::furthest(z, projected(t, projection::center)) < 1e-7);
        CHECK(support::furthest(slope, projected(g, projection::center)) < 1e-7);
    }
    const tensor empty(2, 3, 0);
    CHECK(layer.vjp(layer.forward(empty), empty).size() == 0);
}

TEST_CASE("negative_identity_layer: what is refused", "[estimators][negative_identity]") {
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [] { negative_identity_layer layer(cube_solver, {static_cast<projection>(9)}); }),
                        {"negative_identity_options::projection is 9", "standardize"}));
    CHECK(support::says(support::message_of<std::invalid_argument>([] {
                            negative_identity_layer layer(cube_solver, {projection::none, -2});
                        }),
                        {"negative_identity_options::threads is -2"}));
    matrix theta = numbers<matrix>({2, 3}, 1);
    for (const projection kind : all_projections) {
        const negative_identity_layer layer{cube_solver, {.projection = kind}};
        const auto pass = layer.forward(theta);
        CHECK_THROWS_AS(layer.vjp(pass, matrix(3, 2)), std::invalid_argument);
        matrix bad = theta;
        bad(1, 2) = std::nan("");
        CHECK_THROWS_WITH(layer.forward(bad), mentions("theta is nan in row 1, coordinate 2"));
        CHECK_THROWS_AS(layer.vjp(pass, bad), std::invalid_argument);
    }
    const negative_identity_layer centred{cube_solver, {.projection = projection::center}};
    matrix far(1, 3);
    far.setValues({{1.7e308, -1.7e308, 0}});
    CHECK_THROWS_WITH(centred.forward(far), mentions("theta after its projection"));
    const negative_identity_layer normalized{cube_solver, {.projection = projection::normalize}};
    matrix near(1, 2), dmu(1, 2);
    near.setValues({{1e-320, 1e-320}});
    dmu.setValues({{1, -1}});
    CHECK_THROWS_WITH(normalized.vjp(normalized.forward(near), dmu), mentions("theta's norm"));
}
