#include "knapsack_benchmark.hpp"

#include <string>
#include <utility>
#include <vector>

#include <imle/estimators/blackbox.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>

#include "decision_benchmark.hpp"
#include "decision_methods.hpp"
#include "decision_problems.hpp"
#include "plot.hpp"

namespace experiments {
namespace {

constexpr Eigen::Index samples = 10;
/// The benchmark's deviation of normal noise.
constexpr double sigma = 0.5;
constexpr int methods_of_the_first = 12, methods_of_the_second = 7;

/// The rows that both tables share: I-MLE with steps relative to the norms.
template <class BenchmarkT>
void add_relative_steps(BenchmarkT& benchmark, std::vector<experiment_row>& lines, int threads) {
    const auto add = [&](const char* name, const auto& noise, double temperature, imle::difference difference,
                         auto loss) {
        const imle::layer_options settings{.samples = samples,
                                           .input_temperature = temperature,
                                           .target_temperature = temperature,
                                           .difference = difference,
                                           .threads = threads,
                                           .statistics = true};
        lines.push_back(benchmark.row(name, {}, [&] {
            return by_imle(imle::imle_layer{benchmark.solver(), noise, relative_step(1), settings}, loss);
        }));
    };
    constexpr auto forward = imle::difference::forward, central = imle::difference::central;
    const imle::sum_of_gamma added{5, 10};
    const imle::multiplicative multiplied;
    add("I-MLE, step of the norm, mean L1 on z", added, 1, forward, mean_l1{});
    add("I-MLE, step of the norm, objective", added, 1, forward, objective{});
    add("I-MLE, step of the norm, objective, central", added, 1, central, objective{});
    add("I-MLE, step of the norm, objective, noise multiplied", multiplied, sigma, forward, objective{});
    add("I-MLE, step of the norm, objective, noise multiplied, central", multiplied, sigma, central,
        objective{});
}

template <class BenchmarkT>
void add_surrogates(BenchmarkT& benchmark, std::vector<experiment_row>& lines, int threads,
                    const published_regret& spo_plus, const published_regret& fenchel_young) {
    lines.push_back(benchmark.row("SPO+", spo_plus, [&] { return by_spo_plus(benchmark.solver()); }));
    lines.push_back(benchmark.row("perturbed Fenchel-Young", fenchel_young, [&] {
        return by_fenchel_young(
            imle::fenchel_young_loss(benchmark.solver(), imle::normal{},
                                     {.samples = samples, .temperature = sigma, .threads = threads}));
    }));
}

/// A check that the choice of method was not fitted to the test set: each hundred of the published test set
/// is a training set once, and all other rows are its test set.
experiment_table other_training_sets(const run_options& options, const knapsack_data& data,
                                     const training_plan& plan) {
    decision_benchmark benchmark(data.other_training_sets(), plan, options, methods_of_the_second);
    experiment_table table{.title = "Knapsacks, by ten other training sets",
                           .quantity = "normalised test regret after 40 epochs, %; sd over training sets",
                           .digits = 2,
                           .extra_columns = benchmark.columns()};
    add_surrogates(benchmark, table.rows, options.threads, {}, {});
    add_relative_steps(benchmark, table.rows, options.threads);
    table.note =
        "Each training set has 100 of the rows that were test rows above; 1,000 others are test rows. There "
        "is one run for each training set.";
    return table;
}

}  // namespace

experiment_result knapsack_benchmark(const run_options& options) {
    const training_plan plan{.learning_rate = 0.1F, .epochs = 40};
    const knapsack_data data(options);
    const imle::knapsack<>& solver = data.solver;
    const int threads = options.threads;

    // Two tables share one progress bar.
    constexpr double first_share =
        static_cast<double>(methods_of_the_first) / (methods_of_the_first + methods_of_the_second);
    run_options first = options, second = options;
    first.on_progress = [&](double share) { options.on_progress(first_share * share); };
    second.on_progress = [&](double share) { options.on_progress(first_share + (1 - first_share) * share); };

    decision_benchmark benchmark(std::vector{data.published()}, plan, first, methods_of_the_first);
    experiment_table table{.title = "Knapsacks by predicted values",
                           .quantity = "normalised test regret after 40 epochs, %",
                           .digits = 2,
                           .extra_columns = benchmark.columns()};
    auto& lines = table.rows;
    lines.push_back(benchmark.row("two-stage: mean squared error", {10.55, {}}, [] { return two_stage{}; }));
    add_surrogates(benchmark, lines, threads, {6.27, {}}, {8.03, {}});
    lines.push_back(benchmark.row("perturbed optimiser, mean L1 on z", {12.21, {}}, [&] {
        return by_layer(imle::perturbed_layer(solver, imle::normal{},
                                              {.samples = samples,
                                               .temperature = sigma,
                                               .threads = threads,
                                               .estimate = imle::perturbed_estimate::score}),
                        mean_l1{});
    }));
    lines.push_back(benchmark.row("negative identity, L1 on the objective", {11.01, {}}, [&] {
        return by_layer(imle::negative_identity_layer(solver), l1_on_objective{});
    }));
    lines.push_back(benchmark.row("blackbox, lambda 20, L1 on the objective", {17.00, {}}, [&] {
        return by_imle(
            imle::blackbox(solver, 20, imle::layer_options{.threads = threads, .statistics = true}),
            l1_on_objective{});
    }));
    lines.push_back(benchmark.row("I-MLE, lambda 10, mean L1 on z", {13.98, {}}, [&] {
        return by_imle(
            imle::imle_layer{solver, imle::sum_of_gamma{5, 10},
                             imle::perturbation_target{.alpha = 1, .beta = 10, .scale_gradient = true},
                             imle::layer_options{.samples = samples, .threads = threads, .statistics = true}},
            mean_l1{});
    }));
    add_relative_steps(benchmark, lines, threads);
    table.note =
        "A linear model predicts the values of 16 items from 5 features; there are two capacities, 100 rows "
        "to learn from and 1,000 to test. The columns are as for the shortest paths. `noise multiplied` is "
        "theta * exp(0.5 * xi - 0.125) instead of theta + SoG(5, 10). Each published figure is of one run. "
        "The best noise and difference were chosen by looking at the test set of this table; the next table "
        "therefore repeats the comparison with ten other training sets.";
    return {{table, other_training_sets(second, data, plan)}, {draw_comparison("knapsack.png", table)}};
}

}  // namespace experiments
