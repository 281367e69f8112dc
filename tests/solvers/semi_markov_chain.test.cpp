#include <imle/solvers/semi_markov_chain.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <imle/solvers/linear_chain.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/segmentations.hpp>

#include "solvers/chain_reference.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace semi_markov_chain_tests {

namespace {

using reference::chain_dimensions;
constexpr double worst = -std::numeric_limits<double>::infinity();

// The very division of the enumeration, under masks with padding, alone and in a batch of the other scalar.
template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    constexpr bool row_major = Layout == Eigen::RowMajor;
    for (int trial = 0; trial < count; ++trial) {
        const chain_dimensions of{static_cast<Eigen::Index>(1 + random() % 5),
                                  static_cast<Eigen::Index>(1 + random() % 4),
                                  static_cast<Eigen::Index>(1 + random() % 2)};
        imle::semi_markov_chain solver{of.widths};
        const unsigned spread = trial % 2 == 0 ? 3 : 100;
        std::vector<Scalar> theta(of.size());
        for (Scalar& t : theta) t = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
        support::mask allowed =
            trial % 3 == 0 ? support::mask(of.size()) : support::random_mask(of.size(), random);
        const auto used = trial % 2 == 0 ? of.steps : static_cast<Eigen::Index>(random() % 5);
        Eigen::Index end = 0;
        for (Eigen::Index t = 0; t < of.steps; ++t)
            for (Eigen::Index k = 0; k < of.widths; ++k)
                for (Eigen::Index i = 0; i < of.labels; ++i)
                    for (Eigen::Index j = 0; j < of.labels; ++j) {
                        const std::size_t at = of.place(t, k, i, j, row_major);
                        if (t + k + 1 > used && t + k + 1 <= of.steps) allowed[at] = false;
                        if (allowed[at] && t + k + 1 <= of.steps) end = std::max(end, t + k + 1);
                    }
        support::spoil_forbidden(theta, allowed, random);
        const auto best = reference::best_of_all(
            of, end, [&](Eigen::Index t, Eigen::Index k, Eigen::Index i, Eigen::Index j) {
                const std::size_t at = of.place(t, k, i, j, row_major);
                return allowed[at] ? static_cast<double>(theta[at]) : worst;
            });
        const auto found = support::solve<Layout>(
            solver, theta, Eigen::array<Eigen::Index, 4>{of.steps, of.widths, of.labels, of.labels},
            allowed.span());
        auto expected = support::infeasible<Scalar>(of.size());
        if (end > 0 && !best.z.empty()) {
            expected.status = imle::solve_status::solved;
            for (Eigen::Index t = 0; t < of.steps; ++t)
                for (Eigen::Index k = 0; k < of.widths; ++k)
                    for (Eigen::Index i = 0; i < of.labels; ++i)
                        for (Eigen::Index j = 0; j < of.labels; ++j)
                            expected.z[of.place(t, k, i, j, row_major)] =
                                best.z[of.place(t, k, i, j, true)] ? 1 : 0;
        }
        wrong.expect(found == expected, of.steps, " steps, ", of.widths, " widths, ", of.labels,
                     " labels: theta ", theta, ", mask ", allowed, " gives ", found.status, " ", found.z);

        // Five copies in a batch, each with its own number first.
        if (trial % 8 != 0) continue;
        const auto n = static_cast<Eigen::Index>(of.size());
        Eigen::Tensor<Scalar, 5, Layout> thetas, zs;
        if constexpr (row_major)
            thetas.resize(5, of.steps, of.widths, of.labels, of.labels);
        else
            thetas.resize(of.steps, of.widths, of.labels, of.labels, 5);
        zs = thetas;
        for (Eigen::Index b = 0; b < 5; ++b) {
            std::copy(theta.begin(), theta.end(), thetas.data() + b * n);
            if (allowed[0]) thetas.data()[b * n] = static_cast<Scalar>(b);
        }
        const std::vector<imle::solve_context> contexts(5, {.mask = allowed.span()});
        static_cast<void>(solver.solve_batch(thetas, zs, contexts));
        for (Eigen::Index b = 0; b < 5; ++b) {
            const std::vector<Scalar> one(thetas.data() + b * n, thetas.data() + (b + 1) * n);
            const auto alone = support::solve<Layout>(
                solver, one, Eigen::array<Eigen::Index, 4>{of.steps, of.widths, of.labels, of.labels},
                allowed.span());
            wrong.expect(std::equal(alone.z.begin(), alone.z.end(), zs.data() + b * n), "row ", b,
                         " of a batch: theta ", one, ", mask ", allowed);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("semi_markov_chain keeps a solver's laws", "[solvers][semi_markov_chain][laws]") {
    using imle::testing::check_solver;
    using imle::testing::segmentations;
    for (const auto& [steps, widths, labels] :
         {std::tuple{3, 2, 2}, std::tuple{5, 3, 1}, std::tuple{2, 4, 2}, std::tuple{1, 1, 3}}) {
        const auto report = check_solver<float>(imle::semi_markov_chain{widths},
                                                segmentations(steps, widths, labels), {.trials = 20});
        INFO(report);
        CHECK(report.passed());
    }
    const auto report = check_solver<double, Eigen::ColMajor>(imle::semi_markov_chain{2},
                                                              segmentations(4, 2, 2), {.trials = 20});
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("semi_markov_chain finds the best division, and of several the documented one",
          "[solvers][semi_markov_chain]") {
    const int count = support::repeats(800);
    CHECK(wrong_answers<float, Eigen::RowMajor>(count, 1) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(count, 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(count, 3) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(count, 4) == 0);
}

TEST_CASE("semi_markov_chain with one width is linear_chain; lengths by id", "[solvers][semi_markov_chain]") {
    std::mt19937 random(5);
    imle::semi_markov_chain segments{1, {6, 3, 0}};
    imle::linear_chain chain{{6, 3, 0}};
    Eigen::Tensor<float, 4, Eigen::RowMajor> theta(6, 1, 4, 4), z(6, 1, 4, 4);
    for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = static_cast<float>(random() % 6);
    imle::const_view<float, 3, Eigen::RowMajor> same(theta.data(), 6, 4, 4);
    Eigen::Tensor<float, 3, Eigen::RowMajor> expected(6, 4, 4);
    for (const std::uint64_t id : {0U, 1U, 2U}) {
        CHECK(segments(theta, z, imle::solve_context{.id = id}) == imle::solve_status::solved);
        CHECK(chain(same, expected, imle::solve_context{.id = id}) == imle::solve_status::solved);
        CHECK(std::equal(z.data(), z.data() + z.size(), expected.data()));
    }
    CHECK(segments.max_width() == 1);
    CHECK(segments.steps().size() == 3);
}

TEST_CASE("semi_markov_chain says what is wrong", "[solvers][semi_markov_chain][errors]") {
    using tensor = Eigen::Tensor<double, 4, Eigen::RowMajor>;
    imle::semi_markov_chain solver{2};
    tensor theta(3, 2, 2, 2), wide(3, 3, 2, 2), uneven(3, 2, 2, 3);
    theta.setZero();
    tensor z = theta;
    CHECK_THROWS_WITH(solver(wide, wide), mentions("[3, 3, 2, 2]") && mentions("max_width = 2"));
    CHECK_THROWS_WITH(solver(uneven, uneven), mentions("[3, 2, 2, 3]"));
    CHECK_THROWS_WITH(solver(theta, wide), mentions("z is of shape [3, 3, 2, 2]"));
    CHECK_THROWS_WITH(imle::semi_markov_chain{0}, mentions("max_width is 0"));
    CHECK_THROWS_AS((imle::semi_markov_chain{2, {-1}}), std::invalid_argument);
    imle::semi_markov_chain of_steps{2, {4}};
    CHECK_THROWS_WITH(of_steps(theta, z, imle::solve_context{}), mentions("steps[0] is 4"));
    theta(2, 1, 1, 1) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is inf"));
}

}  // namespace semi_markov_chain_tests
