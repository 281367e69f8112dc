#include <imle/solvers/alignment.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/solvers/minimizing.hpp>
#include <imle/testing/alignments.hpp>
#include <imle/testing/check_solver.hpp>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

namespace alignment_tests {

namespace {

using imle::testing::alignments;
using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;

// The value of a state, gaps included; -infinity if it uses a forbidden cell.
double value_of(const std::vector<double>& state, const std::vector<double>& theta, double gap,
                Eigen::Index rows, Eigen::Index columns) {
    double sum = 0, cells = 0;
    for (std::size_t i = 0; i < state.size(); ++i)
        if (state[i] == 1) {
            sum += theta[i];
            ++cells;
        }
    return sum + gap * (2 * cells - static_cast<double>(rows + columns));
}

// Masks, padding and ties by small integers: the very path of the enumeration.
template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    constexpr bool row_major = Layout == Eigen::RowMajor;
    constexpr double worst = -std::numeric_limits<double>::infinity();
    for (int trial = 0; trial < count; ++trial) {
        const auto rows = static_cast<Eigen::Index>(1 + random() % 5),
                   columns = static_cast<Eigen::Index>(1 + random() % 5);
        const auto n = static_cast<std::size_t>(rows * columns);
        const double gap = static_cast<double>(random() % 5) - 3;
        imle::alignment solver{{.gap = gap}};
        std::vector<Scalar> theta(n);
        for (Scalar& t : theta) t = static_cast<Scalar>(random() % (trial % 2 == 0 ? 3 : 100)) - 1;
        const support::mask allowed = trial % 3 == 0 ? support::mask(n) : support::random_mask(n, random);
        support::spoil_forbidden(theta, allowed, random);
        const auto at = [&](Eigen::Index i, Eigen::Index j) {
            return static_cast<std::size_t>(row_major ? i * columns + j : i + rows * j);
        };
        Eigen::Index used_rows = 0, used_columns = 0;
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j)
                if (allowed[at(i, j)]) {
                    used_rows = std::max(used_rows, i + 1);
                    used_columns = std::max(used_columns, j + 1);
                }
        const auto found = support::solve<Layout>(solver, theta, Eigen::array<Eigen::Index, 2>{rows, columns},
                                                  allowed.span());
        std::vector<Scalar> expected(n, 0);
        bool feasible = false;
        if (used_rows > 0) {
            const alignments all(used_rows, used_columns);
            std::vector<double> small;
            for (Eigen::Index i = 0; i < used_rows; ++i)
                for (Eigen::Index j = 0; j < used_columns; ++j)
                    small.push_back(allowed[at(i, j)] ? static_cast<double>(theta[at(i, j)]) : worst);
            const std::vector<double>* best = nullptr;
            double most = worst;
            for (const auto& state : all.states()) {
                const double value = value_of(state, small, gap, used_rows, used_columns);
                if (value > most) {
                    most = value;
                    best = &state;
                }
            }
            if (best != nullptr) {
                feasible = true;
                for (Eigen::Index i = 0; i < used_rows; ++i)
                    for (Eigen::Index j = 0; j < used_columns; ++j)
                        expected[at(i, j)] =
                            static_cast<Scalar>((*best)[static_cast<std::size_t>(i * used_columns + j)]);
            }
        }
        wrong.expect(found.z == expected && found.status == (feasible ? imle::solve_status::solved
                                                                      : imle::solve_status::infeasible),
                     rows, " x ", columns, ", gap ", gap, ": theta ", theta, ", mask ", allowed, " gives ",
                     found.status, " ", found.z, ", not ", expected);
    }
    return wrong;
}

// A batch against single solves, and doubles of the other layout against floats.
support::tally differences(Eigen::Index batch, Eigen::Index rows, Eigen::Index columns, bool masked,
                           std::mt19937& random) {
    support::tally wrong;
    const auto n = static_cast<std::size_t>(rows * columns), count = static_cast<std::size_t>(batch);
    Eigen::Tensor<float, 3, Eigen::RowMajor> thetas(batch, rows, columns), zs(batch, rows, columns);
    Eigen::Tensor<double, 3, Eigen::ColMajor> others(rows, columns, batch), other_zs(rows, columns, batch);
    std::vector<support::mask> masks, other_masks;
    std::vector<imle::solve_context> contexts(count), other_contexts(count);
    for (std::size_t b = 0; b < count; ++b) {
        masks.emplace_back(n);
        other_masks.emplace_back(n);
        const auto last = static_cast<Eigen::Index>(random() % 3), row = static_cast<Eigen::Index>(b);
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j) {
                const float value = static_cast<float>(random() % 5) - 2;
                thetas(row, i, j) = value;
                others(i, j, row) = static_cast<double>(value);
                const bool open = !masked || (i < rows - last && random() % 8 != 0);
                masks[b][static_cast<std::size_t>(i * columns + j)] = open;
                other_masks[b][static_cast<std::size_t>(i + rows * j)] = open;
            }
        contexts[b] = {.instance = b, .mask = masked ? masks[b].span() : std::span<const bool>()};
        other_contexts[b] = {.instance = b, .mask = masked ? other_masks[b].span() : std::span<const bool>()};
    }
    imle::alignment together{{.gap = -0.5}}, alone = together, other = together;
    const auto status = together.solve_batch(thetas, zs, contexts);
    wrong.expect(status == other.solve_batch(others, other_zs, other_contexts), "the other layout's status");
    bool all_solved = true;
    for (std::size_t b = 0; b < count; ++b) {
        const auto row = static_cast<Eigen::Index>(b);
        imle::const_view<float, 2, Eigen::RowMajor> theta(thetas.data() + b * n, rows, columns);
        matrix z(rows, columns);
        all_solved &= alone(theta, z, contexts[b]) == imle::solve_status::solved;
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j) {
                wrong.expect(z(i, j) == zs(row, i, j), "row ", b, " of ", batch, ", ", rows, " x ", columns);
                wrong.expect(static_cast<double>(z(i, j)) == other_zs(i, j, row), "the other layout, row ", b,
                             " of ", batch, ", ", rows, " x ", columns);
            }
    }
    wrong.expect(all_solved == (status == imle::solve_status::solved), "the status of a batch of ", batch);
    return wrong;
}

