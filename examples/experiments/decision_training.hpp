#pragma once

/// @file
/// The training loop of experiments 3 and 4: a model predicts the parameters of a decision, and is scored by
/// the decision.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include <imle/imle.hpp>
#include <imle/losses/regret.hpp>

#include "decision_data.hpp"
#include "linear_model.hpp"

namespace experiments {

/// A benchmark: a solver that maximises <theta, z>, and the true theta for the features.
template <class SolverT>
struct decision_problem {
    SolverT solver;
    decision_data train;
    decision_data test;
    /// The best decisions under the true parameters.
    rows best_of_train;
    rows best_of_test;

    decision_problem(SolverT the_solver, decision_data training, decision_data testing)
        : solver(std::move(the_solver)), train(std::move(training)), test(std::move(testing)) {
        const imle::imle_layer exact{solver, imle::no_noise{}, imle::perturbation_target{}};
        best_of_train = exact.marginals(train.parameters, imle::random_key{0}).marginals();
        best_of_test = exact.marginals(test.parameters, imle::random_key{0}).marginals();
    }
};

/// Some instances of the training set, as the methods get them.
struct training_batch {
    rows features;
    /// The true parameters, and the best decisions under them.
    rows parameters;
    rows best;

    [[nodiscard]] float size() const { return static_cast<float>(features.dimension(0)); }
};

/// How long a model is trained, and with which steps.
struct training_plan {
    float learning_rate = 0.01F;
    int epochs = 20;
    Eigen::Index batch = 32;
};

/// Normalised regrets after the last epoch, in percent.
struct training_result {
    double train = 0;
    double test = 0;
};

/// The normalised regret of a model's decisions, in percent.
template <class SolverT>
[[nodiscard]] double regret_in_percent(const decision_problem<SolverT>& problem, const linear_model& model,
                                       const decision_data& data, const rows& best) {
    const imle::imle_layer exact{problem.solver, imle::no_noise{}, imle::perturbation_target{}};
    const rows z = exact.marginals(model.predict(data.features), imle::random_key{0}).marginals();
    return 100 * imle::normalized_regret<imle::sense::maximize>(z, data.parameters, best);
}

/// Trains a model with a method, which is called as method(theta, batch, key) with the batch's predictions
/// and returns the gradient of the batch's loss with respect to them. The seed determines all that is random:
/// the model's initial weights, the order of the instances and, by the key, the method's noise.
template <class SolverT, class MethodT>
[[nodiscard]] training_result train(const decision_problem<SolverT>& problem, const training_plan& plan,
                                    std::uint64_t seed, MethodT&& method) {
    std::mt19937_64 random(seed);
    const Eigen::Index instances = problem.train.features.dimension(0);
    const Eigen::Index features = problem.train.features.dimension(1);
    const Eigen::Index n = problem.train.parameters.dimension(1);
    linear_model model(features, n, plan.learning_rate, random);
    std::vector<Eigen::Index> order(static_cast<std::size_t>(instances));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::uint64_t update = 0;
    for (int epoch = 0; epoch < plan.epochs; ++epoch) {
        for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
        for (Eigen::Index begin = 0; begin < instances; begin += plan.batch) {
            const Eigen::Index size = std::min(plan.batch, instances - begin);
            training_batch batch{rows(size, features), rows(size, n), rows(size, n)};
            for (Eigen::Index i = 0; i < size; ++i) {
                const Eigen::Index row = order[static_cast<std::size_t>(begin + i)];
                const auto copy = [&](const rows& from, rows& to) {
                    const Eigen::Index width = from.dimension(1);
                    std::copy_n(from.data() + row * width, width, to.data() + i * width);
                };
                copy(problem.train.features, batch.features);
                copy(problem.train.parameters, batch.parameters);
                copy(problem.best_of_train, batch.best);
            }
            const rows theta = model.predict(batch.features);
            model.update(batch.features, method(theta, batch, imle::random_key{seed}.fold_in(++update)));
        }
    }
    return {regret_in_percent(problem, model, problem.train, problem.best_of_train),
            regret_in_percent(problem, model, problem.test, problem.best_of_test)};
}

}  // namespace experiments
