#include <imle/solvers/grid_shortest_path.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/minimizing.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numbers>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "solvers/grid_reference.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace grid_shortest_path_tests {

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

// Gives a solver the context of each instance in turn, and keeps the statuses.
template <class SolverT>
struct with_context {
    SolverT& solver;
    const std::vector<imle::solve_context>& contexts;
    std::vector<imle::solve_status> statuses;

    template <class ThetaT, class ZT>
    void operator()(ThetaT& theta, ZT& z) {
        statuses.push_back(solver(theta, z, contexts[statuses.size()]));
    }
    template <class ThetasT, class ZsT>
    void solve_batch(ThetasT& thetas, ZsT& zs) {
        statuses.push_back(solver.solve_batch(thetas, zs, contexts));
    }
};
template <class SolverT>
with_context(SolverT&, const std::vector<imle::solve_context>&, std::vector<imle::solve_status>)
    -> with_context<SolverT>;

// One instance of a test with routes and masks.
template <class Scalar>
struct masked_instance {
    std::vector<Scalar> theta;
    std::vector<bool> open;  // empty: no mask
    std::uint64_t id = 0;
};

template <class Scalar>
struct masked_answer {
    imle::solve_status status;
    std::vector<Scalar> z;
};

// The masks of instances in the order of memory, and the contexts that show them.
template <int Layout, class Scalar>
class contexts_of {
  public:
    contexts_of(const reference::grid& g, const std::vector<masked_instance<Scalar>>& instances) {
        for (const auto& instance : instances) {
            contexts_.push_back({.instance = contexts_.size(), .sample = 0, .id = instance.id, .mask = {}});
            if (instance.open.empty()) continue;
            const auto size = static_cast<std::size_t>(g.size());
            masks_.push_back(std::make_unique<bool[]>(size));
            for (int cell = 0; cell < g.size(); ++cell)
                masks_.back()[static_cast<std::size_t>(in_memory<Layout>(g, cell))] =
                    instance.open[static_cast<std::size_t>(cell)];
            contexts_.back().mask = {masks_.back().get(), size};
        }
    }
    const std::vector<imle::solve_context>& operator*() const { return contexts_; }

  private:
    std::vector<std::unique_ptr<bool[]>> masks_;
    std::vector<imle::solve_context> contexts_;
};

// The answers of single solves, or of a batch, in which each has the batch's status.
template <int Layout, class Scalar, class SolverT>
std::vector<masked_answer<Scalar>> solve_masked(SolverT& solver, const reference::grid& g,
                                                const std::vector<masked_instance<Scalar>>& instances,
                                                bool as_batch) {
    const contexts_of<Layout, Scalar> contexts(g, instances);
    std::vector<masked_answer<Scalar>> answers;
    with_context adapted{solver, *contexts, {}};
    std::vector<std::vector<Scalar>> thetas;
    for (const auto& instance : instances) thetas.push_back(instance.theta);
    const auto zs = solve<Layout>(adapted, g, thetas, as_batch);
    for (std::size_t b = 0; b < instances.size(); ++b)
        answers.push_back({adapted.statuses[as_batch ? 0 : b], zs[b]});
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
                            as_map<Scalar>(g, reference::best_of(g, paths, clamped_costs(theta)));
                        const auto found = solve<Layout, Scalar>(solver, g, {theta}, false)[0];
                        wrong.expect(found == expected, rows, " x ", cols, " by ", connectivity, ": theta ",
                                     theta, " gives ", found, ", not ", expected);
                    }
            }
    return wrong;
}

imle::grid_cell cell_of(const reference::grid& g, int cell) {
    return {cell / g.cols, cell % g.cols};
}

