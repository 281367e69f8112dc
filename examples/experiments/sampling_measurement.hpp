#pragma once

/// @file
/// The measurements of the experiment on sampling, and its pictures.

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "experiment.hpp"
#include "statistics.hpp"

namespace experiments::sampling_experiment {

// ---- marginals and gradients of six families --------------------------------------------------------------

/// Samples of the marginals whose variances are compared.
inline constexpr std::array<Eigen::Index, 4> sample_counts = {4, 10, 16, 64};

/// The solves that each gradient takes, forward and backward together.
inline constexpr Eigen::Index solves = 48;

/// The steps of I-MLE: rms(beta * dz), in standard deviations of the noise.
inline constexpr std::array step_sizes = {0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0};

/// The variance of the marginals of independent samples over the variance of another way, for each of
/// `sample_counts`.
struct marginals_gain {
    std::string way;
    std::array<estimate, sample_counts.size()> ratios;
};

/// The gradients of an estimator. One number for each group of replications, so that estimators are compared
/// in pairs.
struct gradient_quality {
    /// The mean cosine with the exact gradient.
    std::vector<double> cosines = {};
    /// The mean of |gradient - exact|^2 / |exact|^2.
    std::vector<double> errors = {};
};

/// An estimator's gradients: one for each of `step_sizes`, or a single one if it takes no step.
struct gradient_curve {
    std::string way;
    std::vector<gradient_quality> steps;
};

/// I-MLE's curves come first, in this order.
enum imle_curve : std::size_t { forward, forward_latin, central, central_latin };

struct family_result {
    std::string name;
    std::vector<marginals_gain> marginals;
    std::vector<gradient_curve> gradients;
};

/// Top 5 of 10, one of 50, top 10 of 350, 8 x 8 and 16 x 16 paths, 8 x 8 assignments, under normal noise.
[[nodiscard]] std::vector<family_result> measure_families(const run_options& options);

// ---- training ---------------------------------------------------------------------------------------------

/// Solves of an instance, forward and backward together.
inline constexpr std::array<Eigen::Index, 4> training_solves = {2, 4, 8, 16};

/// The test regrets of a method. An entry is empty if there is no such method for so few solves.
struct training_curve {
    std::string way;
    std::array<std::vector<double>, training_solves.size()> regrets;
};

struct trained_problem {
    std::string problem;
    std::vector<training_curve> ways;
};

/// The benchmarks of paths and of knapsacks.
[[nodiscard]] std::vector<trained_problem> measure_trainings(const run_options& options);

// ---- the time of a number of noise ------------------------------------------------------------------------

/// Nanoseconds a number, in a call of `marginals` with one thread.
struct noise_times {
    Eigen::Index n;
    std::array<double, sample_counts.size()> independent;
    std::array<double, sample_counts.size()> latin;
};

[[nodiscard]] std::vector<noise_times> measure_noise(bool quick);

// ---- pictures ---------------------------------------------------------------------------------------------

/// The cosine over the step, one plot for each family.
[[nodiscard]] example_support::picture draw_gradients(const std::vector<family_result>& families);

/// The regret over the solves, one plot for each problem.
[[nodiscard]] example_support::picture draw_trainings(const std::vector<trained_problem>& problems);

}  // namespace experiments::sampling_experiment
