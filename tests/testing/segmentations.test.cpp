#include <imle/testing/segmentations.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include <imle/testing/label_sequences.hpp>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::testing::segmentations;

TEST_CASE("Segmentations divide all steps, with consistent labels", "[testing][families]") {
    // With one label: compositions of the number of steps, 2^(steps - 1) of them without a limit.
    const struct {
        Eigen::Index steps, widths, labels;
        std::size_t count;
    } cases[] = {{1, 1, 1, 1}, {4, 4, 1, 8},  {4, 2, 1, 5}, {4, 9, 1, 8},
                 {1, 3, 2, 4}, {2, 2, 2, 12}, {3, 2, 2, 32}};
    for (const auto& one : cases) {
        const segmentations family(one.steps, one.widths, one.labels);
        CHECK(family.states().size() == one.count);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(distinct.size() == one.count);
        support::tally wrong;
        const auto steps = static_cast<std::size_t>(one.steps), widths = static_cast<std::size_t>(one.widths),
                   labels = static_cast<std::size_t>(one.labels);
        for (const auto& state : family.states()) {
            std::size_t ones = 0, segments = 0, label = labels;
            for (const double z : state) ones += z == 1 ? 1 : 0;
            for (std::size_t t = 0; t < steps; ++segments) {
                std::size_t found = 0, width = 1, next = 0;
                for (std::size_t k = 0; k < widths; ++k)
                    for (std::size_t i = 0; i < labels; ++i)
                        for (std::size_t j = 0; j < labels; ++j)
                            if (state[((t * widths + k) * labels + i) * labels + j] == 1) {
                                ++found;
                                width = k + 1;
                                next = j;
                                wrong.expect(label == labels || label == i, "position ", t, " of ", state);
                            }
                wrong.expect(found == 1, found, " segments from ", t, " in ", state);
                label = next;
                t += width;
                wrong.expect(t <= steps, "the end of ", state);
            }
            wrong.expect(segments == ones, "segments of ", state);
        }
        CHECK(wrong == 0);
    }
    CHECK(segmentations(3, 1, 2).states() == imle::testing::label_sequences(3, 2).states());
    CHECK_THROWS_AS(segmentations(0, 1, 1), std::invalid_argument);
    CHECK_THROWS_AS(segmentations(1, 0, 1), std::invalid_argument);
    CHECK_THROWS_AS(segmentations(1, 1, 0), std::invalid_argument);
    CHECK_THROWS_AS(segmentations(14, 14, 1), std::invalid_argument);
}
