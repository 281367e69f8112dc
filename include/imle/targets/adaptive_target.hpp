#pragma once

/// @file
/// The target distribution that adapts its own step: adaptive I-MLE.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// How an `adaptive_target` changes beta after a vjp.
enum class beta_update {
    /// By `beta_step` up or down, as in the paper. With the default of 1e-4 it takes 10,000 calls from 1 to
    /// 2, so the start must be about right.
    additive,
    /// By a factor that depends on the miss of the count. From a start that is wrong by a factor of 10,000 it
    /// takes a few tens of calls to the right step. `beta_step` and `beta_momentum` have no effect.
    multiplicative
};

/// The options of an `adaptive_target`. The order of the members is part of the contract.
struct adaptive_target_options {
    /// alpha, the factor of theta.
    double initial_alpha = 1;
    /// The initial beta: the step relative to the norms of theta and dz.
    double initial_beta = 1;
    /// The initial running count of nonzeros per difference.
    double initial_grad_norm = 1;
    /// The amount by which beta changes after each vjp.
    double beta_step = 1e-4;
    /// The share of the previous change that is added to the next, in [0, 1).
    double beta_momentum = 0;
    /// The share of the running count that is kept, in [0, 1].
    double decay = 0.9;
    /// The count of nonzeros per difference that beta aims at, in coordinates. 1 suits one-hot answers: every
    /// second sample then changes, by two coordinates. If a change moves more coordinates (subsets: 2; paths,
    /// tours, assignments: 4), choose a larger value, or beta falls until hardly any sample changes.
    double target_norm = 1;
    /// How beta changes. `beta_update::multiplicative` needs a `target_norm` above 0.
    beta_update update = beta_update::additive;
};

/// What an `adaptive_target` has learned: plain numbers that you can read, save and restore.
struct adaptive_target_state {
    /// The step relative to the norms.
    double beta = 1;
    /// The running count of nonzeros per difference.
    double grad_norm = 1;
    /// The last change of beta, before beta was clipped at 0; of log beta for `beta_update::multiplicative`.
    double previous_update = 0;
    /// The gain of `beta_update::multiplicative`, in (0, 16]; below 1 once beta has turned. Set it back to 1
    /// to look for another step as fast as at first.
    double gain = 1;

    /// True if all members are equal.
    friend bool operator==(const adaptive_target_state&, const adaptive_target_state&) = default;
};

/// Adaptive I-MLE (Minervini, Franceschi, Niepert, AAAI 2023): theta' = alpha * theta - lambda * dz. The
/// gradient is divided by the same lambda.
///
///     lambda = beta * rms(theta) / rms(dz)                           over the whole call
///     n     <- decay * n + (1 - decay) * nonzeros / (B * S)          after each vjp
///     u     <- momentum * u + (n < target_norm ? 1 : -1) * beta_step
///     beta  <- max(0, beta + u)
///
/// With `beta_update::multiplicative` the last two lines are
///
///     m     <- 1 - nonzeros / (B * S * target_norm)         the miss of the count: 1 if nothing changed
///     u     <- gain * m, between -1 and 1
///     beta  <- beta * exp(u), between 1e-8 and 1e12
///
/// beta turns when a miss has another sign than the last one. In the k-th call from the first turn on, the
/// gain is 2 / (2 + k). Before it is 1, and grows by a quarter (up to 16) for each further miss of the same
/// sign that is too small to move beta by a factor of e: far above the right step the count hardly depends on
/// it. Near the right step the count is roughly in proportion to beta, so that a gain of 1 is Newton's step;
/// the gain that falls averages the noise of the counts (Robbins, Monro, "A stochastic approximation method",
/// Annals of Mathematical Statistics 22, 1951). A call in which dz or theta is 0 took no step and does not
/// change the state. If no step gives the count (alpha = 0, temperatures that differ), beta goes towards a
/// bound.
///
/// Root mean squares make lambda independent of the batch size, the number of samples and the loss's
/// reduction; at one sample their ratio equals the reference's ratio of Frobenius norms. `nonzeros` counts
/// the per-sample differences before averaging: after averaging, more samples would look like more signal.
/// lambda = 0 (from theta = 0, dz = 0 or beta = 0) divides by 1.
///
/// On passes of `marginals` the count costs one more solve per sample, because no z was kept.
///
/// Shards and ranks: add up the `target_sums` of all before use, see `imle_layer::vjp_shard`.
class adaptive_target {
  public:
    /// Throws `std::invalid_argument` if an option is not finite or out of its range.
    explicit adaptive_target(const adaptive_target_options& options = {})
        : options_(checked(options)), state_{options.initial_beta, options.initial_grad_norm, 0.0} {}

