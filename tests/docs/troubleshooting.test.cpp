// The code of docs/troubleshooting.md, and two published runs that did not learn: small versions of both. The
// report's advice must make them learn.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <imle/imle.hpp>

#include "support/catch.hpp"
#include "support/tensors.hpp"

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using imle::random_key;

// ---- paths by predicted costs -----------------------------------------------------------------------------

constexpr Eigen::Index side = 5, edges = 40, features = 5, rows = 256, batch = 32;

imle::shortest_path path_solver() {
    return {imle::monotone_grid_graph(side, side), 0, side * side - 1};
}

// Costs that are a polynomial of hidden features, as in the benchmark of docs/examples/experiments.md.
struct path_problem {
    matrix x{rows, features};
    matrix worth{rows, edges};  // -cost: the solver maximises
    matrix best;

    path_problem() {
        const random_key key{11};
        imle::normal{}.fill(key.fold_in(0), 0, std::span<float>(x.data(), static_cast<std::size_t>(x.size())));
        matrix coefficients(features, edges), noise(rows, edges);
        imle::uniforms(key.fold_in(1), 0, std::span<float>(coefficients.data(), features * edges));
        imle::uniforms(key.fold_in(2), 0, std::span<float>(noise.data(), rows * edges));
        for (Eigen::Index row = 0; row < rows; ++row)
            for (Eigen::Index e = 0; e < edges; ++e) {
                float sum = 0;
                for (Eigen::Index f = 0; f < features; ++f) sum += x(row, f) * (coefficients(f, e) < 0.5F ? 1.0F : 0.0F);
                const float base = (sum / std::sqrt(5.0F) + 3) / 3.5F;
                worth(row, e) = -(base * base * base * base + 1) * (0.5F + noise(row, e));
            }
        best = imle::solve_all(path_solver(), worth);
    }
};

struct path_batch {
    matrix x{batch, features};
    matrix best{batch, edges};
    path_batch(const path_problem& problem, std::uint64_t step) {
        const auto first = static_cast<Eigen::Index>(step % (rows / batch)) * batch;
        std::copy_n(problem.x.data() + first * features, x.size(), x.data());
        std::copy_n(problem.best.data() + first * edges, best.size(), best.data());
    }
};

matrix predicted(const matrix& x, const matrix& weights) {
    return x.contract(weights, std::array<Eigen::IndexPair<int>, 1>{Eigen::IndexPair<int>{1, 0}}) +
           matrix(x.dimension(0), weights.dimension(1)).setConstant(-1.0F);
}

// The slope of the mean of |mu - best| over the batch and the edges: a share of 1 / 1,280 for each.
matrix mean_l1_slope(const matrix& mu, const matrix& best) {
    return (mu - best).sign() / static_cast<float>(mu.size());
}

imle::imle_layer<imle::shortest_path, imle::sum_of_gamma, imle::perturbation_target> path_layer(double beta) {
    return {path_solver(), imle::sum_of_gamma{5, 10}, imle::perturbation_target{.beta = beta}, {.samples = 3}};
}

struct path_run {
    matrix weights;
    double regret;
};

path_run learn_paths(const path_problem& problem, double beta, int steps) {
    const auto layer = path_layer(beta);
    matrix weights(features, edges);
    weights.setZero();
    for (int step = 0; step < steps; ++step) {
        const auto number = static_cast<std::uint64_t>(step);
        const path_batch part(problem, number);
        const auto pass = layer.forward(predicted(part.x, weights), random_key{1}.fold_in(number));
        const matrix slope = layer.vjp(pass, mean_l1_slope(pass.marginals(), part.best));
        const matrix gradient =
            part.x.contract(slope, std::array<Eigen::IndexPair<int>, 1>{Eigen::IndexPair<int>{0, 0}});
        double squares = 1e-12;
        for (Eigen::Index i = 0; i < gradient.size(); ++i) squares += gradient.data()[i] * gradient.data()[i];
        weights -= gradient * static_cast<float>(0.02 / std::sqrt(squares / static_cast<double>(gradient.size())));
    }
    return {weights, imle::normalized_regret(path_solver(), predicted(problem.x, weights), problem.worth)};
}

