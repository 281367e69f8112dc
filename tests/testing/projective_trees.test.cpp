#include <imle/testing/projective_trees.hpp>

#include <cstddef>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using imle::roots;
using imle::testing::projective_trees;

TEST_CASE("Projective trees are as many as the formulas say", "[testing][families]") {
    const std::size_t single[] = {1, 2, 7, 30, 143}, any[] = {1, 3, 12, 55, 273};
    for (std::size_t words = 1; words <= 5; ++words)
        for (const roots wanted : {roots::single, roots::any}) {
            const projective_trees family(words, wanted);
            CHECK(family.states().size() == (wanted == roots::single ? single : any)[words - 1]);
            const imle::testing::arborescences all(words, wanted);
            for (const auto& state : family.states()) CHECK(all.contains(state));
            CHECK(std::set<std::vector<double>>(family.states().begin(), family.states().end()).size() ==
                  family.states().size());
        }
    CHECK_THROWS_AS(projective_trees(0), std::invalid_argument);
    CHECK_THROWS_AS(projective_trees(7), std::invalid_argument);
}

TEST_CASE("Arcs of projective trees do not cross", "[testing][families]") {
    using state = std::vector<double>;
    // Words 0, 1, 2: 0 is the root, 1 hangs from 2 and 2 from 0; or 1 is the root, and 2 hangs from 0.
    CHECK(projective_trees(3).contains(state{1, 0, 1, 0, 0, 0, 0, 1, 0}));
    CHECK_FALSE(projective_trees(3).contains(state{0, 0, 1, 1, 1, 0, 0, 0, 0}));
    // Two roots: a word that hangs from the first is behind the second.
    CHECK_FALSE(projective_trees(3, roots::any).contains(state{1, 0, 1, 0, 1, 0, 0, 0, 0}));
}
