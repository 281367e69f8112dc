#include <imle/solvers/linear_chain.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/testing/check_solver.hpp>
#include <imle/testing/label_sequences.hpp>

#include "solvers/chain_reference.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace linear_chain_tests {

namespace {

using reference::chain_dimensions;
constexpr double worst = -std::numeric_limits<double>::infinity();

Eigen::array<Eigen::Index, 3> instance_of(const chain_dimensions& of) {
    return {of.steps, of.labels, of.labels};
}

// The value and, where sums are exact, the very sequence of the oracle; z = 0 where nothing is allowed.
template <int Layout, class Scalar>
bool is_best(const chain_dimensions& of, const support::answer<Scalar>& found,
             const std::vector<Scalar>& theta, const support::mask& allowed) {
    constexpr bool row_major = Layout == Eigen::RowMajor;
    Eigen::Index end = 0;
    for (Eigen::Index t = 0; t < of.steps; ++t)
        for (Eigen::Index i = 0; i < of.labels; ++i)
            for (Eigen::Index j = 0; j < of.labels; ++j)
                if (allowed[of.place(t, 0, i, j, row_major)]) end = t + 1;
    const auto best =
        reference::best_of_all(of, end, [&](Eigen::Index t, Eigen::Index k, Eigen::Index i, Eigen::Index j) {
            const std::size_t at = of.place(t, k, i, j, row_major);
            return allowed[at] ? static_cast<double>(theta[at]) : worst;
        });
    if (end == 0 || best.z.empty()) return found == support::infeasible<Scalar>(of.size());
    if (found.status != imle::solve_status::solved) return false;
    for (Eigen::Index t = 0; t < of.steps; ++t)
        for (Eigen::Index i = 0; i < of.labels; ++i)
            for (Eigen::Index j = 0; j < of.labels; ++j)
                if (found.z[of.place(t, 0, i, j, row_major)] !=
                    (best.z[of.place(t, 0, i, j, true)] ? Scalar(1) : Scalar(0)))
                    return false;
    return true;
}

// Small integers, so that many sequences tie; padding at the end now and then.
template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    imle::linear_chain solver;
    for (int i = 0; i < count; ++i) {
        const chain_dimensions of{static_cast<Eigen::Index>(1 + random() % 4), 1,
                                  static_cast<Eigen::Index>(1 + random() % 4)};
        const unsigned spread = i % 3 == 0 ? 2 : i % 3 == 1 ? 5 : 1000;
        std::vector<Scalar> theta(of.size());
        for (Scalar& t : theta) t = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
        support::mask allowed =
            i % 2 == 0 ? support::mask(of.size()) : support::random_mask(of.size(), random);
        const auto padding = i % 4 < 2 ? 0 : static_cast<Eigen::Index>(random() % 3);
        for (Eigen::Index t = std::max<Eigen::Index>(0, of.steps - padding); t < of.steps; ++t)
            for (Eigen::Index a = 0; a < of.labels; ++a)
                for (Eigen::Index b = 0; b < of.labels; ++b)
                    allowed[of.place(t, 0, a, b, Layout == Eigen::RowMajor)] = false;
        support::spoil_forbidden(theta, allowed, random);
        const auto found = support::solve<Layout>(solver, theta, instance_of(of), allowed.span());
        wrong.expect(is_best<Layout>(of, found, theta, allowed), of.steps, " steps, ", of.labels,
                     " labels: theta ", theta, ", mask ", allowed, " gives ", found.status, " ", found.z);
    }
    return wrong;
}

