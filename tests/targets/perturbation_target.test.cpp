#include <imle/targets/perturbation_target.hpp>

#include <cmath>
#include <imle/concepts/target_distribution.hpp>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

static_assert(imle::TargetDistribution<imle::perturbation_target, float>);
static_assert(imle::TargetDistribution<imle::perturbation_target, double>);

TEMPLATE_TEST_CASE("perturbation_target: theta' = alpha * theta - beta * dz", "[targets]", float, double) {
    const std::vector<TestType> theta{1, -2, 0, 4};
    const std::vector<TestType> dz{2, 0, -1, 1};
    std::vector<TestType> out(4);
    const auto parameters = [&](const imle::perturbation_target& target) {
        target.parameters(std::span<const TestType>(theta), std::span<const TestType>(dz),
                          std::span<TestType>(out));
        return out;
    };
    CHECK(parameters({}) == std::vector<TestType>{-1, -2, 1, 3});
    CHECK(parameters({.alpha = 1, .beta = 10}) == std::vector<TestType>{-19, -2, 10, -6});
    CHECK(parameters({.alpha = 0, .beta = 3}) == std::vector<TestType>{-6, 0, 3, -3});
    CHECK(parameters({.alpha = 0.5, .beta = 0}) == std::vector<TestType>{0.5, -1, 0, 2});
}

TEST_CASE("perturbation_target: the divisor is the step, where asked", "[targets]") {
    CHECK(imle::perturbation_target{.beta = 3}.gradient_divisor() == 1);
    CHECK(imle::perturbation_target{.beta = 3, .scale_gradient = true}.gradient_divisor() == 3);
}

TEST_CASE("perturbation_target: invalid values are refused", "[targets]") {
    CHECK_NOTHROW(imle::perturbation_target{.alpha = -1, .beta = 0}.validate());
    CHECK_THROWS_AS((imle::perturbation_target{.beta = -0.5}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((imle::perturbation_target{.beta = HUGE_VAL}.validate()), std::invalid_argument);
    CHECK_THROWS_AS((imle::perturbation_target{.alpha = std::nan("")}.validate()), std::invalid_argument);
}
