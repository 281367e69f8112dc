#include <imle/testing/tours.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::testing::directed_tours;
using imle::testing::tours;

namespace {

// How many nodes the arcs lead through from node 0 until they are back there; 0 if they do not.
std::size_t round_trip(const std::vector<double>& arcs, std::size_t nodes) {
    std::size_t at = 0;
    for (std::size_t steps = 1; steps <= nodes; ++steps) {
        std::size_t next = 0, ways = 0;
        for (std::size_t to = 0; to < nodes; ++to)
            if (arcs[at * nodes + to] == 1) {
                next = to;
                ++ways;
            }
        if (ways != 1) return 0;
        at = next;
        if (at == 0) return steps;
    }
    return 0;
}

}  // namespace

TEST_CASE("Directed tours are the cyclic permutations", "[testing][families]") {
    std::size_t factorial = 1;  // (nodes - 1)!
    for (std::size_t nodes = 2; nodes <= 6; factorial *= nodes++) {
        const directed_tours family(nodes);
        const std::set<std::vector<double>> distinct(family.states().begin(), family.states().end());
        CHECK(family.states().size() == factorial);
        CHECK(distinct.size() == factorial);
        support::tally wrong;
        for (const auto& state : family.states()) wrong.expect(round_trip(state, nodes) == nodes, state);
        CHECK(wrong == 0);
    }
    CHECK_THROWS_AS(directed_tours(1), std::invalid_argument);
    CHECK_THROWS_AS(directed_tours(9), std::invalid_argument);
}

TEST_CASE("Tours are directed tours without their direction", "[testing][families]") {
    for (std::size_t nodes = 2; nodes <= 6; ++nodes) {
        std::set<std::vector<double>> expected;
        const directed_tours directed(nodes);
        for (const auto& arcs : directed.states()) {
            std::vector<double> edges;
            for (std::size_t a = 0; a < nodes; ++a)
                for (std::size_t b = a + 1; b < nodes; ++b)
                    edges.push_back(arcs[a * nodes + b] + arcs[b * nodes + a] > 0 ? 1 : 0);
            expected.insert(edges);
        }
        const tours family(nodes);
        const std::set<std::vector<double>> found(family.states().begin(), family.states().end());
        CHECK(family.states().size() == expected.size());
        CHECK(found == expected);
    }
    CHECK(tours(6).states().size() == 60);  // 5!/2
    CHECK_THROWS_AS(tours(1), std::invalid_argument);
    CHECK_THROWS_AS(tours(9), std::invalid_argument);
}
