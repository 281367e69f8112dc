// The code of docs/troubleshooting.md, and two published runs that did not learn: small versions of both. The
// report's advice must make them learn.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
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
        imle::normal{}.fill(key.fold_in(0), 0,
                            std::span<float>(x.data(), static_cast<std::size_t>(x.size())));
        matrix coefficients(features, edges), noise(rows, edges);
        imle::uniforms(key.fold_in(1), 0, std::span<float>(coefficients.data(), features * edges));
        imle::uniforms(key.fold_in(2), 0, std::span<float>(noise.data(), rows * edges));
        for (Eigen::Index row = 0; row < rows; ++row)
            for (Eigen::Index e = 0; e < edges; ++e) {
                float sum = 0;
                for (Eigen::Index f = 0; f < features; ++f)
                    sum += x(row, f) * (coefficients(f, e) < 0.5F ? 1.0F : 0.0F);
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
    return {
        path_solver(), imle::sum_of_gamma{5, 10}, imle::perturbation_target{.beta = beta}, {.samples = 3}};
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
        weights -=
            gradient * static_cast<float>(0.02 / std::sqrt(squares / static_cast<double>(gradient.size())));
    }
    return {weights, imle::normalized_regret(path_solver(), predicted(problem.x, weights), problem.worth)};
}

// ---- the map, with a cotangent for each sample
// -------------------------------------------------------------

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
    return {imle::grid_shortest_path{},
            imle::sum_of_gamma{map_side * 1.3, 100},
            imle::perturbation_target{.beta = beta},
            {.samples = 100}};
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
        weights -=
            gradient * static_cast<float>(0.02 / std::sqrt(squares / static_cast<double>(gradient.size())));
        if (support::numbers_of(layer.map(weights)) == support::numbers_of(gold)) return step + 1;
    }
    return -1;
}

}  // namespace

TEST_CASE("docs/troubleshooting.md: a report on the gradient", "[docs][diagnose]") {
    matrix theta(batch, edges), worth(batch, edges);
    imle::uniforms(random_key{1}, 0, std::span<float>(theta.data(), batch * edges));
    imle::uniforms(random_key{2}, 0, std::span<float>(worth.data(), batch * edges));
    theta = -1.0F - theta;
    worth = -1.0F - worth;
    const matrix best = imle::solve_all(path_solver(), worth);
    const random_key key{3};
    std::ostringstream out;
    // [diagnose]
    imle::imle_layer layer{imle::shortest_path{imle::monotone_grid_graph(5, 5), 0, 24},
                           imle::sum_of_gamma{5, 10},
                           imle::perturbation_target{.beta = 10},
                           {.samples = 3}};
    const auto pass = layer.forward(theta, key);                           // theta: [32, 40]
    const matrix dz = (pass.marginals() - best).sign() / (32.0F * 40.0F);  // of the mean of |mu - best|
    const imle::gradient_report report = imle::diagnose(layer, theta, dz, key);
    // [/diagnose]
    CHECK(report.solve_seconds > 0);
    out << report;
    const std::string printed = out.str();
    CHECK(std::count(printed.begin(), printed.end(), '\n') >= 10);
    CHECK(printed.find("set perturbation_target::beta to") != std::string::npos);
    CHECK(report.unchanged_share > 0.8);
    CHECK(report.suggested_beta > 50);
}

TEST_CASE("The published lambda of the shortest-path benchmark: the advice mends it",
          "[docs][diagnose][draws]") {
    const path_problem problem;
    const path_run published = learn_paths(problem, 10, 60);
    const path_batch part(problem, 0);
    const matrix theta = predicted(part.x, published.weights);
    const auto layer = path_layer(10);
    const random_key key{5};
    const auto pass = layer.forward(theta, key);
    const imle::gradient_report report =
        imle::diagnose(layer, theta, mean_l1_slope(pass.marginals(), part.best), key);
    CAPTURE(report, published.regret);
    CHECK(report.unchanged_share > 0.9);
    CHECK(report.relative_step < 0.02);
    CHECK(report.suggested_beta > 200);
    const path_run mended = learn_paths(problem, report.suggested_beta, 60);
    CAPTURE(mended.regret);
    CHECK(mended.regret < 0.7 * published.regret);
}

TEST_CASE("The map with a cotangent for each sample: the advice mends it", "[docs][diagnose][draws]") {
    // A step of 3 / 100 for each sample, where 0.3 would do.
    const double beta = 3;
    map_tensor stalled = initial_weights();
    CHECK(learn_map(map_layer(beta), stalled, 150) == -1);
    const imle::gradient_report report =
        imle::diagnose(map_layer(beta), stalled, map_slope(gold_path()), random_key{5});
    CAPTURE(report);
    CHECK(report.unchanged_share > 0.9);
    CHECK(report.suggested_beta > 5 * beta);
    CHECK(std::any_of(report.advice.begin(), report.advice.end(), [](const std::string& sentence) {
        return sentence.find("use pull_back") != std::string::npos;
    }));
    map_tensor anew = initial_weights();
    CHECK(learn_map(map_layer(report.suggested_beta), anew, 150) > 0);
    // What the other sentence says: the whole cotangent for each sample.
    map_tensor by_pull_back = initial_weights();
    CHECK(learn_map(map_layer(100 * beta), by_pull_back, 150) > 0);
}
