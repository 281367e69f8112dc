#include <imle/testing/alignments.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::testing::alignments;

TEST_CASE("Alignments are all paths right, down and across", "[testing][families]") {
    // Delannoy numbers.
    const struct {
        Eigen::Index rows, columns;
        std::size_t count;
    } cases[] = {{1, 1, 1},  {1, 5, 1},  {5, 1, 1},  {2, 2, 3},   {2, 3, 5},
                 {3, 3, 13}, {4, 4, 63}, {3, 5, 41}, {6, 6, 1683}};
    for (const auto& one : cases) {
        const alignments family(one.rows, one.columns);
        CHECK(family.states().size() == one.count);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(distinct.size() == one.count);
        support::tally wrong;
        for (const auto& state : family.states()) {
            Eigen::Index row = 0, column = 0;
            std::size_t cells = 0;
            // The next cell of a path is the only one of three that is marked, but for a corner that it cuts.
            const auto marked = [&](Eigen::Index i, Eigen::Index j) {
                return i < one.rows && j < one.columns &&
                       state[static_cast<std::size_t>(i * one.columns + j)] == 1;
            };
            for (bool on = marked(0, 0); on; ++cells) {
                if (marked(row + 1, column))
                    ++row;
                else if (marked(row, column + 1))
                    ++column;
                else if (marked(row + 1, column + 1))
                    ++row, ++column;
                else
                    on = false;
            }
            std::size_t ones = 0;
            for (const double z : state) ones += z == 1 ? 1 : 0;
            wrong.expect(row == one.rows - 1 && column == one.columns - 1 && cells == ones, state);
        }
        CHECK(wrong == 0);
    }
    CHECK(alignments(2, 2).states() ==
          std::vector<std::vector<double>>{{1, 0, 0, 1}, {1, 1, 0, 1}, {1, 0, 1, 1}});
    CHECK_THROWS_AS(alignments(0, 3), std::invalid_argument);
    CHECK_THROWS_AS(alignments(3, 7), std::invalid_argument);
}
