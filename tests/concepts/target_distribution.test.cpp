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

static_assert(TargetDistribution<any_scalar_target, float> && TargetDistribution<any_scalar_target, double>);
static_assert(TargetDistribution<float_target, float> && !TargetDistribution<float_target, double>);
static_assert(TargetDistributionOfSomeScalar<float_target>);
static_assert(TargetDistribution<with_hooks, float>);
static_assert(imle::detail::has_validate<with_hooks> && !imle::detail::has_validate<any_scalar_target>);
static_assert(imle::detail::has_gradient_divisor<with_hooks> &&
              !imle::detail::has_gradient_divisor<any_scalar_target>);
static_assert(imle::detail::has_for_call<with_hooks> && !imle::detail::has_for_call<any_scalar_target>);
static_assert(imle::detail::has_update<with_hooks> && !imle::detail::has_update<any_scalar_target>);

static_assert(!TargetDistributionOfSomeScalar<changes>);
static_assert(!TargetDistributionOfSomeScalar<without_cotangent>);
static_assert(!TargetDistributionOfSomeScalar<returns_them>);
static_assert(!TargetDistributionOfSomeScalar<target_without_copies>);
static_assert(!TargetDistributionOfSomeScalar<int>);

TEST_CASE("TargetDistribution: the concept's matrix", "[concepts]") {
    SUCCEED("checked by the compiler");
}

TEST_CASE("target_sums: shards add up", "[concepts]") {
    const imle::target_sums a{1, 2, 3, 4, 5, 6}, b{10, 20, 30, 40, 50, 60};
    CHECK(a + b == imle::target_sums{11, 22, 33, 44, 55, 66});
}
