#include <imle/targets/loss_gradient_target.hpp>

#include <imle/concepts/target_distribution.hpp>
#include <vector>

#include "support/catch.hpp"

static_assert(imle::TargetDistribution<imle::loss_gradient_target, float>);
static_assert(imle::TargetDistribution<imle::loss_gradient_target, double>);

TEMPLATE_TEST_CASE("loss_gradient_target: -dz where there is a cotangent, theta elsewhere", "[targets]",
                   float, double) {
    const std::vector<TestType> theta{1, -2, 3, 4};
    const std::vector<TestType> dz{2, 0, -1, TestType(-0.0)};
    std::vector<TestType> out(4);
    imle::loss_gradient_target{}.parameters(std::span<const TestType>(theta), std::span<const TestType>(dz),
                                            std::span<TestType>(out));
    CHECK(out == std::vector<TestType>{-2, -2, 1, 4});
}
