#pragma once

/// @file
/// The target distribution that finds its own step: adaptive I-MLE.

#include <algorithm>
#include <limits>
#include <span>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/rounded.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// How an `adaptive_target` starts and moves. The order of the members is part of the contract.
struct adaptive_target_options {
    /// alpha, the share of theta that stays.
    double initial_alpha = 1;
    /// The first beta: the step relative to the norms of theta and dz.
    double initial_beta = 1;
    /// The first running count of nonzeros per difference.
    double initial_grad_norm = 1;
    /// By how much beta moves after each vjp.
    double beta_step = 1e-4;
    /// The share of the previous move that is added to the next, in [0, 1).
    double beta_momentum = 0;
    /// The share of the running count that stays, in [0, 1].
    double decay = 0.9;
    /// The count of nonzeros per difference that beta aims at, in coordinates. 1 suits one-hot answers: every
    /// second sample then changes, by two coordinates. Where a change moves more (subsets: 2; paths, tours,
    /// assignments: 4), take more, or beta falls until hardly a sample changes.
    double target_norm = 1;
};

/// What an `adaptive_target` has learned: plain numbers, to be read, saved and restored.
struct adaptive_target_state {
    /// The step relative to the norms.
    double beta = 1;
    /// Running count of nonzeros per difference.
    double grad_norm = 1;
    /// The last move of beta before it was clipped at 0.
    double previous_update = 0;

    /// True if all members are equal.
    friend bool operator==(const adaptive_target_state&, const adaptive_target_state&) = default;
};

/// Adaptive I-MLE (Minervini, Franceschi, Niepert, AAAI 2023): theta' = alpha * theta - lambda * dz, with the
/// gradient divided by that same lambda, and
///
///     lambda = beta * rms(theta) / rms(dz)                           over the whole call
///     n     <- decay * n + (1 - decay) * nonzeros / (B * S)          after each vjp
///     u     <- momentum * u + (n < target_norm ? 1 : -1) * beta_step
///     beta  <- max(0, beta + u)
///
/// Root mean squares make lambda independent of the batch's size, the number of samples and the loss's
/// reduction; at one sample they are the reference's ratio of Frobenius norms. `nonzeros` counts the
/// per-sample differences before they are averaged: after averaging, more samples would look like more
/// signal. lambda = 0 (from theta = 0, dz = 0 or beta = 0) divides by 1.
///
/// On passes of `marginals` the count costs one more solve per sample, since no z was kept.
///
/// Shards and ranks: add up the `target_sums` of all before use, see `imle_layer::vjp_shard`.
class adaptive_target {
  public:
    /// Throws `std::invalid_argument` if an option is not finite or out of its range.
    explicit adaptive_target(const adaptive_target_options& options = {})
        : options_(checked(options)), state_{options.initial_beta, options.initial_grad_norm, 0.0} {}

