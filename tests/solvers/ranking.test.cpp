#include <imle/solvers/ranking.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace ranking_tests {

namespace {

template <class Scalar>
using vector = Eigen::Tensor<Scalar, 1, Eigen::RowMajor>;

// The oracle: a stable sort keeps equal numbers in the order of their indices.
template <class Scalar>
std::vector<Scalar> sorted_ranks(const vector<Scalar>& theta) {
    std::vector<Eigen::Index> order(static_cast<std::size_t>(theta.size()));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return theta(a) > theta(b); });
    std::vector<Scalar> ranks(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        ranks[static_cast<std::size_t>(order[i])] = static_cast<Scalar>(order.size() - i);
    return ranks;
}

// Numbers of one of several kinds: all ways to tie, and numbers that differ in their last bits only.
template <class Scalar>
vector<Scalar> numbers(int kind, Eigen::Index n, std::mt19937& random) {
    vector<Scalar> theta(n);
    const Scalar epsilon = std::numeric_limits<Scalar>::epsilon();
    for (Eigen::Index i = 0; i < n; ++i) {
        const auto u = static_cast<Scalar>(random()) / Scalar(4294967296.0);
        const Scalar values[] = {u - Scalar(0.5),
                                 std::floor(4 * u) - 2,  // ties
                                 u < Scalar(0.5) ? Scalar(0) : -Scalar(0),
                                 1 + epsilon * std::floor(40 * u),  // the last bits
                                 -1 - epsilon * std::floor(40 * u),
                                 std::pow(Scalar(10), 60 * u - 30) * (random() % 2 == 0 ? 1 : -1),
                                 std::numeric_limits<Scalar>::denorm_min() * std::floor(5 * u - 2)};
        theta(i) = values[kind];
    }
    return theta;
}

template <class Scalar>
support::tally wrong_answers(std::initializer_list<Eigen::Index> sizes, std::uint32_t seed) {
    std::mt19937 random(seed);
    imle::ranking solver;
    support::tally wrong;
    for (const Eigen::Index n : sizes)
        for (int kind = 0; kind < 7; ++kind) {
            const auto theta = numbers<Scalar>(kind, n, random);
            vector<Scalar> z(n), chosen(n);
            z.setConstant(-1);
            solver(theta, z);
            const auto expected = sorted_ranks(theta);
            wrong.expect(std::equal(expected.begin(), expected.end(), z.data()), "theta ", theta, " gives ",
                         z, ", not ", expected);
            // The highest ranks are top_k's choice, ties included.
            const Eigen::Index k = n / 3;
            imle::top_k{k}(theta, chosen);
            for (Eigen::Index i = 0; i < n; ++i)
                wrong.expect((z(i) > static_cast<Scalar>(n - k)) == (chosen(i) == 1), "theta ", theta,
                             ": rank ", z(i), " at ", i, ", top ", k, " are ", chosen);
        }
    return wrong;
}

}  // namespace

TEST_CASE("ranking is a stable sort's, and agrees with top_k", "[solvers][ranking]") {
    // Both sides of each way to rank.
    CHECK(wrong_answers<float>({0, 1, 2, 3, 7, 31, 32, 33, 64, 255, 256, 257, 1000}, 1) == 0);
    CHECK(wrong_answers<double>({0, 1, 2, 5, 16, 17, 100, 256, 257, 700}, 2) == 0);
}

TEST_CASE("ranking obeys the laws of a solver", "[solvers][ranking]") {
    std::vector<double> state{1, 2, 3, 4};
    std::vector<std::vector<double>> states;
    do states.push_back(state);
    while (std::next_permutation(state.begin(), state.end()));
    const auto line = imle::testing::check_solver<float>(
        imle::ranking{}, imle::testing::enumerated_family<1>("ranks of 4", {4}, states));
    INFO(line);
    CHECK(line.passed());
    const auto square = imle::testing::check_solver<double, Eigen::ColMajor>(
        imle::ranking<4>{}, imle::testing::enumerated_family<2>("ranks of 2 x 2", {2, 2}, states));
    INFO(square);
    CHECK(square.passed());
}

TEST_CASE("ranking says what is wrong", "[solvers][ranking][errors]") {
    vector<float> theta(3), z(3), other(4);
    theta.setValues({1, 3, 2});
    CHECK_THROWS_WITH(imle::ranking<4>{}(theta, z), mentions("3 numbers") && mentions("4"));
    CHECK_THROWS_WITH(imle::ranking{}(theta, other), mentions("z is of shape [4]"));
    theta(1) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(imle::ranking{}(theta, z), mentions("theta is") && mentions("element 1"));
    STATIC_REQUIRE(std::is_same_v<decltype(imle::ranking{}), imle::ranking<>>);
    STATIC_REQUIRE(!imle::Solver<imle::ranking<>, long double, 1, Eigen::RowMajor>);
}

namespace {

// The oracle: the ranks of the allowed numbers alone.
template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    imle::ranking solver;
    for (int i = 0; i < count; ++i) {
        const auto n = static_cast<std::size_t>(random() % (i % 8 == 0 ? 900 : 40));
        const auto tensor = numbers<Scalar>(i % 7, static_cast<Eigen::Index>(n), random);
        std::vector<Scalar> theta(tensor.data(), tensor.data() + n);
        const support::mask allowed = support::random_mask(n, random);
        const auto left = support::gather(theta, allowed);
        support::spoil_forbidden(theta, allowed, random);
        const auto found = support::solve<Layout>(
            solver, theta, Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(n)}, allowed.span());
        vector<Scalar> reduced(static_cast<Eigen::Index>(left.size()));
        std::copy(left.begin(), left.end(), reduced.data());
        const auto expected = support::scatter(sorted_ranks(reduced), allowed);
        wrong.expect(found.status == imle::solve_status::solved && found.z == expected, "theta ", theta,
                     ", mask ", allowed, " gives ", found.status, " ", found.z, ", not ", expected);
    }
    return wrong;
}

}  // namespace

TEST_CASE("ranking under a mask ranks what it allows, from 1 on", "[solvers][ranking]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(700), 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(700), 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(700), 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(700), 4) == 0);
}

TEST_CASE("ranking: a batch has the bits of single solves", "[solvers][ranking]") {
    const std::vector<std::size_t> sizes{1, 2, 3, 5, 8, 10, 15, 16, 17, 23, 33, 50, 64, 65, 100};
    const auto make = [](std::size_t, std::mt19937&) { return imle::ranking{}; };
    const auto floats = [](std::size_t n, std::mt19937& random) {
        const auto theta =
            numbers<float>(static_cast<int>(random() % 7), static_cast<Eigen::Index>(n), random);
        return std::vector<float>(theta.data(), theta.data() + n);
    };
    const auto doubles = [](std::size_t n, std::mt19937& random) {
        const auto theta =
            numbers<double>(static_cast<int>(random() % 7), static_cast<Eigen::Index>(n), random);
        return std::vector<double>(theta.data(), theta.data() + n);
    };
    CHECK(support::wrong_batches<float, Eigen::RowMajor>(sizes, 150, 1, make, floats) == 0);
    CHECK(support::wrong_batches<double, Eigen::ColMajor>(sizes, 150, 2, make, doubles) == 0);
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3);
    thetas.setConstant(1);
    CHECK_THROWS_WITH(imle::ranking<4>{}.solve_batch(thetas, zs), mentions("of 3 numbers"));
}

}  // namespace ranking_tests
