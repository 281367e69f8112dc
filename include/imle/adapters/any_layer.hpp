#pragma once

/// @file
/// What an adapter asks of a layer that not every layer can answer.

#include <cstdint>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// How many samples an instance has: one, where the layer's options say nothing of them.
template <class LayerT>
[[nodiscard]] Eigen::Index samples_of(const LayerT& layer) {
    if constexpr (requires { layer.options().samples; })
        return layer.options().samples;
    else
        return 1;
}

/// How many rows of a batch may be without an answer: all or none.
template <class LayerT>
[[nodiscard]] Eigen::Index rows_that_fail(const LayerT& layer, Eigen::Index batch) {
    if constexpr (requires { layer.options().failures; })
        return layer.options().failures == failure_policy::zero_gradient ? batch : 0;
    else
        return 0;
}

/// A layer with a target of the library's kind; other estimators have none.
template <class LayerT>
concept HasTarget = requires(LayerT& layer) {
    layer.target();
};

/// True if an instance's gradient may depend on the others': through a target that looks at the whole call.
template <class LayerT>
inline constexpr bool mixes_instances = false;
template <HasTarget LayerT>
inline constexpr bool mixes_instances<LayerT> =
    has_for_call<std::remove_cvref_t<decltype(std::declval<LayerT&>().target())>>;

/// A layer with a forward pass that keeps no samples, and its backward pass.
template <class LayerT, class ThetaT>
concept HasMarginals = requires(LayerT& layer, const ThetaT& theta, random_key key) {
    layer.vjp(layer.marginals(theta, key, std::uint64_t{0}), theta);
    layer.marginals_and_pullback(theta, key, std::uint64_t{0});
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
