#include <imle/testing/grid_paths.hpp>

#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "solvers/grid_reference.hpp"
#include "support/catch.hpp"

using imle::testing::grid_paths;

namespace {

using vector = std::vector<double>;

}  // namespace

TEST_CASE("Grid paths are all self-avoiding walks, as maps", "[testing][families]") {
    const grid_paths four(3, 3, 4);
    // 12 self-avoiding walks join the corners of a 3 x 3 grid; two of them go through all cells, one by rows
    // and one by columns, and are one state.
    CHECK(four.states().size() == 11);
    for (const int connectivity : {4, 8}) {
        const auto paths = reference::all_paths({3, 4, connectivity});
        std::set<vector> maps;
        for (const auto& path : paths) {
            vector map(12, 0);
            for (const int cell : path) map[static_cast<std::size_t>(cell)] = 1;
            maps.insert(map);
        }
        CHECK(grid_paths(3, 4, connectivity).states() == std::vector<vector>(maps.begin(), maps.end()));
    }
    CHECK(reference::all_paths({3, 3, 4}).size() == 12);
    CHECK(reference::all_paths({4, 4, 4}).size() == 184);
    CHECK(grid_paths(1, 1).states() == std::vector<vector>{{1}});
    CHECK(grid_paths(1, 5).states() == std::vector<vector>{{1, 1, 1, 1, 1}});
    CHECK(grid_paths(2, 2, 8).states().size() == 4);  // straight, by either side, by both: the cells count
    CHECK(four.dimensions() == std::array<Eigen::Index, 2>{3, 3});

    CHECK(four.contains(vector{1, 1, 1, 0, 0, 1, 0, 0, 1}));
    CHECK(!four.contains(vector{1, 0, 0, 0, 1, 0, 0, 0, 1}));
    CHECK(grid_paths(3, 3, 8).contains(vector{1, 0, 0, 0, 1, 0, 0, 0, 1}));
    CHECK(!four.contains(vector{1, 1, 1, 0, 0, 0.5, 0, 0, 1}));
    CHECK(!four.contains(vector{1, 1, 1, 0, 0, std::nan(""), 0, 0, 1}));
}