// ---- the map, with a cotangent for each sample -------------------------------------------------------------

constexpr Eigen::Index map_side = 8;
using map_tensor = Eigen::Tensor<float, 3, Eigen::RowMajor>;      // [1, row, column]
using samples_tensor = Eigen::Tensor<float, 4, Eigen::RowMajor>;  // [1, sample, row, column]

// The best path around two walls.
map_tensor gold_path() {
    map_tensor rewards(1, map_side, map_side);
    rewards.setConstant(-1);
    for (Eigen::Index i = 0; i < 6; ++i) rewards(0, 2, i) = rewards(0, 5, i + 2) = -100;
    return imle::solve_all(imle::grid_shortest_path{}, rewards);
}

using map_layer_type =
    imle::imle_layer<imle::grid_shortest_path<>, imle::sum_of_gamma, imle::perturbation_target>;
map_layer_type map_layer(double beta) {
    return {imle::grid_shortest_path{}, imle::sum_of_gamma{map_side * 1.3, 100},
            imle::perturbation_target{.beta = beta}, {.samples = 100}};
}

// The slope of the mean over samples of the Hamming loss, for each sample.
samples_tensor map_slope(const map_tensor& gold) {
    samples_tensor slope(1, 100, map_side, map_side);
    for (Eigen::Index i = 0; i < slope.size(); ++i)
        slope.data()[i] = (1 - 2 * gold.data()[i % gold.size()]) / 100.0F;
    return slope;
}

map_tensor initial_weights() {
    map_tensor weights(1, map_side, map_side);
    imle::uniforms(random_key{3}, 0, std::span<float>(weights.data(), map_side * map_side));
    return 0.2F * weights - 0.1F;
}

// Normalised descent. Returns the number of steps after which the best path was the gold path, or -1.
int learn_map(const map_layer_type& layer, map_tensor& weights, int steps) {
    const map_tensor gold = gold_path();
    const samples_tensor slope = map_slope(gold);
    for (int step = 0; step < steps; ++step) {
        const auto pass = layer.forward(weights, random_key{1}.fold_in(static_cast<std::uint64_t>(step)));
        const map_tensor gradient = layer.vjp(pass, slope);
        double squares = 1e-12;
        for (Eigen::Index i = 0; i < gradient.size(); ++i) squares += gradient.data()[i] * gradient.data()[i];
        weights -= gradient * static_cast<float>(0.02 / std::sqrt(squares / static_cast<double>(gradient.size())));
        if (support::numbers_of(layer.map(weights)) == support::numbers_of(gold)) return step + 1;
    }
    return -1;
}

}  // namespace

TEST_CASE("probe paths") {
    const path_problem problem;
    for (const double beta : {1.0, 10.0, 100.0, 300.0, 1000.0, 3000., 10000.0}) {
        const path_run run = learn_paths(problem, beta, 60);
        std::cout << "beta " << beta << " regret " << 100 * run.regret << " at zero "
                  << 100 * learn_paths(problem, beta, 0).regret << '\n';
        const path_batch part(problem, 0);
        const matrix theta = predicted(part.x, run.weights);
        const auto layer = path_layer(beta);
        const auto pass = layer.forward(theta, random_key{5});
        std::cout << imle::diagnose(layer, theta, mean_l1_slope(pass.marginals(), part.best), random_key{5});
    }
}

TEST_CASE("probe map") {
    for (const double beta : {1., 3., 10., 30., 100., 300., 1000.}) {
        map_tensor weights = initial_weights();
        const int found = learn_map(map_layer(beta), weights, 300);
        std::cout << "beta " << beta << " gold after " << found << '\n';
        std::cout << imle::diagnose(map_layer(beta), weights, map_slope(gold_path()), random_key{5});
        map_tensor first = initial_weights();
        std::cout << "at first:\n" << imle::diagnose(map_layer(beta), first, map_slope(gold_path()), random_key{5});
    }
}
