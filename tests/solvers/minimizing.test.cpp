#include <imle/solvers/minimizing.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/losses/regret.hpp>
#include <imle/losses/spo_plus_loss.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/ranking.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/solvers/travelling_salesman.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/assignments.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>
#include <imle/testing/grid_paths.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>
#include <imle/testing/tours.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"

namespace minimizing_tests {

namespace {

using const_line = imle::const_view<float, 1, Eigen::RowMajor>;
using line = imle::mutable_view<float, 1, Eigen::RowMajor>;
using const_table = imle::const_view<float, 2, Eigen::RowMajor>;
using table = imle::mutable_view<float, 2, Eigen::RowMajor>;
using tensor = Eigen::Tensor<float, 1, Eigen::RowMajor>;
using imle::solve_context;

template <class S>
constexpr bool is_solver = imle::Solver<S, float, 1, Eigen::RowMajor>;

// The forms of a call that a solver has, as one number: the layer tests them one by one.
template <class S>
constexpr int forms = (imle::detail::writes_with_context<S, float, 1, Eigen::RowMajor> ? 1 : 0) +
                      (imle::detail::writes<S, float, 1, Eigen::RowMajor> ? 2 : 0) +
                      (std::invocable<S&, const_line&> ? 4 : 0) +
                      (imle::detail::solves_batches_with_context<S, float, 1, Eigen::RowMajor> ? 8 : 0) +
                      (imle::detail::solves_batches<S, float, 1, Eigen::RowMajor> ? 16 : 0);

void write_ones(const_line&, line& z) {
    z.setConstant(1);
}

struct batch_solver {
    void operator()(const_line&, line& z) { z.setConstant(1); }
    void solve_batch(const_table&, table& zs, std::span<const solve_context> contexts) {
        zs.setConstant(static_cast<float>(contexts.size()));
    }
};

struct counting_solver {
    int calls = 0;
    void operator()(const const_line&, line& z) { z(0) = static_cast<float>(++calls); }
};

// Declares that it maximises, in every form of a call; z is its argument, so that negated costs are visible.
struct maximizer {
    static constexpr imle::sense sense = imle::sense::maximize;
    imle::solve_status operator()(const_line& theta, line& z) {
        z = theta;
        return imle::solve_status::time_limit;
    }
    void solve_batch(const_table& thetas, table& zs) { zs = thetas * 2.0F; }
    imle::solve_status solve_from(const_line& theta, const_line& start, line& z) {
        z = theta * 10.0F + start;
        return imle::solve_status::infeasible;
    }
};
struct maximizer_in_context {
    static constexpr imle::sense sense = imle::sense::maximize;
    void operator()(const_line& theta, line& z, const solve_context& context) {
        z = theta * static_cast<float>(context.instance);
    }
    void solve_batch(const_table& thetas, table& zs, std::span<const solve_context> contexts) {
        zs = thetas * static_cast<float>(contexts.size());
    }
    void solve_from(const_line& theta, const_line& start, line& z, const solve_context& context) {
        z = theta * static_cast<float>(context.sample) + start;
    }
};
// These return: an expression of the view, and the view itself.
struct maximizer_of_expressions {
    static constexpr imle::sense sense = imle::sense::maximize;
    auto operator()(const const_line& theta) { return theta * 3.0F; }
};
struct maximizer_of_views {
    static constexpr imle::sense sense = imle::sense::maximize;
    const const_line& operator()(const const_line& theta, const solve_context&) { return theta; }
};
struct minimizer {
    static constexpr imle::sense sense = imle::sense::minimize;
    void operator()(const_line& theta, line& z) { z = theta; }
};

template <class SolverT, int Rank>
void check_minimum(const SolverT& solver, const imle::testing::enumerated_family<Rank>& family,
                   imle::testing::check_solver_options options = {}) {
    options.trials = 20;
    const auto minimal = imle::minimizing(solver);
    STATIC_REQUIRE(imle::sense_of<decltype(minimal)> == imle::sense::minimize);
    const auto floats = imle::testing::check_solver<float>(minimal, family, options);
    INFO(floats);
    CHECK(floats.passed());
    if constexpr (std::is_same_v<SolverT, imle::top_k<>> || std::is_same_v<SolverT, imle::assignment>) {
        const auto doubles = imle::testing::check_solver<double, Eigen::ColMajor>(minimal, family, options);
        INFO(doubles);
        CHECK(doubles.passed());
    }
}

template <class TensorT>
TensorT negative(const TensorT& tensor) {
    return -tensor;
}

// Gumbel noise, or none, in one type: each layer of it takes seconds to compile.
struct noise_or_ties {
    bool ties = false;
    imle::gumbel noise = imle::gumbel{};
    template <class Scalar>
    void fill(const imle::random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        if (ties)
            std::fill(out.begin(), out.end(), Scalar(0));
        else
            noise.fill(key, first, out);
    }
};

// Costs with minimizing(solver) and negated costs with the solver must agree bit for bit; gradients have the
// opposite sign.
template <class TensorT, class SolverT, class NoiseT, class TargetT>
void check_mirrored_layers(const SolverT& solver, const NoiseT& noise, const TargetT& target,
                           const imle::layer_options& options, const TensorT& cost, const TensorT& dz) {
    imle::imle_layer minimal{imle::minimizing(solver), noise, target, options};
    imle::imle_layer maximal{solver, noise, target, options};
    for (const std::uint64_t seed : {1u, 2u}) {  // twice: a target may learn
        const auto of_cost = minimal.forward(cost, imle::random_key{seed});
        const auto of_gain = maximal.forward(negative(cost), imle::random_key{seed});
        const auto& z = of_cost.samples();
        CHECK(std::memcmp(z.data(), of_gain.samples().data(),
                          static_cast<std::size_t>(z.size()) * sizeof(*z.data())) == 0);
        const TensorT gradient = minimal.vjp(of_cost, dz), other = maximal.vjp(of_gain, dz);
        support::tally differ;
        int moved = 0;
        for (Eigen::Index i = 0; i < gradient.size(); ++i) {
            differ.expect(gradient.data()[i] == -other.data()[i], "seed ", seed, ", element ", i, ": ",
                          gradient.data()[i], " and ", other.data()[i], " for cost ", cost);
            moved += gradient.data()[i] != 0 ? 1 : 0;
        }
        CHECK(differ == 0);
        if (options.samples > 1 && cost.size() > 0) CHECK(moved > 0);
    }
}

template <class TensorT, class SolverT>
void check_mirrored(const std::string& name, const SolverT& solver,
                    const std::array<Eigen::Index, TensorT::NumDimensions>& dimensions) {
    INFO(name);
    TensorT cost(dimensions), ties(dimensions), dz(dimensions);
    for (Eigen::Index i = 0; i < cost.size(); ++i) {
        using Scalar = typename TensorT::Scalar;
        cost.data()[i] = static_cast<Scalar>((i * 7919 % 1009) - 200) / 400;
        ties.data()[i] = static_cast<Scalar>(i * 31 % 7 % 3) - (i % 2 == 0 ? Scalar(0) : Scalar(1));
        dz.data()[i] = static_cast<Scalar>((i * 104729 % 997) - 498) / 500;
    }
    for (const auto side : {imle::difference::forward, imle::difference::central}) {
        const imle::layer_options options{.samples = 5, .difference = side};
        check_mirrored_layers(solver, noise_or_ties{}, imle::perturbation_target{.alpha = 0.7, .beta = 9},
                              options, cost, dz);
        if constexpr (std::is_same_v<SolverT, imle::top_k<>>) {
            check_mirrored_layers(solver, imle::gumbel{}, imle::loss_gradient_target{}, options, cost, dz);
            check_mirrored_layers(solver, imle::gumbel{},
                                  imle::adaptive_target{{.initial_beta = 9, .beta_step = 0.5}}, options, cost,
                                  dz);
        }
        check_mirrored_layers(solver, noise_or_ties{.ties = true}, imle::perturbation_target{.beta = 2},
                              {.difference = side}, ties, ties);
    }
}

using lines = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using planes = Eigen::Tensor<float, 3, Eigen::RowMajor>;

const std::vector<double> weights{3, 4, 2, 5, 1, 3};

}  // namespace

TEST_CASE("minimizing supports the same forms of a call as its solver", "[solvers][minimizing]") {
    auto writes = imle::minimizing([](auto& theta, auto& z) { z = theta * 2.0f; });
    auto writes_in_context = imle::minimizing([](auto& theta, auto& z, const solve_context& context) {
        z = theta * static_cast<float>(context.instance);
    });
    auto returns = imle::minimizing([](auto& theta) -> tensor { return theta * 4.0f; });
    auto returns_in_context = imle::minimizing([](auto& theta, const solve_context& context) -> tensor {
        return theta * static_cast<float>(context.sample);
    });
    auto pointer = imle::minimizing{write_ones};
    auto batches = imle::minimizing{batch_solver{}};

    STATIC_REQUIRE(is_solver<decltype(writes)>);
    STATIC_REQUIRE(is_solver<decltype(writes_in_context)>);
    STATIC_REQUIRE(is_solver<decltype(returns)>);
    STATIC_REQUIRE(is_solver<decltype(returns_in_context)>);
    STATIC_REQUIRE(is_solver<decltype(pointer)>);
    STATIC_REQUIRE(is_solver<decltype(batches)>);
    STATIC_REQUIRE(!is_solver<imle::minimizing<int>>);
    STATIC_REQUIRE(imle::sense_of<decltype(writes)> == imle::sense::minimize);

    STATIC_REQUIRE(forms<decltype(writes)> == 2);
    STATIC_REQUIRE(forms<decltype(writes_in_context)> == 1);
    STATIC_REQUIRE(forms<decltype(returns)> == 4);
    STATIC_REQUIRE(forms<decltype(returns_in_context)> == 0);
    STATIC_REQUIRE(forms<decltype(pointer)> == 2);
    STATIC_REQUIRE(forms<decltype(batches)> == 2 + 8);
    STATIC_REQUIRE(forms<imle::minimizing<imle::top_k<>>> == 3 + 8 + 16);
    STATIC_REQUIRE(
        imle::BatchSolver<imle::minimizing<imle::grid_shortest_path<>>, float, 2, Eigen::RowMajor>);
    // A generic lambda that writes must not be asked to return: its body would not compile.
    STATIC_REQUIRE(!imle::detail::returns_with_context<decltype(writes), float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(
        imle::detail::returns_with_context<decltype(returns_in_context), float, 1, Eigen::RowMajor>);

    const std::vector<float> theta{1, 2, 3};
    std::vector<float> z(3);
    const_line theta_view(theta.data(), 3);
    line z_view(z.data(), 3);
    const solve_context context{.instance = 3, .sample = 5};
    writes(theta_view, z_view);
    CHECK(z == std::vector<float>{2, 4, 6});
    writes_in_context(theta_view, z_view, context);
    CHECK(z == std::vector<float>{3, 6, 9});
    z_view = returns(theta_view);
    CHECK(z == std::vector<float>{4, 8, 12});
    z_view = returns_in_context(theta_view, context);
    CHECK(z == std::vector<float>{5, 10, 15});
    pointer(theta_view, z_view);
    CHECK(z == std::vector<float>{1, 1, 1});
    const_table thetas_view(theta.data(), 3, 1);
    table zs_view(z.data(), 3, 1);
    const std::vector<solve_context> contexts(7);
    batches.solve_batch(thetas_view, zs_view, std::span(contexts));
    CHECK(z == std::vector<float>{7, 7, 7});
}

TEST_CASE("minimizing keeps the solver's state, and copies are independent", "[solvers][minimizing]") {
    auto solver = imle::minimizing{counting_solver{}};
    const std::vector<float> theta{1};
    std::vector<float> z(1);
    const_line theta_view(theta.data(), 1);
    line z_view(z.data(), 1);
    solver(theta_view, z_view);
    auto copy = solver;
    solver(theta_view, z_view);
    CHECK(z[0] == 2);
    CHECK(solver.base().calls == 2);
    CHECK(copy.base().calls == 1);
}

TEST_CASE("minimizing passes negated costs to a solver that declares to maximise", "[solvers][minimizing]") {
    const std::vector<float> cost{1, 2, -3}, start{0.5F, 0, 0};
    std::vector<float> z(3);
    const_line cost_view(cost.data(), 3), start_view(start.data(), 3);
    line z_view(z.data(), 3);
    const_table costs_view(cost.data(), 1, 3);
    table zs_view(z.data(), 1, 3);
    const solve_context context{.instance = 3, .sample = 5};
    const std::vector<solve_context> contexts(7);

    auto plain = imle::minimizing(maximizer{});
    STATIC_REQUIRE(forms<decltype(plain)> == 2 + 16);
    STATIC_REQUIRE(imle::WarmSolver<decltype(plain), float, 1, Eigen::RowMajor>);
    CHECK(plain(cost_view, z_view) == imle::solve_status::time_limit);
    CHECK(z == std::vector<float>{-1, -2, 3});
    plain.solve_batch(costs_view, zs_view);
    CHECK(z == std::vector<float>{-2, -4, 6});
    CHECK(plain.solve_from(cost_view, start_view, z_view) == imle::solve_status::infeasible);
    CHECK(z == std::vector<float>{-9.5F, -20, 30});

    auto in_context = imle::minimizing(maximizer_in_context{});
    STATIC_REQUIRE(forms<decltype(in_context)> == 1 + 8);
    STATIC_REQUIRE(imle::WarmSolver<decltype(in_context), float, 1, Eigen::RowMajor>);
    in_context(cost_view, z_view, context);
    CHECK(z == std::vector<float>{-3, -6, 9});
    in_context.solve_batch(costs_view, zs_view, std::span(contexts));
    CHECK(z == std::vector<float>{-7, -14, 21});
    in_context.solve_from(cost_view, start_view, z_view, context);
    CHECK(z == std::vector<float>{-4.5F, -10, 15});

    auto expressions = imle::minimizing(maximizer_of_expressions{});
    STATIC_REQUIRE(is_solver<decltype(expressions)> && forms<decltype(expressions)> == 4);
    z_view = expressions(cost_view);
    CHECK(z == std::vector<float>{-3, -6, 9});
    auto views = imle::minimizing(maximizer_of_views{});
    STATIC_REQUIRE(is_solver<decltype(views)> && forms<decltype(views)> == 0);
    z_view = views(cost_view, context);
    CHECK(z == std::vector<float>{-1, -2, 3});
    CHECK(cost == std::vector<float>{1, 2, -3});
}

TEST_CASE("minimizing passes costs unchanged to a solver that minimises", "[solvers][minimizing]") {
    auto once = imle::minimizing(minimizer{});
    auto twice = imle::minimizing(imle::minimizing(maximizer{}));
    STATIC_REQUIRE(std::is_same_v<decltype(twice), imle::minimizing<maximizer>>);
    const std::vector<float> cost{2};
    std::vector<float> z(1);
    const_line cost_view(cost.data(), 1);
    line z_view(z.data(), 1);
    once(cost_view, z_view);
    CHECK(z[0] == 2);
    twice(cost_view, z_view);
    CHECK(z[0] == -2);
}

TEST_CASE("minimizing: zeros stay positive, and NaN keeps its sign", "[solvers][minimizing]") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> cost{0.0F, -0.0F, nan, -std::numeric_limits<float>::infinity()};
    std::vector<float> z(4);
    const_line cost_view(cost.data(), 4);
    line z_view(z.data(), 4);
    imle::minimizing(maximizer{})(cost_view, z_view);
    CHECK(!std::signbit(z[0]));
    CHECK(!std::signbit(z[1]));
    CHECK(std::isnan(z[2]));
    CHECK(std::signbit(z[2]) == std::signbit(nan));
    CHECK(z[3] == std::numeric_limits<float>::infinity());
}

TEST_CASE("minimizing gives each built-in solver's minimum", "[solvers][minimizing][laws]") {
    using namespace imle::testing;
    using states = std::vector<std::vector<double>>;
    check_minimum(imle::top_k{3}, k_subsets(6, 3));
    check_minimum(imle::top_k<2>{}, k_subsets(5, 2));
    check_minimum(imle::categorical{}, categories(6));
    check_minimum(imle::assignment{}, assignments(3, 4));
    check_minimum(imle::spanning_tree{4, imle::complete_graph_edges(4)}, spanning_trees(4));
    check_minimum(imle::travelling_salesman{}, tours(5));
    check_minimum(imle::travelling_salesman{}, directed_tours(4));
    check_minimum(imle::grid_shortest_path{}, grid_paths(3, 3), {.lowest = 0});
    check_minimum(imle::grid_shortest_path<2, 4>{imle::grid_shortest_path_options{
                      .negative_costs = imle::negative_costs::reject}},
                  grid_paths(2, 4), {.lowest = 0});

    std::vector<double> ranks{1, 2, 3, 4};
    states permutations;
    do permutations.push_back(ranks);
    while (std::next_permutation(ranks.begin(), ranks.end()));
    check_minimum(imle::ranking{}, enumerated_family<1>("ranks of 4", {4}, permutations));

    states one_of_each, sets;
    for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 3; b < 6; ++b) {
            one_of_each.emplace_back(6, 0.0);
            one_of_each.back()[a] = one_of_each.back()[b] = 1;
        }
    check_minimum(imle::k_of_groups{1, {3, 3}}, enumerated_family<1>("one of 3, twice", {6}, one_of_each));

