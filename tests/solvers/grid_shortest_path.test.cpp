#include <imle/solvers/grid_shortest_path.hpp>

#include <imle/concepts/solver.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "solvers/grid_reference.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

// ---- Making instances
// -------------------------------------------------------------------------------------------

enum class kind {
    positive,
    mixed,
    zeros,
    equal,
    integers,
    integers_mixed,
    mostly_zero,
    spread,
    absorbing,
    maze
};
constexpr kind kinds[] = {
    kind::positive,       kind::mixed,       kind::zeros,  kind::equal,     kind::integers,
    kind::integers_mixed, kind::mostly_zero, kind::spread, kind::absorbing, kind::maze};

// Rewards theta; the cost is -theta.
template <class Scalar>
std::vector<Scalar> rewards(kind what, const reference::grid& g, std::mt19937& random) {
    std::uniform_real_distribution<double> unit(0, 1);
    const double level = unit(random);
    std::vector<Scalar> theta(static_cast<std::size_t>(g.size()));
    for (std::size_t i = 0; i < theta.size(); ++i) {
        const double u = unit(random);
        double value = 0;
        switch (what) {
            case kind::positive:
                value = -u;
                break;
            case kind::mixed:
                value = 1 - 2 * u;
                break;
            case kind::zeros:
                value = u < 0.5 ? 0.0 : -0.0;
                break;
            case kind::equal:
                value = -level;
                break;
            case kind::integers:
                value = -std::floor(3 * u);
                break;
            case kind::integers_mixed:
                value = 2 - std::floor(5 * u);
                break;
            case kind::mostly_zero:
                value = u < 0.8 ? u : -1 - std::floor(10 * u);
                break;
            case kind::spread:
                value = -std::pow(10.0, 60 * u - 30);
                break;
            case kind::absorbing:
                value = u < 0.3 ? -std::ldexp(1.0, 60) : -std::floor(4 * u);
                break;
            case kind::maze: {  // walls with one gap each, at alternating ends: paths that turn back all the
                                // time
                const int r = static_cast<int>(i) / g.cols, c = static_cast<int>(i) % g.cols;
                const int gap = (r / 2) % 2 == 0 ? g.cols - 1 : 0;
                value = r % 2 == 1 && c != gap ? -1000.0 : -std::floor(2 * u);
                break;
            }
        }
        theta[i] = static_cast<Scalar>(value);
    }
    return theta;
}

template <class Scalar>
std::vector<Scalar> clamped_costs(const std::vector<Scalar>& theta) {
    std::vector<Scalar> costs;
    for (const Scalar t : theta) costs.push_back(t < 0 ? -t : Scalar(0));
    return costs;
}

// ---- Calling the solver, with vectors by row * columns + column whatever the layout
// --------------------------------

template <int Layout>
Eigen::Index in_memory(const reference::grid& g, int cell) {
    return Layout == Eigen::RowMajor ? cell : (cell % g.cols) * g.rows + cell / g.cols;
}

// Solves `thetas` in one batch if there are several (or `as_batch`), and gives each answer by its cells.
template <int Layout, class Scalar, class SolverT>
std::vector<std::vector<Scalar>> solve(SolverT& solver, const reference::grid& g,
                                       const std::vector<std::vector<Scalar>>& thetas, bool as_batch) {
    const auto batch = static_cast<Eigen::Index>(thetas.size());
    std::vector<Scalar> theta(thetas.size() * static_cast<std::size_t>(g.size()));
    std::vector<Scalar> z(theta.size(), imle::detail::unwritten<Scalar>());
    for (Eigen::Index b = 0; b < batch; ++b)
        for (int cell = 0; cell < g.size(); ++cell)
            theta[static_cast<std::size_t>(b * g.size() + in_memory<Layout>(g, cell))] =
                thetas[static_cast<std::size_t>(b)][static_cast<std::size_t>(cell)];
    if (as_batch) {
        const bool rows_first = Layout == Eigen::RowMajor;
        const Eigen::Index first = rows_first ? batch : g.rows, second = rows_first ? g.rows : g.cols,
                           third = rows_first ? g.cols : batch;
        imle::const_view<Scalar, 3, Layout> theta_view(theta.data(), first, second, third);
        imle::mutable_view<Scalar, 3, Layout> z_view(z.data(), first, second, third);
        solver.solve_batch(theta_view, z_view);
    } else {
        for (Eigen::Index b = 0; b < batch; ++b) {
            imle::const_view<Scalar, 2, Layout> theta_view(theta.data() + b * g.size(), g.rows, g.cols);
            imle::mutable_view<Scalar, 2, Layout> z_view(z.data() + b * g.size(), g.rows, g.cols);
            solver(theta_view, z_view);
        }
    }
    std::vector<std::vector<Scalar>> answers;
    for (Eigen::Index b = 0; b < batch; ++b) {
        answers.emplace_back();
        for (int cell = 0; cell < g.size(); ++cell)
            answers.back().push_back(z[static_cast<std::size_t>(b * g.size() + in_memory<Layout>(g, cell))]);
    }
    return answers;
}

