#include "synthetic.hpp"

#include <functional>
#include <optional>
#include <sstream>
#include <utility>

#include <imle/core/tensor.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/k_subset_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "plot.hpp"
#include "statistics.hpp"
#include "synthetic_picture.hpp"
#include "synthetic_problem.hpp"

namespace experiments {
namespace {

using namespace synthetic_experiment;

constexpr float momentum = 0.9F;

struct learning_plan {
    float rate;
    int steps;
    int runs;
    /// Steps before this one are not recorded.
    int first_measured = 0;
};

/// Gradient descent with momentum from theta0. `gradient` maps theta and a key to a gradient of theta's
/// shape.
template <class GradientT>
history learn(const problem& of, const learning_plan& plan, imle::random_key key, GradientT&& gradient,
              const std::function<void()>& on_step) {
    tensor2 theta(plan.runs, n), velocity(plan.runs, n);
    velocity.setZero();
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = static_cast<float>(of.theta0[static_cast<std::size_t>(i % n)]);
    history gaps;
    for (int step = 0; step < plan.steps; ++step) {
        if (step >= plan.first_measured) {
            gaps.emplace_back();
            for (int run = 0; run < plan.runs; ++run) gaps.back().push_back(of.gap(theta.data() + run * n));
        }
        const tensor2 found = gradient(theta, key.fold_in(static_cast<std::uint64_t>(step)));
        velocity = velocity * momentum + found;
        theta = theta - velocity * plan.rate;
        on_step();
    }
    return gaps;
}

/// A gradient from a layer with a cotangent for each sample: I-MLE and straight-through.
template <class LayerT>
auto through(const problem& of, LayerT layer) {
    return [&of, layer = std::move(layer)](const tensor2& theta, imle::random_key key) mutable -> tensor2 {
        const auto pass = layer.forward(theta, key);
        return layer.vjp(pass, of.cotangent(pass.samples()));
    };
}

template <class NoiseT>
auto imle_estimate(const problem& of, NoiseT noise, double lambda, int threads) {
    return through(
        of, imle::imle_layer{
                imle::top_k{k}, noise, imle::perturbation_target{.beta = lambda}, {.threads = threads}});
}

template <class NoiseT>
auto by_straight_through(const problem& of, NoiseT noise, int threads) {
    return through(of, imle::straight_through_layer{imle::top_k{k}, noise, {.threads = threads}});
}

/// Exact samples and their losses; no baseline, as in the paper.
auto by_score_function(const problem& of) {
    return [&of, layer = imle::score_function_layer{imle::k_subset_family{k},
                                                    {.samples = 1, .baseline = imle::baseline::none}}](
               const tensor2& theta, imle::random_key key) -> tensor2 {
        const auto pass = layer.forward(theta, key);
        return layer.gradient(pass, of.losses(pass.samples()));
    };
}

/// Exact samples, and the exact Jacobian of their mean.
auto by_exact_marginals(const problem& of) {
    return through(of, imle::simple_layer(k));
}

}  // namespace

experiment_result synthetic(const run_options& options) {
    const problem of;
    const imle::random_key seed = imle::random_key{options.seed}.fold_in(1);
    const int runs = options.quick ? 6 : 100;
    const int score_runs = options.quick ? 3 : 20;
    const int score_steps = options.quick ? 60 : 500;
    constexpr int steps = 50;
    const std::vector<float> rates =
        options.quick ? std::vector{0.5F, 1.0F} : std::vector{0.5F, 0.625F, 0.75F, 0.875F, 1.0F};
    const std::vector<double> lambdas =
        options.quick ? std::vector{0.5, 2.0} : std::vector{0.5, 1.0, 1.5, 2.0, 2.5, 3.0};

    // Measured: a step of the score function and a recorded step take about the same time.
    const double all_steps = 5.0 * steps + 0.2 * score_steps +
                             static_cast<double>(2 * steps * rates.size() * lambdas.size()) * 0.2;
    double done = 0;
    const auto steps_of = [&](double weight) {
        return [&options, &done, all_steps, weight] { options.on_progress((done += weight) / all_steps); };
    };

    experiment_table table{
        .title = "The gap after learning: I-MLE, straight-through and score function on a 5-subset of 10",
        .quantity = "E ||z - b||^2 minus its minimum before the last step, mean over the runs",
        .rows = {}};
    const auto add = [&](std::string method, const history& gaps,
                         const std::optional<reference_figure>& recomputed) {
        const mean_and_deviation last = summarize(gaps.back());
        table.rows.push_back({.method = std::move(method),
                              .ours = last.mean,
                              .deviation = last.deviation,
                              .runs = static_cast<int>(gaps.back().size()),
                              .recomputed = recomputed});
    };

    const imle::sum_of_gamma sog{k, 10};
    const imle::gumbel gumbel;
    const learning_plan imle_plan{0.75F, steps, runs}, straight_plan{0.019F, steps, runs},
        score_plan{0.0046F, score_steps, score_runs};
    const history imle_sog =
        learn(of, imle_plan, seed.fold_in(0), imle_estimate(of, sog, 2, options.threads), steps_of(1));
    const history imle_gumbel =
        learn(of, imle_plan, seed.fold_in(1), imle_estimate(of, gumbel, 2, options.threads), steps_of(1));
    const history straight_gumbel = learn(of, straight_plan, seed.fold_in(2),
                                          by_straight_through(of, gumbel, options.threads), steps_of(1));
    const history straight_sog =
        learn(of, straight_plan, seed.fold_in(3), by_straight_through(of, sog, options.threads), steps_of(1));
    const history score = learn(of, score_plan, seed.fold_in(4), by_score_function(of), steps_of(0.2));
    const history exact =
        learn(of, {1.0F, steps, runs}, seed.fold_in(7), by_exact_marginals(of), steps_of(1));
    add("I-MLE, SoG(5, 10), lambda 2, rate 0.75", imle_sog, {{0.181, 0.188, 100}});
    add("I-MLE, Gumbel, lambda 2, rate 0.75", imle_gumbel, {{0.263, 0.397, 100}});
    add("straight-through, Gumbel, rate 0.019", straight_gumbel, {{0.754, 0.110, 100}});
    add("straight-through, SoG(5, 10), rate 0.019", straight_sog, {{1.253, 0.087, 100}});
    add("score function, rate 0.0046, 500 steps", score, {{0.370, 0.246, 20}});
    // The best of the rates 0.01, 0.02, 0.05, 0.1, ..., 4. Neither paper has this method.
    add("exact marginals (SIMPLE), rate 1", exact, {});

    std::ostringstream note;
    note.precision(6);
    const std::vector<float> start(of.theta0.begin(), of.theta0.end());
    note << "All methods start from a gap of " << of.gap(start.data()) << "; the minimum of the loss is "
         << of.least_loss << ". Momentum is " << momentum << ", and there are " << steps
         << " steps unless the table says otherwise.";
    table.note = note.str();

    // All cells use the same key: two cells differ in lambda or the rate, not in the noise.
    std::vector<std::pair<std::string, gap_map>> maps = {{"noise SoG(5, 10)", {}}, {"noise Gumbel", {}}};
    for (const float rate : rates)
        for (std::size_t m = 0; m < maps.size(); ++m) {
            std::vector<double> row;
            for (const double lambda : lambdas) {
                const learning_plan plan{rate, steps, runs, steps - 1};
                const imle::random_key key = seed.fold_in(5 + m);
                const history gaps =
                    m == 0
                        ? learn(of, plan, key, imle_estimate(of, sog, lambda, options.threads), steps_of(0.2))
                        : learn(of, plan, key, imle_estimate(of, gumbel, lambda, options.threads),
                                steps_of(0.2));
                row.push_back(summarize(gaps.back()).mean);
            }
            maps[m].second.push_back(std::move(row));
        }

    experiment_result result;
    result.tables.push_back(std::move(table));
    result.pictures.push_back(draw_curves({{"score function (steps x 10)", colour::green, score, 10},
                                           {"straight-through, Gumbel", colour::orange, straight_gumbel},
                                           {"I-MLE, SoG(5, 10)", colour::blue, imle_sog}}));
    result.pictures.push_back(draw_maps(maps, rates, lambdas));
    return result;
}

}  // namespace experiments
