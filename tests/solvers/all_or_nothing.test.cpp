#include <imle/solvers/all_or_nothing.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include "solvers/path_reference.hpp"
#include "solvers/traffic_network.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::all_or_nothing;
using imle::demand;
using imle::directed_graph;
using imle::od_pair;
using imle::shortest_paths;
using imle::solve_context;
using imle::solve_status;

namespace all_or_nothing_tests {

namespace {

using vector = Eigen::Tensor<double, 1>;

vector theta_of(const std::vector<double>& costs) {
    vector theta(static_cast<Eigen::Index>(costs.size()));
    std::transform(costs.begin(), costs.end(), theta.data(), [](double cost) { return -cost; });
    return theta;
}

std::vector<double> values(const vector& z) {
    return {z.data(), z.data() + z.size()};
}

std::vector<double> flows(all_or_nothing solver, const std::vector<double>& costs,
                          const solve_context& context = {}) {
    vector z(static_cast<Eigen::Index>(costs.size()));
    CHECK(solver(theta_of(costs), z, context) == solve_status::solved);
    return values(z);
}

// Every demand's path by shortest_paths, one after the other.
std::vector<double> flows_one_by_one(const directed_graph& graph, const std::vector<demand>& demands,
                                     const std::vector<double>& costs,
                                     const imle::shortest_paths_options& options, std::span<const bool> mask,
                                     bool& feasible) {
    std::vector<double> sum(costs.size(), 0);
    feasible = true;
    const vector theta = theta_of(costs);
    for (const auto& [from, to, amount] : demands) {
        shortest_paths one{graph, {{from, to}}, options};
        vector z(theta.size());
        const auto status = one(theta, z, {.mask = mask});
        feasible &= amount == 0 || status == solve_status::solved;
        for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += amount * z(static_cast<Eigen::Index>(e));
    }
    return sum;
}

}  // namespace

TEST_CASE("all_or_nothing keeps the laws of solvers", "[solvers][all_or_nothing]") {
    // Two demands from one node, one from another; all flows that carry them along simple paths.
    const directed_graph graph{4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {1, 2}, {2, 1}, {0, 3}}};
    const std::vector<demand> demands{{0, 3, 2}, {1, 3, 1}, {0, 2, 4}};
    std::vector<std::vector<double>> states{std::vector<double>(7, 0)};
    for (const auto& [from, to, amount] : demands) {
        std::vector<std::vector<double>> longer;
        for (const auto& state : states)
            for (const auto& path : reference::simple_paths(graph, from, to)) {
                longer.push_back(state);
                for (const std::size_t e : path) longer.back()[e] += amount;
            }
        states = longer;
    }
    // Different choices may add up to one flow.
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    const imle::testing::enumerated_family<1> family("flows", {7}, states);
    const all_or_nothing solver{graph, demands};
    CHECK(imle::testing::check_solver<float>(solver, family, {.highest = 0}).passed());
    CHECK(
        imle::testing::check_solver<double, Eigen::ColMajor>(imle::minimizing(solver), family, {.lowest = 0})
            .passed());
}

