#include <imle/solvers/top_k.hpp>

#include <imle/concepts/solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace top_k_tests {

namespace {

// The oracle: a stable sort keeps equal numbers in the order of their indices.
template <class Scalar>
std::vector<Scalar> sorted_top_k(const std::vector<Scalar>& theta, std::size_t k) {
    std::vector<std::size_t> order(theta.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return theta[a] > theta[b]; });
    std::vector<Scalar> z(theta.size(), 0);
    for (std::size_t i = 0; i < k; ++i) z[order[i]] = 1;
    return z;
}

template <class Scalar>
std::vector<Scalar> numbers(int kind, std::size_t n, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0, 1);
    const double scale = std::pow(10.0, 12 * unit(random) - 6);
    std::vector<Scalar> theta(n);
    for (auto& t : theta) {
        const double u = unit(random);
        const double tiny = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
        const double values[] = {(2 * u - 1) * scale,           // continuous
                                 std::floor(3 * u) - 1,         // a few integers: ties
                                 u < 0.5 ? 0.0 : -0.0,          // zeros of both signs
                                 scale,                         // all equal
                                 std::floor(5 * u - 2) * tiny,  // denormals
                                 (u < 0.9 ? -1 : 1) * scale,    // fewer large ones than k, often
                                 std::pow(10.0, 70 * u - 35),   // a wide range
                                 (u - 0.5) * 2 * static_cast<double>(std::numeric_limits<Scalar>::max())};
        t = static_cast<Scalar>(values[kind]);
    }
    if (kind == 1 && random() % 2 == 0) std::sort(theta.begin(), theta.end());
    if (kind == 0 && random() % 2 == 0) std::sort(theta.rbegin(), theta.rend());
    return theta;
}

template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto rows = static_cast<std::size_t>(random() % 12),
                   cols = static_cast<std::size_t>(random() % 40);
        const std::size_t n = rows * cols;
        const std::size_t k = random() % 3 == 0 ? std::min<std::size_t>(n, random() % 12)
                                                : static_cast<std::size_t>(random() % (n + 1));
        const auto theta = numbers<Scalar>(static_cast<int>(random() % 8), n, random);
        std::vector<Scalar> z(n, imle::detail::unwritten<Scalar>()), flat(z);
        imle::top_k solver{static_cast<Eigen::Index>(k)};
        // Rank 2 and rank 1 see the same memory, so they must choose the same elements.
        const auto r = static_cast<Eigen::Index>(rows), c = static_cast<Eigen::Index>(cols);
        imle::const_view<Scalar, 2, Layout> theta_view(theta.data(), r, c);
        imle::mutable_view<Scalar, 2, Layout> z_view(z.data(), r, c);
        solver(theta_view, z_view);
        imle::const_view<Scalar, 1, Layout> flat_theta(theta.data(), r * c);
        imle::mutable_view<Scalar, 1, Layout> flat_z(flat.data(), r * c);
        solver(flat_theta, flat_z);
        const auto expected = sorted_top_k(theta, k);
        wrong.expect(z == expected && flat == expected, "k ", k, " of ", rows, " x ", cols, ": theta ", theta,
                     " gives ", z, ", flat ", flat, ", not ", expected);
    }
    return wrong;
}

}  // namespace