    for (unsigned set = 0; set < 64; ++set) {
        std::vector<double> z(6);
        double weight = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            z[i] = (set >> i) & 1u;
            weight += z[i] * weights[i];
        }
        if (weight <= 8) sets.push_back(z);
    }
    check_minimum(imle::knapsack{weights, 8.0}, enumerated_family<1>("a knapsack", {6}, sets));

    // Right or down on 3 x 2 cells, costs of any sign. Edges: by rows, right before down.
    check_minimum(imle::shortest_path{imle::monotone_grid_graph(3, 2), 0, 5},
                  enumerated_family<1>(
                      "paths", {7}, {{1, 0, 1, 0, 0, 1, 0}, {0, 1, 0, 1, 0, 1, 0}, {0, 1, 0, 0, 1, 0, 1}}));
}

TEST_CASE("minimizing under a mask finds the least of what it allows", "[solvers][minimizing]") {
    using one = Eigen::array<Eigen::Index, 1>;
    using two = Eigen::array<Eigen::Index, 2>;
    const auto negatives = [](std::vector<std::vector<double>> states) {
        for (auto& state : states)
            for (double& x : state) x = 0 - x;
        return states;
    };
    // The state of least <c, z> is that of largest <c, -z>.
    const auto check = [&]<class SolverT>(const SolverT& solver, const auto& dimensions, const auto& family) {
        auto negated = [minimal = imle::minimizing(solver)](const auto& cost, auto& z,
                                                            const solve_context& context) mutable {
            const imle::solve_status status = minimal(cost, z, context);
            for (Eigen::Index i = 0; i < z.size(); ++i) z.data()[i] = 0 - z.data()[i];
            return status;
        };
        const auto states = negatives(family.states());
        CHECK(support::wrong_under_masks<Eigen::RowMajor, float>(negated, dimensions, states, 200, 1) == 0);
        CHECK(support::wrong_under_masks<Eigen::RowMajor, double>(negated, dimensions, states, 200, 2) == 0);
    };
    check(imle::top_k{2}, one{5}, imle::testing::k_subsets(5, 2));
    check(imle::categorical{}, one{5}, imle::testing::k_subsets(5, 1));
    check(imle::assignment{}, two{3, 4}, imle::testing::assignments(3, 4));
    check(imle::spanning_tree{4, imle::complete_graph_edges(4)}, one{6}, imle::testing::spanning_trees(4));
    // It respects masks if its solver does, and throws otherwise.
    STATIC_REQUIRE(
        imle::detail::writes_with_context<imle::minimizing<imle::top_k<>>, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::detail::solves_batches_with_context<imle::minimizing<imle::k_of_groups<>>, float, 1,
                                                             Eigen::RowMajor>);
    STATIC_REQUIRE(
        !imle::detail::writes_with_context<imle::minimizing<counting_solver>, float, 1, Eigen::RowMajor>);
}

