#include <imle/solvers/assignment.hpp>

#include <imle/testing/assignments.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace assignment_tests {

namespace {

template <int Layout = Eigen::RowMajor>
using matrix = Eigen::Tensor<double, 2, Layout>;

// The oracle: the Hungarian method in its plain O(rows^2 columns) form, for rows <= columns; the least cost.
long double least_cost(const std::vector<std::vector<double>>& cost) {
    const std::size_t rows = cost.size(), columns = cost[0].size();
    const long double infinite = std::numeric_limits<long double>::infinity();
    std::vector<long double> row_price(rows, 0), price(columns + 1, 0);
    std::vector<std::size_t> row_of(columns + 1, rows);  // column `columns` stands for the start
    for (std::size_t first = 0; first < rows; ++first) {
        std::vector<long double> slack(columns, infinite);
        std::vector<std::size_t> before(columns, columns);
        std::vector<bool> done(columns + 1, false);
        std::size_t at = columns;
        row_of[at] = first;
        while (row_of[at] != rows) {
            done[at] = true;
            std::size_t next = columns;
            long double step = infinite;
            for (std::size_t j = 0; j < columns; ++j) {
                if (done[j]) continue;
                const long double reduced = cost[row_of[at]][j] - row_price[row_of[at]] - price[j];
                if (reduced < slack[j]) {
                    slack[j] = reduced;
                    before[j] = at;
                }
                if (slack[j] < step) {
                    step = slack[j];
                    next = j;
                }
            }
            for (std::size_t j = 0; j <= columns; ++j)
                if (done[j]) {
                    row_price[row_of[j]] += step;
                    price[j] -= step;
                } else if (j < columns) {
                    slack[j] -= step;
                }
            at = next;
        }
        for (; at != columns; at = before[at]) row_of[at] = row_of[before[at]];
        row_of[columns] = rows;
    }
    long double sum = 0;
    for (std::size_t j = 0; j < columns; ++j)
        if (row_of[j] != rows) sum += cost[row_of[j]][j];
    return sum;
}

// By how much z misses the oracle's value, over the sum of |theta|; 1 if z is no assignment.
template <int Layout>
double miss(const matrix<Layout>& theta, const matrix<Layout>& z) {
    const Eigen::Index rows = theta.dimension(0), columns = theta.dimension(1);
    const auto fewer = std::min(rows, columns), more = std::max(rows, columns);
    std::vector<std::vector<double>> cost(static_cast<std::size_t>(fewer));
    std::vector<int> in_row(static_cast<std::size_t>(rows), 0),
        in_column(static_cast<std::size_t>(columns), 0);
    long double reached = 0, size = 0;
    int ones = 0;
    for (Eigen::Index i = 0; i < fewer; ++i)
        for (Eigen::Index j = 0; j < more; ++j) {
            const Eigen::Index row = rows <= columns ? i : j, column = rows <= columns ? j : i;
            cost[static_cast<std::size_t>(i)].push_back(-theta(row, column));
            size += std::abs(theta(row, column));
            if (z(row, column) == 0) continue;
            if (z(row, column) != 1) return 1;
            ++ones;
            if (++in_row[static_cast<std::size_t>(row)] > 1) return 1;
            if (++in_column[static_cast<std::size_t>(column)] > 1) return 1;
            reached += theta(row, column);
        }
    if (ones != fewer) return 1;
    return size == 0 ? 0 : static_cast<double>((-least_cost(cost) - reached) / size);
}

double number(int kind, std::mt19937& random) {
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    const double values[] = {2 * u - 1,
                             std::floor(7 * u) - 3,                                 // ties
                             1,                                                     // equal everywhere
                             (u < 0.5 ? -1 : 1) * std::pow(10.0, 120 * u - 60),     // 1e-60 .. 1e60
                             (u - 0.5) * 1.9 * std::numeric_limits<double>::max(),  // sums overflow
                             (std::floor(9 * u) - 4) * std::numeric_limits<double>::denorm_min()};
    return values[kind];
}

}  // namespace

