#pragma once

/// @file
/// Measures a gradient, and says what would make it better.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/estimators/baseline.hpp>
#include <imle/estimators/detail/gradient_advice.hpp>
#include <imle/estimators/detail/sampling_gain.hpp>
#include <imle/estimators/detail/solution_pairs.hpp>
#include <imle/estimators/detail/step_search.hpp>
#include <imle/estimators/gradient_report.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/noise/no_noise.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class T>
inline constexpr bool is_imle_layer = false;
template <class S, class N, class T, class E>
inline constexpr bool is_imle_layer<imle_layer<S, N, T, E>> = true;

template <class T>
inline constexpr bool is_straight_through = false;
template <class S, class N, class E>
inline constexpr bool is_straight_through<straight_through_layer<S, N, E>> = true;

/// Options for the solves of a diagnosis. A caller's executor keeps its threads to itself. Samples are
/// independent, because samples that are stratified together cannot serve as repetitions.
template <class ExecutorT, class OptionsT>
[[nodiscard]] OptionsT quiet_options(OptionsT options) {
    options.statistics = false;
    if constexpr (!std::same_as<ExecutorT, thread_executor>) options.threads = 1;
    if constexpr (requires { options.sampling; }) options.sampling = {};
    return options;
}

// ---- imle_layer -------------------------------------------------------------------------------------------

/// Calls f(target_of) with the targets that a vjp of this call uses.
template <class TargetT, class CallT, class Scalar, class F>
void with_targets(const TargetT& target, const CallT& call, const cotangent<Scalar>& dz, F&& f) {
    if constexpr (has_for_instance<TargetT>) {
        std::vector<decltype(target.for_instance(target_sums{}))> targets;
        for (Eigen::Index row = 0; row < call.shape.batch; ++row)
            targets.push_back(target.for_instance(sums_of_rows(call, dz, row, 1)));
        f([&](Eigen::Index row) -> const auto& { return targets[static_cast<std::size_t>(row)]; });
    } else if constexpr (has_for_call<TargetT>) {
        const auto one = target.for_call(sums_of_rows(call, dz, 0, call.shape.batch));
        f([&](Eigen::Index) -> const auto& { return one; });
    } else {
        f([&](Eigen::Index) -> const auto& { return target; });
    }
}

template <class S, class N, class T, class E, class ThetaT, DenseTensor CotangentT>
[[nodiscard]] gradient_report diagnose_call(const imle_layer<S, N, T, E>& layer, const ThetaT& theta,
                                            const CotangentT& dz, random_key key,
                                            const call_options& options) {
    using Scalar = scalar_of<CotangentT>;
    if constexpr (has_validate<T>) layer.target().validate();
    const layer_options own = quiet_options<E>(layer.options());
    const solution_pairs<S, N, ThetaT, CotangentT> pairs(layer.solver(), layer.noise(), own, theta, dz, key,
                                                         options);
    const auto call = pairs.call();
    gradient_report report;
    advice_context context;
    report.samples = own.samples;
    report.map_share = pairs.map_share();
    context.per_sample = pairs.dz().per_sample;
    context.is_central = own.difference == difference::central;

    with_targets(layer.target(), call, pairs.dz(), [&](const auto& target_of) {
        const auto down = pairs.solve(target_of, Scalar(1), own.target_temperature);
        std::optional<solution_set<Scalar>> up;
        if (context.is_central) up = pairs.solve(target_of, Scalar(-1), own.target_temperature);
        const pair_counts counts = pairs.compare(up ? *up : pairs.samples(), down,
                                                 [&](Eigen::Index row) { return step_of(target_of(row)); });
        report.unchanged_share = counts.equal_share();
        report.mean_changed = counts.mean_changed();
        report.signal_to_noise = counts.gradient.signal_to_noise(static_cast<double>(own.samples));
        report.cosine_of_halves = counts.gradient.cosine_of_halves();
        report.suggested_samples = whole_samples(counts.gradient.samples_for_halves(0.9));
        context.failed_rows = counts.failed_rows;
    });

    const target_sums sums = layer.sums(pairs.pass(), dz);
    context.zero_cotangent = !(sums.dz_rms() > 0);
    if (const auto scale = step_scale_of(layer.target(), call, pairs.dz())) {
        report.beta = scale->beta;
        report.relative_step = rounded(scale->beta * scale->rms) / sums.theta_rms();
        context.beta_option = std::same_as<T, perturbation_target> ? "perturbation_target::beta"
                                                                   : "adaptive_target_options::initial_beta";
        context.zero_step = !(scale->rms > 0);
        if (scale->rms > 0) {
            context.step = step_search(pairs, *scale, own, sums.theta_rms()).run();
            report.suggested_beta = context.step.beta;
            report.suggested_samples = whole_samples(context.step.samples);
            if (!std::isnan(context.step.other_cosine))
                report.suggested_difference = context.is_central != context.step.prefers_other_difference
                                                  ? difference::central
                                                  : difference::forward;
        }
    }
    if constexpr (QuantileNoise<N, Scalar> && !is_zero_noise<N>)
        if (own.samples > 1 && own.input_temperature != 0 && !context.zero_cotangent && !context.zero_step) {
            const T target = std::isnan(report.suggested_beta)
                                 ? layer.target()
                                 : with_beta(layer.target(), report.suggested_beta);
            context.latin_gain = latin_gain(layer, own, target, theta, dz, key.fold_in(2), options);
            context.is_latin = layer.options().sampling == sampling::latin;
            if (!std::isnan(context.latin_gain))
                report.suggested_sampling =
                    context.latin_gain > 1.2 ? sampling::latin : sampling::independent;
        }
    report.solve_seconds = pairs.seconds_a_solve();
    add_advice(report, context);
    return report;
}

