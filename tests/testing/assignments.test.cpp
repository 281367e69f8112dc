#include <imle/testing/assignments.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::testing::assignments;

TEST_CASE("Assignments are matrices with as many ones as possible", "[testing][families]") {
    // n!, or more! / (more - fewer)! if there are fewer rows or fewer columns.
    const struct {
        Eigen::Index rows, columns;
        std::size_t count;
    } cases[] = {{1, 1, 1}, {1, 5, 5}, {5, 1, 5}, {3, 3, 6}, {2, 4, 12}, {4, 2, 12}, {5, 5, 120}, {3, 5, 60}};
    for (const auto& one : cases) {
        const assignments family(one.rows, one.columns);
        CHECK(family.states().size() == one.count);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(distinct.size() == one.count);
        support::tally wrong;
        for (const auto& state : family.states()) {
            std::vector<int> in_row(static_cast<std::size_t>(one.rows)),
                in_column(static_cast<std::size_t>(one.columns));
            for (std::size_t i = 0; i < state.size(); ++i) {
                wrong.expect(state[i] == 0 || state[i] == 1, "element ", i, " of ", state);
                in_row[i / in_column.size()] += state[i] == 1 ? 1 : 0;
                in_column[i % in_column.size()] += state[i] == 1 ? 1 : 0;
            }
            for (const int ones : in_row) wrong.expect(ones <= 1, ones, " in a row of ", state);
            for (const int ones : in_column) wrong.expect(ones <= 1, ones, " in a column of ", state);
            wrong.expect(std::accumulate(in_row.begin(), in_row.end(), 0) ==
                             static_cast<int>(std::min(one.rows, one.columns)),
                         "ones of ", state);
        }
        CHECK(wrong == 0);
    }
    CHECK_THROWS_AS(assignments(0, 3), std::invalid_argument);
    CHECK_THROWS_AS(assignments(3, 8), std::invalid_argument);
}

TEST_CASE("Partial assignments are matrices with at most one 1 in each row and column",
          "[testing][families]") {
    // The sum over k of C(rows, k) C(columns, k) k!.
    const struct {
        Eigen::Index rows, columns;
        std::size_t count;
    } cases[] = {{1, 1, 2}, {1, 4, 5}, {3, 3, 34}, {2, 4, 21}, {4, 2, 21}, {4, 4, 209}};
    for (const auto& one : cases) {
        const imle::testing::partial_assignments family(one.rows, one.columns);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(family.states().size() == one.count);
        CHECK(distinct.size() == one.count);
    }
    CHECK_THROWS_AS(imle::testing::partial_assignments(0, 3), std::invalid_argument);
}