TEST_CASE("assignment keeps a solver's laws", "[solvers][assignment][laws]") {
    using imle::testing::assignments;
    using imle::testing::check_solver;
    const imle::assignment solver;
    for (const auto& [rows, columns] : {std::pair{4, 4}, {3, 5}, {5, 2}, {1, 4}, {4, 1}, {1, 1}}) {
        const auto report = check_solver<float>(solver, assignments(rows, columns), {.trials = 40});
        INFO(report);
        CHECK(report.passed());
    }
    const auto report = check_solver<double, Eigen::ColMajor>(solver, assignments(5, 5), {.trials = 40});
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("assignment is as good as the Hungarian method", "[solvers][assignment]") {
    std::mt19937 random(1);
    imle::assignment solver;
    support::tally wrong;
    support::tally layouts_differ;
    for (int trial = 0; trial < 240; ++trial) {
        const auto rows = static_cast<Eigen::Index>(1 + random() % 24);
        const auto columns = trial % 3 == 0 ? static_cast<Eigen::Index>(1 + random() % 24) : rows;
        matrix<> theta(rows, columns), z(rows, columns);
        matrix<Eigen::ColMajor> other(rows, columns), other_z(rows, columns);
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j) other(i, j) = theta(i, j) = number(trial % 6, random);
        solver(theta, z);
        wrong.expect(miss(theta, z) < 1e-15, "trial ", trial, ", ", rows, " x ", columns, ": theta ", theta,
                     " gives ", z);
        solver(other, other_z);
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j)
                layouts_differ.expect(z(i, j) == other_z(i, j), "trial ", trial, ": z(", i, ", ", j,
                                      ") of theta ", theta);
    }
    CHECK(wrong == 0);
    CHECK(layouts_differ == 0);
}

TEST_CASE("assignment is as good as the Hungarian method on larger matrices", "[solvers][assignment]") {
    std::mt19937 random(2);
    imle::assignment solver;
    support::tally wrong;
    for (const auto& [rows, columns] : {std::pair{70, 70}, {65, 64}, {20, 90}, {90, 20}, {100, 100}})
        for (const int kind : {0, 1, 2, 3}) {
            matrix<> theta(rows, columns), z(rows, columns);
            for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = number(kind, random);
            solver(theta, z);
            wrong.expect(miss(theta, z) < 1e-15, rows, " x ", columns, ", kind ", kind);
        }
    CHECK(wrong == 0);
}

TEST_CASE("assignment says what is wrong", "[solvers][assignment][errors]") {
    imle::assignment solver;
    matrix<> theta(2, 3), z(2, 3), other(3, 2), none(0, 3), none_z(0, 3), wide(1, 20000), wide_z(1, 20000);
    theta.setZero();
    wide.setZero();
    CHECK_NOTHROW(solver(none, none_z));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 2]"));
    CHECK_THROWS_WITH(solver(wide, wide_z), mentions("[1, 20000]") && mentions("16384"));
    theta(1, 1) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is inf") && mentions("element 4"));
    theta(1, 1) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(solver(theta, z), std::invalid_argument);
}

namespace {

// The oracle: all ways to assign each member of the smaller side, or any of them if it is partial, to an
// allowed member of the other. Returns the best sum, or -infinity.
template <class ValueT>
double best_of_all(Eigen::Index at, Eigen::Index fewer, Eigen::Index more, std::vector<bool>& taken,
                   bool partial, const ValueT& value) {
    if (at == fewer) return 0;
    double best = partial ? best_of_all(at + 1, fewer, more, taken, partial, value)
                          : -std::numeric_limits<double>::infinity();
    for (Eigen::Index other = 0; other < more; ++other) {
        if (taken[static_cast<std::size_t>(other)] || std::isnan(value(at, other))) continue;
        taken[static_cast<std::size_t>(other)] = true;
        best = std::max(best, value(at, other) + best_of_all(at + 1, fewer, more, taken, partial, value));
        taken[static_cast<std::size_t>(other)] = false;
    }
    return best;
}

// Integers, so that sums are exact: many ties, and numbers so large that adding one more loses digits.
template <class Scalar, int Layout>
support::tally wrong_under_masks(int count, std::uint32_t seed, bool partial = false) {
    std::mt19937 random(seed);
    support::tally wrong;
    imle::assignment solver{imle::assignment_options{.partial = partial}};
    for (int i = 0; i < count; ++i) {
        const auto rows = static_cast<Eigen::Index>(1 + random() % 6),
                   columns = i % 3 == 0 ? rows : static_cast<Eigen::Index>(1 + random() % 6);
        const auto n = static_cast<std::size_t>(rows * columns);
        const auto spread = static_cast<std::uint32_t>(i % 4 == 0 ? 3 : i % 4 == 1 ? 1 << 20 : 20);
        std::vector<Scalar> theta(n);
        for (Scalar& t : theta) t = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
        const support::mask allowed = support::random_mask(n, random);
        support::spoil_forbidden(theta, allowed, random);
        const auto at = [&](Eigen::Index row, Eigen::Index column) {
            return static_cast<std::size_t>(Layout == Eigen::RowMajor ? row * columns + column
                                                                      : column * rows + row);
        };
        const auto fewer = std::min(rows, columns), more = std::max(rows, columns);
        std::vector<bool> taken(static_cast<std::size_t>(more), false);
        const double best =
            best_of_all(0, fewer, more, taken, partial, [&](Eigen::Index one, Eigen::Index other) {
                const std::size_t where = rows <= columns ? at(one, other) : at(other, one);
                return allowed[where] ? static_cast<double>(theta[where])
                                      : std::numeric_limits<double>::quiet_NaN();
            });
        const auto found = support::solve<Layout>(solver, theta, Eigen::array<Eigen::Index, 2>{rows, columns},
                                                  allowed.span());
        double reached = 0;
        Eigen::Index ones = 0;
        bool right = true;
        std::vector<int> in_row(static_cast<std::size_t>(rows)), in_column(static_cast<std::size_t>(columns));
        for (Eigen::Index row = 0; row < rows; ++row)
            for (Eigen::Index column = 0; column < columns; ++column) {
                const std::size_t where = at(row, column);
                if (found.z[where] == 0) continue;
                right = right && found.z[where] == 1 && allowed[where] && !(partial && theta[where] <= 0) &&
                        ++in_row[static_cast<std::size_t>(row)] == 1 &&
                        ++in_column[static_cast<std::size_t>(column)] == 1;
                reached += static_cast<double>(theta[where]);
                ++ones;
            }
        right = best == -std::numeric_limits<double>::infinity()
                    ? found.status == imle::solve_status::infeasible && ones == 0
                    : right && found.status == imle::solve_status::solved && (partial || ones == fewer) &&
                          reached == best;
        wrong.expect(right, rows, " x ", columns, ": theta ", theta, ", mask ", allowed, " gives ",
                     found.status, " ", found.z, " of ", reached, ", not ", best);
    }
    return wrong;
}

}  // namespace