template <class Scalar>
std::vector<Scalar> as_map(const reference::grid& g, const std::vector<int>& path) {
    std::vector<Scalar> map(static_cast<std::size_t>(g.size()));
    for (const int cell : path) map[static_cast<std::size_t>(cell)] = 1;
    return map;
}

imle::grid_shortest_path<> solver_for(const reference::grid& g) {
    return imle::grid_shortest_path{imle::grid_shortest_path_options{.connectivity = g.connectivity}};
}

// Wrong answers among `count` random grids of `smallest` to `largest` lines, alone and in batches.
template <class Scalar, int Layout>
support::tally wrong_against_dijkstra(int count, int largest, std::uint32_t seed, int smallest = 1) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> side(smallest, largest), batch_size(1, 21);
    support::tally wrong;
    for (int done = 0; done < count;) {
        const reference::grid g{side(random), side(random), done % 2 == 0 ? 8 : 4};
        auto solver = solver_for(g);
        std::vector<std::vector<Scalar>> thetas;
        // A batch mixes kinds, so that its lanes end at different times.
        for (int b = batch_size(random); b > 0; --b)
            thetas.push_back(rewards<Scalar>(kinds[random() % std::size(kinds)], g, random));
        const auto alone = solve<Layout>(solver, g, thetas, false);
        const auto together = solve<Layout>(solver, g, thetas, true);
        for (std::size_t b = 0; b < thetas.size(); ++b, ++done) {
            const auto path = reference::lexicographic_dijkstra(g, clamped_costs(thetas[b]));
            const auto expected = as_map<Scalar>(g, path);
            for (const auto* found : {&alone, &together})
                wrong.expect((*found)[b] == expected, g.rows, " x ", g.cols, " by ", g.connectivity, ", ",
                             found == &alone ? "alone" : "in a batch", ": theta ", thetas[b], " gives ",
                             (*found)[b], ", not ", expected);
        }
    }
    return wrong;
}

template <class Scalar, int Layout>
support::tally wrong_against_enumeration(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (const int connectivity : {4, 8})
        for (int rows = 1; rows <= 3; ++rows)
            for (int cols = 1; cols <= 4; ++cols) {
                const reference::grid g{rows, cols, connectivity};
                const auto paths = reference::all_paths(g);
                auto solver = solver_for(g);
                for (const kind what : {kind::positive, kind::mixed, kind::zeros, kind::equal, kind::integers,
                                        kind::integers_mixed, kind::mostly_zero})
                    for (int i = 0; i < count; ++i) {
                        const auto theta = rewards<Scalar>(what, g, random);
                        const auto expected =
                            as_map<Scalar>(g, reference::best_of(paths, clamped_costs(theta)));
                        const auto found = solve<Layout, Scalar>(solver, g, {theta}, false)[0];
                        wrong.expect(found == expected, rows, " x ", cols, " by ", connectivity, ": theta ",
                                     theta, " gives ", found, ", not ", expected);
                    }
            }
    return wrong;
}

}  // namespace

TEST_CASE("grid_shortest_path is the best of all simple paths, ties included", "[solvers][grid]") {
    CHECK(wrong_against_enumeration<float, Eigen::RowMajor>(6, 11) == 0);
    CHECK(wrong_against_enumeration<double, Eigen::RowMajor>(6, 12) == 0);
    CHECK(wrong_against_enumeration<float, Eigen::ColMajor>(6, 13) == 0);
    CHECK(wrong_against_enumeration<double, Eigen::ColMajor>(6, 14) == 0);
}

TEST_CASE("grid_shortest_path follows its tie rule on larger grids, alone and in lanes", "[solvers][grid]") {
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(800, 20, 21) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::RowMajor>(800, 20, 22) == 0);
    CHECK(wrong_against_dijkstra<float, Eigen::ColMajor>(800, 20, 23) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(800, 20, 24) == 0);
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(1500, 4, 25) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(1500, 4, 26) == 0);
}