    /// theta' for one instance with lambda = beta: what the layer uses is `for_call`, with the norms known.
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        perturbation_target{options_.initial_alpha, state_.beta, true}.parameters(theta, dz, theta_prime);
    }

    /// The target of one call: lambda is fixed by the sums over the call, and divides the gradient.
    /// Throws `std::invalid_argument` for sums that are not finite.
    [[nodiscard]] perturbation_target for_call(const target_sums& sums) const {
        require("the rms of theta in target_sums", sums.theta_rms());
        require("the rms of dz in target_sums", sums.dz_rms());
        return {options_.initial_alpha, lambda(sums), true};
    }

    /// The step that a call with these sums takes: beta * rms(theta) / rms(dz), or 0 where dz is 0. Where dz
    /// has all but vanished, so that it would overflow, the largest finite one.
    [[nodiscard]] double lambda(const target_sums& sums) const noexcept {
        const double dz_rms = sums.dz_rms();
        if (!(dz_rms > 0)) return 0;
        return std::min(state_.beta * (sums.theta_rms() / dz_rms), std::numeric_limits<double>::max());
    }

    /// Moves the running count and beta after a vjp. Does nothing for a call without instances.
    void update(const target_sums& sums) noexcept {
        if (sums.differences == 0) return;
        const double count = static_cast<double>(sums.nonzeros) / static_cast<double>(sums.differences);
        state_.grad_norm = detail::rounded(options_.decay * state_.grad_norm) +
                           detail::rounded((1 - options_.decay) * count);
        const double direction = state_.grad_norm < options_.target_norm ? 1.0 : -1.0;
        const double update = detail::rounded(options_.beta_momentum * state_.previous_update) +
                              (direction < 0 ? -options_.beta_step : options_.beta_step);
        state_.beta = std::max(0.0, state_.beta + update);
        state_.previous_update = update;  // unclipped, as the reference has it
    }

    /// The options that it was made with.
    [[nodiscard]] const adaptive_target_options& options() const noexcept { return options_; }
    /// What it has learned so far.
    [[nodiscard]] const adaptive_target_state& state() const noexcept { return state_; }

    /// Takes up a state that was saved. Throws `std::invalid_argument` if it is not finite or beta is
    /// negative.
    void restore(const adaptive_target_state& state) {
        if (!detail::is_finite(state.beta) || state.beta < 0)
            detail::throw_invalid("adaptive_target_state::beta", state.beta,
                                  "a finite number that is not negative");
        if (!detail::is_finite(state.grad_norm))
            detail::throw_invalid("adaptive_target_state::grad_norm", state.grad_norm, "a finite number");
        if (!detail::is_finite(state.previous_update))
            detail::throw_invalid("adaptive_target_state::previous_update", state.previous_update,
                                  "a finite number");
        state_ = state;
    }

  private:
    static void require(const char* argument, double was) {
        if (!detail::is_finite(was)) detail::throw_invalid(argument, was, "a finite number");
    }

    static const adaptive_target_options& checked(const adaptive_target_options& options) {
        const auto require = [](bool fits, const char* argument, double was, const char* expected) {
            if (!detail::is_finite(was) || !fits) detail::throw_invalid(argument, was, expected);
        };
        require(true, "adaptive_target_options::initial_alpha", options.initial_alpha, "a finite number");
        require(options.initial_beta >= 0, "adaptive_target_options::initial_beta", options.initial_beta,
                "a finite number that is not negative");
        require(options.initial_grad_norm >= 0, "adaptive_target_options::initial_grad_norm",
                options.initial_grad_norm, "a finite number that is not negative");
        require(options.beta_step >= 0, "adaptive_target_options::beta_step", options.beta_step,
                "a finite number that is not negative");
        require(options.beta_momentum >= 0 && options.beta_momentum < 1,
                "adaptive_target_options::beta_momentum", options.beta_momentum, "a number in [0, 1)");
        require(options.decay >= 0 && options.decay <= 1, "adaptive_target_options::decay", options.decay,
                "a number in [0, 1]");
        require(options.target_norm >= 0, "adaptive_target_options::target_norm", options.target_norm,
                "a finite number that is not negative");
        return options;
    }

    adaptive_target_options options_;
    adaptive_target_state state_;
};

/// `adaptive_target` with one lambda an instance in place of one a call:
///
///     lambda_b = beta * rms(theta_b) / rms(dz_b)
///     theta'   = alpha * theta - lambda_b * dz,  the instance's gradient divided by that same lambda_b
///
/// For batches whose instances differ in scale: with one lambda for all, the largest cotangent sets the step
/// of every instance, and the others' differences are zero. beta is one for all and moves as
/// `adaptive_target`'s does, once a call. An instance with dz = 0 or theta = 0 takes no step.
///
/// Since lambda depends on the instance alone, shards and ranks need no sums before use, only the counts for
/// `update` after it.
class instance_adaptive_target : public adaptive_target {
  public:
    using adaptive_target::adaptive_target;

    /// The target of one instance, from the sums over its theta and the cotangents of its samples.
    [[nodiscard]] perturbation_target for_instance(const target_sums& sums) const {
        return adaptive_target::for_call(sums);
    }

    /// The layer is to ask for each instance's.
    perturbation_target for_call(const target_sums& sums) const = delete;
};

}  // namespace imle::inline IMLE_ABI
