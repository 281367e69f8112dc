#include <imle/solvers/categorical.hpp>

#include <imle/concepts/solver.hpp>

#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"

namespace categorical_tests {

namespace {

// The oracle: the first index that no other exceeds, found by comparing all pairs.
template <class Scalar>
std::size_t first_unbeaten(const std::vector<Scalar>& theta) {
    for (std::size_t i = 0; i < theta.size(); ++i) {
        bool beaten = false;
        for (const Scalar other : theta) beaten = beaten || other > theta[i];
        if (!beaten) return i;
    }
    return theta.size();
}

template <class Scalar, int Layout>
support::tally wrong_choices(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto rows = static_cast<Eigen::Index>(1 + random() % 5),
                   cols = static_cast<Eigen::Index>(1 + random() % (i % 16 == 0 ? 60 : 9));
        const auto n = static_cast<std::size_t>(rows * cols);
        std::vector<Scalar> theta(n), z(n, imle::detail::unwritten<Scalar>());
        const auto spread = 1 + random() % 20;  // few values: ties, also of 0.0 and -0.0
        for (auto& t : theta) {
            t = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
            if (t == 0 && random() % 2 == 0) t = -t;
            if (i % 3 == 0) t *= std::numeric_limits<Scalar>::denorm_min();
        }
        imle::const_view<Scalar, 2, Layout> theta_view(theta.data(), rows, cols);
        imle::mutable_view<Scalar, 2, Layout> z_view(z.data(), rows, cols);
        imle::categorical{}(theta_view, z_view);
        std::vector<Scalar> expected(n, 0);
        expected[first_unbeaten(theta)] = 1;
        wrong.expect(z == expected, "theta ", theta, " gives ", z, ", not ", expected);
    }
    return wrong;
}

}  // namespace

TEST_CASE("categorical is the first largest", "[solvers][categorical]") {
    CHECK(wrong_choices<float, Eigen::RowMajor>(1000, 1) == 0);
    CHECK(wrong_choices<double, Eigen::RowMajor>(1000, 2) == 0);
    CHECK(wrong_choices<float, Eigen::ColMajor>(1000, 3) == 0);
    CHECK(wrong_choices<double, Eigen::ColMajor>(1000, 4) == 0);
}

TEST_CASE("categorical says what is wrong", "[solvers][categorical][errors]") {
    Eigen::Tensor<double, 1> empty(0), empty_z(0), theta(3), z(3), other(2);
    theta.setValues({1, 3, 2});
    CHECK_THROWS_WITH(imle::categorical{}(empty, empty_z), mentions("empty") && mentions("at least one"));
    CHECK_THROWS_WITH(imle::categorical<4>{}(theta, z), mentions("3 categories") && mentions("4"));
    CHECK_THROWS_AS(imle::categorical{}(theta, other), std::invalid_argument);
    CHECK_NOTHROW(imle::categorical<3>{}(theta, z));
    theta(0) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::categorical{}(theta, z), std::invalid_argument);
}

TEST_CASE("categorical fits the concepts", "[solvers][categorical]") {
    STATIC_REQUIRE(std::is_same_v<decltype(imle::categorical{}), imle::categorical<>>);
    STATIC_REQUIRE(imle::Solver<imle::categorical<>, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<imle::categorical<7>, double, 3, Eigen::ColMajor>);
    STATIC_REQUIRE(!imle::Solver<imle::categorical<>, long double, 1, Eigen::RowMajor>);
}

namespace {

template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const std::size_t rows = 1 + random() % 5, cols = 1 + random() % 9, n = rows * cols;
        std::vector<Scalar> theta(n);
        for (Scalar& t : theta) {
            t = static_cast<Scalar>(random() % 8) - 4;
            if (t == 0 && random() % 2 == 0) t = -t;
            if (i % 3 == 0) t *= std::numeric_limits<Scalar>::max() / 4;
        }
        const support::mask allowed = support::random_mask(n, random);
        const auto left = support::gather(theta, allowed);
        support::spoil_forbidden(theta, allowed, random);
        imle::categorical solver;
        const auto found = support::solve<Layout>(
            solver, theta,
            Eigen::array<Eigen::Index, 2>{static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(cols)},
            allowed.span());
        auto expected = support::infeasible<Scalar>(n);
        if (!left.empty()) {
            std::vector<Scalar> one(left.size(), 0);
            one[first_unbeaten(left)] = 1;
            expected = {imle::solve_status::solved, support::scatter(one, allowed)};
        }
        wrong.expect(found == expected, "theta ", theta, ", mask ", allowed, " gives ", found.status, " ",
                     found.z, ", not ", expected.z);
    }
    return wrong;
}

}  // namespace

TEST_CASE("categorical under a mask is the first largest of what it allows", "[solvers][categorical]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(1000, 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(1000, 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(1000, 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(1000, 4) == 0);
}

TEST_CASE("categorical: a batch has the bits of single solves", "[solvers][categorical]") {
    const std::vector<std::size_t> sizes{1, 2, 5, 8, 10, 15, 16, 17, 33, 50, 64, 65, 100};
    const auto make = [](std::size_t, std::mt19937&) { return imle::categorical{}; };
    // Few values: ties.
    const auto floats = [](std::size_t n, std::mt19937& random) {
        std::vector<float> theta(n);
        for (float& t : theta) t = static_cast<float>(random() % 9) - 4;
        return theta;
    };
    const auto doubles = [](std::size_t n, std::mt19937& random) {
        std::vector<double> theta(n);
        for (double& t : theta) t = static_cast<double>(random() % 9) - 4;
        return theta;
    };
    CHECK(support::wrong_batches<float, Eigen::RowMajor>(sizes, 300, 1, make, floats) == 0);
    CHECK(support::wrong_batches<double, Eigen::ColMajor>(sizes, 300, 2, make, doubles) == 0);
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3);
    thetas.setConstant(1);
    CHECK_THROWS_WITH(imle::categorical<4>{}.solve_batch(thetas, zs), mentions("of 3 categories"));
    CHECK_THROWS_WITH(imle::categorical{}.solve_batch(thetas, zs, std::vector<imle::solve_context>(3)),
                      mentions("contexts is a list of 3"));
}

}  // namespace categorical_tests
