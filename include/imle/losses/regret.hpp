#pragma once

/// @file
/// The cost, under the true parameters, of a decision made by predicted ones.

#include <cmath>
#include <cstdint>

#include <imle/layer/perturbed_sampler.hpp>
#include <imle/losses/loss_value.hpp>
#include <imle/noise/no_noise.hpp>

namespace imle::inline IMLE_ABI {

namespace detail {

/// Calls f(z*(theta_hat), theta_true, z*(theta_true)).
template <class F, class SolverT, class HatT, class TrueT>
[[nodiscard]] auto with_decisions(F&& f, const SolverT& solver, const HatT& theta_hat,
                                  const TrueT& theta_true, const call_options& options, int threads) {
    return with_loss_call(
        [&](const call_options& given, const auto& hat, const auto& truth) {
            require_finite_batch("theta_hat", hat);
            require_like("theta_true", truth, hat, "theta_hat's shape");
            const perturbed_sampler<SolverT, no_noise> sampler(solver, no_noise{}, {.threads = threads});
            return f(sampler.map(hat, given), truth, sampler.map(truth, given));
        },
        options, theta_hat, theta_true);
}

}  // namespace detail

/// The regret of each instance's decision z, [batch]: <theta_true, z_true - z>, or <c, z - z_true> for
/// `sense::minimize`, where z_true is the best decision under the true parameters.
///
///     imle::regret<imle::sense::minimize>(z, costs, best)
///
/// All arguments have one shape, [batch, instance...] or [instance..., batch]. The regret is 0 or more if
/// z_true is a best decision and z a feasible one (up to the rounding of the solver's own sums); neither is
/// checked. It is linear in z, with gradient -theta_true, or c. Throws `std::invalid_argument` for different
/// shapes and for numbers that are not finite. O(batch * n).
template <sense Sense, class ZT, class TrueT, class BestT>
[[nodiscard]] auto regret(const ZT& z, const TrueT& theta_true, const BestT& z_true) {
    return detail::with_loss_inputs(
        [](const auto& decided, const auto& truth, const auto& best) {
            detail::require_finite_batch("z", decided);
            detail::require_like("theta_true", truth, decided, "z's shape");
            detail::require_like("z_true", best, decided, "z's shape");
            using Scalar = scalar_of<decltype(decided)>;
            const auto shape = detail::shape_of(decided);
            Eigen::Tensor<Scalar, 1, layout_of<decltype(decided)>> values(shape.batch);
            for (Eigen::Index row = 0; row < shape.batch; ++row) {
                const Eigen::Index at = row * shape.n;
                const auto* const better = (Sense == sense::minimize ? decided.data() : best.data()) + at;
                const auto* const worse = (Sense == sense::minimize ? best.data() : decided.data()) + at;
                values(row) = detail::finite_loss<Scalar>(
                    "the regret", detail::dot_difference(truth.data() + at, better, worse, shape.n), row);
            }
            return values;
        },
        z, theta_true, z_true);
}

/// The regret of deciding by theta_hat when theta_true holds, of each instance, [batch]: the true value of
/// the best decision minus the true value of z*(theta_hat); for a minimising solver, the reverse. It is 0 or
/// more for an exact solver. If several decisions are best under theta_hat, the one that the solver returns
/// counts.
///
/// Two solves per instance, `threads` at a time (0: one for each core). `options` are for solvers that take
/// a context. Throws `std::invalid_argument` for different shapes and for numbers that are not finite, and
/// whatever `imle_layer::forward` throws.
template <class SolverT, class HatT, class TrueT, CallOptions OptionsT = call_options>
[[nodiscard]] auto regret(const SolverT& solver, const HatT& theta_hat, const TrueT& theta_true,
                          const OptionsT& options = {}, int threads = 1) {
    return detail::with_decisions(
        [](const auto& decided, const auto& truth, const auto& best) {
            return regret<sense_of<SolverT>>(decided, truth, best);
        },
        solver, theta_hat, theta_true, detail::options_of(options), threads);
}

/// The normalised regret of a batch: the sum of the regrets over the sum of |<theta_true, z_true>| (as
/// defined by Elmachtoub and Grigas, 2022, section 6, and PyEPO). Multiply by 100 for percent.
///
/// Arguments as for `regret<sense>`. Throws `std::invalid_argument` if the second sum is 0: an empty batch,
/// or best decisions that are worth nothing.
template <sense Sense, class ZT, class TrueT, class BestT>
[[nodiscard]] double normalized_regret(const ZT& z, const TrueT& theta_true, const BestT& z_true) {
    return detail::with_loss_inputs(
        [](const auto& decided, const auto& truth, const auto& best) {
            const auto regrets = regret<Sense>(decided, truth, best);
            const auto shape = detail::shape_of(decided);
            double sum = 0, scale = 0;
            for (Eigen::Index row = 0; row < shape.batch; ++row) {
                const Eigen::Index at = row * shape.n;
                sum += static_cast<double>(regrets(row));
                scale += std::abs(detail::dot(truth.data() + at, best.data() + at, shape.n));
            }
            if (!(scale > 0))
                detail::throw_invalid("the sum of |<theta_true, z_true>|",
                                      detail::message(scale, " over a batch of ", shape.batch),
                                      "more than 0, as regrets are divided by it (use imle::regret instead)");
            return sum / scale;
        },
        z, theta_true, z_true);
}

/// The normalised regret of deciding by theta_hat when theta_true holds. Arguments, cost and errors as for
/// `regret(solver, ...)`, and as for the function above.
template <class SolverT, class HatT, class TrueT, CallOptions OptionsT = call_options>
[[nodiscard]] double normalized_regret(const SolverT& solver, const HatT& theta_hat, const TrueT& theta_true,
                                       const OptionsT& options = {}, int threads = 1) {
    return detail::with_decisions(
        [](const auto& decided, const auto& truth, const auto& best) {
            return normalized_regret<sense_of<SolverT>>(decided, truth, best);
        },
        solver, theta_hat, theta_true, detail::options_of(options), threads);
}

}  // namespace imle::inline IMLE_ABI
