#include <imle/concepts/target_distribution.hpp>

#include <vector>

#include "support/catch.hpp"

namespace {

using imle::TargetDistribution;
using imle::TargetDistributionOfSomeScalar;

struct any_scalar_target {
    template <class Scalar>
    void parameters(std::span<const Scalar>, std::span<const Scalar>, std::span<Scalar>) const {}
};
struct float_target {
    void parameters(std::span<const float>, std::span<const float>, std::span<float>) const {}
};
struct with_hooks : any_scalar_target {
    void validate() const {}
    double gradient_divisor() const { return 1; }
    float_target for_call(const imle::target_sums&) const { return {}; }
    void update(const imle::target_sums&) {}
};

struct changes {
    void parameters(std::span<const float>, std::span<const float>, std::span<float>) {}
};
struct without_cotangent {
    void parameters(std::span<const float>, std::span<float>) const {}
};
struct returns_them {
    std::vector<float> parameters(std::span<const float>, std::span<const float>) const { return {}; }
};
struct target_without_copies : any_scalar_target {
    target_without_copies() = default;
    target_without_copies(const target_without_copies&) = delete;
};

}  // namespace

TEST_CASE("TargetDistribution: types that model the concept and types that do not", "[concepts]") {
    STATIC_REQUIRE(TargetDistribution<any_scalar_target, float> &&
                   TargetDistribution<any_scalar_target, double>);
    STATIC_REQUIRE(TargetDistribution<float_target, float> && !TargetDistribution<float_target, double>);
    STATIC_REQUIRE(TargetDistributionOfSomeScalar<float_target>);
    STATIC_REQUIRE(TargetDistribution<with_hooks, float>);
    STATIC_REQUIRE(imle::detail::has_validate<with_hooks> && !imle::detail::has_validate<any_scalar_target>);
    STATIC_REQUIRE(imle::detail::has_gradient_divisor<with_hooks> &&
                   !imle::detail::has_gradient_divisor<any_scalar_target>);
    STATIC_REQUIRE(imle::detail::has_for_call<with_hooks> && !imle::detail::has_for_call<any_scalar_target>);
    STATIC_REQUIRE(imle::detail::has_update<with_hooks> && !imle::detail::has_update<any_scalar_target>);

    STATIC_REQUIRE(!TargetDistributionOfSomeScalar<changes>);
    STATIC_REQUIRE(!TargetDistributionOfSomeScalar<without_cotangent>);
    STATIC_REQUIRE(!TargetDistributionOfSomeScalar<returns_them>);
    STATIC_REQUIRE(!TargetDistributionOfSomeScalar<target_without_copies>);
    STATIC_REQUIRE(!TargetDistributionOfSomeScalar<int>);
}

TEST_CASE("target_sums: shards add up", "[concepts]") {
    const imle::target_sums a{1, 2, 3, 4, 5, 6}, b{10, 20, 30, 40, 50, 60};
    CHECK(a + b == imle::target_sums{11, 22, 33, 44, 55, 66});
}