TEST_CASE("all_or_nothing is the sum of shortest_paths", "[solvers][all_or_nothing]") {
    std::mt19937 random(3);
    support::tally wrong;
    int infeasible = 0;
    const int graphs = std::max(support::repeats(80), 24);
    for (int i = 0; i < graphs; ++i) {
        const directed_graph graph = i % 3 == 0 ? imle::monotone_grid_graph(3, 4)
                                     : i % 3 == 1
                                         ? imle::grid_graph(4, 4, 4)
                                         : [&] {
                                               std::vector<imle::graph_edge> edges;
                                               for (int e = 0; e < 40; ++e)
                                                   edges.push_back({static_cast<Eigen::Index>(random() % 9),
                                                                    static_cast<Eigen::Index>(random() % 9)});
                                               return directed_graph{9, edges};
                                           }();
        const std::size_t edges = graph.edges().size();
        std::vector<double> costs(edges);
        for (double& cost : costs)  // integers, with many ties, or not
            cost = i % 2 == 0 ? static_cast<double>(random() % 3) : static_cast<double>(random()) * 0x1p-30;
        std::vector<std::vector<demand>> tables(3);
        for (auto& table : tables)
            for (int d = 0; d < 12; ++d)
                table.push_back({static_cast<Eigen::Index>(random()) % (i % 3 == 0 ? 4 : graph.nodes()),
                                 static_cast<Eigen::Index>(random()) % graph.nodes(),
                                 static_cast<double>(random() % 9)});
        const imle::shortest_paths_options options{.first_through_node = i % 4 == 3 ? 2 : 0};
        std::unique_ptr<bool[]> open(new bool[edges]);
        for (std::size_t e = 0; e < edges; ++e) open[e] = random() % 16 != 0;
        all_or_nothing solver{graph, tables, options};
        REQUIRE(solver.tables() == 3);
        for (std::size_t id = 0; id < 3; ++id)
            for (const bool masked : {false, true}) {
                const auto mask = masked ? std::span<const bool>(open.get(), edges) : std::span<const bool>{};
                bool feasible = true;
                const auto expected = flows_one_by_one(graph, tables[id], costs, options, mask, feasible);
                vector z(static_cast<Eigen::Index>(edges));
                const auto status = solver(theta_of(costs), z, {.instance = 5, .id = id, .mask = mask});
                infeasible += feasible ? 0 : 1;
                wrong.expect((status == solve_status::solved) == feasible, "graph ", i, ", table ", id, ": ",
                             status);
                wrong.expect(values(z) == (feasible ? expected : std::vector<double>(edges, 0)), "graph ", i,
                             ", table ", id, ": ", values(z), ", not ", expected);
            }
    }
    CHECK(wrong == 0);
    CHECK(infeasible > graphs / 4);
    CHECK(infeasible < 5 * graphs);  // of six
}

TEST_CASE("all_or_nothing: one table serves every id, several their own", "[solvers][all_or_nothing]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}, {0, 2}}};
    const std::vector<double> costs{1, 1, 3};
    using z = std::vector<double>;
    const all_or_nothing one{graph, std::vector<demand>{{0, 2, 5}, {0, 1, 0.5}, {1, 1, 9}}};
    CHECK(flows(one, costs) == z{5.5, 5, 0});
    CHECK(flows(one, costs, {.instance = 77, .id = 1234}) == z{5.5, 5, 0});
    const all_or_nothing several{graph,
                                 std::vector<std::vector<demand>>{{{0, 2, 5}}, {{0, 1, 1}, {1, 2, 2}}, {}}};
    CHECK(flows(several, costs) == z{5, 5, 0});
    CHECK(flows(several, costs, {.id = 1}) == z{1, 2, 0});
    CHECK(flows(several, costs, {.id = 2}) == z{0, 0, 0});
    // A demand of 0 needs no path.
    CHECK(flows(all_or_nothing{graph, std::vector<demand>{{2, 0, 0}}}, costs) == z{0, 0, 0});
    // Options as those of shortest_paths; costs of any sign without cycles.
    CHECK(flows(all_or_nothing{graph, std::vector<demand>{{0, 2, 5}}, {.closed_edges = {1}}}, costs) ==
          z{0, 0, 5});
    CHECK(flows(all_or_nothing{graph, std::vector<demand>{{0, 2, 5}}, {.closed_nodes = {1}}}, costs) ==
          z{0, 0, 5});
    CHECK(flows(all_or_nothing{graph, std::vector<demand>{{0, 2, 5}}}, {-9, 2, -8}) == z{0, 0, 5});
}

TEST_CASE("all_or_nothing as its page shows it", "[solvers][all_or_nothing]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}, {0, 2}}};
    // [tables]
    using table = std::vector<imle::demand>;
    const imle::all_or_nothing always{graph, table{{0, 2, 120.0}, {0, 1, 40.0}}};
    const imle::all_or_nothing by_id{graph, std::vector<table>{{{0, 2, 120.0}}, {{0, 1, 40.0}, {1, 2, 5.0}}}};
    // [/tables]
    CHECK(flows(always, {1, 1, 3}, {.id = 9}) == std::vector<double>{160, 120, 0});
    CHECK(flows(by_id, {1, 1, 3}, {.id = 1}) == std::vector<double>{40, 5, 0});
    // Braces alone tell one table from several.
    CHECK(all_or_nothing(graph, {{0, 2, 1.0}, {0, 1, 1.0}}).tables() == 1);
    CHECK(all_or_nothing(graph, {{{0, 2, 1.0}}, {{0, 1, 1.0}}}).tables() == 2);
}

