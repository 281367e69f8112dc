#include <imle/testing/label_sequences.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::testing::label_sequences;

TEST_CASE("Label sequences have one consistent transition a step", "[testing][families]") {
    const struct {
        Eigen::Index steps, labels;
        std::size_t count;
    } cases[] = {{1, 1, 1}, {1, 3, 9}, {2, 3, 27}, {4, 2, 32}, {9, 1, 1}, {5, 4, 4096}};
    for (const auto& one : cases) {
        const label_sequences family(one.steps, one.labels);
        CHECK(family.states().size() == one.count);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(distinct.size() == one.count);
        support::tally wrong;
        const auto steps = static_cast<std::size_t>(one.steps), labels = static_cast<std::size_t>(one.labels);
        for (const auto& state : family.states())
            for (std::size_t t = 0, label = labels; t < steps; ++t) {
                std::size_t ones = 0, next = 0;
                for (std::size_t i = 0; i < labels * labels; ++i) {
                    if (state[t * labels * labels + i] != 1) continue;
                    ++ones;
                    wrong.expect(label == labels || label == i / labels, "step ", t, " of ", state);
                    next = i % labels;
                }
                wrong.expect(ones == 1, ones, " ones in step ", t, " of ", state);
                label = next;
            }
        CHECK(wrong == 0);
    }
    // In the order of the last label, then of the one before it.
    CHECK(label_sequences(1, 2).states() ==
          std::vector<std::vector<double>>{{1, 0, 0, 0}, {0, 0, 1, 0}, {0, 1, 0, 0}, {0, 0, 0, 1}});
    CHECK_THROWS_AS(label_sequences(0, 3), std::invalid_argument);
    CHECK_THROWS_AS(label_sequences(3, 0), std::invalid_argument);
    CHECK_THROWS_AS(label_sequences(6, 4), std::invalid_argument);
}