// A grid of random size and options, its solver and a batch for it.
template <class Scalar>
struct random_case {
    random_case(std::mt19937& random, int smallest, int largest, int most_instances) {
        std::uniform_int_distribution<int> side(smallest, largest), batch(1, most_instances);
        std::uniform_real_distribution<double> unit(0, 1);
        grid = {side(random), side(random), random() % 4 == 0 ? 4 : 8};
        constexpr double factors[] = {1, std::numbers::sqrt2, 2, 3, 0.5, 1.0 / 3};
        grid.diagonal_factor = factors[random() % std::size(factors)];
        grid.corner_cutting = random() % 2 == 0;
        const auto any_cell = [&] { return static_cast<int>(random() % static_cast<unsigned>(grid.size())); };
        imle::grid_shortest_path_options options{.connectivity = grid.connectivity,
                                                 .diagonal_factor = grid.diagonal_factor,
                                                 .corner_cutting = grid.corner_cutting};
        if (random() % 2 == 0) {
            for (int i = 0; i < 7; ++i) {
                ends.push_back(
                    {any_cell(), random() % 10 == 0 ? ends.empty() ? 0 : ends.back().first : any_cell()});
                routes.push_back({cell_of(grid, ends.back().first), cell_of(grid, ends.back().second)});
            }
            solver = imle::grid_shortest_path{routes, options};
        } else {
            std::pair<int, int> fixed{grid.start, grid.goal};
            if (random() % 2 == 0) options.start = cell_of(grid, fixed.first = any_cell());
            if (random() % 2 == 0) options.goal = cell_of(grid, fixed.second = any_cell());
            ends.assign(7, fixed);
            solver = imle::grid_shortest_path{options};
        }
        for (int b = batch(random); b > 0; --b) {
            masked_instance<Scalar> next{rewards<Scalar>(kinds[random() % std::size(kinds)], grid, random),
                                         {},
                                         random() % ends.size()};
            const double blocked = 0.5 * unit(random);
            if (random() % 4 != 0)
                for (Scalar& theta : next.theta) {
                    next.open.push_back(unit(random) >= blocked);
                    if (next.open.back()) continue;
                    // 0, as a layer passes it, or a reward on a forbidden cell, which no path may collect.
                    theta = random() % 4 == 0 ? Scalar(5) : Scalar(0);
                }
            instances.push_back(next);
        }
    }

    // The grid as the oracles want it.
    reference::grid of(const masked_instance<Scalar>& instance) const {
        reference::grid own = grid;
        std::tie(own.start, own.goal) = ends[instance.id];
        own.open = instance.open;
        return own;
    }

    reference::grid grid{};
    std::vector<std::pair<int, int>> ends;
    std::vector<imle::grid_route> routes;
    imle::grid_shortest_path<> solver{};
    std::vector<masked_instance<Scalar>> instances;
};

// Counts wrong answers among `count` instances with random options, masks, starts and goals, alone and in
// batches. path(grid, costs) is the oracle.
template <class Scalar, int Layout, class PathT>
support::tally wrong_with_options(int count, int smallest, int largest, std::uint32_t seed, PathT path_of) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int done = 0; done < count;) {
        random_case<Scalar> test(random, smallest, largest, 21);
        const auto& g = test.grid;
        const auto alone = solve_masked<Layout>(test.solver, g, test.instances, false);
        const auto together = solve_masked<Layout>(test.solver, g, test.instances, true);
        bool infeasible = false;
        for (std::size_t b = 0; b < test.instances.size(); ++b, ++done) {
            const auto& instance = test.instances[b];
            const auto own = test.of(instance);
            const auto path = path_of(own, clamped_costs(instance.theta));
            const auto expected = as_map<Scalar>(g, path);
            infeasible |= path.empty();
            const auto status = path.empty() ? imle::solve_status::infeasible : imle::solve_status::solved;
            wrong.expect(alone[b].status == status, "the status is ", alone[b].status, ", not ", status);
            for (const auto* found : {&alone, &together})
                wrong.expect((*found)[b].z == expected, g.rows, " x ", g.cols, " by ", g.connectivity,
                             ", from ", own.start, " to ", own.goal, ", factor ", g.diagonal_factor,
                             g.corner_cutting ? ", over corners, " : ", round corners, ",
                             found == &alone ? "alone" : "in a batch", ": theta ", instance.theta, ", open ",
                             std::vector<int>(own.open.begin(), own.open.end()), " gives ", (*found)[b].z,
                             ", not ", expected);
        }
        const auto status = infeasible ? imle::solve_status::infeasible : imle::solve_status::solved;
        wrong.expect(together[0].status == status, "a batch's status is ", together[0].status, ", not ",
                     status);
    }
    return wrong;
}

