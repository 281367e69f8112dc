#include <imle/testing/flows.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using imle::directed_graph;
using imle::testing::flows;

TEST_CASE("Flows are all that supplies and capacities allow", "[testing][families]") {
    using states = std::vector<std::vector<double>>;
    // Two ways, and what the capacities leave of three units.
    const directed_graph two{2, {{0, 1}, {0, 1}}};
    CHECK(flows(two, {3, -3}, {2, 3}).states() == states{{0, 3}, {1, 2}, {2, 1}});
    CHECK(flows(two, {0, 0}, {2, 3}).states() == states{{0, 0}});
    CHECK(flows::all(two, {-1, 1}, {2, 3}).empty());
    // A cycle and a loop carry any amount.
    CHECK(flows(directed_graph{2, {{0, 1}, {1, 0}, {1, 1}}}, {0, 0}, {2, 3, 1}).states() ==
          states{{0, 0, 0}, {0, 0, 1}, {1, 1, 0}, {1, 1, 1}, {2, 2, 0}, {2, 2, 1}});
    // Permutation matrices, and all tables of sums 2 by 2 by 2: 21 (OEIS A000681).
    const auto tables = [](std::int64_t sum) {
        std::vector<imle::graph_edge> edges;
        for (Eigen::Index i = 0; i < 3; ++i)
            for (Eigen::Index j = 0; j < 3; ++j) edges.push_back({i, 3 + j});
        const flows family({6, edges}, {sum, sum, sum, -sum, -sum, -sum}, std::vector<std::int64_t>(9, sum));
        CHECK(family.dimensions()[0] == 9);
        return std::set<std::vector<double>>(family.states().begin(), family.states().end()).size();
    };
    CHECK(tables(1) == 6);
    CHECK(tables(2) == 21);
    CHECK(flows(directed_graph{0, {}}, {}, {}).states() == states{{}});

    CHECK_THROWS_AS(flows(two, {1, 0}, {1, 1}), std::invalid_argument);  // no flow
    CHECK_THROWS_AS(flows(two, {1}, {1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(flows(two, {1, -1}, {1}), std::invalid_argument);
    const directed_graph loops{1, {{0, 0}, {0, 0}}};
    CHECK_THROWS_AS(flows(loops, {0}, {1000, 1000}), std::invalid_argument);  // 1,002,001
}
