#pragma once

/// @file
/// The search for the step of an `imle_layer` whose gradient points best.
///
/// A small step leaves most solutions as they are, so the gradient is noise. A large one leaves theta behind,
/// so the gradient is biased. For each beta the search estimates the cosine of a gradient of S samples with
/// the exact gradient, as a product of two numbers:
///
///     noise:  |mu| / sqrt(|mu|^2 + V / S)     mu and V: mean and variance of a sample's gradient at beta
///     bias:   cosine(mu, mu_0)                mu_0: the mean of the central difference at the reference
///
/// The reference is the smallest step whose signal is no chance: four times its standard error. Its own bias
/// is small, because a central difference is exact up to the square of its step. But if the two sides of the
/// reference disagree, it is no small step, and the exact gradient is not seen with these samples. A forward
/// difference is then compared with its own smallest clear step.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <vector>

#include <imle/estimators/detail/solution_pairs.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The steps of a call: theta' = alpha * theta - beta * ratio_b * dz in row b.
struct step_scale {
    double alpha = 1;
    /// The target's own beta.
    double beta = 0;
    /// Whether the gradient of each row is divided by its step.
    bool divides = false;
    /// ratio_b of each row, or one for all rows.
    std::vector<double> ratios;
    /// The root mean square of ratio_b * dz.
    double rms = 0;

    [[nodiscard]] double step(double of_beta, Eigen::Index row) const {
        return of_beta * ratios[ratios.size() == 1 ? 0 : static_cast<std::size_t>(row)];
    }
};

/// The steps that a target takes, if it has a beta: 1 * beta for `perturbation_target`, rms(theta) / rms(dz)
/// * beta for adaptive targets.
template <class TargetT, class CallT, class Scalar>
[[nodiscard]] std::optional<step_scale> step_scale_of(const TargetT& target, const CallT& call,
                                                      const cotangent<Scalar>& dz) {
    const target_sums sums = sums_of_rows(call, dz, 0, call.shape.batch);
    if constexpr (std::same_as<TargetT, perturbation_target>) {
        return step_scale{target.alpha, target.beta, target.scale_gradient, {1.0}, sums.dz_rms()};
    } else if constexpr (std::derived_from<TargetT, adaptive_target>) {
        const auto ratio = [](const target_sums& of) {
            return of.dz_rms() > 0 ? of.theta_rms() / of.dz_rms() : 0.0;
        };
        step_scale scale{target.options().initial_alpha, target.state().beta, true, {}, 0};
        if constexpr (has_for_instance<TargetT>) {
            double squares = 0, count = 0;
            for (Eigen::Index row = 0; row < call.shape.batch; ++row) {
                const target_sums of_row = sums_of_rows(call, dz, row, 1);
                scale.ratios.push_back(ratio(of_row));
                const double rms = scale.ratios.back() * of_row.dz_rms();
                squares += rounded(rms * rms * static_cast<double>(of_row.dz_count));
                count += static_cast<double>(of_row.dz_count);
            }
            scale.rms = count > 0 ? std::sqrt(squares / count) : 0;
        } else {
            scale.ratios.assign(1, ratio(sums));
            scale.rms = scale.ratios.front() * sums.dz_rms();
        }
        return scale;
    } else {
        return std::nullopt;
    }
}

/// What one beta was found to give, forward and central; less if a solver refused its parameters.
struct step_trial {
    double beta = 0;
    std::optional<pair_counts> forward;
    std::optional<pair_counts> central;

    [[nodiscard]] const std::optional<pair_counts>& of(difference kind) const noexcept {
        return kind == difference::central ? central : forward;
    }
    /// The better measurement of the two.
    [[nodiscard]] const std::optional<pair_counts>& best() const noexcept {
        return central ? central : forward;
    }
};

/// The result of a search. Cosines are estimates of those with the exact gradient.
struct step_advice {
    /// The layer's own beta or, if another is clearly better, that one; NaN if no beta has a signal.
    double beta = std::numeric_limits<double>::quiet_NaN();
    /// The cosine at the layer's own beta, and at `beta`. NaN if the exact gradient is not seen, or if there
    /// is none, without noise in the forward pass.
    double cosine_now = std::numeric_limits<double>::quiet_NaN();
    double cosine = std::numeric_limits<double>::quiet_NaN();
    /// The number of samples for a cosine of 0.9 of two halves at `beta`; NaN if no number is known.
    double samples = std::numeric_limits<double>::quiet_NaN();
    /// Whether the other difference is clearly better for the same number of solves, and its beta and cosine.
    bool prefers_other_difference = false;
    double other_beta = std::numeric_limits<double>::quiet_NaN();
    double other_cosine = std::numeric_limits<double>::quiet_NaN();
};

template <class PairsT>
class step_search {
    using Scalar = typename PairsT::Scalar;