TEST_CASE("grid_shortest_path has the same bits by sweeps and by the queue", "[solvers][grid]") {
    // Single grids of this size go to the queue, batches are swept.
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(100, 50, 27, 46) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(100, 50, 28, 46) == 0);
}

TEST_CASE("bucket_queue gives every cell once, the nearest first", "[solvers][grid]") {
    using cell = imle::detail::lanes<float, 1>::number_cell;
    constexpr int cells = 5000;
    std::mt19937 random(29);
    std::uniform_real_distribution<float> unit(0, 1);
    for (const float most : {1.0f, 0.0f, 1e-44f, 1e30f}) {
        std::vector<cell> distance(cells);
        std::vector<imle::detail::queued_cell<float>> heap(cells);
        std::vector<std::int32_t> next(cells), times_taken(cells);
        imle::detail::bucket_queue<float> queue(heap, next, distance.data(), most);
        std::int32_t known = 0;
        const auto push = [&](float at) {
            distance[static_cast<std::size_t>(known)].lane = at;
            queue.push(known++);
        };
        push(most * unit(random));
        support::tally out_of_order;
        for (float last = 0; !queue.empty();) {
            const auto taken = queue.pop();
            out_of_order.expect(taken.distance >= last, "cell ", taken.cell, " at ", taken.distance,
                                " after ", last);
            const float pushed = distance[static_cast<std::size_t>(taken.cell)].lane;
            out_of_order.expect(taken.distance == pushed, "cell ", taken.cell, " at ", taken.distance,
                                ", not ", pushed);
            ++times_taken[static_cast<std::size_t>(taken.cell)];
            last = taken.distance;
            // Short and long steps, and the longest.
            for (int i = 0; i < 3 && known < cells; ++i)
                push(last + most * (i == 0 ? unit(random) : i == 1 ? 0.01f * unit(random) : 1.0f));
        }
        CHECK(known == cells);
        CHECK(out_of_order == 0);
        CHECK(std::count(times_taken.begin(), times_taken.end(), 1) == cells);
    }
}

TEST_CASE("grid_shortest_path of static size has the answers of the dynamic one", "[solvers][grid]") {
    std::mt19937 random(31);
    support::tally different;
    for (const int connectivity : {4, 8}) {
        const reference::grid g{5, 7, connectivity};
        const imle::grid_shortest_path_options options{.connectivity = connectivity};
        auto dynamic = solver_for(g);
        auto fixed = imle::grid_shortest_path<5, 7>{options};
        auto half_fixed = imle::grid_shortest_path<Eigen::Dynamic, 7>{options};
        for (const kind what : kinds)
            for (int i = 0; i < 10; ++i) {
                const std::vector<std::vector<float>> thetas(3, rewards<float>(what, g, random));
                const auto expected = solve<Eigen::RowMajor>(dynamic, g, thetas, false);
                different.expect(solve<Eigen::RowMajor>(fixed, g, thetas, true) == expected, "by ",
                                 connectivity, ", a batch: theta ", thetas[0]);
                different.expect(solve<Eigen::ColMajor>(fixed, g, thetas, false) == expected, "by ",
                                 connectivity, ", alone: theta ", thetas[0]);
                different.expect(solve<Eigen::ColMajor>(half_fixed, g, thetas, true) == expected, "by ",
                                 connectivity, ", half fixed: theta ", thetas[0]);
            }
    }
    CHECK(different == 0);
}

TEST_CASE("grid_shortest_path passes a serpentine of any length", "[solvers][grid]") {
    // Each wall sends the path to the other side of the grid: the shape for which sweeps are slowest.
    // 350 walls are more than the sweeps over a batch stand, so that they give up.
    for (const bool transposed : {false, true})
        for (const reference::grid g : {reference::grid{61, 64, 8}, reference::grid{701, 8, 8}}) {
            const reference::grid lying{g.cols, g.rows, 8};
            std::mt19937 random(32);
            auto theta = rewards<float>(kind::maze, g, random);
            if (transposed) {
                std::vector<float> turned(theta.size());
                for (int r = 0; r < g.rows; ++r)
                    for (int c = 0; c < g.cols; ++c)
                        turned[static_cast<std::size_t>(c * g.rows + r)] =
                            theta[static_cast<std::size_t>(r * g.cols + c)];
                theta = turned;
            }
            const auto& shape = transposed ? lying : g;
            auto solver = solver_for(shape);
            const auto path = reference::lexicographic_dijkstra(shape, clamped_costs(theta));
            CHECK(path.size() > 1500);
            const auto expected = as_map<float>(shape, path);
            CHECK(solve<Eigen::RowMajor, float>(solver, shape, {theta}, false)[0] == expected);
            CHECK(solve<Eigen::RowMajor, float>(solver, shape, {theta, theta, theta}, true)[2] == expected);
        }
}

