#include <imle/solvers/k_of_groups.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace k_of_groups_tests {

namespace {

// The oracle: top_k of each group, by itself tested against a sort.
template <class Scalar>
std::vector<Scalar> group_by_group(const Scalar* theta, const std::vector<Eigen::Index>& sizes,
                                   Eigen::Index k) {
    std::vector<Scalar> z;
    imle::top_k solver{k};
    for (const Eigen::Index size : sizes) {
        std::vector<Scalar> one(static_cast<std::size_t>(size));
        imle::const_view<Scalar, 1, Eigen::RowMajor> from(theta + z.size(), size);
        imle::mutable_view<Scalar, 1, Eigen::RowMajor> to(one.data(), size);
        solver(from, to);
        z.insert(z.end(), one.begin(), one.end());
    }
    return z;
}

// Few different values, so that there are ties in most groups; or all equal; or the scalar's extremes.
template <class Scalar>
std::vector<Scalar> numbers(std::size_t n, std::mt19937& random) {
    std::vector<Scalar> theta(n);
    const auto spread = static_cast<std::uint32_t>(random() % 4 == 0 ? 1 : 2 + random() % 30);
    if (random() % 8 == 0) {
        for (Scalar& t : theta)
            t = random() % 4 == 0 ? std::numeric_limits<Scalar>::max()
                                  : std::numeric_limits<Scalar>::lowest();
        return theta;
    }
    for (Scalar& t : theta) {
        t = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
        if (t == 0 && random() % 2 == 0) t = -t;
    }
    return theta;
}

// Instances [groups, members], one by one and as a batch.
template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    constexpr bool row_major = Layout == Eigen::RowMajor;
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto groups = static_cast<Eigen::Index>(1 + random() % 40),
                   members = static_cast<Eigen::Index>(1 + random() % (i % 8 == 0 ? 90 : 12)),
                   k = static_cast<Eigen::Index>(random()) % (members + 1);
        const Eigen::Index batch = 3, size = groups * members;
        const auto theta = numbers<Scalar>(static_cast<std::size_t>(batch * size), random);
        std::vector<Scalar> zs(theta.size(), -1), single(theta.size(), -1);
        imle::k_of_groups solver{k};
        using array3 = Eigen::array<Eigen::Index, 3>;
        const array3 all = row_major ? array3{batch, groups, members} : array3{members, groups, batch};
        imle::const_view<Scalar, 3, Layout> thetas_view(theta.data(), all);
        imle::mutable_view<Scalar, 3, Layout> zs_view(zs.data(), all);
        solver.solve_batch(thetas_view, zs_view);
        for (Eigen::Index b = 0; b < batch; ++b) {
            imle::const_view<Scalar, 2, Layout> from(theta.data() + b * size, row_major ? groups : members,
                                                     row_major ? members : groups);
            imle::mutable_view<Scalar, 2, Layout> to(single.data() + b * size, from.dimensions());
            solver(from, to);
        }
        const std::vector<Eigen::Index> sizes(static_cast<std::size_t>(batch * groups), members);
        const auto expected = group_by_group(theta.data(), sizes, k);
        wrong.expect(zs == expected && single == expected, k, " of ", members, ": theta ", theta, " gives ",
                     zs, " in a batch, ", single, " alone, not ", expected);
    }
    return wrong;
}

}  // namespace

TEST_CASE("k_of_groups is top_k of each group", "[solvers][k_of_groups]") {
    CHECK(wrong_answers<float, Eigen::RowMajor>(support::repeats(400), 1) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(support::repeats(400), 2) == 0);
}