  public:
    /// `theta_rms`: the root mean square of theta.
    step_search(const PairsT& pairs, const step_scale& scale, const layer_options& options, double theta_rms)
        : pairs_(pairs), scale_(scale), options_(options) {
        const double noise = rounded(options.input_temperature * pairs.noise_deviation());
        const double size = std::max(theta_rms, is_finite(noise) ? noise : 0);
        center_ = (size > 0 ? size : 1) / scale.rms;
        const auto call = pairs.call();
        const auto& dz = pairs.dz();
        const Eigen::Index numbers = (dz.per_sample ? call.samples : 1) * call.shape.n;
        for (Eigen::Index row = 0; row < call.shape.batch; ++row)
            for (Eigen::Index i = 0; i < numbers; ++i)
                largest_ = std::max(largest_,
                                    std::abs(scale.step(static_cast<double>(dz.dz[row * numbers + i]), row)));
    }

    /// 2 * S * batch solves for each beta that is tried: at most 21 of them, 16 of the grid, 4 near the best
    /// and the layer's own. Up to twice as many if alpha is not 1 or the temperatures differ.
    [[nodiscard]] step_advice run() {
        const bool is_own = scale_.alpha == 1 && options_.input_temperature == options_.target_temperature;
        std::vector<step_trial> references;
        int weak = 0;
        for (int power = 3; power >= -12 && weak < 2; --power) {
            const double beta = std::ldexp(center_, 2 * power);
            references.push_back(tried(beta, 1, options_.input_temperature));
            if (!is_own) trials_.push_back(tried(beta, scale_.alpha, options_.target_temperature));
            weak = power <= 0 && is_weak(references.back().best()) ? weak + 1 : 0;
        }
        if (is_own) trials_ = references;
        if (pairs_.has_input_noise()) {
            choose_references(references);
            refine(options_.difference);
            refine(other_difference());
        }
        const bool has_own = scale_.beta > 0;
        if (has_own) try_own(scale_.beta);
        return pairs_.has_input_noise() ? advice_for_noise(has_own) : advice_without_noise(has_own);
    }

  private:
    [[nodiscard]] difference other_difference() const noexcept {
        return options_.difference == difference::central ? difference::forward : difference::central;
    }
    [[nodiscard]] double samples() const noexcept { return static_cast<double>(options_.samples); }

    [[nodiscard]] step_trial tried(double beta, double alpha, double temperature) const {
        step_trial trial{beta, {}, {}};
        // Leaves room for sums over many coordinates.
        const double most = static_cast<double>(std::numeric_limits<Scalar>::max()) * 0x1p-24;
        if (!is_finite(beta) || !(beta * largest_ < most)) return trial;
        const auto target_of = [&](Eigen::Index row) {
            return perturbation_target{alpha, scale_.step(beta, row), scale_.divides};
        };
        const auto divisor_of = [&](Eigen::Index row) { return step_of(target_of(row)); };
        try {
            const auto down = pairs_.solve(target_of, Scalar(1), temperature);
            trial.forward = pairs_.compare(pairs_.samples(), down, divisor_of);
            const auto up = pairs_.solve(target_of, Scalar(-1), temperature);
            trial.central = pairs_.compare(up, down, divisor_of);
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception&) {
            // The solver does not take parameters so far away (a negative cost, for example), or has no
            // answer for them. The layer does not ask for them either, so this beta is left out.
        }
        return trial;
    }
    void try_own(double beta) { trials_.push_back(tried(beta, scale_.alpha, options_.target_temperature)); }

    /// Whether the signal may be chance.
    [[nodiscard]] static bool is_weak(const std::optional<pair_counts>& counts) {
        return !counts || !(counts->gradient.signal_squared() > 4 * counts->gradient.signal_error());
    }

    /// The trial of the smallest beta with a clear signal, else the one with the strongest; null if there is
    /// none. counts_of(trial) is what counts.
    template <class CountsOfT>
    [[nodiscard]] static const step_trial* smallest_clear(const std::vector<step_trial>& trials,
                                                          const CountsOfT& counts_of) {
        const step_trial *clear = nullptr, *strongest = nullptr;
        double most = 0;
        for (const step_trial& trial : trials) {  // in descending order of beta
            const std::optional<pair_counts>& counts = counts_of(trial);
            if (!counts) continue;
            // A few changed pairs may agree by chance.
            const std::uint64_t enough = std::min<std::uint64_t>(10, (counts->pairs + 1) / 2);
            if (!is_weak(counts) && counts->changed_pairs() >= enough) clear = &trial;
            if (counts->gradient.signal_to_noise(1) > most) {
                most = counts->gradient.signal_to_noise(1);
                strongest = &trial;
            }
        }
        return clear != nullptr ? clear : strongest;
    }