template <class Scalar, int Layout>
support::tally wrong_with_options_against_dijkstra(int count, int smallest, int largest, std::uint32_t seed) {
    return wrong_with_options<Scalar, Layout>(count, smallest, largest, seed,
                                              [](const reference::grid& g, const std::vector<Scalar>& costs) {
                                                  return reference::lexicographic_dijkstra(g, costs);
                                              });
}

// The Moving AI map, if it is installed.
struct scenario {
    reference::grid grid{};
    struct route {
        int start;
        int goal;
        double length;
    };
    std::vector<route> routes;
};

std::optional<scenario> read_scenario(const std::filesystem::path& map) {
    std::ifstream cells(map), routes(map.string() + ".scen");
    if (!cells || !routes) return std::nullopt;
    scenario read;
    std::string word, line;
    cells >> word >> word >> word >> read.grid.rows >> word >> read.grid.cols >> word;
    for (int row = 0; row < read.grid.rows; ++row) {
        cells >> line;
        for (const char c : line) read.grid.open.push_back(c == '.' || c == 'G');
    }
    read.grid.connectivity = 8;
    read.grid.diagonal_factor = std::numbers::sqrt2;
    read.grid.corner_cutting = false;
    std::getline(routes, line);
    int from_x, from_y, to_x, to_y, width, height, bucket;
    for (double length;
         routes >> bucket >> word >> width >> height >> from_x >> from_y >> to_x >> to_y >> length;)
        read.routes.push_back({from_y * width + from_x, to_y * width + to_x, length});
    return read;
}

}  // namespace

TEST_CASE("grid_shortest_path is the best of all simple paths, ties included", "[solvers][grid]") {
    CHECK(wrong_against_enumeration<float, Eigen::RowMajor>(std::max(support::repeats(6), 2), 11) == 0);
    CHECK(wrong_against_enumeration<double, Eigen::RowMajor>(std::max(support::repeats(6), 2), 12) == 0);
    CHECK(wrong_against_enumeration<float, Eigen::ColMajor>(std::max(support::repeats(6), 2), 13) == 0);
    CHECK(wrong_against_enumeration<double, Eigen::ColMajor>(std::max(support::repeats(6), 2), 14) == 0);
}

TEST_CASE("grid_shortest_path follows its tie rule on larger grids, alone and in lanes", "[solvers][grid]") {
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(support::repeats(400), 20, 21) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::RowMajor>(support::repeats(400), 20, 22) == 0);
    CHECK(wrong_against_dijkstra<float, Eigen::ColMajor>(support::repeats(400), 20, 23) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(support::repeats(400), 20, 24) == 0);
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(support::repeats(1000), 4, 25) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(support::repeats(1000), 4, 26) == 0);
}

TEST_CASE("grid_shortest_path has the same bits by sweeps and by tiles", "[solvers][grid]") {
    // Single grids are solved by tiles, of which these have several; batches are swept.
    CHECK(wrong_against_dijkstra<float, Eigen::RowMajor>(support::repeats(50), 50, 27, 46) == 0);
    CHECK(wrong_against_dijkstra<double, Eigen::ColMajor>(support::repeats(50), 50, 28, 46) == 0);
}

TEST_CASE("grid_shortest_path has the same bits in batches of large grids, whether sweeps are enough or not",
          "[solvers][grid]") {
    // More than 256 x 256 cells, and one more than there are lanes.
    constexpr Eigen::Index rows = 258, columns = 260, batch = imle::detail::native_lanes<float> + 1;
    std::mt19937 random(37);
    std::uniform_int_distribution<int> cost(1, 4);
    support::tally different;
    for (const bool equal : {true, false, true}) {
        Eigen::Tensor<float, 3, Eigen::RowMajor> thetas(batch, rows, columns), zs(batch, rows, columns);
        for (Eigen::Index i = 0; i < thetas.size(); ++i)
            thetas.data()[i] = equal ? -1.0F : -static_cast<float>(cost(random));
        imle::grid_shortest_path<> solver;
        solver.solve_batch(thetas, zs);
        Eigen::Tensor<float, 2, Eigen::RowMajor> z(rows, columns);
        for (const Eigen::Index b : {Eigen::Index{0}, batch / 2, batch - 1}) {
            imle::grid_shortest_path<>{}(imle::const_view<float, 2, Eigen::RowMajor>(
                                             thetas.data() + b * rows * columns, rows, columns),
                                         z);
            const bool same = std::equal(z.data(), z.data() + z.size(), zs.data() + b * z.size());
            different.expect(same, "map ", b, equal ? ", equal costs" : ", random costs");
        }
    }
    CHECK(different == 0);
}

