#pragma once

/// @file
/// What stratified samples would gain for a gradient.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <vector>

#include <imle/estimators/detail/gradient_moments.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/item_noise.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A copy of a target with another beta, if it has one.
template <class TargetT>
[[nodiscard]] TargetT with_beta(TargetT target, double beta) {
    if constexpr (std::same_as<TargetT, perturbation_target>) {
        target.beta = beta;
    } else if constexpr (std::derived_from<TargetT, adaptive_target>) {
        adaptive_target_state state = target.state();
        state.beta = beta;
        target.restore(state);
    }
    return target;
}

/// The variance of a layer's gradient with independent samples over that with `sampling::latin`, from the
/// gradients of 8 keys folded from `key`. NaN if there is no noise in both, or if the solver refuses one of
/// the calls. At most 32 * S * batch solves (64 for central differences).
template <class S, class N, class T, class E, class ThetaT, class CotangentT>
[[nodiscard]] double latin_gain(const imle_layer<S, N, T, E>& layer, const layer_options& options,
                                const T& target, const ThetaT& theta, const CotangentT& dz, random_key key,
                                const call_options& given) {
    constexpr std::uint64_t keys = 8;
    const auto variance = [&](sampling how) {
        layer_options own = options;
        own.sampling = how;
        const imle_layer<S, N, T> same(layer.solver(), layer.noise(), target, own);
        std::vector<std::vector<double>> gradients;
        for (std::uint64_t i = 0; i < keys; ++i) {
            const auto pass = same.forward(theta, key.fold_in(i), given);
            const auto gradient = same.vjp_shard(pass, dz, same.sums(pass, dz)).first;
            gradients.emplace_back(gradient.data(), gradient.data() + gradient.size());
        }
        gradient_moments moments(gradients[0].size(), gradients[0].size(), keys, own.samples);
        for (const std::vector<double>& gradient : gradients) moments.add(gradient);
        return moments.noise_squared();
    };
    try {
        return variance(sampling::independent) / variance(sampling::latin);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception&) {
        return std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace imle::inline IMLE_ABI::detail