TEST_CASE("minimizing in a layer equals the layer of the negatives", "[solvers][minimizing]") {
    const auto graph = imle::grid_graph(3, 3);
    const auto edges = static_cast<Eigen::Index>(graph.edges().size());
    check_mirrored<lines>("top_k", imle::top_k{2}, {4, 7});
    check_mirrored<Eigen::Tensor<double, 2>>("top_k", imle::top_k{2}, {7, 4});
    check_mirrored<lines>("categorical", imle::categorical{}, {4, 6});
    check_mirrored<planes>("k_of_groups", imle::k_of_groups{1}, {4, 3, 4});
    check_mirrored<lines>("ranking", imle::ranking{}, {4, 6});
    check_mirrored<lines>("knapsack", imle::knapsack{weights, 8.0}, {4, 6});
    check_mirrored<planes>("assignment", imle::assignment{}, {4, 3, 4});
    check_mirrored<lines>("spanning_tree", imle::spanning_tree{5, imle::complete_graph_edges(5)}, {4, 10});
    check_mirrored<planes>("travelling_salesman", imle::travelling_salesman{}, {4, 5, 5});
    check_mirrored<lines>("shortest_path", imle::shortest_path{graph, 0, 8}, {4, edges});
    check_mirrored<planes>("grid_shortest_path", imle::grid_shortest_path{}, {4, 4, 5});
    check_mirrored<Eigen::Tensor<double, 3>>("grid_shortest_path", imle::grid_shortest_path{}, {4, 5, 4});
}

