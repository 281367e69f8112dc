#include "predict_then_optimize.hpp"

#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include <imle/estimators/blackbox.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>

#include "decision_benchmark.hpp"
#include "decision_methods.hpp"
#include "decision_problems.hpp"
#include "plot.hpp"

namespace experiments {
namespace {

constexpr Eigen::Index samples = 3;
const std::vector<double> shares = {0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 100};

/// Regret, and the share of samples without a gradient, over the step.
example_support::picture draw_steps(const std::vector<measured_regret>& found,
                                    const measured_regret& published) {
    constexpr int width = 900, height = 420;
    std::vector<std::vector<double>> curves(4);
    for (std::size_t i = 0; i < found.size(); ++i) {
        curves[0].push_back(shares[i]);
        curves[1].push_back(found[i].test.mean);
        curves[2].push_back(found[i].test.deviation);
        curves[3].push_back(100 * found[i].steps->zero_share);
    }
    const std::vector<std::vector<double>> point = {{published.steps->relative_step},
                                                    {published.test.mean},
                                                    {published.test.deviation},
                                                    {100 * published.steps->zero_share}};
    std::ostringstream out;
    set_up_picture(out, width, height);
    put_data(out, "steps", curves);
    put_data(out, "published", point);
    out << "set logscale x\nset xlabel 'step as a share of the norm of theta'\nset format x '%g'\n"
        << "set multiplot layout 1,2 margins 0.07,0.98,0.25,0.9 spacing 0.09\n"
        << "set key at screen 0.5, screen 0.02 center bottom vertical maxrows 2 Left reverse samplen 2\n"
        << "set title 'test regret, %, with one standard deviation'\n"
        << "plot $steps using 1:2:3 with yerrorlines pt 7 lw 1.6 lc rgb '" << colour::blue
        << "' title 'step relative to the norms', $published using 1:2:3 with yerrorbars pt 5 ps 1.4 lw 1.6 "
           "lc rgb '"
        << colour::orange << "' title 'lambda = 10 with the mean over batch and edges'\n"
        << "unset key\nset yrange [0:100]\nset title 'samples without a gradient, %'\n"
        << "plot $steps using 1:4 with linespoints pt 7 lw 1.6 lc rgb '" << colour::blue
        << "', $published using 1:4 with points pt 5 ps 1.4 lc rgb '" << colour::orange << "'\n"
        << "unset multiplot\n";
    return {"shortest_path_steps.png", out.str()};
}

}  // namespace

experiment_result predict_then_optimize(const run_options& options) {
    const int methods = 11 + static_cast<int>(shares.size());
    decision_benchmark benchmark(std::vector{read_shortest_paths(options)},
                                 {.learning_rate = 0.01F, .epochs = 20}, options, methods);
    const auto& solver = benchmark.solver();
    const imle::sum_of_gamma noise{5, 10};
    const imle::layer_options settings{.samples = samples, .threads = options.threads, .statistics = true};
    imle::layer_options central = settings;
    central.difference = imle::difference::central;
    const imle::layer_options single{.threads = options.threads, .statistics = true};
    const auto imle_by = [&](const auto& target, const imle::layer_options& how, auto loss) {
        return [&solver, noise, target, how, loss] {
            return by_imle(imle::imle_layer{solver, noise, target, how}, loss);
        };
    };
    const auto blackbox_by = [&](auto loss) {
        return [&solver, single, loss] { return by_imle(imle::blackbox(solver, 20, single), loss); };
    };
    const auto published = [&] {
        return benchmark.measure(imle_by(
            imle::perturbation_target{.alpha = 1, .beta = 10, .scale_gradient = true}, settings, mean_l1{}));
    }();

    experiment_table table{.title = "Shortest paths by predicted costs",
                           .quantity = "normalised test regret after 20 epochs, %",
                           .digits = 2,
                           .extra_columns = benchmark.columns()};
    auto& lines = table.rows;
    lines.push_back(benchmark.row("two-stage: mean squared error", {}, [] { return two_stage{}; }));
    lines.push_back(benchmark.row("SPO+", {7.59, 7.40}, [&] { return by_spo_plus(solver); }));
    lines.push_back(benchmark.row("perturbed Fenchel-Young", {7.29, 7.37}, [&] {
        return by_fenchel_young(imle::fenchel_young_loss(
            solver, imle::normal{}, {.samples = samples, .temperature = 1, .threads = options.threads}));
    }));
    lines.push_back(benchmark.row_of("I-MLE, lambda 10, mean L1 on z", {12.07, 13.33}, published));
    lines.push_back(benchmark.row("adaptive I-MLE, mean L1 on z", {7.24, 7.40},
                                  imle_by(imle::adaptive_target{}, settings, mean_l1{})));
    lines.push_back(benchmark.row("I-MLE, step of the norm, objective", {},
                                  imle_by(relative_step(1), settings, objective{})));
    lines.push_back(benchmark.row("I-MLE, step of the norm, objective, central", {},
                                  imle_by(relative_step(1), central, objective{})));
    lines.push_back(benchmark.row("negative identity, L1 on the objective", {8.90, 9.78}, [&] {
        return by_layer(imle::negative_identity_layer(solver), l1_on_objective{});
    }));
    lines.push_back(benchmark.row("perturbed optimiser, mean L1 on z", {9.88, {}}, [&] {
        return by_layer(imle::perturbed_layer(solver, imle::normal{},
                                              {.samples = samples,
                                               .temperature = 1,
                                               .threads = options.threads,
                                               .estimate = imle::perturbed_estimate::score}),
                        mean_l1{});
    }));
    lines.push_back(
        benchmark.row("blackbox, lambda 20, L1 on the objective", {}, blackbox_by(l1_on_objective{})));
    lines.push_back(benchmark.row("blackbox, lambda 20, rounded L1", {15.12, 24.5},
                                  blackbox_by(rounded_l1_on_objective{})));
    table.note =
        "A linear model predicts the 40 costs of a 5 x 5 grid from five features. There are 1,000 rows to "
        "learn from and 1,000 to test. The columns and methods:\n\n"
        "- `train`: the regret on the training set.\n"
        "- `step`: the mean of lambda * rms(dz) / rms(theta), the step as a share of theta's norm.\n"
        "- `zeros`: samples whose two solutions were the same, so that they told the gradient nothing.\n"
        "- `rounded L1`: in single precision, |value - best value| is a rounding error where the decision is "
        "the best one, and its sign a slope. The references have this too.";

    experiment_table steps{.title = "I-MLE with the mean L1 on z for different steps",
                           .quantity = "normalised test regret after 20 epochs, %",
                           .digits = 2,
                           .extra_columns = benchmark.columns()};
    steps.rows.push_back(benchmark.row_of("lambda 10 (published)", {}, published));
    std::vector<measured_regret> found;
    for (const double share : shares) {
        found.push_back(benchmark.measure(imle_by(relative_step(share), settings, mean_l1{})));
        std::ostringstream name;
        name << "step of " << share << " norms";
        steps.rows.push_back(benchmark.row_of(name.str(), {}, found.back()));
    }
    steps.note =
        "The mean over 32 instances and 40 edges divides the cotangent by 1,280, and the step with it. So "
        "lambda = 10 moves no cost by more than 0.008. A step relative to the norms does not depend on the "
        "loss's scale.";
    return {{table, steps}, {draw_comparison("shortest_path.png", table), draw_steps(found, published)}};
}

}  // namespace experiments
