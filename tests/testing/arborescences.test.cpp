#include <imle/testing/arborescences.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using imle::roots;
using imle::testing::arborescences;

TEST_CASE("Dependency trees are as many as the formulas say", "[testing][families]") {
    const std::size_t single[] = {1, 2, 9, 64, 625}, any[] = {1, 3, 16, 125, 1296};
    for (std::size_t words = 1; words <= 5; ++words)
        for (const roots wanted : {roots::single, roots::any}) {
            const arborescences family(words, wanted);
            const auto& states = family.states();
            CHECK(states.size() == (wanted == roots::single ? single : any)[words - 1]);
            CHECK(std::set<std::vector<double>>(states.begin(), states.end()).size() == states.size());
        }
    CHECK_THROWS_AS(arborescences(0), std::invalid_argument);
    CHECK_THROWS_AS(arborescences(7), std::invalid_argument);
}

TEST_CASE("The dependency trees of two words", "[testing][families]") {
    using state = std::vector<double>;
    CHECK(arborescences(2).contains(state{1, 1, 0, 0}));
    CHECK(arborescences(2).contains(state{0, 0, 1, 1}));
    CHECK_FALSE(arborescences(2).contains(state{1, 0, 0, 1}));
    CHECK(arborescences(2, roots::any).contains(state{1, 0, 0, 1}));
    CHECK_FALSE(arborescences(2, roots::any).contains(state{0, 1, 1, 0}));  // a cycle
}