// A batch against single solves, and doubles and the other layout against floats: small integers, masks and
// lengths of each instance.
support::tally differences(Eigen::Index batch, Eigen::Index steps, Eigen::Index labels, bool masked,
                           std::mt19937& random) {
    support::tally wrong;
    const chain_dimensions of{steps, 1, labels};
    const std::size_t n = of.size(), count = static_cast<std::size_t>(batch);
    Eigen::Tensor<float, 4, Eigen::RowMajor> thetas(batch, steps, labels, labels), zs(thetas.dimensions());
    Eigen::Tensor<double, 4, Eigen::ColMajor> others(steps, labels, labels, batch),
        other_zs(others.dimensions());
    std::vector<support::mask> masks, other_masks;
    std::vector<imle::solve_context> contexts(count), other_contexts(count);
    for (std::size_t b = 0; b < count; ++b) {
        masks.push_back(masked ? support::random_mask(n, random) : support::mask(n));
        other_masks.emplace_back(n);
        const auto padding = masked ? static_cast<Eigen::Index>(random() % 3) : 0;
        for (Eigen::Index t = 0; t < steps; ++t)
            for (Eigen::Index i = 0; i < labels; ++i)
                for (Eigen::Index j = 0; j < labels; ++j) {
                    const auto value = static_cast<float>(random() % 7) - 3;
                    const auto row = static_cast<Eigen::Index>(b);
                    thetas(row, t, i, j) = value;
                    others(t, i, j, row) = static_cast<double>(value);
                    const std::size_t at = of.place(t, 0, i, j, true);
                    if (t >= steps - padding) masks[b][at] = false;
                    other_masks[b][of.place(t, 0, i, j, false)] = masks[b][at];
                }
        contexts[b] = {.instance = b, .mask = masks[b].span()};
        other_contexts[b] = {.instance = b, .mask = other_masks[b].span()};
    }
    imle::linear_chain together, alone, other;
    const auto status = together.solve_batch(thetas, zs, contexts);
    const auto other_status = other.solve_batch(others, other_zs, other_contexts);
    wrong.expect(status == other_status, "the status of the other layout");
    bool all_solved = true;
    std::vector<float> z(n);
    for (std::size_t b = 0; b < count; ++b) {
        imle::const_view<float, 3, Eigen::RowMajor> theta(thetas.data() + b * n, steps, labels, labels);
        imle::mutable_view<float, 3, Eigen::RowMajor> z_view(z.data(), steps, labels, labels);
        all_solved &= alone(theta, z_view, contexts[b]) == imle::solve_status::solved;
        wrong.expect(std::equal(z.begin(), z.end(), zs.data() + b * n), "row ", b, " of ", batch, ", ", steps,
                     " steps, ", labels, " labels");
        for (Eigen::Index t = 0; t < steps; ++t)
            for (Eigen::Index i = 0; i < labels; ++i)
                for (Eigen::Index j = 0; j < labels; ++j) {
                    const auto row = static_cast<Eigen::Index>(b);
                    wrong.expect(static_cast<double>(zs(row, t, i, j)) == other_zs(t, i, j, row),
                                 "the other layout, row ", b, " of ", batch, ", ", steps, " steps, ", labels,
                                 " labels");
                }
    }
    wrong.expect(all_solved == (status == imle::solve_status::solved), "the status of a batch of ", batch);
    return wrong;
}

}  // namespace