TEST_CASE("grid_shortest_path refuses costs whose sums overflow on every path", "[solvers][grid][errors]") {
    using Catch::Matchers::Contains;
    const reference::grid g{6, 9, 8};
    const std::vector<float> fine(static_cast<std::size_t>(g.size()), -1.0f);
    std::vector<float> theta(fine.size(), -3e38f);
    auto solver = solver_for(g);
    CHECK_THROWS_WITH((solve<Eigen::RowMajor, float>(solver, g, {theta}, false)), Contains("too large"));
    CHECK_THROWS_WITH((solve<Eigen::ColMajor, float>(solver, g, {fine, theta, fine}, true)),
                      Contains("too large"));
    // One path that does not overflow is enough.
    const auto path = reference::lexicographic_dijkstra(g, clamped_costs(fine));
    const auto expected = as_map<float>(g, path);
    for (std::size_t i = 0; i < theta.size(); ++i)
        if (expected[i] == 1) theta[i] = -1;
    CHECK(solve<Eigen::RowMajor, float>(solver, g, {theta}, false)[0] == expected);
}

TEST_CASE("grid_shortest_path says what is wrong", "[solvers][grid][errors]") {
    using Catch::Matchers::Contains;
    using imle::grid_shortest_path;
    using imle::grid_shortest_path_options;
    CHECK_THROWS_WITH((grid_shortest_path{grid_shortest_path_options{.connectivity = 6}}),
                      Contains("connectivity is 6") && Contains("4 or 8"));
    CHECK_THROWS_AS((grid_shortest_path{
                        grid_shortest_path_options{.negative_costs = static_cast<imle::negative_costs>(7)}}),
                    std::invalid_argument);

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(2, 3), z(2, 3), other(3, 2), empty(0, 3), empty_z(0, 3);
    theta.setConstant(-1);
    grid_shortest_path solver{};
    CHECK_THROWS_WITH(solver(empty, empty_z), Contains("0 x 3") && Contains("at least one cell"));
    CHECK_THROWS_WITH(solver(theta, other), Contains("z is of shape [3, 2]") && Contains("[2, 3]"));
    grid_shortest_path<2, 2> fixed{};
    CHECK_THROWS_WITH(fixed(theta, z), Contains("2 x 3") && Contains("2 x 2"));
    theta(1, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(solver(theta, z), std::invalid_argument);
    theta(1, 0) = -std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), Contains("theta is -inf at element 3"));

    grid_shortest_path rejecting{grid_shortest_path_options{.negative_costs = imle::negative_costs::reject}};
    theta.setConstant(-1);
    CHECK_NOTHROW(rejecting(theta, z));
    theta(0, 0) = 0;
    CHECK_NOTHROW(rejecting(theta, z));
    theta(1, 2) = 0.5f;
    CHECK_THROWS_WITH(rejecting(theta, z), Contains("-0.5 at cell (1, 2)") && Contains("0 or more"));
    CHECK_NOTHROW(solver(theta, z));
    Eigen::Tensor<double, 3, Eigen::ColMajor> thetas(2, 3, 4), zs(2, 3, 4);
    thetas.setConstant(-1);
    thetas(1, 2, 3) = 4;
    CHECK_THROWS_WITH(rejecting.solve_batch(thetas, zs), Contains("-4 at cell (1, 2) of instance 3"));
}

TEST_CASE("grid_shortest_path fits the concepts", "[solvers][grid]") {
    using imle::BatchSolver;
    using imle::grid_shortest_path;
    using imle::Solver;
    STATIC_REQUIRE(std::is_same_v<decltype(grid_shortest_path{}), grid_shortest_path<>>);
    STATIC_REQUIRE(std::is_same_v<decltype(grid_shortest_path{imle::grid_shortest_path_options{}}),
                                  grid_shortest_path<>>);
    STATIC_REQUIRE(Solver<grid_shortest_path<>, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(Solver<grid_shortest_path<>, double, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(Solver<grid_shortest_path<16, 16>, float, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(!Solver<grid_shortest_path<>, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!Solver<grid_shortest_path<>, float, 3, Eigen::RowMajor>);
    STATIC_REQUIRE(BatchSolver<grid_shortest_path<>, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<grid_shortest_path<>> == imle::sense::maximize);
}