TEST_CASE("all_or_nothing says what is wrong", "[solvers][all_or_nothing][errors]") {
    const directed_graph graph{3, {{0, 1}, {1, 2}, {2, 1}}};
    using table = std::vector<demand>;
    CHECK_THROWS_WITH((all_or_nothing{graph, table{{0, 1, 1}, {3, 1, 1}}}),
                      mentions("from of all_or_nothing's demand 1 of table 0 is 3"));
    CHECK_THROWS_WITH((all_or_nothing{graph, std::vector<table>{{}, {{0, -1, 1}}}}),
                      mentions("to of all_or_nothing's demand 0 of table 1 is -1"));
    for (const double amount : {-1.0, std::numeric_limits<double>::infinity()})
        CHECK_THROWS_WITH((all_or_nothing{graph, table{{0, 1, amount}}}),
                          mentions("amount of all_or_nothing's demand 0 of table 0 is"));
    CHECK_THROWS_WITH((all_or_nothing{graph, table{}, {.closed_edges = {3}}}), mentions("closed_edges"));

    vector theta(3), z(3);
    theta.setConstant(-1);
    all_or_nothing two{graph, std::vector<table>{{{0, 1, 1}}, {{0, 2, 1}}}};
    CHECK_THROWS_WITH(two(theta, z, {.id = 2}),
                      mentions("id is 2") && mentions("less than 2, the number of tables"));
    const bool closed[] = {false, true, true};
    CHECK(two(theta, z, {.mask = closed}) == solve_status::infeasible);
    CHECK(values(z) == std::vector<double>{0, 0, 0});
    CHECK_THROWS_WITH(two(theta, z, {.mask = std::span(closed).first(2)}), mentions("mask is of 2 flags"));
    all_or_nothing rejecting{graph, table{{0, 2, 1}}, {.negative_costs = imle::negative_costs::reject}};
    theta(0) = 1;
    CHECK_THROWS_WITH(rejecting(theta, z, {}), mentions("-1 at edge 0"));
    theta.setConstant(-std::numeric_limits<double>::max());
    CHECK_THROWS_WITH(two(theta, z, {.id = 1}), mentions("too large"));
}

TEST_CASE("all_or_nothing fits the concepts", "[solvers][all_or_nothing]") {
    STATIC_REQUIRE(imle::Solver<all_or_nothing, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<all_or_nothing, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::sense_of<all_or_nothing> == imle::sense::maximize);
    STATIC_REQUIRE_FALSE(std::is_default_constructible_v<all_or_nothing>);
}

TEST_CASE("all_or_nothing in Anaheim", "[solvers][all_or_nothing]") {
    if (!std::filesystem::exists(support::anaheim())) return;
    const support::traffic_network net(support::anaheim());
    // A unit from zone 1 to 3, 10 to 6, 100 to 7, and 1 from each zone to each other.
    const std::vector<demand> some{{0, 2, 1}, {0, 5, 10}, {0, 6, 100}};
    std::vector<demand> all;
    std::vector<od_pair> pairs;
    for (Eigen::Index from = 0; from < 38; ++from)
        for (Eigen::Index to = 0; to < 38; ++to)
            if (from != to) {
                all.push_back({from, to, 1});
                pairs.push_back({from, to});
            }
    const imle::shortest_paths_options options{.first_through_node = net.first_through_node};
    const all_or_nothing solver{net.graph, std::vector{some, all}, options};
    const auto cost_of = [&](const std::vector<double>& flow) {
        double cost = 0;
        for (std::size_t e = 0; e < flow.size(); ++e) cost += flow[e] * net.free_flow_time[e];
        return cost;
    };
    CHECK(cost_of(flows(solver, net.free_flow_time)) ==
          Approx(13.573317 + 10 * 13.168319 + 100 * 12.432879).margin(1e-4));
    std::vector<double> sum(net.free_flow_time.size(), 0);
    shortest_paths one{net.graph, pairs, options};
    const vector theta = theta_of(net.free_flow_time);
    for (std::size_t id = 0; id < pairs.size(); ++id) {
        vector z(theta.size());
        CHECK(one(theta, z, {.id = id}) == solve_status::solved);
        for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += z(static_cast<Eigen::Index>(e));
    }
    CHECK(flows(solver, net.free_flow_time, {.id = 1}) == sum);
}

}  // namespace all_or_nothing_tests
