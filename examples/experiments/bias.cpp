#include "bias.hpp"

#include <cmath>
#include <functional>
#include <iomanip>
#include <optional>
#include <sstream>
#include <utility>

#include <imle/core/tensor.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "bias_measurement.hpp"
#include "bias_problems.hpp"
#include "statistics.hpp"

namespace experiments {
namespace {

using namespace bias_experiment;

/// A difference of two one-hot vectors is 0 in all coordinates, or in all but two.
double zeros_of_a_difference(double share_of_zero_differences) {
    return 1 - (1 - share_of_zero_differences) * 2 / static_cast<double>(n);
}

template <class PassT>
void measure_step(const problems& of, const PassT& pass, const tensor3& dz, imle::layer_options layer_options,
                  step_measurement& into) {
    layer_options.statistics = true;
    const imle::perturbation_target target{.alpha = 1, .beta = into.lambda, .scale_gradient = true};
    for (const imle::difference side : {imle::difference::forward, imle::difference::central}) {
        layer_options.difference = side;
        imle::imle_layer layer{imle::categorical{}, imle::gumbel{}, target, layer_options};
        measurement& found = side == imle::difference::forward ? into.forward : into.central;
        found.cosines.push_back(of.cosines(layer.vjp(pass, dz)));
        found.zero_shares.push_back(zeros_of_a_difference(layer.statistics().zero_share()));
    }
}

struct adaptive_plan {
    imle::adaptive_target_options target;
    int warm_up_steps;
    Eigen::Index warm_up_samples;
};

/// Warms a target up with few samples, then takes one gradient with all samples.
adaptive_measurement measure_adaptive(const problems& of, const adaptive_plan& plan,
                                      const imle::layer_options& options, imle::random_key key,
                                      const std::function<void(double share)>& on_progress) {
    adaptive_measurement result;
    double done = 0;
    for (const imle::difference difference : {imle::difference::forward, imle::difference::central}) {
        adaptive_measurement::side& into =
            difference == imle::difference::forward ? result.forward : result.central;
        std::vector<double> cosines;
        double zero_shares = 0;
        for (Eigen::Index p = 0; p < of.count(); ++p) {
            const problems one = of.only(p);
            const imle::random_key own = key.fold_in(static_cast<std::uint64_t>(p));
            imle::imle_layer learner{imle::categorical{},
                                     imle::gumbel{},
                                     imle::adaptive_target{plan.target},
                                     {.samples = plan.warm_up_samples, .difference = difference}};
            for (int step = 0; step < plan.warm_up_steps; ++step) {
                const auto pass =
                    learner.forward(one.theta, own.fold_in(static_cast<std::uint64_t>(step) + 1));
                (void)learner.vjp(pass, one.cotangent(pass.samples()));
            }
            imle::layer_options all = options;
            all.difference = difference;
            all.statistics = true;
            imle::imle_layer layer{imle::categorical{}, imle::gumbel{}, learner.target(), all};
            const auto pass = layer.forward(one.theta, own.fold_in(0));
            const tensor3 dz = one.cotangent(pass.samples());
            into.lambdas.push_back(layer.target().lambda(layer.sums(pass, dz)));
            cosines.push_back(one.cosines(layer.vjp(pass, dz)).front());
            zero_shares += zeros_of_a_difference(layer.statistics().zero_share());
            on_progress(++done / (2 * static_cast<double>(of.count())));
        }
        into.found.cosines.push_back(std::move(cosines));
        into.found.zero_shares.push_back(zero_shares / static_cast<double>(of.count()));
    }
    return result;
}

std::string shortest(double number, int digits = 3) {
    std::ostringstream out;
    out << std::setprecision(digits) << number;
    return out.str();
}

experiment_row row_of(std::string name, const measurement& found, std::optional<double> reference = {}) {
    const mean_and_deviation problems = found.over_problems(), repetitions = found.over_repetitions();
    experiment_row row{.method = std::move(name),
                       .ours = problems.mean,
                       .deviation = problems.deviation,
                       .runs = static_cast<int>(found.cosines.front().size())};
    if (!reference.has_value()) return row;
    row.recomputed = reference_figure{*reference};
    // Both use the same problems, so they differ by noise only: ours, and the noise of the reference, whose
    // figure comes from one repetition.
    if (found.cosines.size() > 1)
        row.difference_error =
            repetitions.deviation * std::sqrt(1 + 1 / static_cast<double>(found.cosines.size()));
    return row;
}

experiment_row zeros_row_of(const step_measurement& step) {
    const mean_and_deviation forward = summarize(step.forward.zero_shares);
    const std::size_t repetitions = step.forward.zero_shares.size();
    std::ostringstream central;
    central << std::fixed << std::setprecision(3) << summarize(step.central.zero_shares).mean;
    return {.method = "I-MLE, lambda " + shortest(step.lambda),
            .ours = forward.mean,
            .deviation = forward.deviation,
            .runs = static_cast<int>(repetitions),
            .recomputed = reference_figure{step.zeros_reference},
            .extra = {central.str()}};
}

}  // namespace

experiment_result bias(const run_options& options) {
    const problems of(options.quick ? 6 : 128);
    const imle::random_key seed = imle::random_key{options.seed}.fold_in(2);
    const imle::layer_options layer_options{.samples = options.quick ? 100 : 1000,
                                            .threads = options.threads};
    const int repetitions = options.quick ? 2 : 8;

    std::vector<step_measurement> steps = {{0.01, true, .567, .602, .999},
                                           {0.02},
                                           {0.05},
                                           {0.1, true, .904, .916, .993},
                                           {0.2},
                                           {0.3, true, .946, .950, .981},
                                           {0.5},
                                           {1, true, .757, .788, .965},
                                           {2},
                                           {3, true, .468, .554, .960},
                                           {5},
                                           {10, true, .323, .435, .960}};
    std::vector<other_measurement> others = {{"straight-through", .429, {}},
                                             {"score function", .150, {}},
                                             {"score function, leave-one-out", {}, {}},
                                             {"exact marginals", {}, {}}};

    for (int r = 0; r < repetitions; ++r) {
        const imle::random_key key = seed.fold_in(static_cast<std::uint64_t>(r));
        const imle::imle_layer sampler{imle::categorical{}, imle::gumbel{}, imle::perturbation_target{},
                                       layer_options};
        const auto pass = sampler.forward(of.theta, key.fold_in(0));
        const tensor3 dz = of.cotangent(pass.samples());
        for (step_measurement& step : steps)
            if (r == 0 || step.has_reference) measure_step(of, pass, dz, layer_options, step);

        const imle::straight_through_layer straight{imle::categorical{}, imle::gumbel{}, layer_options};
        others[0].found.cosines.push_back(of.cosines(straight.vjp(pass, dz)));
        std::size_t next = 1;
        for (const imle::baseline baseline : {imle::baseline::none, imle::baseline::leave_one_out}) {
            const imle::score_function_layer score{imle::softmax_family{},
                                                   {.samples = layer_options.samples, .baseline = baseline}};
            const auto drawn = score.forward(of.theta, key.fold_in(1));
            others[next++].found.cosines.push_back(
                of.cosines(score.gradient(drawn, of.losses(drawn.samples()))));
        }
        const imle::exact_layer exact{imle::softmax_family{}, {.samples = layer_options.samples}};
        const auto exact_pass = exact.forward(of.theta, key.fold_in(1));
        others[3].found.cosines.push_back(
            of.cosines(exact.vjp(exact_pass, of.cotangent(exact_pass.samples()))));
        options.on_progress(0.8 * (r + 1) / repetitions);
    }

    // Warmed up like the reference: from a step of 0, by 0.001 at a time.
    const adaptive_plan from_zero{{.initial_beta = 0, .beta_step = 1e-3}, options.quick ? 100 : 1000, 10};
    const adaptive_plan as_it_starts{{}, 0, 1};
    const adaptive_measurement warmed_up =
        measure_adaptive(of, from_zero, layer_options, seed.fold_in(100),
                         [&](double share) { options.on_progress(0.8 + 0.15 * share); });
    const adaptive_measurement at_once =
        measure_adaptive(of, as_it_starts, layer_options, seed.fold_in(101),
                         [&](double share) { options.on_progress(0.95 + 0.05 * share); });

    std::vector<experiment_row> cosine_rows, zero_rows;
    for (const step_measurement& step : steps)
        if (step.has_reference)
            cosine_rows.push_back(row_of("I-MLE, forward, lambda " + shortest(step.lambda), step.forward,
                                         step.forward_reference));
    for (const step_measurement& step : steps)
        if (step.has_reference)
            cosine_rows.push_back(row_of("I-MLE, central, lambda " + shortest(step.lambda), step.central,
                                         step.central_reference));
    for (const other_measurement& other : others)
        cosine_rows.push_back(row_of(other.name, other.found, other.reference));
    for (const auto& [name, measured] :
         {std::pair("warmed up from 0", &warmed_up), std::pair("as it starts (beta 1)", &at_once)})
        for (const auto& [side, found] :
             {std::pair("forward", &measured->forward), std::pair("central", &measured->central)}) {
            const mean_and_deviation lambda = summarize(found->lambdas);
            cosine_rows.push_back(row_of(std::string("adaptive, ") + name + ", " + side + ", lambda " +
                                             shortest(lambda.mean, 2) + " (" + shortest(lambda.deviation, 1) +
                                             ")",
                                         found->found));
        }
    for (const step_measurement& step : steps)
        if (step.has_reference) zero_rows.push_back(zeros_row_of(step));

    const std::string sizes =
        std::to_string(of.count()) + " problems, " + std::to_string(layer_options.samples) + " samples";
    experiment_result result;
    result.tables.push_back(
        {.title =
             "The cosine of gradients of E ||z - b||^2 with the exact gradient: z one of 50, Gumbel noise, " +
             sizes,
         .quantity = "cosine, mean and deviation over the problems",
         .rows = std::move(cosine_rows),
         .note = "Since the problems are the reference's own, a difference is noise alone. Its error is "
                 "estimated from " +
                 std::to_string(repetitions) +
                 " repetitions with other noise, and ours is the mean over them."});
    result.tables.push_back(
        {.title = "The share of zeros in a sample's difference of two solutions",
         .quantity = "share of zeros among the 50 numbers (forward), mean and deviation over the repetitions",
         .extra_columns = {"central"},
         .rows = std::move(zero_rows)});
    result.pictures.push_back(draw(steps, others, warmed_up));
    return result;
}

}  // namespace experiments
