#pragma once

/// @file
/// A layer's marginals as a differentiable function of a torch tensor.

#include <cstdint>
#include <utility>

#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_node.hpp>
#include <imle/adapters/torch/detail/torch_tensors.hpp>
#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
/// The mean of the layer's samples, none of which is kept: theta [batch, instance...] with `InstanceRank`
/// instance dimensions gives mu of the same shape and type. Differentiable once with respect to theta:
/// `imle_layer::marginals_and_pullback`, with the whole accumulated cotangent of mu.
///
/// theta, errors, lifetime and threads as for `torch_samples`. batch * S solves each way, and as many again
/// where an adaptive target counts.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch::Tensor torch_marginals(LayerT& layer, const torch::Tensor& theta, random_key key,
                                            std::uint64_t first_instance = 0) {
    detail::require_theta(theta, InstanceRank);
    return detail::with_scalar_of<LayerT, InstanceRank>(theta, [&]<class Scalar>(Scalar) {
        const torch::Tensor numbers = detail::in_order(theta.detach());
        const auto view = detail::as_eigen<Scalar, InstanceRank + 1>(numbers);
        if (!detail::wants_gradient(theta))
            return detail::as_torch(std::move(layer.marginals(view, key, first_instance)).marginals());
        auto [value, pullback] = layer.marginals_and_pullback(view, key, first_instance);
        return detail::with_node<Scalar, InstanceRank + 1>(
            detail::as_torch(std::move(value)), "imle::torch_marginals", theta, std::move(pullback));
    });
}

}  // namespace imle::inline IMLE_ABI