TEST_CASE("minimizing in losses and estimators equals maximising the negatives", "[solvers][minimizing]") {
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    matrix hat(3, 6), truth(3, 6);
    for (Eigen::Index i = 0; i < hat.size(); ++i) {
        hat.data()[i] = static_cast<double>(i * 7919 % 101) / 50 - 1;
        truth.data()[i] = static_cast<double>(i * 104729 % 103) / 50 - 1;
    }
    const auto same = [](const auto& a, const auto& b, double sign) {
        for (Eigen::Index i = 0; i < a.size(); ++i) CHECK(a.data()[i] == sign * b.data()[i]);
    };
    const imle::knapsack most{weights, 8.0};
    const imle::minimizing least{most};

    const auto regrets = imle::regret(least, hat, truth);
    same(regrets, imle::regret(most, negative(hat), negative(truth)), 1);
    for (Eigen::Index b = 0; b < 3; ++b) CHECK(regrets(b) >= 0);
    CHECK(regrets(0) + regrets(1) + regrets(2) > 0);

    imle::spo_plus_loss of_costs{least};
    imle::spo_plus_loss of_gains{most};
    const auto cost_loss = of_costs(hat, truth);
    const auto gain_loss = of_gains(negative(hat), negative(truth));
    same(cost_loss.values, gain_loss.values, 1);
    same(cost_loss.gradient, gain_loss.gradient, -1);

    const auto pulled = [&](auto layer, const matrix& theta) {
        return layer.vjp(layer.forward(theta, imle::random_key{3}), truth);
    };
    same(pulled(imle::straight_through_layer{least, imle::gumbel{}, {.samples = 4}}, hat),
         pulled(imle::straight_through_layer{most, imle::gumbel{}, {.samples = 4}}, negative(hat)), -1);
    same(pulled(imle::negative_identity_layer{least}, hat),
         pulled(imle::negative_identity_layer{most}, negative(hat)), -1);
    same(pulled(imle::perturbed_layer{least, imle::gumbel{}, {.samples = 4}}, hat),
         pulled(imle::perturbed_layer{most, imle::gumbel{}, {.samples = 4}}, negative(hat)), -1);
}

}  // namespace minimizing_tests