TEST_CASE("assignment under a mask is the best of the allowed pairs", "[solvers][assignment]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(2000), 1) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(2000), 2) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(2000), 3) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(2000), 4) == 0);
}

TEST_CASE("a partial assignment is the best of all, with and without a mask", "[solvers][assignment]") {
    CHECK(wrong_under_masks<float, Eigen::RowMajor>(support::repeats(1000), 5, true) == 0);
    CHECK(wrong_under_masks<double, Eigen::RowMajor>(support::repeats(1000), 6, true) == 0);
    CHECK(wrong_under_masks<float, Eigen::ColMajor>(support::repeats(1000), 7, true) == 0);
    CHECK(wrong_under_masks<double, Eigen::ColMajor>(support::repeats(1000), 8, true) == 0);

    using imle::testing::check_solver;
    using imle::testing::partial_assignments;
    const imle::assignment solver{imle::assignment_options{.partial = true}};
    for (const auto& [rows, columns] : {std::pair{4, 4}, {3, 5}, {5, 2}, {1, 4}}) {
        const auto report = check_solver<float>(solver, partial_assignments(rows, columns), {.trials = 40});
        INFO(report);
        CHECK(report.passed());
    }
}

TEST_CASE("a partial assignment leaves a pair out where that is better", "[solvers][assignment][docs]") {
    // [partial]
    imle::assignment solver{imle::assignment_options{.partial = true}};
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(2, 2), z(2, 2);
    theta.setValues({{1, -5}, {-5, -1}});
    solver(theta, z);  // {{1, 0}, {0, 0}}; without the option {{1, 0}, {0, 1}}
    // [/partial]
    CHECK((z(0, 0) == 1 && z(0, 1) == 0 && z(1, 0) == 0 && z(1, 1) == 0));
    imle::assignment{}(theta, z);
    CHECK((z(0, 0) == 1 && z(0, 1) == 0 && z(1, 0) == 0 && z(1, 1) == 1));
}

TEST_CASE("assignment with a mask that allows all gives the bits of a call without",
          "[solvers][assignment]") {
    std::mt19937 random(9);
    support::tally wrong;
    imle::assignment solver;
    for (const auto& [rows, columns] : {std::pair{1, 1}, {7, 7}, {3, 8}, {40, 40}, {50, 30}})
        for (int i = 0; i < 50; ++i) {
            const auto n = static_cast<std::size_t>(rows * columns);
            std::vector<double> theta(n);
            for (double& t : theta) t = static_cast<double>(random() % 5);
            const Eigen::array<Eigen::Index, 2> dimensions{rows, columns};
            const support::mask all(n);
            wrong.expect(support::solve<Eigen::RowMajor>(solver, theta, dimensions, all.span()) ==
                             support::solve<Eigen::RowMajor>(solver, theta, dimensions, {}),
                         rows, " x ", columns, ": theta ", theta);
        }
    CHECK(wrong == 0);
}