    /// theta' of one instance with lambda = beta. The layer uses `for_call` instead, which knows the norms.
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        perturbation_target{options_.initial_alpha, state_.beta, true}.parameters(theta, dz, theta_prime);
    }

    /// The target of one call. The sums over the call determine lambda, which also divides the gradient.
    /// Throws `std::invalid_argument` for sums that are not finite.
    [[nodiscard]] perturbation_target for_call(const target_sums& sums) const {
        require("the rms of theta in target_sums", sums.theta_rms());
        require("the rms of dz in target_sums", sums.dz_rms());
        return {options_.initial_alpha, lambda(sums), true};
    }

    /// The step of a call with these sums: beta * rms(theta) / rms(dz), or 0 if dz is 0. If dz is so small
    /// that the ratio would overflow, it is the largest finite number.
    [[nodiscard]] double lambda(const target_sums& sums) const noexcept {
        const double dz_rms = sums.dz_rms();
        if (!(dz_rms > 0)) return 0;
        return std::min(state_.beta * (sums.theta_rms() / dz_rms), std::numeric_limits<double>::max());
    }

    /// Updates the running count and beta after a vjp. Does nothing for a call without instances and, if beta
    /// is multiplied, without a step.
    void update(const target_sums& sums) noexcept {
        const bool multiplies = options_.update == beta_update::multiplicative;
        if (sums.differences == 0 || (multiplies && took_no_step(sums))) return;
        const double count = static_cast<double>(sums.nonzeros) / static_cast<double>(sums.differences);
        state_.grad_norm = detail::rounded(options_.decay * state_.grad_norm) +
                           detail::rounded((1 - options_.decay) * count);
        multiplies ? multiply_beta(count) : add_to_beta();
    }

    /// The options given to the constructor.
    [[nodiscard]] const adaptive_target_options& options() const noexcept { return options_; }
    /// What the target has learned so far.
    [[nodiscard]] const adaptive_target_state& state() const noexcept { return state_; }

    /// Restores a saved state. Throws `std::invalid_argument` if it is not finite, beta is negative or the
    /// gain is not in (0, 16].
    void restore(const adaptive_target_state& state) {
        if (!detail::is_finite(state.beta) || state.beta < 0)
            detail::throw_invalid("adaptive_target_state::beta", state.beta,
                                  "a finite number that is not negative");
        if (!detail::is_finite(state.grad_norm))
            detail::throw_invalid("adaptive_target_state::grad_norm", state.grad_norm, "a finite number");
        if (!detail::is_finite(state.previous_update))
            detail::throw_invalid("adaptive_target_state::previous_update", state.previous_update,
                                  "a finite number");
        if (!detail::is_finite(state.gain) || !(state.gain > 0 && state.gain <= largest_gain))
            detail::throw_invalid("adaptive_target_state::gain", state.gain, "a number in (0, 16]");
        state_ = state;
    }

  private:
    /// The bounds of a beta that is multiplied. A smaller step is lost when it is added to a float; a larger
    /// one is needed only if theta is 1e-12 of the noise.
    static constexpr double lowest_beta = 1e-8, highest_beta = 1e12;
    static constexpr double largest_gain = 16;

    /// Whether dz or theta was 0 in the whole call. False if the sums have counts only.
    [[nodiscard]] static bool took_no_step(const target_sums& sums) noexcept {
        return (sums.dz_count > 0 && !(sums.dz_rms() > 0)) ||
               (sums.theta_count > 0 && !(sums.theta_rms() > 0));
    }

    void add_to_beta() noexcept {
        const double direction = state_.grad_norm < options_.target_norm ? 1.0 : -1.0;
        const double update = detail::rounded(options_.beta_momentum * state_.previous_update) +
                              (direction < 0 ? -options_.beta_step : options_.beta_step);
        state_.beta = std::max(0.0, state_.beta + update);
        state_.previous_update = update;  // unclipped, as in the reference
    }

    void multiply_beta(double count) noexcept {
        const double miss = 1 - count / options_.target_norm;
        const bool goes_on = miss > 0 ? state_.previous_update > 0 : miss < 0 && state_.previous_update < 0;
        const bool turns = miss > 0 ? state_.previous_update < 0 : miss < 0 && state_.previous_update > 0;
        double gain = state_.gain;
        if (turns || gain < 1) {
            gain = std::min(gain, 1.0);
            gain /= 1 + detail::rounded(gain / 2);
        } else if (goes_on && std::abs(miss) < 1 / gain) {
            gain = std::min(1.25 * gain, largest_gain);
        }
        const double update = std::clamp(detail::rounded(gain * miss), -1.0, 1.0);
        // A start beyond a bound may stay there, but not move on.
        const double beta = std::max(state_.beta, lowest_beta) * detail::elementary::exp(update);
        state_.beta = std::clamp(beta, lowest_beta, std::max(highest_beta, state_.beta));
        state_.previous_update = update;
        state_.gain = gain;
    }

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
        if (options.update == beta_update::multiplicative)
            require(options.target_norm > 0, "adaptive_target_options::target_norm", options.target_norm,
                    "a positive number for beta_update::multiplicative");
        else if (options.update != beta_update::additive)
            detail::throw_invalid("adaptive_target_options::update", static_cast<int>(options.update),
                                  "beta_update::additive or beta_update::multiplicative");
        return options;
    }

    adaptive_target_options options_;
    adaptive_target_state state_;
};

/// `adaptive_target` with one lambda per instance instead of one per call:
///
///     lambda_b = beta * rms(theta_b) / rms(dz_b)
///     theta'   = alpha * theta - lambda_b * dz,  the instance's gradient divided by the same lambda_b
///
/// Use it if the instances of a batch differ in scale: with one lambda for all, the largest cotangent
/// determines the step of every instance, and the others' differences are zero. beta is common to all
/// instances and changes once per call, as in `adaptive_target`. An instance with dz = 0 or theta = 0 takes
/// no step.
///
/// Because lambda depends only on the instance, shards and ranks need no sums beforehand, only the counts for
/// `update` afterwards.
class instance_adaptive_target : public adaptive_target {
  public:
    using adaptive_target::adaptive_target;

    /// The target of one instance, from the sums over its theta and its samples' cotangents.
    [[nodiscard]] perturbation_target for_instance(const target_sums& sums) const {
        return adaptive_target::for_call(sums);
    }

    /// Deleted, so that the layer uses `for_instance`.
    perturbation_target for_call(const target_sums& sums) const = delete;
};

}  // namespace imle::inline IMLE_ABI