// ---- other layers -----------------------------------------------------------------------------------------

/// A copy of a layer whose calls do not show in the layer's statistics.
template <class LayerT>
[[nodiscard]] LayerT quiet_copy(const LayerT& layer) {
    return layer;
}
template <class S, class N, class E>
[[nodiscard]] auto quiet_copy(const straight_through_layer<S, N, E>& layer) {
    return straight_through_layer<S, N>(layer.solver(), layer.noise(), quiet_options<E>(layer.options()));
}

/// The least number of samples that a gradient needs.
template <class LayerT>
[[nodiscard]] Eigen::Index least_samples(const LayerT& layer) {
    if constexpr (requires { layer.options().baseline; })
        return layer.options().baseline == baseline::leave_one_out ? 2 : 1;
    else
        return 1;
}

/// `count` samples of each row from `first` on, of a tensor of the samples' shape.
template <class ShapeT, DenseTensor TensorT>
[[nodiscard]] auto some_samples(const ShapeT& shape, const TensorT& values, Eigen::Index samples,
                                Eigen::Index first, Eigen::Index count) {
    Eigen::Tensor<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>> some(shape.samples(count));
    for (Eigen::Index row = 0; row < shape.batch; ++row)
        std::copy_n(values.data() + (row * samples + first) * shape.n, count * shape.n,
                    some.data() + row * count * shape.n);
    return some;
}

/// The gradient of some samples of a pass, for layers whose backward pass draws no noise again.
template <class LayerT, class PassT, DenseTensor CotangentT>
[[nodiscard]] auto gradient_of_some(LayerT& layer, const PassT& pass, const CotangentT& dz,
                                    Eigen::Index first, Eigen::Index count) {
    const auto shape = pass.shape();
    const Eigen::Index samples = pass.sample_count();
    const PassT some(pass.theta(), some_samples(shape, pass.samples(), samples, first, count), pass.key(),
                     call_options{pass.first_instance(), pass.ids(), pass.mask()}, pass.failed_rows());
    if constexpr (rank_of<CotangentT> == rank_of<typename PassT::sample_tensor>)
        return layer.vjp(some, some_samples(shape, dz, samples, first, count));
    else
        return layer.vjp(some, dz);
}

/// The noise of a layer's gradient, from the halves of its samples or from two keys.
template <class LayerT, class PassT, class ThetaT, DenseTensor CotangentT>
[[nodiscard]] gradient_moments moments_of(LayerT& layer, const PassT& pass, const ThetaT& theta,
                                          const CotangentT& dz, const call_options& options) {
    const auto moments = [&](const auto& first, const auto& second, Eigen::Index samples_each) {
        const auto size = static_cast<std::size_t>(first.size());
        const auto rows = is_shared_pass<PassT> ? 1 : static_cast<std::size_t>(pass.shape().batch);
        gradient_moments both(size, rows == 0 ? 1 : size / rows, 2, samples_each);
        for (const auto* gradient : {&first, &second})
            both.add(std::vector<double>(gradient->data(), gradient->data() + size));
        return both;
    };
    if constexpr ((requires { layer.family(); } || is_straight_through<LayerT>)&&!is_shared_pass<PassT>) {
        const Eigen::Index half = pass.sample_count() / 2;
        if (half >= least_samples(layer)) {
            return moments(gradient_of_some(layer, pass, dz, 0, half),
                           gradient_of_some(layer, pass, dz, half, half), half);
        }
    }
    const auto other = layer.forward(theta, pass.key().fold_in(1), options);
    return moments(layer.vjp(pass, dz), layer.vjp(other, dz), pass.sample_count());
}

/// The share of samples that are the MAP states of their rows.
template <class PassT, DenseTensor MapT>
[[nodiscard]] double share_of_map(const PassT& pass, const MapT& map) {
    const auto shape = pass.shape();
    const auto* z = pass.samples().data();
    std::uint64_t equal = 0, count = 0;
    for (Eigen::Index row = 0; row < shape.batch; ++row)
        for (Eigen::Index s = 0; s < pass.sample_count(); ++s, ++count, z += shape.n) {
            const auto* const best = map.data() + row * shape.n;
            equal += std::equal(best, best + shape.n, z) ? 1 : 0;
        }
    return static_cast<double>(equal) / static_cast<double>(count);  // NaN for an empty batch
}

