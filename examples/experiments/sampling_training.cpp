#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "decision_benchmark.hpp"
#include "decision_methods.hpp"
#include "decision_problems.hpp"
#include "sampling_measurement.hpp"

namespace experiments::sampling_experiment {
namespace {

/// A method to train with, at any number of solves.
struct way {
    const char* name;
    bool is_default;
    imle::difference difference;
    imle::sampling sampling;
};

constexpr std::array ways = {way{"defaults", true, imle::difference::forward, imle::sampling::independent},
                             way{"forward", false, imle::difference::forward, imle::sampling::independent},
                             way{"forward, latin", false, imle::difference::forward, imle::sampling::latin},
                             way{"central", false, imle::difference::central, imle::sampling::independent},
                             way{"central, latin", false, imle::difference::central, imle::sampling::latin}};

/// The most samples that take no more solves: one forward each, and one or two backward.
Eigen::Index samples_of(const way& by, Eigen::Index solves) {
    return solves / (by.difference == imle::difference::central ? 3 : 2);
}

/// One sample is not stratified.
bool exists(const way& by, Eigen::Index solves) {
    return samples_of(by, solves) >= (by.sampling == imle::sampling::latin ? 2 : 1);
}

int trainings() {
    int count = 0;
    for (const way& by : ways)
        for (const Eigen::Index solves : training_solves) count += exists(by, solves) ? 1 : 0;
    return count;
}

/// The objective is the loss, as in the best rows of the benchmarks' tables.
template <class BenchmarkT, class NoiseT>
trained_problem trained(const char* name, BenchmarkT& benchmark, const NoiseT& noise, double temperature,
                        int threads) {
    trained_problem result{name, {}};
    for (const way& by : ways) {
        training_curve curve{by.name, {}};
        for (std::size_t i = 0; i < training_solves.size(); ++i) {
            if (!exists(by, training_solves[i])) continue;
            const imle::layer_options options{.samples = samples_of(by, training_solves[i]),
                                              .input_temperature = temperature,
                                              .target_temperature = temperature,
                                              .difference = by.difference,
                                              .threads = threads,
                                              .sampling = by.sampling};
            const auto train_by = [&](const auto& target) {
                return benchmark
                    .measure([&] {
                        return by_layer(imle::imle_layer{benchmark.solver(), noise, target, options},
                                        objective{});
                    })
                    .tests;
            };
            curve.regrets[i] =
                by.is_default ? train_by(imle::perturbation_target{}) : train_by(relative_step(1));
        }
        result.ways.push_back(std::move(curve));
    }
    return result;
}

}  // namespace

std::vector<trained_problem> measure_trainings(const run_options& options) {
    constexpr int runs = 30;
    run_options first = options, second = options;
    first.on_progress = [&](double share) { options.on_progress(0.3 * share); };
    second.on_progress = [&](double share) { options.on_progress(0.3 + 0.7 * share); };
    decision_benchmark paths(std::vector{read_shortest_paths(options)},
                             {.learning_rate = 0.01F, .epochs = 20}, first, trainings(), runs);
    // Training sets of its own, as the step of the norm and the noise were chosen by the published one.
    decision_benchmark knapsacks(knapsack_data(options).other_training_sets(),
                                 {.learning_rate = 0.1F, .epochs = 40}, second, trainings(), runs);
    std::vector<trained_problem> results;
    results.push_back(trained("shortest paths", paths, imle::sum_of_gamma{5, 10}, 1, options.threads));
    results.push_back(trained("knapsacks", knapsacks, imle::multiplicative{}, 0.5, options.threads));
    return results;
}

}  // namespace experiments::sampling_experiment
