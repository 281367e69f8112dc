#pragma once

/// @file
/// The options of a layer, and the statistics of a call.

#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace imle::inline IMLE_ABI {

/// How the backward pass takes its finite difference.
enum class difference {
    /// mean of z - MAP(theta' + T_tgt * eps): one solve a sample (I-MLE).
    forward,
    /// mean of (MAP(theta'(-dz) + T_tgt * eps) - MAP(theta'(dz) + T_tgt * eps)) / 2 (adaptive I-MLE, AAAI
    /// 2023, "symmetric perturbation"): two solves a sample, less bias.
    central
};

/// How a layer handles a solve without an answer: see `solve_status`.
enum class failure_policy {
    /// The call throws `solve_failure`.
    throw_error,
    /// The call continues: the sample's z and the instance's gradient are 0, and the pass lists the instances
    /// that failed.
    zero_gradient
};

/// How the S samples of an instance are drawn.
enum class sampling {
    /// Independent of each other.
    independent,
    /// Stratified in each coordinate (Latin hypercube sampling): the S noise numbers of a coordinate come
    /// from different parts of their law. Each sample alone has the same law as an independent one; means
    /// over samples vary less. Needs a `QuantileNoise`.
    latin
};

/// The options of a layer. The order of the members is part of the contract.
struct layer_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T_in, the scale of the noise in the forward pass; 0 means no noise.
    double input_temperature = 1;
    /// T_tgt, the scale of the same noise in the backward pass.
    double target_temperature = 1;
    /// One-sided (forward) or central difference.
    imle::difference difference = imle::difference::forward;
    /// Worker threads; 0 means one for each core. Results do not depend on it.
    int threads = 1;
    /// How a call handles solves without an answer.
    failure_policy failures = failure_policy::throw_error;
    /// Whether each pass counts and times its work, for `imle_layer::statistics`. Costs a few per cent if
    /// solves are fast.
    bool statistics = false;
    /// Whether samples are independent of each other or stratified. For one sample both are the same.
    imle::sampling sampling = imle::sampling::independent;
};

/// The result of `imle_layer::statistics`: the last forward or backward pass of a layer with
/// `layer_options::statistics`. The counts do not depend on the number of threads.
struct call_statistics {
    /// Calls of the solver. Together with `skipped` this is one for each instance and sample, or two for
    /// central differences and if an adaptive target counts the differences of a `marginals_pass`.
    std::uint64_t solves = 0;
    /// Solves that were skipped because their result was known (see docs/layer.md, "What is not solved") or
    /// because the instance had failed in the forward pass.
    std::uint64_t skipped = 0;
    /// Solves without an answer, if `layer_options::failures` lets a call continue.
    std::uint64_t failed = 0;
    /// In backward passes: the number of differences z - z' taken, over instances and samples. 0 in forward
    /// passes, and in one-sided backward passes of a `marginals_pass`, which use means only.
    std::uint64_t differences = 0;
    /// The number of those differences that are zero: samples that contribute nothing to the gradient. Many
    /// are zero if the step is too small.
    std::uint64_t zero_differences = 0;
    /// Wall-clock time of the call, in seconds.
    double seconds = 0;
    /// Time in the noise's `fill`, in seconds, summed over threads. To tell it from the solver's time, calls
    /// with statistics draw all noise, even for solvers that need little of it (docs/solvers/top_k.md).
    double noise_seconds = 0;
    /// Time in the solver, in seconds, summed over threads.
    double solve_seconds = 0;
    /// All other time, in seconds, summed over threads.
    double other_seconds = 0;

    /// The share of zero differences, from 0 to 1; NaN if there are no differences.
    [[nodiscard]] double zero_share() const noexcept {
        if (differences == 0) return std::numeric_limits<double>::quiet_NaN();
        return static_cast<double>(zero_differences) / static_cast<double>(differences);
    }
};

namespace detail {

// Checks of settings that several options share. All throw `std::invalid_argument`.

inline void require_samples(const char* option, Eigen::Index samples) {
    if (samples < 1) throw_invalid(option, samples, "at least 1");
}

inline void require_temperature(const char* option, double temperature) {
    if (!is_finite(temperature) || temperature < 0)
        throw_invalid(option, temperature, "a finite number that is not negative");
}

inline void require_sampling(const char* option, sampling how) {
    if (how != sampling::independent && how != sampling::latin)
        throw_invalid(option, static_cast<int>(how), "sampling::independent or sampling::latin");
}

inline void require_threads(const char* option, int threads) {
    if (threads < 0) throw_invalid(option, threads, "0 (all cores) or a positive number");
}

/// Returns the options if they are valid.
inline const layer_options& checked(const layer_options& options) {
    require_samples("layer_options::samples", options.samples);
    require_temperature("layer_options::input_temperature", options.input_temperature);
    require_temperature("layer_options::target_temperature", options.target_temperature);
    if (options.difference != difference::forward && options.difference != difference::central)
        throw_invalid("layer_options::difference", static_cast<int>(options.difference),
                      "difference::forward or difference::central");
    require_threads("layer_options::threads", options.threads);
    if (options.failures != failure_policy::throw_error && options.failures != failure_policy::zero_gradient)
        throw_invalid("layer_options::failures", static_cast<int>(options.failures),
                      "failure_policy::throw_error or failure_policy::zero_gradient");
    require_sampling("layer_options::sampling", options.sampling);
    return options;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
