#include <imle/solvers/grid_shortest_path.hpp>

#include <array>
#include <numbers>
#include <span>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include "support/catch.hpp"

TEST_CASE("docs: the example of grid_shortest_path finds its paths around the walls", "[docs][grid]") {
    // [blocked]
    // Two maps of 3 x 4 cells, each with its walls (0) and its route, which the context's id names.
    const std::array<bool, 24> open{1, 1, 0, 1,  // the first map
                                    1, 1, 0, 1,  //
                                    1, 1, 1, 1,  //
                                    1, 0, 1, 1,  // the second
                                    1, 1, 0, 1,  //
                                    1, 1, 1, 1};
    const std::vector<imle::grid_route> routes{{.start = {0, 1}, .goal = {0, 3}},
                                               {.start = {2, 0}, .goal = {0, 2}}};
    imle::grid_shortest_path solver{
        routes, imle::grid_shortest_path_options{.diagonal_factor = std::numbers::sqrt2,  // lengths of steps
                                                 .corner_cutting = false}};
    Eigen::Tensor<float, 3, Eigen::RowMajor> thetas(2, 3, 4), zs(2, 3, 4);
    thetas.setConstant(-1);  // each cell costs 1
    const std::array<imle::solve_context, 2> contexts{
        {{.instance = 0, .id = 0, .mask = std::span(open).first<12>()},
         {.instance = 1, .id = 1, .mask = std::span(open).last<12>()}}};
    const imle::solve_status status = solver.solve_batch(thetas, zs, contexts);
    // [/blocked]
    CHECK(status == imle::solve_status::solved);
    const std::vector<float> found(zs.data(), zs.data() + zs.size());
    CHECK(found == std::vector<float>{0, 1, 0, 1,  // down, round the wall and up
                                      0, 1, 0, 1,  //
                                      0, 1, 1, 1,  //
                                      0, 0, 1, 1,  // no step passes between two walls
                                      0, 0, 0, 1,  //
                                      1, 1, 1, 1});
}
