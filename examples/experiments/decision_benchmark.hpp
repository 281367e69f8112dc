#pragma once

/// @file
/// Trains with one method after another and collects the results.

#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <imle/random/random_key.hpp>

#include "decision_methods.hpp"
#include "decision_training.hpp"
#include "experiment.hpp"
#include "statistics.hpp"

namespace experiments {

/// The published results of a method, in percent.
struct published_regret {
    std::optional<double> published = {};
    /// The mean of 5 seeds with the reference's code.
    std::optional<double> recomputed = {};
};

/// The results of a method over all runs.
struct measured_regret {
    mean_and_deviation test;
    mean_and_deviation train;
    /// The test regret of each run. Run r of any method has the same seed and problem.
    std::vector<double> tests;
    /// Only for I-MLE.
    std::optional<step_record> steps;
};

/// A problem, or several which the runs use in turn, on which methods are compared.
template <class SolverT>
class decision_benchmark {
  public:
    /// `methods` is the number of methods, for the progress bar. With --quick there are two runs.
    decision_benchmark(std::vector<decision_problem<SolverT>> problems, training_plan plan,
                       const run_options& options, int methods, int runs = 10)
        : problems_(std::move(problems)),
          plan_(plan),
          options_(options),
          runs_(options.quick ? 2 : runs),
          trainings_(methods * runs_) {
        if (options.quick) plan_.epochs = 2;
    }

    [[nodiscard]] const SolverT& solver() const { return problems_.front().solver; }

    /// Trains once for each run, with a new method from `make_method`.
    template <class MakeT>
    measured_regret measure(MakeT&& make_method) {
        std::vector<double> train_regrets;
        measured_regret result;
        for (int run = 0; run < runs_; ++run) {
            auto method = make_method();
            const std::uint64_t seed =
                imle::random_key{options_.seed}.fold_in(static_cast<std::uint64_t>(run)).philox_key();
            const training_result found =
                train(problems_[static_cast<std::size_t>(run) % problems_.size()], plan_, seed, method);
            result.tests.push_back(found.test);
            train_regrets.push_back(found.train);
            if constexpr (requires { method.record(); }) {
                const step_record steps = method.record();
                if (!result.steps) result.steps = step_record{};
                result.steps->relative_step += steps.relative_step / runs_;
                result.steps->zero_share += steps.zero_share / runs_;
            }
            options_.on_progress(static_cast<double>(++done_) / trainings_);
        }
        result.test = summarize(result.tests);
        result.train = summarize(train_regrets);
        return result;
    }

    /// The same as a row of a table whose extra columns are `columns()`.
    template <class MakeT>
    experiment_row row(std::string name, const published_regret& others, MakeT&& make_method) {
        return row_of(std::move(name), others, measure(make_method));
    }

    /// A row of a table whose extra columns are `columns()`.
    [[nodiscard]] experiment_row row_of(std::string name, const published_regret& others,
                                        const measured_regret& found) const {
        experiment_row line{.method = std::move(name),
                            .ours = found.test.mean,
                            .deviation = found.test.deviation,
                            .runs = runs_};
        if (others.published) line.published = reference_figure{.value = *others.published, .runs = 1};
        if (others.recomputed) line.recomputed = reference_figure{.value = *others.recomputed, .runs = 5};
        line.extra = {text(found.train.mean, 2), "", ""};
        if (found.steps) {
            line.extra[1] = text(found.steps->relative_step, 3);
            line.extra[2] = text(100 * found.steps->zero_share, 1);
        }
        return line;
    }

    /// The regret on the training set; lambda * rms(dz) / rms(theta); samples without a gradient, in percent.
    [[nodiscard]] static std::vector<std::string> columns() { return {"train", "step", "zeros, %"}; }

  private:
    static std::string text(double value, int digits) {
        std::ostringstream out;
        out << std::fixed << std::setprecision(digits) << value;
        return out.str();
    }

    std::vector<decision_problem<SolverT>> problems_;
    training_plan plan_;
    run_options options_;
    int runs_;
    int trainings_;
    int done_ = 0;
};

}  // namespace experiments
