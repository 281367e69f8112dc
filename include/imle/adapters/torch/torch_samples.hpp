#pragma once

/// @file
/// A layer's samples as a differentiable function of a torch tensor.

#include <cstdint>
#include <utility>

#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_node.hpp>
#include <imle/adapters/torch/detail/torch_tensors.hpp>
#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// Samples z of the layer: theta [batch, instance...] with `InstanceRank` instance dimensions gives
/// z [batch, sample, instance...], of theta's type. Differentiable once with respect to theta, by the chain
/// rule: `imle_layer::value_and_pullback`, whose pullback gets the whole accumulated cotangent.
///
/// theta is a dense tensor of float or double on the CPU, of any stride; it is copied only where it is not
/// contiguous. z owns its memory and may be changed in place. Without a gradient to be had (theta does not
/// require one, or under `torch::NoGradGuard`) nothing is kept.
///
/// The graph shares the layer's parts and outlives the layer. Layer and graphs count as one for the rule of
/// one thread at a time, and what an adaptive target learns in a backward pass is the layer's.
///
/// Throws `c10::Error` for a wrong device, type, layout or rank, and otherwise as `imle_layer::forward`;
/// `backward()` throws as `imle_layer::vjp`. batch * S solves each.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch::Tensor torch_samples(LayerT& layer, const torch::Tensor& theta, random_key key,
                                          std::uint64_t first_instance = 0) {
    detail::require_theta(theta, InstanceRank);
    return detail::with_scalar_of<LayerT, InstanceRank>(theta, [&]<class Scalar>(Scalar) {
        const torch::Tensor numbers = detail::in_order(theta.detach());
        const auto view = detail::as_eigen<Scalar, InstanceRank + 1>(numbers);
        if (!detail::wants_gradient(theta))
            return detail::as_torch(std::move(layer.forward(view, key, first_instance)).samples());
        auto [value, pullback] = layer.value_and_pullback(view, key, first_instance);
        return detail::with_node<Scalar, InstanceRank + 2>(detail::as_torch(std::move(value)),
                                                           "imle::torch_samples", theta, std::move(pullback));
    });
}

}  // namespace imle::inline IMLE_ABI
