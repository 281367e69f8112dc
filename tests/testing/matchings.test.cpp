#include <imle/testing/matchings.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include <imle/solvers/spanning_tree.hpp>

#include "support/catch.hpp"

using imle::testing::matchings;

TEST_CASE("Matchings of complete graphs are as many as the formulas say", "[testing][families]") {
    const std::size_t any[] = {1, 1, 2, 4, 10, 26, 76, 232}, perfect[] = {1, 0, 1, 0, 3, 0, 15, 0};
    for (Eigen::Index nodes = 0; nodes < 8; ++nodes) {
        const auto edges = imle::complete_graph_edges(nodes);
        const auto n = static_cast<std::size_t>(nodes);
        const matchings all(nodes, edges);
        const auto& states = all.states();
        CHECK(states.size() == any[n]);
        CHECK(std::set<std::vector<double>>(states.begin(), states.end()).size() == states.size());
        if (perfect[n] > 0)
            CHECK(matchings(nodes, edges, {.perfect = true}).states().size() == perfect[n]);
        else
            CHECK_THROWS_AS(matchings(nodes, edges, {.perfect = true}), std::invalid_argument);
    }
    CHECK_THROWS_AS(matchings(13, {}), std::invalid_argument);
    CHECK_THROWS_AS(matchings(-1, {}), std::invalid_argument);
    CHECK_THROWS_AS(matchings(2, {{0, 2}}), std::invalid_argument);
}

TEST_CASE("The matchings of a path with a loop and parallel edges", "[testing][families]") {
    using state = std::vector<double>;
    const matchings family(3, {{0, 1}, {1, 1}, {1, 2}, {2, 1}});
    CHECK(family.states().size() == 4);
    CHECK(family.contains(state{0, 0, 0, 0}));
    CHECK(family.contains(state{0, 0, 0, 1}));
    CHECK_FALSE(family.contains(state{0, 1, 0, 0}));
    CHECK_FALSE(family.contains(state{1, 0, 1, 0}));
}