TEST_CASE("top_k is the head of a stable sort", "[solvers][top_k]") {
    CHECK(wrong_answers<float, Eigen::RowMajor>(support::repeats(1500), 1) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(support::repeats(1500), 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(support::repeats(1500), 3) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(support::repeats(1500), 4) == 0);
}

TEST_CASE("top_k of many numbers is the head of a stable sort", "[solvers][top_k]") {
    // Sizes and k on both sides of each way to find the k-th largest, and more than one block of counts.
    std::mt19937 random(6);
    support::tally wrong;
    for (const std::size_t n : {127u, 128u, 129u, 159u, 350u, 511u, 512u, 640u, 1000u, 4096u, 5000u})
        for (const std::size_t k : {1u, 2u, 10u, 16u, 17u, 31u, 64u, 65u, 127u})
            for (int kind = 0; kind < 8; kind += 8 / std::max(support::repeats(8), 2)) {
                const auto theta = numbers<double>(kind, n, random);
                Eigen::Tensor<double, 1> t(static_cast<Eigen::Index>(n)), z(static_cast<Eigen::Index>(n));
                std::copy(theta.begin(), theta.end(), t.data());
                imle::top_k{static_cast<Eigen::Index>(k)}(t, z);
                wrong.expect(std::vector<double>(z.data(), z.data() + n) == sorted_top_k(theta, k), "k ", k,
                             " of ", n, ", kind ", kind, ": theta ", theta, " gives ", z);
            }
    CHECK(wrong == 0);
}

TEST_CASE("top_k's answer does not depend on earlier solves", "[solvers][top_k]") {
    // It guesses the next answer from the last: streams of similar problems, and sudden changes.
    std::mt19937 random(5);
    imle::top_k solver{9};
    support::tally wrong;
    for (int i = 0; i < support::repeats(3000); ++i) {
        const int kind = i % 50 < 25 ? 0 : static_cast<int>(random() % 8);
        auto theta = numbers<float>(kind, 70 + random() % 200, random);
        if (kind == 0)
            for (float& t : theta)
                t = std::uniform_real_distribution<float>(0, 1)(random) + (i % 3 == 0 ? 0.1F : 0);
        Eigen::Tensor<float, 1, Eigen::RowMajor> z(static_cast<Eigen::Index>(theta.size()));
        solver(Eigen::TensorMap<const Eigen::Tensor<float, 1, Eigen::RowMajor>>(theta.data(), z.size()), z);
        wrong.expect(std::equal(z.data(), z.data() + z.size(), sorted_top_k(theta, 9).begin()), "problem ", i,
                     ": theta ", theta, " gives ", z);
    }
    CHECK(wrong == 0);
}

TEST_CASE("top_k of static k has the answers of the dynamic one", "[solvers][top_k]") {
    std::mt19937 random(5);
    support::tally wrong;
    for (int i = 0; i < 300; ++i) {
        const auto n = static_cast<std::size_t>(10 + random() % 400);
        const auto theta = numbers<float>(i % 8, n, random);
        Eigen::Tensor<float, 1> t(static_cast<Eigen::Index>(n)), z(static_cast<Eigen::Index>(n));
        std::copy(theta.begin(), theta.end(), t.data());
        imle::top_k<10>{}(t, z);
        wrong.expect(std::vector<float>(z.data(), z.data() + n) == sorted_top_k(theta, 10), "theta ", theta,
                     " gives ", z);
    }
    CHECK(wrong == 0);
}

TEST_CASE("top_k says what is wrong", "[solvers][top_k][errors]") {
    CHECK_THROWS_WITH(imle::top_k{-1}, mentions("k is -1") && mentions("0 or more"));
    Eigen::Tensor<float, 1> theta(3), z(3), other(4);
    theta.setValues({1, 3, 2});
    CHECK_THROWS_AS(imle::top_k{4}(theta, z), std::invalid_argument);
    CHECK_THROWS_WITH(imle::top_k<4>{}(theta, z), mentions("k is 4") && mentions("n = 3"));
    CHECK_THROWS_WITH(imle::top_k{1}(theta, other), mentions("z is of shape [4]"));
    theta(1) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(imle::top_k{1}(theta, z), mentions("theta is") && mentions("element 1"));
    theta(1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(imle::top_k{1}(theta, z), std::invalid_argument);
}

TEST_CASE("top_k fits the concepts", "[solvers][top_k]") {
    using imle::Solver;
    using imle::top_k;
    STATIC_REQUIRE(std::is_same_v<decltype(top_k{3}), top_k<>>);
    STATIC_REQUIRE(Solver<top_k<>, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(Solver<top_k<>, double, 4, Eigen::ColMajor>);
    STATIC_REQUIRE(Solver<top_k<10>, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(!std::is_default_constructible_v<top_k<>>);
    STATIC_REQUIRE(!std::is_constructible_v<top_k<10>, int>);
    STATIC_REQUIRE(imle::sense_of<top_k<>> == imle::sense::maximize);
}

namespace {

// The oracle: top_k of the allowed numbers alone.
template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    imle::top_k reused{5};
    for (int i = 0; i < count; ++i) {
        const std::size_t rows = 1 + random() % 12, cols = 1 + random() % 40, n = rows * cols;
        auto theta = numbers<Scalar>(static_cast<int>(random() % 8), n, random);
        const support::mask allowed = support::random_mask(n, random);
        const auto left = support::gather(theta, allowed);
        support::spoil_forbidden(theta, allowed, random);
        const bool reuse = i % 2 == 0 && n >= 5;  // a solver that has guesses
        const std::size_t k = reuse ? 5 : std::min<std::size_t>(n, random() % (left.size() + 3));
        imle::top_k fresh{static_cast<Eigen::Index>(k)};
        const auto found = support::solve<Layout>(
            reuse ? reused : fresh, theta,
            Eigen::array<Eigen::Index, 2>{static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(cols)},
            allowed.span());
        const auto expected = k > left.size()
                                  ? support::infeasible<Scalar>(n)
                                  : support::answer<Scalar>{imle::solve_status::solved,
                                                            support::scatter(sorted_top_k(left, k), allowed)};
        wrong.expect(found == expected, "k ", k, " of ", rows, " x ", cols, ": theta ", theta, ", mask ",
                     allowed, " gives ", found.status, " ", found.z, ", not ", expected.z);
    }
    return wrong;
}

}  // namespace

TEST_CASE("top_k under a mask is top_k of what it allows", "[solvers][top_k]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(1500), 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(1500), 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(1500), 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(1500), 4) == 0);
}

TEST_CASE("top_k: masks of the wrong size, and bad numbers where a mask allows", "[solvers][top_k][errors]") {
    Eigen::Tensor<float, 1> theta(3), z(3);
    theta.setValues({1, 3, 2});
    imle::top_k solver{1};
    support::mask two(2), three(3);
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = two.span()}),
                      mentions("context.mask is of 2 values") && mentions("expected 3"));
    CHECK_THROWS_WITH(imle::top_k{4}(theta, z, imle::solve_context{.mask = three.span()}),
                      mentions("k is 4"));
    three[0] = false;
    theta(0) = theta(2) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = three.span()}), mentions("element 2"));
    // No coordinate is needed for k = 0.
    imle::top_k none{0};
    CHECK(none(theta, z, imle::solve_context{.mask = support::mask(3, false).span()}) ==
          imle::solve_status::solved);
    CHECK((z(0) == 0 && z(1) == 0 && z(2) == 0));
}

