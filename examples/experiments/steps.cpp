#include "steps.hpp"

#include <array>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/targets/adaptive_target.hpp>

#include "bias_problems.hpp"
#include "decision_benchmark.hpp"
#include "decision_methods.hpp"
#include "decision_problems.hpp"
#include "statistics.hpp"
#include "table.hpp"

namespace experiments {
namespace {

using bias_experiment::problems;

struct start {
    double beta;
    const char* name;
};
constexpr std::array starts = {start{1e-4, "0.0001"}, start{1e-2, "0.01"}, start{1, "1"}, start{1e2, "100"},
                               start{1e4, "10000"}};
constexpr std::array updates = {std::pair(imle::beta_update::additive, "additive"),
                                std::pair(imle::beta_update::multiplicative, "multiplicative")};

/// Two digits.
std::string rounded(double value) {
    std::ostringstream out;
    out << std::setprecision(value < 10 ? 2 : 5) << value;
    return out.str();
}

std::string name_of(const start& from, const char* update) {
    return std::string("from ") + from.name + ", " + update;
}

/// What a target of 50 calls is worth, for each problem.
struct after_calls {
    std::vector<double> cosines, log_betas, counts;
};

/// Each problem has a target of its own, which learns in `calls` calls with few samples. Then one gradient is
/// estimated with many.
after_calls measure(const problems& of, const imle::adaptive_target_options& target, int calls,
                    Eigen::Index samples, imle::random_key key) {
    after_calls result;
    for (Eigen::Index p = 0; p < of.count(); ++p) {
        const problems one = of.only(p);
        const imle::random_key own = key.fold_in(static_cast<std::uint64_t>(p));
        imle::imle_layer learner{
            imle::categorical{}, imle::gumbel{}, imle::adaptive_target{target}, {.samples = 10}};
        for (int call = 0; call < calls; ++call) {
            const auto pass = learner.forward(one.theta, own.fold_in(static_cast<std::uint64_t>(call) + 1));
            (void)learner.vjp(pass, one.cotangent(pass.samples()));
        }
        imle::imle_layer layer{
            imle::categorical{}, imle::gumbel{}, learner.target(), {.samples = samples, .statistics = true}};
        const auto pass = layer.forward(one.theta, own.fold_in(0));
        result.cosines.push_back(of.only(p).cosines(layer.vjp(pass, one.cotangent(pass.samples()))).front());
        result.log_betas.push_back(std::log10(learner.target().state().beta));
        // One change of a one-hot answer moves two coordinates.
        result.counts.push_back(2 * (1 - layer.statistics().zero_share()));
    }
    return result;
}

experiment_table cosines(const run_options& options) {
    const problems of(options.quick ? 6 : 128);
    const imle::random_key key = imle::random_key{options.seed}.fold_in(5);
    constexpr int calls = 50;
    experiment_table table{
        .title = "The cosine with the exact gradient after 50 calls of an adaptive target: z one of 50",
        .quantity = "cosine, mean and deviation over the problems",
        .extra_columns = {"count", "beta"}};
    int done = 0;
    for (const start& from : starts)
        for (const auto& [update, name] : updates) {
            const after_calls found =
                measure(of, {.initial_beta = from.beta, .target_norm = 1, .update = update}, calls,
                        options.quick ? 100 : 1000, key);
            const mean_and_deviation cosine = summarize(found.cosines);
            table.rows.push_back({.method = name_of(from, name),
                                  .ours = cosine.mean,
                                  .deviation = cosine.deviation,
                                  .runs = static_cast<int>(found.cosines.size()),
                                  .extra = {fixed(summarize(found.counts).mean, 2),
                                            rounded(std::pow(10.0, summarize(found.log_betas).mean))}});
            options.on_progress(0.3 * ++done / static_cast<double>(starts.size() * updates.size()));
        }
    table.note =
        "Each problem has a target of its own, which learns from 10 samples a call and aims at a count of 1. "
        "`count` is the mean number of coordinates that then change in a sample, `beta` the geometric mean.";
    return table;
}

}  // namespace

experiment_result steps(const run_options& options) {
    const experiment_table table = cosines(options);

    run_options second = options;
    second.on_progress = [&](double share) { options.on_progress(0.3 + 0.7 * share); };
    decision_benchmark benchmark(std::vector{read_shortest_paths(options)},
                                 {.learning_rate = 0.01F, .epochs = 20}, second,
                                 static_cast<int>(starts.size() * updates.size()));
    experiment_table training{.title = "The regret of shortest paths, from bad starts",
                              .quantity = "normalised test regret after 20 epochs, %",
                              .digits = 2,
                              .extra_columns = benchmark.columns()};
    for (const start& from : starts)
        for (const auto& [update, name] : updates)
            training.rows.push_back(benchmark.row(name_of(from, name), {}, [&, update = update] {
                return by_imle(
                    imle::imle_layer{
                        benchmark.solver(), imle::sum_of_gamma{5, 10},
                        imle::adaptive_target{
                            {.initial_beta = from.beta, .target_norm = 4, .update = update}},
                        imle::layer_options{.samples = 3, .threads = options.threads, .statistics = true}},
                    mean_l1{});
            }));
    training.note =
        "The benchmark of shortest paths by predicted costs: adaptive I-MLE with the mean L1 on z, which "
        "aims "
        "at 4 changed coordinates. `step` is the mean over the training, its first calls included.";
    return {{table, training}, {}};
}

}  // namespace experiments
