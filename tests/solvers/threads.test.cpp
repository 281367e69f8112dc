// Every built-in solver in a layer: one thread and three give the same bits, also a warmed-up solver and a
// new one. The thread sanitizer runs this too.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <imle/imle.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace threads_tests {

namespace {

template <int Rank>
using single_theta = imle::const_view<float, Rank, Eigen::RowMajor>;
template <int Rank>
using single_z = imle::mutable_view<float, Rank, Eigen::RowMajor>;

/// One type for all solvers of a rank: the layer is then compiled once for each. Copies copy the solver.
template <int Rank>
struct any_solver {
    std::function<void(single_theta<Rank>&, single_z<Rank>&)> single;
    std::function<void(single_theta<Rank + 1>&, single_z<Rank + 1>&)> batch;

    template <class SolverT>
    explicit any_solver(SolverT solver) : single(solver) {
        if constexpr (imle::BatchSolver<SolverT, float, Rank, Eigen::RowMajor>)
            batch = [solver](auto& thetas, auto& zs) mutable { solver.solve_batch(thetas, zs); };
    }
    void operator()(single_theta<Rank>& theta, single_z<Rank>& z) { single(theta, z); }
    void solve_batch(single_theta<Rank + 1>& thetas, single_z<Rank + 1>& zs) {
        if (batch) return batch(thetas, zs);
        const Eigen::Index count = thetas.dimension(0), n = count == 0 ? 0 : thetas.size() / count;
        Eigen::DSizes<Eigen::Index, Rank> shape;
        for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = thetas.dimensions()[i + 1];
        for (Eigen::Index b = 0; b < count; ++b) {
            single_theta<Rank> theta(thetas.data() + b * n, shape);
            single_z<Rank> z(zs.data() + b * n, shape);
            single(theta, z);
        }
    }
};

/// A solver, and the shape of its instances.
template <int Rank>
struct subject {
    std::string name;
    any_solver<Rank> solver;
    std::array<Eigen::Index, Rank> instance;
};

template <int Rank>
support::tally differences(const subject<Rank>& of) {
    using tensor = Eigen::Tensor<float, Rank + 1, Eigen::RowMajor>;
    std::array<Eigen::Index, Rank + 1> shape{7};
    std::copy(of.instance.begin(), of.instance.end(), shape.begin() + 1);
    const tensor theta = fixtures::numbers<tensor>(shape, 3), dz = fixtures::numbers<tensor>(shape, 4);
    const auto layer = [&](int threads) {
        return imle::imle_layer{of.solver, imle::gumbel{}, imle::perturbation_target{.beta = 2},
                                imle::layer_options{.samples = 20, .threads = threads},
                                fixtures::eager_threads()};
    };
    auto one = layer(1), three = layer(3);
    support::tally different;
    for (std::uint64_t round = 0; round < support::repeats(std::uint64_t{2}); ++round) {
        const imle::random_key key{round};
        const auto expected = one.forward(theta, key), found = three.forward(theta, key);
        different.expect(fixtures::same_bits(expected.samples(), found.samples()), "samples of key ", round);
        different.expect(fixtures::same_bits(one.vjp(expected, dz), three.vjp(found, dz)), "gradient of key ",
                         round);
        // Earlier solves must have no effect.
        different.expect(fixtures::same_bits(layer(1).forward(theta, key).samples(), expected.samples()),
                         "samples of key ", round, " by a new layer");
    }
    return different;
}

}  // namespace

TEST_CASE("solvers: the number of threads changes no bit", "[solvers][threads]") {
    std::vector<double> weights(12);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<double>(3 + i * 5 % 7);
    const Eigen::MatrixXd weights_2d = Eigen::Map<const Eigen::MatrixXd>(weights.data(), 2, 6);
    const auto grid = imle::grid_graph(4, 4);
    const auto one_way = imle::monotone_grid_graph(4, 5);
    std::vector<std::int64_t> flow_supplies(20, 0);
    flow_supplies.front() = 3;
    flow_supplies.back() = -3;
    const std::vector<std::int64_t> flow_capacities(one_way.edges().size(), 2);
    const std::vector<subject<1>> vectors{
        {"top_k", any_solver<1>(imle::top_k{5}), {40}},
        {"categorical", any_solver<1>(imle::categorical{}), {17}},
        {"ranking", any_solver<1>(imle::ranking{}), {70}},
        {"k_of_groups", any_solver<1>(imle::k_of_groups{2, {3, 4, 5}}), {12}},
        {"knapsack", any_solver<1>(imle::knapsack{weights, 20.0}), {12}},
        {"knapsack, 2 dimensions",
         any_solver<1>(imle::knapsack{weights_2d, Eigen::VectorXd::Constant(2, 12)}),
         {6}},
        {"spanning_tree", any_solver<1>(imle::spanning_tree{7, imle::complete_graph_edges(7)}), {21}},
        {"matching", any_solver<1>(imle::matching{7, imle::complete_graph_edges(7)}), {21}},
        {"graph_cut",
         any_solver<1>(imle::graph_cut{
             9, imle::complete_graph_edges(9), {.negative_scores = imle::negative_scores::clamp}}),
         {45}},
        {"shortest_path",
         any_solver<1>(imle::shortest_path{grid, 0, 15}),
         {static_cast<Eigen::Index>(grid.edges().size())}},
        {"shortest_path, no cycles",
         any_solver<1>(imle::shortest_path{one_way, 0, 19}),
         {static_cast<Eigen::Index>(one_way.edges().size())}},
        {"travelling_salesman", any_solver<1>(imle::travelling_salesman{}), {15}},
        {"min_cost_flow",
         any_solver<1>(imle::min_cost_flow{one_way, flow_supplies, flow_capacities}),
         {static_cast<Eigen::Index>(one_way.edges().size())}},
    };
    for (const auto& each : vectors) {
        INFO(each.name);
        CHECK(differences(each) == 0);
    }
    const std::vector<subject<2>> matrices{
        {"grid_shortest_path", any_solver<2>(imle::grid_shortest_path{}), {6, 7}},
        {"grid_shortest_path, more cells", any_solver<2>(imle::grid_shortest_path{}), {20, 21}},
        {"assignment", any_solver<2>(imle::assignment{}), {5, 7}},
        {"alignment", any_solver<2>(imle::alignment{{.gap = -0.25}}), {6, 9}},
        {"arborescence", any_solver<2>(imle::arborescence{}), {7, 7}},
        {"projective_tree", any_solver<2>(imle::projective_tree{}), {7, 7}},
        {"travelling_salesman, directed", any_solver<2>(imle::travelling_salesman{}), {6, 6}},
        {"k_of_groups", any_solver<2>(imle::k_of_groups{}), {8, 9}},
    };
    for (const auto& each : matrices) {
        INFO(each.name);
        CHECK(differences(each) == 0);
    }
    const subject<3> chain{"linear_chain", any_solver<3>(imle::linear_chain{}), {5, 4, 4}};
    CHECK(differences(chain) == 0);
    const subject<4> segments{"semi_markov_chain", any_solver<4>(imle::semi_markov_chain{2}), {5, 2, 3, 3}};
    CHECK(differences(segments) == 0);
}

}  // namespace threads_tests