TEST_CASE("k_of_groups takes groups of any sizes", "[solvers][k_of_groups]") {
    std::mt19937 random(3);
    support::tally wrong;
    for (int i = 0; i < 200; ++i) {
        const auto k = static_cast<Eigen::Index>(random() % 4);
        std::vector<Eigen::Index> sizes(1 + random() % 40);
        Eigen::Index total = 0;
        for (Eigen::Index& size : sizes)
            total += size = k + static_cast<Eigen::Index>(random() % (i % 2 == 0 ? 2 : 20));
        const Eigen::Index batch = 2;
        const auto theta = numbers<float>(static_cast<std::size_t>(batch * total), random);
        std::vector<float> zs(theta.size(), -1);
        imle::const_view<float, 2, Eigen::RowMajor> from(theta.data(), batch, total);
        imle::mutable_view<float, 2, Eigen::RowMajor> to(zs.data(), batch, total);
        imle::k_of_groups(k, sizes).solve_batch(from, to);
        auto expected = group_by_group(theta.data(), sizes, k);
        const auto second = group_by_group(theta.data() + total, sizes, k);
        expected.insert(expected.end(), second.begin(), second.end());
        wrong.expect(zs == expected, k, " of groups of ", sizes, ": theta ", theta, " gives ", zs, ", not ",
                     expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("k_of_groups obeys the laws of a solver", "[solvers][k_of_groups]") {
    std::vector<std::vector<double>> one_of_each;
    for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) {
            std::vector<double> z(6, 0);
            z[static_cast<std::size_t>(a)] = z[static_cast<std::size_t>(3 + b)] = 1;
            one_of_each.push_back(z);
        }
    const auto report = imle::testing::check_solver<float>(
        imle::k_of_groups{}, imle::testing::enumerated_family<2>("one of 3, twice", {2, 3}, one_of_each));
    INFO(report);
    CHECK(report.passed());
    CHECK(report.trials("solve_batch gives the bits of single solves") > 0);
    const auto sized = imle::testing::check_solver<double>(
        imle::k_of_groups<1>{{3, 3}},
        imle::testing::enumerated_family<1>("one of 3, twice, in a row", {6}, one_of_each));
    INFO(sized);
    CHECK(sized.passed());
}

TEST_CASE("k_of_groups at the edges", "[solvers][k_of_groups]") {
    Eigen::Tensor<float, 1> theta(3), z(3);
    theta.setValues({1, 3, 2});
    imle::k_of_groups{2}(theta, z);  // one group
    CHECK((z(0) == 0 && z(1) == 1 && z(2) == 1));
    imle::k_of_groups{0}(theta, z);
    CHECK((z(0) == 0 && z(1) == 0 && z(2) == 0));
    imle::k_of_groups{1, {1, 1, 1}}(theta, z);
    CHECK((z(0) == 1 && z(1) == 1 && z(2) == 1));
    Eigen::Tensor<float, 2> no_members(0, 3), no_groups(3, 0), z1(0, 3), z2(3, 0);
    CHECK_NOTHROW(imle::k_of_groups{0}(no_members, z1));
    CHECK_NOTHROW(imle::k_of_groups{1}(no_groups, z2));
    CHECK_THROWS_AS(imle::k_of_groups{1}(no_members, z1), std::invalid_argument);
}

TEST_CASE("k_of_groups says what is wrong", "[solvers][k_of_groups][errors]") {
    using sizes = std::vector<Eigen::Index>;
    CHECK_THROWS_WITH(imle::k_of_groups{-1}, mentions("k is -1") && mentions("0 or more"));
    CHECK_THROWS_WITH((imle::k_of_groups{1, sizes{}}), mentions("sizes is empty"));
    CHECK_THROWS_WITH((imle::k_of_groups{2, {3, 1}}), mentions("1 for group 1") && mentions("k = 2"));
    CHECK_THROWS_WITH((imle::k_of_groups{0, {3, -1}}), mentions("-1 for group 1"));
    Eigen::Tensor<float, 1> theta(3), z(3), other(4);
    theta.setValues({1, 3, 2});
    CHECK_THROWS_WITH(imle::k_of_groups{4}(theta, z), mentions("k is 4") && mentions("size of a group, 3"));
    CHECK_THROWS_WITH((imle::k_of_groups{1, {2, 2}}(theta, z)), mentions("3 elements") && mentions("4"));
    CHECK_THROWS_WITH(imle::k_of_groups{}(theta, other), mentions("z is of shape [4]"));
    theta(1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(imle::k_of_groups{}(theta, z), mentions("element 1"));
    STATIC_REQUIRE(std::is_same_v<decltype(imle::k_of_groups{}), imle::k_of_groups<>>);
    STATIC_REQUIRE(std::is_same_v<decltype(imle::k_of_groups{1, {2, 2}}), imle::k_of_groups<>>);
    STATIC_REQUIRE(imle::BatchSolver<imle::k_of_groups<2>, float, 3, Eigen::ColMajor>);
}

namespace {

// The oracle: top_k of the allowed numbers of each group.
template <class Scalar>
support::answer<Scalar> group_by_group_under(const support::mask& allowed, const Scalar* theta,
                                             const std::vector<Eigen::Index>& sizes, Eigen::Index k) {
    support::answer<Scalar> result{imle::solve_status::solved, {}};
    for (const Eigen::Index size : sizes) {
        const std::size_t first = result.z.size(), n = static_cast<std::size_t>(size);
        support::mask part(n);
        for (std::size_t i = 0; i < n; ++i) part[i] = allowed[first + i];
        const auto left = support::gather(std::vector<Scalar>(theta + first, theta + first + n), part);
        if (static_cast<Eigen::Index>(left.size()) < k) return support::infeasible<Scalar>(allowed.size());
        const auto chosen =
            support::scatter(group_by_group(left.data(), {static_cast<Eigen::Index>(left.size())}, k), part);
        result.z.insert(result.z.end(), chosen.begin(), chosen.end());
    }
    return result;
}

// Batches of instances with masks, with no mask, and with too strict ones; by groups of equal and of own
// sizes.
template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed) {
    constexpr bool row_major = Layout == Eigen::RowMajor;
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto groups = static_cast<Eigen::Index>(1 + random() % 20),
                   members = static_cast<Eigen::Index>(1 + random() % (i % 8 == 0 ? 90 : 12)),
                   k = static_cast<Eigen::Index>(random()) % std::min<Eigen::Index>(members + 1, 7);
        const Eigen::Index batch = 1 + static_cast<Eigen::Index>(random() % 4), size = groups * members;
        std::vector<Eigen::Index> sizes(static_cast<std::size_t>(groups), members);
        const bool sized = i % 3 == 0;
        if (sized && groups > 1 && members > k) --sizes[0], ++sizes[1];
        imle::k_of_groups solver = sized ? imle::k_of_groups{k, sizes} : imle::k_of_groups{k};

        std::vector<Scalar> thetas, expected_zs;
        std::vector<support::mask> masks;
        std::vector<imle::solve_context> contexts;
        auto expected_status = imle::solve_status::solved;
        const Eigen::array<Eigen::Index, 2> one{row_major ? groups : members, row_major ? members : groups};
        for (Eigen::Index b = 0; b < batch; ++b) {
            const auto n = static_cast<std::size_t>(size);
            auto theta = numbers<Scalar>(n, random);
            support::mask allowed = support::random_mask(n, random);
            if (random() % 3 == 0)  // at least one of each group
                for (std::size_t g = 0; g < n; g += static_cast<std::size_t>(members)) allowed[g] = true;
            const bool masked = random() % 4 != 0;
            if (!masked) allowed = support::mask(n);
            if (masked) support::spoil_forbidden(theta, allowed, random);
            const auto expected = group_by_group_under(allowed, theta.data(), sizes, k);
            masks.push_back(std::move(allowed));
            const auto mask = masked ? masks.back().span() : std::span<const bool>();
            const auto single = support::solve<Layout>(solver, theta, one, mask);
            wrong.expect(single == expected, k, " of ", members, ": theta ", theta, ", mask ", masks.back(),
                         " gives ", single.status, " ", single.z, ", not ", expected.z);
            if (expected.status != imle::solve_status::solved) expected_status = expected.status;
            thetas.insert(thetas.end(), theta.begin(), theta.end());
            expected_zs.insert(expected_zs.end(), expected.z.begin(), expected.z.end());
            contexts.push_back({.mask = mask});
        }
        using array3 = Eigen::array<Eigen::Index, 3>;
        const array3 all = row_major ? array3{batch, groups, members} : array3{members, groups, batch};
        std::vector<Scalar> zs(thetas.size(), imle::detail::unwritten<Scalar>());
        imle::const_view<Scalar, 3, Layout> thetas_view(thetas.data(), all);
        imle::mutable_view<Scalar, 3, Layout> zs_view(zs.data(), all);
        const auto status =
            solver.solve_batch(thetas_view, zs_view, std::span<const imle::solve_context>(contexts));
        wrong.expect(status == expected_status && zs == expected_zs, k, " of ", members, " in a batch of ",
                     batch, " gives ", status, " ", zs, ", not ", expected_status, " ", expected_zs);
    }
    return wrong;
}

}  // namespace

TEST_CASE("k_of_groups under masks is top_k of what they allow of each group", "[solvers][k_of_groups]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(400), 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(400), 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(400), 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(400), 4) == 0);
}

TEST_CASE("k_of_groups: contexts and masks of the wrong size", "[solvers][k_of_groups][errors]") {
    Eigen::Tensor<float, 2, Eigen::RowMajor> thetas(2, 3), zs(2, 3);
    thetas.setZero();
    const support::mask two(2);
    const std::vector<imle::solve_context> one(1), both{{}, {.mask = two.span()}};
    imle::k_of_groups solver;
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, std::span<const imle::solve_context>(one)),
                      mentions("contexts is a list of 1") && mentions("expected 2"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, std::span<const imle::solve_context>(both)),
                      mentions("context.mask is of 2 values") && mentions("expected 3"));
}

}  // namespace k_of_groups_tests
