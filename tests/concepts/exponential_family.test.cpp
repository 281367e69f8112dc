#include <imle/concepts/exponential_family.hpp>

#include <cstdint>
#include <span>

#include <imle/families/k_subset_family.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/testing/gibbs_family.hpp>

#include "support/catch.hpp"

namespace {

using imle::DifferentiableFamily;
using imle::ExponentialFamily;

// Has all but one of the required functions.
struct no_marginals {
    void sample(std::span<const double>, imle::random_key, std::uint64_t, std::span<double>) const {}
};
struct no_sample {
    void marginals(std::span<const double>, std::span<double>) const {}
};
struct only_double : no_marginals, no_sample {};
struct changes_itself {
    void sample(std::span<const double>, imle::random_key, std::uint64_t, std::span<double>) {}
    void marginals(std::span<const double>, std::span<double>) const {}
};
struct cannot_be_copied : only_double {
    cannot_be_copied() = default;
    cannot_be_copied(const cannot_be_copied&) = delete;
};

// Takes an instance with its shape.
struct of_views {
    static constexpr int instance_rank = 2;
    template <class ThetaT, class ZT>
    void sample(const ThetaT&, imle::random_key, std::uint64_t, ZT&, const imle::solve_context&) const {}
    template <class ThetaT, class ZT>
    void marginals(const ThetaT&, ZT&, const imle::solve_context&) const {}
    template <class ThetaT, class ZT>
    void marginals_vjp(const ThetaT&, const ThetaT&, ZT&, const imle::solve_context&) const {}
};
// Says so, but has no such functions.
struct rank_without_views {
    static constexpr int instance_rank = 2;
};

}  // namespace

TEST_CASE("the concept of an exponential family", "[concepts][estimators]") {
    STATIC_REQUIRE(ExponentialFamily<only_double, double>);
    STATIC_REQUIRE(imle::ExponentialFamilyOfSomeScalar<only_double>);
    STATIC_REQUIRE(ExponentialFamily<imle::softmax_family, float>);
    STATIC_REQUIRE(ExponentialFamily<imle::k_subset_family, double>);
    STATIC_REQUIRE(ExponentialFamily<imle::testing::gibbs_family<2>, float>);

    STATIC_REQUIRE(!ExponentialFamily<only_double, float>);
    STATIC_REQUIRE(!ExponentialFamily<no_marginals, double>);
    STATIC_REQUIRE(!ExponentialFamily<no_sample, double>);
    STATIC_REQUIRE(!ExponentialFamily<changes_itself, double>);
    STATIC_REQUIRE(!ExponentialFamily<cannot_be_copied, double>);
    STATIC_REQUIRE(!ExponentialFamily<imle::softmax_family, int>);
    STATIC_REQUIRE(!imle::ExponentialFamilyOfSomeScalar<int>);

    STATIC_REQUIRE(DifferentiableFamily<imle::k_subset_family, float>);
    STATIC_REQUIRE(DifferentiableFamily<imle::softmax_family, double>);
    STATIC_REQUIRE(DifferentiableFamily<imle::testing::gibbs_family<1>, double>);
    STATIC_REQUIRE(!DifferentiableFamily<only_double, double>);

    STATIC_REQUIRE(imle::MeasuredFamily<imle::softmax_family, float>);
    STATIC_REQUIRE(imle::MeasuredFamily<imle::k_subset_family, double>);
    STATIC_REQUIRE(imle::MeasuredFamily<imle::testing::gibbs_family<1>, double>);
    STATIC_REQUIRE(imle::MeasuredFamily<imle::testing::gibbs_family<2>, float>);
    STATIC_REQUIRE(!imle::MeasuredFamily<only_double, double>);

    STATIC_REQUIRE(ExponentialFamily<of_views, float>);
    STATIC_REQUIRE(DifferentiableFamily<of_views, double>);
    STATIC_REQUIRE(!ExponentialFamily<rank_without_views, double>);
}
