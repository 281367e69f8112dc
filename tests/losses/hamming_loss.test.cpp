#include <imle/losses/hamming_loss.hpp>

#include <cstdint>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

using imle::hamming_gradient;
using imle::hamming_loss;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

}  // namespace

TEST_CASE("hamming_loss: counts the coordinates that differ, instance by instance", "[losses]") {
    matrix z(3, 4), y(3, 4);
    z.setValues({{1, 0, 1, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}});
    y.setValues({{1, 1, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
    const auto loss = hamming_loss(z, y);
    CHECK(loss(0) == 2);
    CHECK(loss(1) == 0);
    CHECK(loss(2) == 4);

    Eigen::Tensor<float, 3, Eigen::ColMajor> columns(2, 2, 2), wanted(2, 2, 2);
    columns.setZero();
    wanted.setZero();
    columns(0, 1, 1) = 1;
    columns(1, 1, 1) = 1;
    wanted(0, 1, 1) = 1;
    const auto of_columns = hamming_loss(columns, wanted);
    CHECK(of_columns(0) == 0);
    CHECK(of_columns(1) == 1);
}

TEST_CASE("hamming_loss: is linear in z, with the gradient 1 - 2 y", "[losses]") {
    matrix y(2, 3);
    y.setValues({{1, 0, 0.5}, {0, 1, 0}});
    const auto gradient = hamming_gradient(y);
    const matrix z = fixtures::numbers<matrix>({2, 3}, 1), other = fixtures::numbers<matrix>({2, 3}, 2);
    const auto at_z = hamming_loss(z, y), at_other = hamming_loss(other, y);
    for (Eigen::Index b = 0; b < 2; ++b) {
        double slope = 0;
        for (Eigen::Index i = 0; i < 3; ++i) slope += gradient(b, i) * (other(b, i) - z(b, i));
        CHECK(at_other(b) - at_z(b) == Approx(slope).margin(1e-14));
    }
}

TEST_CASE("hamming_gradient: makes loss_gradient_target's gradient marginals - y", "[losses]") {
    const matrix theta = fixtures::numbers<matrix>({1, 5}, 1);
    matrix y(1, 5);
    y.setValues({{0, 1, 0, 0, 1}});
    imle::imle_layer layer{imle::top_k{2},
                           imle::gumbel{},
                           imle::loss_gradient_target{},
                           {.samples = 10, .target_temperature = 0}};
    const auto pass = layer.forward(theta, imle::random_key{1});
    const auto gradient = layer.vjp(pass, hamming_gradient(y));
    const matrix expected = pass.marginals() - y;
    CHECK(fixtures::furthest(gradient, expected) < 1e-15);
}

TEST_CASE("hamming_loss: invalid input throws with a message", "[losses]") {
    using support::message_of;
    using support::says;
    matrix z(1, 2), nan(1, 2), other(1, 3);
    z.setZero();
    nan.setZero();
    nan(0, 1) = std::numeric_limits<double>::quiet_NaN();
    other.setZero();
    const auto refusal = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    CHECK(says(refusal([&] { (void)hamming_loss(z, other); }), {"y is a tensor of shape [1, 3]", "[1, 2]"}));
    CHECK(says(refusal([&] { (void)hamming_loss(nan, z); }), {"z is nan in row 0, coordinate 1"}));
    CHECK(says(refusal([&] { (void)hamming_loss(z, nan); }), {"y is nan in row 0, coordinate 1"}));
    CHECK(says(refusal([&] { (void)hamming_gradient(nan); }), {"y is nan in row 0, coordinate 1"}));
}
