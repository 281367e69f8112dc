#include <imle/estimators/simple_layer.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>

#include "support/catch.hpp"

TEST_CASE("simple_layer is the exact layer of k-subsets", "[estimators][simple]") {
    const auto layer = imle::simple_layer(3, {.samples = 2});
    STATIC_REQUIRE(std::is_same_v<decltype(layer), const imle::exact_layer<imle::k_subset_family>>);
    CHECK(layer.family().k() == 3);
    CHECK(layer.options().samples == 2);
    CHECK(imle::simple_layer(0).options().samples == 1);
    CHECK_THROWS_AS(imle::simple_layer(-1), std::invalid_argument);

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 4), loss(1, 4);
    theta.setValues({{0, 1, 2, 3}});
    loss.setValues({{1, 0, 0, 0}});
    const auto pass = layer.forward(theta, imle::random_key{1});
    CHECK(std::count(pass.samples().data(), pass.samples().data() + 8, 1.0f) == 6);
    // 3 of 4: the one left out is i with probability softmax(-theta)_i.
    const double e = std::exp(1.0), out = e * e * e / (e * e * e + e * e + e + 1);
    CHECK(layer.marginals(theta)(0, 0) == Approx(1 - out));
    CHECK(layer.vjp(pass, loss)(0, 0) == Approx(out * (1 - out)));
}