TEST_CASE("linear_chain keeps a solver's laws", "[solvers][linear_chain][laws]") {
    using imle::testing::check_solver;
    using imle::testing::label_sequences;
    const imle::linear_chain solver;
    for (const auto& [steps, labels] : {std::pair{2, 3}, {3, 2}, {1, 5}, {4, 1}, {1, 1}}) {
        const auto report = check_solver<float>(solver, label_sequences(steps, labels), {.trials = 20});
        INFO(report);
        CHECK(report.passed());
    }
    const auto report = check_solver<double, Eigen::ColMajor>(solver, label_sequences(3, 3), {.trials = 20});
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("linear_chain finds the best sequence, and of several the documented one",
          "[solvers][linear_chain]") {
    const int count = support::repeats(1500);
    CHECK(wrong_answers<float, Eigen::RowMajor>(count, 1) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(count, 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(count, 3) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(count, 4) == 0);
}

TEST_CASE("linear_chain: a batch has the bits of single solves, in float, double and both layouts",
          "[solvers][linear_chain]") {
    std::mt19937 random(5);
    for (const Eigen::Index batch : {1, 2, 3, 4, 5, 9, 17})
        for (const Eigen::Index labels : {1, 2, 3, 5, 8, 12, 13, 17}) {
            CHECK(differences(batch, 4, labels, false, random) == 0);
            CHECK(differences(batch, 5, labels, true, random) == 0);
        }
    CHECK(differences(6, 150, 9, true, random) == 0);  // copies that no cache holds
}

TEST_CASE("linear_chain: floats whose differences a float sum would lose", "[solvers][linear_chain]") {
    // 200 steps of about 8e5: their sum has units of 16 in float. The best label is better by 1/16 a step.
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(200, 2, 2), z(200, 2, 2);
    for (Eigen::Index t = 0; t < 200; ++t)
        for (Eigen::Index i = 0; i < 2; ++i)
            for (Eigen::Index j = 0; j < 2; ++j) theta(t, i, j) = i == 1 && j == 1 ? 807687.0625f : 807687;
    imle::linear_chain{}(theta, z);
    float both = 0;
    for (Eigen::Index t = 0; t < 200; ++t) both += z(t, 1, 1);
    CHECK(both == 200);
    theta = theta.constant(std::numeric_limits<float>::max());
    imle::linear_chain{}(theta, z);
    CHECK(z(0, 0, 0) == 1);
    Eigen::Tensor<double, 3> wide(3, 2, 2), wide_z(3, 2, 2);
    wide.setConstant(std::numeric_limits<double>::max());
    wide(1, 0, 0) = std::numeric_limits<double>::max() / 2;
    imle::linear_chain{}(wide, wide_z);
    CHECK((wide_z(0, 0, 1) == 1 && wide_z(1, 1, 0) == 1 && wide_z(2, 0, 0) == 1));
}

TEST_CASE("linear_chain: lengths by id are the shorter chains", "[solvers][linear_chain]") {
    std::mt19937 random(6);
    const std::vector<Eigen::Index> steps{3, 0, 5, 1, 4};
    imle::linear_chain solver{steps}, plain;
    Eigen::Tensor<float, 4, Eigen::RowMajor> thetas(7, 5, 3, 3), zs(7, 5, 3, 3);
    for (Eigen::Index i = 0; i < thetas.size(); ++i) thetas.data()[i] = static_cast<float>(random() % 5);
    std::vector<imle::solve_context> contexts;
    for (std::uint64_t b = 0; b < 7; ++b) contexts.push_back({.instance = b, .id = b * 3 % 5});
    CHECK(solver.solve_batch(thetas, zs, contexts) == imle::solve_status::solved);
    for (std::size_t b = 0; b < 7; ++b) {
        const Eigen::Index length = steps[b * 3 % 5];
        imle::const_view<float, 3, Eigen::RowMajor> theta(thetas.data() + b * 45, length, 3, 3);
        Eigen::Tensor<float, 3, Eigen::RowMajor> z(length, 3, 3);
        plain(theta, z);
        CHECK(std::equal(z.data(), z.data() + z.size(), zs.data() + b * 45));
        CHECK(std::count(zs.data() + b * 45, zs.data() + (b + 1) * 45, 1.0F) == length);
    }
    CHECK(solver.steps().size() == 5);
}

TEST_CASE("linear_chain: a step within the chain that allows nothing is infeasible",
          "[solvers][linear_chain]") {
    imle::linear_chain solver;
    const std::vector<float> theta(12, 1);
    const Eigen::array<Eigen::Index, 3> shape{3, 2, 2};
    support::mask allowed(12);
    for (std::size_t i = 4; i < 8; ++i) allowed[i] = false;
    CHECK(support::solve<Eigen::RowMajor>(solver, theta, shape, allowed.span()) ==
          support::infeasible<float>(12));
    for (std::size_t i = 8; i < 12; ++i) allowed[i] = false;  // now it is padding
    const auto found = support::solve<Eigen::RowMajor>(solver, theta, shape, allowed.span());
    CHECK(found.status == imle::solve_status::solved);
    CHECK(found.z == std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(support::solve<Eigen::RowMajor>(solver, theta, shape, support::mask(12, false).span()) ==
          support::infeasible<float>(12));
}

TEST_CASE("linear_chain says what is wrong", "[solvers][linear_chain][errors]") {
    using tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    imle::linear_chain solver;
    tensor theta(2, 3, 3), z(2, 3, 3), other(3, 3, 2), uneven(2, 3, 2), none(0, 4, 4), unlabelled(2, 0, 0);
    theta.setZero();
    uneven.setZero();
    CHECK_NOTHROW(solver(none, none));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 3, 2]"));
    CHECK_THROWS_WITH(solver(uneven, uneven), mentions("[2, 3, 2]") && mentions("[steps, labels, labels]"));
    CHECK_THROWS_WITH(solver(unlabelled, unlabelled), mentions("at least one label"));
    theta(1, 1, 1) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is nan") && mentions("element 13"));
    theta.setZero();
    CHECK_THROWS_AS(imle::linear_chain{std::vector<Eigen::Index>{}}, std::invalid_argument);
    CHECK_THROWS_WITH((imle::linear_chain{{3, -1}}), mentions("steps is -1"));
    imle::linear_chain of_steps{{2, 3}};
    CHECK_THROWS_WITH(of_steps(theta, z), mentions("solve_context"));
    CHECK_THROWS_WITH(of_steps(theta, z, imle::solve_context{.id = 2}), mentions("context.id is 2"));
    CHECK_THROWS_WITH(of_steps(theta, z, imle::solve_context{.id = 1}), mentions("steps[1] is 3"));
    CHECK_NOTHROW(of_steps(theta, z, imle::solve_context{.id = 0}));
    const support::mask small(5);
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = small.span()}), mentions("context.mask"));
    Eigen::Tensor<double, 4, Eigen::RowMajor> thetas(3, 2, 3, 3);
    thetas.setZero();
    const std::vector<imle::solve_context> two(2);
    CHECK_THROWS_WITH(solver.solve_batch(thetas, thetas, two), mentions("contexts is a list of 2"));
}

}  // namespace linear_chain_tests
