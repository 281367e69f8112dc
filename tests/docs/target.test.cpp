// The code of docs/concepts/target_distribution.md.

#include <imle/concepts/target_distribution.hpp>

#include <cmath>
#include <cstddef>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_target.hpp>
#include <span>

#include "support/catch.hpp"

namespace {

// [own_target]
// Each coordinate moves by one step, against the sign of its cotangent.
struct sign_target {
    double step = 1;

    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        for (std::size_t i = 0; i < theta.size(); ++i) {
            const int sign = (dz[i] > 0) - (dz[i] < 0);
            theta_prime[i] = theta[i] - static_cast<Scalar>(step) * static_cast<Scalar>(sign);
        }
    }
};
// [/own_target]

// [for_call]
// A step of `length` a coordinate (root mean square), whatever the scale of the loss.
struct normalised_target {
    double length = 1;

    imle::perturbation_target for_call(const imle::target_sums& sums) const {
        const double rms = sums.dz_rms();
        return {.alpha = 1, .beta = rms > 0 ? length / rms : 0};
    }
    // What the concept asks for; in a layer `for_call` is used instead.
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        imle::perturbation_target{.alpha = 1, .beta = length}.parameters(theta, dz, theta_prime);
    }
};
// [/for_call]

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // [batch, n]

// z = theta, so that without noise the gradient is theta - theta'.
constexpr auto identity = [](const auto& theta, auto& z) { z = theta; };

template <class TargetT>
matrix move_of(TargetT target, const matrix& dz) {
    matrix theta(1, 3);
    theta.setValues({{1, 2, 3}});
    imle::imle_layer layer{identity, imle::no_noise{}, target};
    return layer.vjp(layer.forward(theta, imle::random_key{0}), dz);
}

}  // namespace

static_assert(imle::TargetDistribution<sign_target, float>);
static_assert(imle::TargetDistribution<normalised_target, double>);

TEST_CASE("docs: your own target", "[docs]") {
    matrix dz(1, 3);
    dz.setValues({{5, 0, -0.1F}});
    const matrix move = move_of(sign_target{0.5}, dz);
    CHECK(move(0, 0) == 0.5F);
    CHECK(move(0, 1) == 0);
    CHECK(move(0, 2) == -0.5F);
}

TEST_CASE("docs: a target that knows the call", "[docs]") {
    matrix dz(1, 3);
    dz.setValues({{1, -2, 2}});  // root mean square: the root of 3
    const matrix small = move_of(normalised_target{}, dz * 0.001F),
                 large = move_of(normalised_target{}, dz * 64.0F);
    for (int i = 0; i < 3; ++i) {
        CHECK(small(0, i) == Approx(static_cast<double>(dz(0, i)) / std::sqrt(3.0)).epsilon(1e-4));
        CHECK(large(0, i) == Approx(static_cast<double>(dz(0, i)) / std::sqrt(3.0)).epsilon(1e-4));
    }
}

TEST_CASE("docs: the laws of your own target", "[docs]") {
    // [check]
    CHECK(imle::testing::check_target<float>(sign_target{}).passed());
    CHECK(imle::testing::check_target<double>(normalised_target{}).passed());
    // [/check]
}