TEST_CASE("top_k: a batch has the bits of single solves", "[solvers][top_k]") {
    // Less than a vector, tails of vectors, and both sides of the sizes from which instances are solved
    // alone.
    const std::vector<std::size_t> sizes{1,  2,  3,  5,  8,  10,  15,  16,  17,
                                         23, 33, 50, 64, 65, 100, 350, 512, 513};
    const auto make = [](std::size_t n, std::mt19937& random) {
        const std::size_t most = random() % 3 == 0 ? std::min<std::size_t>(n, 17) : n;
        return imle::top_k{static_cast<Eigen::Index>(random() % (most + 1))};
    };
    const auto floats = [](std::size_t n, std::mt19937& random) {
        return numbers<float>(static_cast<int>(random() % 8), n, random);
    };
    const auto doubles = [](std::size_t n, std::mt19937& random) {
        return numbers<double>(static_cast<int>(random() % 8), n, random);
    };
    const int count = support::repeats(200);
    CHECK(support::wrong_batches<float, Eigen::RowMajor>(sizes, count, 1, make, floats) == 0);
    CHECK(support::wrong_batches<double, Eigen::ColMajor>(sizes, count, 2, make, doubles) == 0);
}

TEST_CASE("top_k: a batch says what is wrong", "[solvers][top_k][errors]") {
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3), other(3, 2);
    thetas.setConstant(1);
    imle::top_k solver{2};
    CHECK_THROWS_WITH(solver.solve_batch(thetas, other), mentions("z is of shape [3, 2]"));
    CHECK_THROWS_WITH(imle::top_k{4}.solve_batch(thetas, zs), mentions("k is 4") && mentions("n = 3"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, std::vector<imle::solve_context>(1)),
                      mentions("contexts is a list of 1"));
    thetas(1, 2) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("theta is inf at element 5"));
}

}  // namespace top_k_tests