TEST_CASE("tile_queue gives every tile once, the least key first", "[solvers][grid]") {
    constexpr int tiles = 500, steps = support::repeats(20000);
    std::mt19937 random(29);
    std::uniform_real_distribution<float> unit(0, 1);
    std::vector<imle::detail::tile_queue<float>::key_cell> keys(tiles);
    std::vector<std::int32_t> places(tiles), heap(tiles);
    imle::detail::tile_queue<float> queue(keys, places, heap);
    std::vector<float> expected(tiles, std::numeric_limits<float>::infinity());
    queue.exclude(7);
    support::tally wrong;
    for (int step = 0; step < steps; ++step) {
        // First it grows, then it shrinks.
        if (random() % 8 < (step < steps / 2 ? 5u : 3u)) {
            const auto tile = random() % tiles;
            const float key = random() % 16 == 0 ? std::numeric_limits<float>::infinity() : unit(random);
            queue.push(static_cast<Eigen::Index>(tile), key);
            if (tile != 7) expected[tile] = std::min(expected[tile], key);
        } else if (!queue.empty()) {
            const float least = *std::min_element(expected.begin(), expected.end());
            wrong.expect(queue.least() == least, "the least key is ", queue.least(), ", not ", least);
            float& of_taken = expected[static_cast<std::size_t>(queue.pop())];
            wrong.expect(of_taken == least, "took the tile of ", of_taken, ", not of ", least);
            of_taken = std::numeric_limits<float>::infinity();
        }
        const bool none = *std::min_element(expected.begin(), expected.end()) > 1;
        wrong.expect(queue.empty() == none, "step ", step, ": empty is ", queue.empty());
    }
    CHECK(wrong == 0);
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
    // With 350 walls the sweeps over a batch give up.
    for (const bool transposed : {false, true})
        for (const reference::grid& g : {reference::grid{61, 64, 8}, reference::grid{701, 8, 8}}) {
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

// A map of one way that winds: a corridor that turns at every other line, a spiral, or a maze without loops
// of its own (a tree over every other cell). Walls cost much, other cells up to 3, so that there are ties.
template <class Scalar>
std::vector<Scalar> winding_costs(const reference::grid& g, std::mt19937& random) {
    std::vector<bool> open(static_cast<std::size_t>(g.size()));
    const auto is_open = [&](int r, int c) {
        return r >= 0 && c >= 0 && r < g.rows && c < g.cols && open[static_cast<std::size_t>(r * g.cols + c)];
    };
    const auto dig = [&](int r, int c) { open[static_cast<std::size_t>(r * g.cols + c)] = true; };
    const auto what = random() % 4;
    if (what < 2) {
        for (int r = 0; r < g.rows; ++r)
            for (int c = 0; c < g.cols; ++c) {
                const int across = what == 0 ? r : c, along = what == 0 ? c : r;
                const int last = (what == 0 ? g.cols : g.rows) - 1;
                if (across % 2 == 0 || along == (across % 4 == 1 ? last : 0)) dig(r, c);
            }
    } else if (what == 2) {
        int r = 0, c = 0, down = 0, right = 1;
        dig(r, c);
        for (int turns = 0; turns < 2;) {
            const int to_r = r + down, to_c = c + right;
            if (to_r < 0 || to_c < 0 || to_r >= g.rows || to_c >= g.cols || is_open(to_r, to_c) ||
                is_open(to_r + down, to_c + right)) {
                down = std::exchange(right, -down);
                ++turns;
                continue;
            }
            dig(r = to_r, c = to_c);
            turns = 0;
        }
    } else {
        for (int r = 0; r < g.rows; r += 2)
            for (int c = 0; c < g.cols; c += 2) {
                dig(r, c);
                const bool upwards = c == 0 || (r > 0 && random() % 2 == 0);
                if (r + c > 0) dig(upwards ? r - 1 : r, upwards ? c : c - 1);
            }
    }
    const bool is_flat = random() % 2 == 0;
    std::vector<Scalar> costs;
    for (const bool o : open)
        costs.push_back(static_cast<Scalar>(!o        ? 1000.0F
                                            : is_flat ? 0.7F
                                                      : static_cast<float>(random() % 4)));
    return costs;
}

template <class Scalar, int Layout>
support::tally wrong_on_winding_maps(int count, int largest, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        reference::grid g{1 + below(largest), 1 + below(largest), i % 3 == 0 ? 4 : 8};
        if (i % 3 == 1) g.diagonal_factor = 1.5;
        if (i % 4 != 0) g.start = below(g.size()), g.goal = below(g.size());
        const auto cell = [&](int number) { return imle::grid_cell{number / g.cols, number % g.cols}; };
        imle::grid_shortest_path solver{
            imle::grid_shortest_path_options{.connectivity = g.connectivity,
                                             .start = cell(g.start),
                                             .goal = cell(g.goal),
                                             .diagonal_factor = g.diagonal_factor}};
        std::vector<std::vector<Scalar>> thetas, expected;
        for (int b = 0; b < 2; ++b) {
            const auto costs = winding_costs<Scalar>(g, random);
            expected.push_back(as_map<Scalar>(g, reference::lexicographic_dijkstra(g, costs)));
            thetas.emplace_back();
            for (const Scalar cost : costs) thetas.back().push_back(-cost);
        }
        for (const bool as_batch : {false, true})
            wrong.expect(solve<Layout>(solver, g, thetas, as_batch) == expected, g.rows, " x ", g.cols,
                         " by ", g.connectivity, ", from ", g.start, " to ", g.goal,
                         as_batch ? ", in a batch" : ", alone", ": theta ", thetas[0], " and ", thetas[1]);
    }
    return wrong;
}

TEST_CASE("grid_shortest_path follows its tie rule on small maps that wind, wherever paths begin",
          "[solvers][grid]") {
    CHECK(wrong_on_winding_maps<float, Eigen::RowMajor>(support::repeats(600), 18, 61) == 0);
    CHECK(wrong_on_winding_maps<double, Eigen::ColMajor>(support::repeats(600), 18, 62) == 0);
    CHECK(wrong_on_winding_maps<float, Eigen::ColMajor>(support::repeats(60), 50, 63) == 0);
    CHECK(wrong_on_winding_maps<double, Eigen::RowMajor>(support::repeats(60), 50, 64) == 0);
}

TEST_CASE("grid_shortest_path respects masks, routes, diagonal factors and corners",
          "[solvers][grid][mask]") {
    const auto enumerate = [](const reference::grid& g, const auto& costs) {
        return reference::best_of(g, reference::all_paths(g), costs);
    };
    CHECK(wrong_with_options<float, Eigen::RowMajor>(support::repeats(400), 1, 3, 41, enumerate) == 0);
    CHECK(wrong_with_options<double, Eigen::ColMajor>(support::repeats(400), 1, 3, 42, enumerate) == 0);
    CHECK(wrong_with_options_against_dijkstra<float, Eigen::RowMajor>(support::repeats(500), 1, 12, 43) == 0);
    CHECK(wrong_with_options_against_dijkstra<double, Eigen::RowMajor>(support::repeats(500), 1, 12, 44) ==
          0);
    CHECK(wrong_with_options_against_dijkstra<float, Eigen::ColMajor>(support::repeats(500), 1, 12, 45) == 0);
    CHECK(wrong_with_options_against_dijkstra<double, Eigen::ColMajor>(support::repeats(500), 1, 12, 46) ==
          0);
    // Single grids are solved by tiles, of which these have several; batches are swept.
    CHECK(wrong_with_options_against_dijkstra<float, Eigen::ColMajor>(support::repeats(100), 46, 50, 47) ==
          0);
    CHECK(wrong_with_options_against_dijkstra<double, Eigen::RowMajor>(support::repeats(100), 46, 50, 48) ==
          0);
}

TEST_CASE("grid_shortest_path passes from tile to tile by corners alone", "[solvers][grid][mask]") {
    // One diagonal is open: at multiples of 16 cells it passes between tiles of any size.
    reference::grid g{48, 48, 8};
    for (const bool rising : {false, true})
        for (const bool back : {false, true}) {
            const auto cell = [&](int i) { return i * 48 + (rising ? 47 - i : i); };
            masked_instance<float> only{std::vector<float>(48 * 48, -1), std::vector<bool>(48 * 48), 0};
            std::vector<int> path;
            for (int i = 0; i < 48; ++i) {
                path.push_back(cell(i));
                only.open[static_cast<std::size_t>(cell(i))] = true;
            }
            for (const double factor : {1.0, 1.5}) {
                imle::grid_shortest_path solver{
                    imle::grid_shortest_path_options{.start = cell_of(g, cell(back ? 47 : 0)),
                                                     .goal = cell_of(g, cell(back ? 0 : 47)),
                                                     .diagonal_factor = factor}};
                const auto found = solve_masked<Eigen::RowMajor, float>(solver, g, {only}, false);
                CHECK(found[0].z == as_map<float>(g, path));
            }
        }
}

TEST_CASE("grid_shortest_path leaves mazes of blocked cells to tiles", "[solvers][grid][mask]") {
    // As many walls as the sweeps over a batch can handle, and then more.
    for (const double factor : {1.0, 1.5}) {
        reference::grid g{701, 8, 8};
        g.diagonal_factor = factor;
        g.corner_cutting = false;
        masked_instance<float> maze{std::vector<float>(static_cast<std::size_t>(g.size()), -1), {}, 0};
        // Two lines wide, so that there is a choice between straight and diagonal steps.
        for (int cell = 0; cell < g.size(); ++cell)
            maze.open.push_back(cell / 8 % 3 != 2 || cell % 8 == (cell / 24 % 2 == 0 ? 7 : 0));
        auto closed = maze;
        for (const int cell : {8 * 2 + 7, 8 * 5 + 0}) closed.open[static_cast<std::size_t>(cell)] = false;
        g.open = maze.open;
        const auto path = reference::lexicographic_dijkstra(g, clamped_costs(maze.theta));
        CHECK(path.size() > 1500);
        imle::grid_shortest_path solver{
            imle::grid_shortest_path_options{.diagonal_factor = factor, .corner_cutting = false}};
        const auto found = solve_masked<Eigen::RowMajor, float>(solver, g, {maze, closed, maze}, true);
        CHECK(found[0].status == imle::solve_status::infeasible);
        CHECK(found[0].z == as_map<float>(g, path));
        CHECK(found[1].z == as_map<float>(g, {}));
        CHECK(found[2].z == as_map<float>(g, path));
    }
}

TEST_CASE("grid_shortest_path finds the lengths of a Moving AI map", "[solvers][grid][mask]") {
    auto read =
        read_scenario(std::filesystem::path(IMLE_TEST_DATA_DIR "/../../../shared/cases") / "arena.map");
    if (!read) return;  // the project does not contain it
    reference::grid g = read->grid;
    CHECK(read->routes.size() == 160);
    const std::size_t kept = support::repeats(read->routes.size() / 2);  // of all lengths
    for (std::size_t i = 0; i < kept; ++i) read->routes[i] = read->routes[i * read->routes.size() / kept];
    read->routes.resize(kept);
    std::vector<imle::grid_route> routes;
    std::vector<masked_instance<double>> instances;
    const std::vector<double> costs(static_cast<std::size_t>(g.size()), 1);
    for (const auto& route : read->routes) {
        instances.push_back({std::vector<double>(costs.size(), -1), g.open, routes.size()});
        routes.push_back({cell_of(g, route.start), cell_of(g, route.goal)});
    }
    imle::grid_shortest_path solver{
        routes,
        imle::grid_shortest_path_options{.diagonal_factor = std::numbers::sqrt2, .corner_cutting = false}};
    const auto alone = solve_masked<Eigen::RowMajor>(solver, g, instances, false);
    const auto together = solve_masked<Eigen::ColMajor>(solver, g, instances, true);
    support::tally wrong;
    for (std::size_t i = 0; i < instances.size(); ++i) {
        std::tie(g.start, g.goal) = std::pair(read->routes[i].start, read->routes[i].goal);
        const auto path = reference::lexicographic_dijkstra(g, costs);
        double length = 0;
        for (std::size_t step = 1; step < path.size(); ++step)
            length += g.is_diagonal(path[step - 1], path[step]) ? std::numbers::sqrt2 : 1;
        wrong.expect(std::abs(length - read->routes[i].length) < 1e-4, "route ", i, ": ", length, ", not ",
                     read->routes[i].length);
        wrong.expect(as_map<double>(g, path) == alone[i].z, "route ", i, " is another path");
        wrong.expect(together[i].z == alone[i].z, "route ", i, " in a batch");
        wrong.expect(alone[i].status == imle::solve_status::solved, "route ", i);
    }
    CHECK(wrong == 0);
}

TEST_CASE("grid_shortest_path tells overflow from the lack of a path", "[solvers][grid][mask][errors]") {
    for (const double factor : {1.0, 2.0}) {
        reference::grid g{4, 5, 8};
        imle::grid_shortest_path solver{
            imle::grid_shortest_path_options{.diagonal_factor = factor, .corner_cutting = false}};
        masked_instance<float> large{std::vector<float>(20, -3e38f), std::vector<bool>(20, true), 0};
        CHECK_THROWS_WITH((solve_masked<Eigen::RowMajor, float>(solver, g, {large}, false)),
                          mentions("too large"));
        CHECK_THROWS_WITH((solve_masked<Eigen::RowMajor, float>(solver, g, {large, large, large}, true)),
                          mentions("too large"));
        // A wall of two cells that touch at a corner, which a path would have to cut.
        for (const int cell : {2, 7, 13, 18}) large.open[static_cast<std::size_t>(cell)] = false;
        for (const bool as_batch : {false, true}) {
            const auto found = solve_masked<Eigen::RowMajor, float>(solver, g, {large, large}, as_batch);
            CHECK(found[0].status == imle::solve_status::infeasible);
            CHECK(found[1].z == std::vector<float>(20));
        }
    }
}

TEST_CASE("grid_shortest_path refuses costs whose sums overflow on every path", "[solvers][grid][errors]") {
    const reference::grid g{6, 9, 8};
    const std::vector<float> fine(static_cast<std::size_t>(g.size()), -1.0f);
    std::vector<float> theta(fine.size(), -3e38f);
    auto solver = solver_for(g);
    CHECK_THROWS_WITH((solve<Eigen::RowMajor, float>(solver, g, {theta}, false)), mentions("too large"));
    CHECK_THROWS_WITH((solve<Eigen::ColMajor, float>(solver, g, {fine, theta, fine}, true)),
                      mentions("too large"));
    // One path that does not overflow is enough.
    const auto path = reference::lexicographic_dijkstra(g, clamped_costs(fine));
    const auto expected = as_map<float>(g, path);
    for (std::size_t i = 0; i < theta.size(); ++i)
        if (expected[i] == 1) theta[i] = -1;
    CHECK(solve<Eigen::RowMajor, float>(solver, g, {theta}, false)[0] == expected);
}

TEST_CASE("grid_shortest_path says what is wrong", "[solvers][grid][errors]") {
    using imle::grid_shortest_path;
    using imle::grid_shortest_path_options;
    CHECK_THROWS_WITH((grid_shortest_path{grid_shortest_path_options{.connectivity = 6}}),
                      mentions("connectivity is 6") && mentions("4 or 8"));
    CHECK_THROWS_AS((grid_shortest_path{
                        grid_shortest_path_options{.negative_costs = static_cast<imle::negative_costs>(7)}}),
                    std::invalid_argument);

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(2, 3), z(2, 3), other(3, 2), empty(0, 3), empty_z(0, 3);
    theta.setConstant(-1);
    grid_shortest_path solver{};
    CHECK_THROWS_WITH(solver(empty, empty_z), mentions("0 x 3") && mentions("at least one cell"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 2]") && mentions("[2, 3]"));
    grid_shortest_path<2, 2> fixed{};
    CHECK_THROWS_WITH(fixed(theta, z), mentions("2 x 3") && mentions("2 x 2"));
    theta(1, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(solver(theta, z), std::invalid_argument);
    theta(1, 0) = -std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is -inf at element 3"));

    grid_shortest_path rejecting{grid_shortest_path_options{.negative_costs = imle::negative_costs::reject}};
    theta.setConstant(-1);
    CHECK_NOTHROW(rejecting(theta, z));
    theta(0, 0) = 0;
    CHECK_NOTHROW(rejecting(theta, z));
    theta(1, 2) = 0.5f;
    CHECK_THROWS_WITH(rejecting(theta, z), mentions("-0.5 at cell (1, 2)") && mentions("0 or more"));
    CHECK_NOTHROW(solver(theta, z));
    Eigen::Tensor<double, 3, Eigen::ColMajor> thetas(2, 3, 4), zs(2, 3, 4);
    thetas.setConstant(-1);
    thetas(1, 2, 3) = 4;
    CHECK_THROWS_WITH(rejecting.solve_batch(thetas, zs), mentions("-4 at cell (1, 2) of instance 3"));
}

TEST_CASE("grid_shortest_path says what is wrong with its options and contexts", "[solvers][grid][errors]") {
    using imle::grid_shortest_path;
    using imle::grid_shortest_path_options;
    for (const double factor : {0.0, -1.0, 1e-300, 1e300, std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_WITH((grid_shortest_path{grid_shortest_path_options{.diagonal_factor = factor}}),
                          mentions("diagonal_factor is") && mentions("above 0"));

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(2, 3), z(2, 3);
    theta.setConstant(-1);
    Eigen::Tensor<double, 3, Eigen::ColMajor> thetas(2, 3, 4), zs(2, 3, 4);
    thetas.setConstant(-1);
    for (const imle::grid_cell cell : {imle::grid_cell{2, 0}, {0, 3}, {-1, 0}, {0, -1}}) {
        grid_shortest_path from{grid_shortest_path_options{.start = cell}};
        CHECK_THROWS_WITH(from(theta, z), mentions("options::start is (") && mentions("of 2 x 3"));
        grid_shortest_path to{grid_shortest_path_options{.goal = cell}};
        CHECK_THROWS_WITH(to.solve_batch(thetas, zs), mentions("options::goal is (") && mentions("of 2 x 3"));
    }

    CHECK_THROWS_WITH(grid_shortest_path{std::vector<imle::grid_route>{}}, mentions("routes is empty"));
    const std::vector<imle::grid_route> routes{{{0, 0}, {1, 1}}, {{1, 2}, {0, 0}}, {{0, 0}, {2, 2}}};
    CHECK_THROWS_WITH((grid_shortest_path{routes, grid_shortest_path_options{.start = imle::grid_cell{}}}),
                      mentions("start") && mentions("routes"));
    grid_shortest_path solver{routes};
    CHECK(std::equal(solver.routes().begin(), solver.routes().end(), routes.begin(), routes.end()));
    CHECK(solver(theta, z, imle::solve_context{.id = 1}) == imle::solve_status::solved);
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.id = 2}),
                      mentions("routes[2].goal is (2, 2)") && mentions("2 x 3"));
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.id = 3}),
                      mentions("context.id is 3") && mentions("less than 3"));
    CHECK_THROWS_WITH(solver(theta, z), mentions("without a solve_context"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("without a solve_context"));
    std::vector<imle::solve_context> contexts(3);
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs, contexts),
                      mentions("contexts is a list of 3") && mentions("expected 4"));

    const bool few[5] = {true, true, true, true, true};
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = few}),
                      mentions("context.mask is of 5 values") && mentions("6, one for each number"));
    grid_shortest_path rejecting{grid_shortest_path_options{.negative_costs = imle::negative_costs::reject}};
    const bool mask[6] = {true, true, false, true, true, true};
    contexts.assign(4, {.mask = mask});
    thetas(0, 1, 3) = 7;  // number 2 in the order of memory: blocked
    CHECK(rejecting.solve_batch(thetas, zs, contexts) == imle::solve_status::solved);
    thetas(1, 1, 2) = 8;
    CHECK_THROWS_WITH(rejecting.solve_batch(thetas, zs, contexts),
                      mentions("-8 at cell (1, 1) of instance 2"));
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
    STATIC_REQUIRE(
        std::is_same_v<decltype(grid_shortest_path{std::vector<imle::grid_route>(1)}), grid_shortest_path<>>);
    STATIC_REQUIRE(imle::detail::writes_with_context<grid_shortest_path<>, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(
        imle::detail::solves_batches_with_context<grid_shortest_path<>, double, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::detail::solves_batches_with_context<imle::minimizing<grid_shortest_path<>>, float, 2,
                                                             Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<grid_shortest_path<>> == imle::sense::maximize);
}

}  // namespace grid_shortest_path_tests
