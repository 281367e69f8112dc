#pragma once

/// @file
/// A convex bound on the regret of a prediction: SPO+.

#include <concepts>
#include <cstdint>
#include <utility>

#include <imle/layer/imle_layer.hpp>
#include <imle/losses/loss_value.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `spo_plus_loss`. The order of the members is part of the contract.
struct spo_plus_options {
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

/// The SPO+ loss (Elmachtoub and Grigas, "Smart 'Predict, then Optimize'", Management Science 2022,
/// definition 3 and proposition 3), for learning parameters whose true values are known. For costs c, their
/// prediction h, and the solver's answer z*(.):
///
///     value    = -min over z of <2h - c, z> + 2 <h, z*(c)> - <c, z*(c)>
///     gradient = 2 (z*(c) - z*(2h - c))                                    with respect to h
///
/// For a solver that maximises t it is mirrored: value = max <2h - t, z> - 2 <h, z*(t)> + <t, z*(t)>,
/// gradient = 2 (z*(2h - t) - z*(t)). Both values are computed as <2h - t, z*(2h - t) - z*(t)>, negated for
/// costs, which is the same sum with less rounding.
///
/// The value is convex in h, 0 or more, and no less than the regret of h (up to the rounding of the solver's
/// own sums). The gradient is a subgradient of it. One solve per instance, and one more for z*(t) unless you
/// pass it: over many epochs, pass it.
///
///     imle::spo_plus_loss loss{solver};
///     auto [values, gradient] = loss(theta_hat, theta_true);
///     auto [values, gradient] = loss(theta_hat, theta_true, z_true);     // z_true = z*(theta_true)
///
/// The solver must be exact for costs of any sign: 2h - c is negative where a cost is predicted at less than
/// half of its true value. A solver that counts negative costs as 0 (`grid_shortest_path`, and
/// `shortest_path` in a graph with cycles, both unless they reject them) minimises something else there, and
/// value and gradient then belong to no convex loss. `shortest_path` in a graph without cycles is exact.
///
/// Shapes: all tensors are [batch, instance...] or [instance..., batch], values [batch]. Throws
/// `std::invalid_argument` for tensors of different shapes, for numbers that are not finite and if 2h - t
/// overflows. Exceptions of a solve are those of `imle_layer::forward`. Whether a given z_true is optimal is
/// not checked.
template <std::copy_constructible SolverT, Executor ExecutorT = thread_executor>
class spo_plus_loss {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit spo_plus_loss(SolverT solver, spo_plus_options options = {}, ExecutorT executor = {})
        : options_(options),
          sampler_(std::move(solver), no_noise{}, sampler_options(options), std::move(executor)) {}

    /// Values and gradient with respect to theta_hat. Two solves per instance.
    template <class HatT, class TrueT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto operator()(const HatT& theta_hat, const TrueT& theta_true,
                                  const OptionsT& options = {}) const {
        return detail::with_loss_call(
            [&](const call_options& given, const auto& hat, const auto& truth) {
                require_inputs(hat, truth);
                return loss(hat, truth, sampler_.map(truth, given), given);
            },
            detail::options_of(options), theta_hat, theta_true);
    }

    /// The same if z*(theta_true) is known. One solve per instance.
    template <class HatT, class TrueT, detail::LossTensor ZT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto operator()(const HatT& theta_hat, const TrueT& theta_true, const ZT& z_true,
                                  const OptionsT& options = {}) const {
        return detail::with_loss_call(
            [&](const call_options& given, const auto& hat, const auto& truth, const auto& best) {
                require_inputs(hat, truth);
                detail::require_like("z_true", best, hat, "theta_hat's shape");
                return loss(hat, truth, best, given);
            },
            detail::options_of(options), theta_hat, theta_true, z_true);
    }

    /// z*(theta), of theta's shape, to pass as z_true.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto solve(const ThetaT& theta, const OptionsT& options = {}) const {
        return sampler_.map(theta, options);
    }

    /// The solver.
    [[nodiscard]] const SolverT& solver() const { return sampler_.solver(); }
    /// The options.
    [[nodiscard]] const spo_plus_options& options() const noexcept { return options_; }

  private:
    static layer_options sampler_options(const spo_plus_options& options) {
        detail::require_threads("spo_plus_options::threads", options.threads);
        return {.threads = options.threads};
    }

    template <class HatT, class TrueT>
    static void require_inputs(const HatT& theta_hat, const TrueT& theta_true) {
        detail::require_finite_batch("theta_hat", theta_hat);
        detail::require_like("theta_true", theta_true, theta_hat, "theta_hat's shape");
    }

    template <class HatT, class TrueT, class ZT>
    [[nodiscard]] auto loss(const HatT& theta_hat, const TrueT& theta_true, const ZT& z_true,
                            const call_options& options) const {
        using Scalar = scalar_of<HatT>;
        constexpr int rank = rank_of<HatT>, layout = layout_of<HatT>;
        const auto shape = detail::shape_of(theta_hat);
        Eigen::Tensor<Scalar, rank, layout> shifted(shape.theta());
        detail::scaled_sum(Scalar(2), theta_hat.data(), Scalar(-1), theta_true.data(), shifted.data(),
                           static_cast<std::size_t>(shifted.size()));
        detail::require_finite_batch("2 * theta_hat - theta_true", shifted);
        const auto z = sampler_.map(shifted, options);

        loss_value<Scalar, rank, layout> result{Eigen::Tensor<Scalar, 1, layout>(shape.batch),
                                                Eigen::Tensor<Scalar, rank, layout>(shape.theta())};
        constexpr int sign = sense_of<SolverT> == sense::minimize ? -1 : 1;
        for (Eigen::Index row = 0; row < shape.batch; ++row) {
            const Eigen::Index at = row * shape.n;
            result.values(row) =
                detail::finite_loss<Scalar>("the SPO+ loss",
                                            sign * detail::dot_difference(shifted.data() + at, z.data() + at,
                                                                          z_true.data() + at, shape.n),
                                            row);
        }
        for (Eigen::Index i = 0; i < z.size(); ++i)
            result.gradient.data()[i] = Scalar(2 * sign) * (z.data()[i] - z_true.data()[i]);
        return result;
    }

    spo_plus_options options_;
    perturbed_sampler<SolverT, no_noise, ExecutorT> sampler_;
};

template <class S, Executor E = thread_executor>
spo_plus_loss(S, spo_plus_options = {}, E = {})
    -> spo_plus_loss<typename detail::require_solver_object<S>::type, E>;

}  // namespace imle::inline IMLE_ABI
