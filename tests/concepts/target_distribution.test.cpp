#include <imle/concepts/target_distribution.hpp>

#include <vector>

#include "support/catch.hpp"

namespace {

using imle::TargetDistribution;
using imle::TargetDistributionOfSomeScalar;

struct generic {
    template <class Scalar>
    void parameters(std::span<const Scalar>, std::span<const Scalar>, std::span<Scalar>) const {}
};
struct floats {
    void parameters(std::span<const float>, std::span<const float>, std::span<float>) const {}
};
struct with_hooks : generic {
    void validate() const {}
    double gradient_divisor() const { return 1; }
    floats for_call(const imle::target_sums&) const { return {}; }
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
struct cannot_be_copied : generic {
    cannot_be_copied() = default;
    cannot_be_copied(const cannot_be_copied&) = delete;
};

}  // namespace

static_assert(TargetDistribution<generic, float> && TargetDistribution<generic, double>);
static_assert(TargetDistribution<floats, float> && !TargetDistribution<floats, double>);
static_assert(TargetDistributionOfSomeScalar<floats>);
static_assert(TargetDistribution<with_hooks, float>);
static_assert(imle::detail::has_validate<with_hooks> && !imle::detail::has_validate<generic>);
static_assert(imle::detail::has_gradient_divisor<with_hooks> && !imle::detail::has_gradient_divisor<generic>);
static_assert(imle::detail::has_for_call<with_hooks> && !imle::detail::has_for_call<generic>);
static_assert(imle::detail::has_update<with_hooks> && !imle::detail::has_update<generic>);

static_assert(!TargetDistributionOfSomeScalar<changes>);
static_assert(!TargetDistributionOfSomeScalar<without_cotangent>);
static_assert(!TargetDistributionOfSomeScalar<returns_them>);
static_assert(!TargetDistributionOfSomeScalar<cannot_be_copied>);
static_assert(!TargetDistributionOfSomeScalar<int>);

TEST_CASE("TargetDistribution: the concept's matrix", "[concepts]") {
    SUCCEED("checked by the compiler");
}

TEST_CASE("target_sums: shards add up", "[concepts]") {
    const imle::target_sums a{1, 2, 3, 4, 5, 6}, b{10, 20, 30, 40, 50, 60};
    CHECK(a + b == imle::target_sums{11, 22, 33, 44, 55, 66});
}