template <class LayerT, class ThetaT, DenseTensor CotangentT>
[[nodiscard]] gradient_report diagnose_call(const LayerT& given, const ThetaT& theta, const CotangentT& dz,
                                            random_key key, const call_options& options) {
    auto layer = quiet_copy(given);
    const auto pass = layer.forward(theta, key, options);
    (void)checked_cotangent(rows_of_pass(pass), dz);
    gradient_report report;
    advice_context context;
    report.samples = pass.sample_count();
    context.failed_rows = pass.failed_rows().size();
    context.zero_cotangent =
        std::all_of(dz.data(), dz.data() + dz.size(), [](auto x) { return x == decltype(x)(0); });
    const gradient_moments gradient = moments_of(layer, pass, theta, dz, options);
    report.signal_to_noise = gradient.signal_to_noise(static_cast<double>(report.samples));
    report.cosine_of_halves = gradient.cosine_of_halves();
    report.suggested_samples = whole_samples(gradient.samples_for_halves(0.9));
    if constexpr (requires { layer.map(theta, options); })
        report.map_share = share_of_map(pass, layer.map(theta, options));
    if constexpr (requires { layer.solver(); }) {
        const perturbed_sampler<std::remove_cvref_t<decltype(layer.solver())>, no_noise> timed(
            layer.solver(), no_noise{}, {.failures = failure_policy::zero_gradient, .statistics = true});
        (void)timed.map(theta, options);
        const call_statistics did = timed.statistics();
        report.solve_seconds = did.solve_seconds / static_cast<double>(did.solves);
    }
    add_advice(report, context);
    return report;
}

}  // namespace detail

/// Measures the gradient that `layer.vjp(layer.forward(theta, key, options), dz)` would give, and says what
/// would make it better. theta, dz and options are those of the layer's calls: dz has theta's or the samples'
/// shape, and is used as `vjp` uses it. A dz of the samples' shape is held fixed, also for other keys.
///
///     std::cout << imle::diagnose(layer, theta, dz, key);
///
/// **What it estimates.** The gradient's noise comes from the samples, so more rows or samples make the
/// report firmer. For `imle_layer` the S samples are the repetitions; with one sample, the calls of two keys,
/// `key` and `key.fold_in(1)`. For `exact_layer`, `score_function_layer` and `straight_through_layer` it is
/// the two halves of the samples, where each half has enough samples and theta is not shared. For all other
/// layers it is the calls of the two keys.
///
/// **The suggested beta.** For several betas, under the same noise, it estimates the cosine of a gradient of
/// S samples with the exact gradient: see detail/step_search.hpp. It suggests the smallest beta within 2 % of
/// the best cosine, or keeps the layer's own if that is within 5 %. Without noise in the forward pass it
/// suggests the smallest beta that changes half of the solutions that a larger one can change. An adaptive
/// target's beta is the one of its state.
///
/// **Samples.** The advice to take `sampling::latin` compares the variance of the gradients of 8 keys, at the
/// suggested beta.
///
/// **Cost.** For `imle_layer` one forward call (two if S is 1), one backward, `map`, and the search: 2 * S *
/// batch solves for each beta that it tries, usually 10 to 14 and at most 21; twice as many if alpha is not 1
/// or the two temperatures differ. Then 32 * S * batch to compare stratified samples with independent ones
/// (64 for central differences), if the noise can be stratified and S is not 1. Memory for four solutions of
/// every instance and sample. For other layers two calls of `forward` and `vjp`, and 2 * batch solves.
///
/// The arguments determine the result, except `solve_seconds`. It does not depend on threads. The layer is
/// not changed: neither an adaptive target's state nor `statistics()`. A caller's own executor is not used;
/// solves then run on the calling thread. Throws as `forward` and `vjp` do. A beta that the search tries and
/// the solver refuses is left out.
template <class LayerT, class ThetaT, class CotangentT, CallOptions OptionsT = call_options>
[[nodiscard]] gradient_report diagnose(const LayerT& layer, const ThetaT& theta, const CotangentT& dz,
                                       random_key key, const OptionsT& options = {}) {
    const call_options given = detail::options_of(options);
    if constexpr (detail::is_batch_first<ThetaT>) {
        const detail::batch_first_options own(theta, given);
        using batch_last = std::remove_cvref_t<decltype(theta.batch_last())>;
        constexpr int outer = rank_of<detail::evaluated_t<CotangentT>> == rank_of<batch_last> ? 1 : 2;
        return detail::diagnose_call(layer, theta.batch_last(),
                                     detail::with_batch_last<outer>(detail::evaluated(dz)), key, own.get());
    } else if constexpr (detail::is_shared<ThetaT>) {
        return detail::diagnose_call(layer, theta, detail::evaluated(dz), key, given);
    } else {
        return detail::diagnose_call(layer, detail::evaluated_batch(theta), detail::evaluated(dz), key,
                                     given);
    }
}

}  // namespace imle::inline IMLE_ABI