    void choose_references(const std::vector<step_trial>& trials) {
        const auto forward_of = [](const step_trial& trial) -> const auto& {
            return trial.forward;
        };
        const auto best_counts_of = [](const step_trial& trial) -> const auto& {
            return trial.best();
        };
        const step_trial* const best = smallest_clear(trials, best_counts_of);
        if (best == nullptr) return;
        central_reference_ = forward_reference_ = best->best()->gradient;
        sees_exact_ = is_weak(best->forward)
                          ? 5 * best->forward->changed_pairs() >= best->best()->changed_pairs()
                          : cosine_of_means(best->forward->gradient, best->best()->gradient) > 0.5;
        if (sees_exact_) return;
        const step_trial* const forward = smallest_clear(trials, forward_of);
        if (forward != nullptr) forward_reference_ = forward->forward->gradient;
    }

    /// The estimated cosine with the reference; 0 if there is no signal.
    [[nodiscard]] double cosine_of(const step_trial& trial, difference kind, double sample_count) const {
        const auto& counts = trial.of(kind);
        const auto& reference = kind == difference::central ? central_reference_ : forward_reference_;
        if (!counts || !reference) return 0;
        return std::max(0.0, cosine_of_means(counts->gradient, *reference)) *
               counts->gradient.expected_cosine(sample_count);
    }

    /// The smallest beta that is about as good as the best; null if none has a signal.
    [[nodiscard]] const step_trial* best_of(difference kind, double sample_count) const {
        double most = 0;
        for (const step_trial& trial : trials_) most = std::max(most, cosine_of(trial, kind, sample_count));
        const step_trial* best = nullptr;
        for (const step_trial& trial : trials_)
            if (most > 0 && cosine_of(trial, kind, sample_count) >= 0.98 * most &&
                (best == nullptr || trial.beta < best->beta))
                best = &trial;
        return best;
    }

    /// Tries half and twice the best beta.
    void refine(difference kind) {
        const step_trial* const best = best_of(kind, samples());
        if (best == nullptr) return;
        const double beta = best->beta;
        for (const double near : {beta / 2, beta * 2})
            if (std::none_of(trials_.begin(), trials_.end(),
                             [near](const step_trial& trial) { return trial.beta == near; }))
                try_own(near);
    }

    /// The last trial is the one of the layer's own beta, if it has one.
    [[nodiscard]] step_advice advice_for_noise(bool has_own) const {
        step_advice advice;
        const difference kind = options_.difference;
        const step_trial* best = best_of(kind, samples());
        if (best == nullptr) return advice;
        const double cosine_now = has_own ? cosine_of(trials_.back(), kind, samples()) : 0;
        if (has_own && cosine_now >= 0.95 * cosine_of(*best, kind, samples())) best = &trials_.back();
        set_beta(advice, *best);
        if (!sees_exact_) return advice;
        advice.cosine_now = cosine_now;
        advice.cosine = cosine_of(*best, kind, samples());
        // With its forward pass, a sample takes 2 solves for a forward difference and 3 for a central one.
        const double equal_solves = kind == difference::central ? samples() * 3 / 2 : samples() * 2 / 3;
        if (const step_trial* const other = best_of(other_difference(), equal_solves)) {
            advice.other_beta = other->beta;
            advice.other_cosine = cosine_of(*other, other_difference(), equal_solves);
            advice.prefers_other_difference = advice.other_cosine > 1.02 * advice.cosine;
        }
        return advice;
    }

    /// Without noise z is piecewise constant: its exact gradient is 0 or does not exist. The gradient is that
    /// of an interpolation, which needs changes: the smallest beta that changes half of the pairs which a
    /// larger one changes.
    [[nodiscard]] step_advice advice_without_noise(bool has_own) const {
        step_advice advice;
        std::uint64_t most = 0;
        const auto changed = [&](const step_trial& trial) {
            const auto& counts = trial.of(options_.difference);
            return counts ? counts->changed_pairs() : 0;
        };
        for (const step_trial& trial : trials_) most = std::max(most, changed(trial));
        if (most == 0) return advice;
        const step_trial* best = nullptr;
        for (const step_trial& trial : trials_)
            if (2 * changed(trial) >= most && (best == nullptr || trial.beta < best->beta)) best = &trial;
        // The grid's betas are a factor of 4 apart.
        if (has_own && 2 * changed(trials_.back()) >= most && trials_.back().beta <= 4 * best->beta)
            best = &trials_.back();
        set_beta(advice, *best);
        return advice;
    }

    void set_beta(step_advice& advice, const step_trial& trial) const {
        advice.beta = trial.beta;
        advice.samples = trial.of(options_.difference)->gradient.samples_for_halves(0.9);
    }

    const PairsT& pairs_;
    const step_scale& scale_;
    const layer_options& options_;
    double center_ = 1;
    double largest_ = 0;
    std::vector<step_trial> trials_;
    std::optional<gradient_moments> forward_reference_, central_reference_;
    bool sees_exact_ = true;
};

}  // namespace imle::inline IMLE_ABI::detail
