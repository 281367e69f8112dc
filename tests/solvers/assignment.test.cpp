#include <imle/solvers/assignment.hpp>

#include <imle/testing/assignments.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

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
    using Catch::Matchers::Contains;
    imle::assignment solver;
    matrix<> theta(2, 3), z(2, 3), other(3, 2), none(0, 3), none_z(0, 3), wide(1, 20000), wide_z(1, 20000);
    theta.setZero();
    wide.setZero();
    CHECK_NOTHROW(solver(none, none_z));
    CHECK_THROWS_WITH(solver(theta, other), Contains("z is of shape [3, 2]"));
    CHECK_THROWS_WITH(solver(wide, wide_z), Contains("[1, 20000]") && Contains("16384"));
    theta(1, 1) = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), Contains("theta is inf") && Contains("element 4"));
    theta(1, 1) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(solver(theta, z), std::invalid_argument);
}