TEST_CASE("assignment by sparse masks of many rows", "[solvers][assignment]") {
    // A band: each row may be assigned its own column and the next few; every other wide one is closed. The
    // same solver finds the best assignment with prohibitive costs on the closed pairs.
    std::mt19937 random(10);
    support::tally wrong;
    imle::assignment solver;
    for (int i = 0; i < 60; ++i) {
        const Eigen::Index n = 1 + static_cast<Eigen::Index>(random() % 120), width = 1 + i % 6;
        const auto size = static_cast<std::size_t>(n * n);
        support::mask allowed(size, false);
        std::vector<double> theta(size), dear(size, -1e6);
        for (Eigen::Index row = 0; row < n; ++row)
            for (Eigen::Index step = 0; step < width; ++step) {
                const auto at = static_cast<std::size_t>(row * n + (row + step) % n);
                allowed[at] = true;
                theta[at] = dear[at] = static_cast<double>(random() % 1000);
            }
        const Eigen::array<Eigen::Index, 2> dimensions{n, n};
        const auto found = support::solve<Eigen::RowMajor>(solver, theta, dimensions, allowed.span());
        const auto priced = support::solve<Eigen::RowMajor>(solver, dear, dimensions, {});
        double value = 0, expected = 0;
        bool keeps = found.status == imle::solve_status::solved;
        for (std::size_t at = 0; at < size; ++at) {
            keeps = keeps && (found.z[at] == 0 || allowed[at]);
            value += found.z[at] * theta[at];
            expected += priced.z[at] * dear[at];
        }
        wrong.expect(keeps && value == expected, n, " rows, ", width, " wide: ", value, ", not ", expected);
    }
    CHECK(wrong == 0);
}

namespace {

// n numbers in three or more rows, if n is a product of 3 or 7.
struct in_rows {
    Eigen::array<Eigen::Index, 2> operator()(std::size_t n) const {
        const std::size_t rows = n % 7 == 0 ? 7 : 3;
        return {static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(n / rows)};
    }
};

template <class Scalar, int Layout, class ShapeT>
support::tally wrong_assignment_batches(std::span<const std::size_t> sizes, int count, std::uint32_t seed,
                                        ShapeT shape) {
    return support::wrong_batches<Scalar, Layout>(
        sizes, count, seed,
        [](std::size_t, std::mt19937& random) {
            return imle::assignment{imle::assignment_options{.partial = random() % 4 == 0}};
        },
        [](std::size_t size, std::mt19937& random) {
            const int kind = static_cast<int>(random() % 6);
            std::vector<Scalar> theta(size);
            for (Scalar& t : theta) {
                const double x = number(kind, random);
                t = static_cast<Scalar>(kind == 4 && sizeof(Scalar) == 4 ? x * 0x1p-900 : x);
                if (!std::isfinite(t)) t = 0;
            }
            return theta;
        },
        shape);
}

}  // namespace

TEST_CASE("assignment solves batches to the bits of single solves", "[solvers][assignment][batch]") {
    STATIC_REQUIRE(imle::BatchSolver<imle::assignment, float, 2, Eigen::RowMajor>);
    using support::in_square;
    const std::size_t squares[] = {0, 1, 4, 9, 25, 100, 400}, others[] = {3, 12, 30, 14, 63, 70, 84};
    CHECK(wrong_assignment_batches<float, Eigen::RowMajor>(squares, 90, 1, in_square{}) == 0);
    CHECK(wrong_assignment_batches<double, Eigen::ColMajor>(squares, 90, 2, in_square{}) == 0);
    CHECK(wrong_assignment_batches<float, Eigen::ColMajor>(others, 90, 3, in_rows{}) == 0);
    CHECK(wrong_assignment_batches<double, Eigen::RowMajor>(others, 90, 4, in_rows{}) == 0);
    // The largest that take turns, and the smallest that do not.
    const std::size_t large[] = {64 * 64, 65 * 65};
    CHECK(wrong_assignment_batches<float, Eigen::RowMajor>(large, 4, 5, in_square{}) == 0);

    imle::assignment solver;
    Eigen::Tensor<float, 3, Eigen::RowMajor> thetas(2, 2, 2), zs(2, 2, 2), more(2, 2, 3), wide(1, 1, 20000);
    thetas.setZero();
    wide.setZero();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, more), mentions("z is of shape [2, 2, 3]"));
    CHECK_THROWS_WITH(solver.solve_batch(wide, wide), mentions("[1, 20000]") && mentions("16384"));
    thetas(1, 1, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("element 6"));
}

}  // namespace assignment_tests