// Costs of warping two sequences onto each other.
double warping_cost(const std::vector<double>& a, const std::vector<double>& b) {
    Eigen::Tensor<double, 2, Eigen::RowMajor> cost(static_cast<Eigen::Index>(a.size()),
                                                   static_cast<Eigen::Index>(b.size())),
        z(cost.dimensions());
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = 0; j < b.size(); ++j)
            cost(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = std::abs(a[i] - b[j]);
    auto warping = imle::minimizing(imle::alignment{});
    warping(cost, z);
    double sum = 0;
    for (Eigen::Index i = 0; i < cost.size(); ++i) sum += cost.data()[i] * z.data()[i];
    return sum;
}

}  // namespace

TEST_CASE("alignment keeps a solver's laws", "[solvers][alignment][laws]") {
    using imle::testing::check_solver;
    const imle::alignment solver;
    for (const auto& [rows, columns] : {std::pair{3, 4}, {4, 2}, {1, 4}, {4, 1}, {1, 1}}) {
        const auto report = check_solver<float>(solver, alignments(rows, columns), {.trials = 20});
        INFO(report);
        CHECK(report.passed());
    }
    const auto report = check_solver<double, Eigen::ColMajor>(solver, alignments(4, 4), {.trials = 20});
    INFO(report);
    CHECK(report.passed());
    const auto costs = check_solver<float>(imle::minimizing(solver), alignments(3, 3), {.trials = 20});
    INFO(costs);
    CHECK(costs.passed());
}

TEST_CASE("alignment finds the best path under a mask, and of several the documented one",
          "[solvers][alignment]") {
    const int count = support::repeats(600);
    CHECK(wrong_answers<float, Eigen::RowMajor>(count, 1) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(count, 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(count, 3) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(count, 4) == 0);
}

TEST_CASE("alignment: a batch has the bits of single solves, in float, double and both layouts",
          "[solvers][alignment]") {
    std::mt19937 random(5);
    for (const Eigen::Index batch : {1, 2, 4, 5, 9})
        for (const auto& [rows, columns] :
             {std::pair{1, 1}, {1, 6}, {7, 1}, {5, 5}, {3, 8}, {9, 4}, {17, 16}}) {
            CHECK(differences(batch, rows, columns, false, random) == 0);
            CHECK(differences(batch, rows, columns, true, random) == 0);
        }
    CHECK(differences(3, 65, 70, true, random) == 0);  // more cells than are solved across
}

TEST_CASE("alignment: dynamic time warping of known sequences", "[solvers][alignment]") {
    CHECK(warping_cost({0, 0, 1, 0}, {0, 1, 0, 0}) == 0);
    CHECK(warping_cost({0, 0, 1, 0}, {0, 1, 0, 2}) == 2);
    CHECK(warping_cost({1, 2, 3}, {1, 2, 2, 3, 3}) == 0);
    CHECK(warping_cost({1, 2, 3}, {4}) == 6);
}

TEST_CASE("alignment: a gap is 2 * gap more for each cell", "[solvers][alignment]") {
    std::mt19937 random(6);
    matrix theta(9, 12), more(9, 12), z(9, 12), other(9, 12);
    for (int trial = 0; trial < 30; ++trial) {
        const int gap = trial % 5 - 3;
        for (Eigen::Index i = 0; i < theta.size(); ++i) {
            theta.data()[i] = static_cast<float>(random() % 10) - 5;
            more.data()[i] = theta.data()[i] + 2.0F * static_cast<float>(gap);
        }
        imle::alignment{{.gap = static_cast<double>(gap)}}(theta, z);
        imle::alignment{}(more, other);
        CHECK(support::same_bits(z, other));
    }
    CHECK(imle::alignment{{.gap = -2}}.options().gap == -2);
}

TEST_CASE("alignment of the largest numbers", "[solvers][alignment]") {
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(3, 3), z(3, 3);
    const double most = std::numeric_limits<double>::max();
    theta.setConstant(most);
    imle::alignment{}(theta, z);
    CHECK(support::numbers_of(z) == std::vector<double>{1, 1, 1, 0, 0, 1, 0, 0, 1});
    theta.setConstant(-most);
    imle::alignment{{.gap = -most}}(theta, z);
    CHECK(support::numbers_of(z) == std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1});
}

TEST_CASE("alignment says what is wrong", "[solvers][alignment][errors]") {
    imle::alignment solver;
    matrix theta(2, 3), z(2, 3), other(3, 2), none(0, 3);
    theta.setZero();
    CHECK_THROWS_WITH(solver(none, none), mentions("0 x 3"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 2]"));
    CHECK_THROWS_WITH((imle::alignment{{.gap = std::numeric_limits<double>::infinity()}}),
                      mentions("alignment_options::gap is inf"));
    theta(1, 1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is inf") && mentions("element 4"));
    theta.setZero();
    const support::mask small(5);
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = small.span()}), mentions("context.mask"));
    Eigen::Tensor<float, 3, Eigen::RowMajor> thetas(3, 2, 3);
    thetas.setZero();
    const std::vector<imle::solve_context> two(2);
    CHECK_THROWS_WITH(solver.solve_batch(thetas, thetas, two), mentions("contexts is a list of 2"));
}

}  // namespace alignment_tests
