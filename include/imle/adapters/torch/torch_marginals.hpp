#pragma once

/// @file
/// A layer's marginals as a differentiable function of a torch tensor.

#include <cstdint>
#include <memory>
#include <utility>

#include <torch/types.h>

#include <imle/adapters/torch/detail/torch_node.hpp>
#include <imle/adapters/torch/detail/torch_tensors.hpp>
#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The backward half of `imle_layer::marginals`: the mean's cotangent goes to vjp as it is, and each sample
/// takes the whole step.
template <class LayerT, class PassT>
struct torch_marginals_pullback {
    std::shared_ptr<LayerT> layer;
    std::shared_ptr<const PassT> pass;

    template <class CotangentT>
    [[nodiscard]] auto operator()(const CotangentT& dmu) const {
        return layer->vjp(*pass, dmu);
    }
};

/// `torch_marginals` of a layer that the graph owns a share of, if the pointer has an owner.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch::Tensor torch_marginals_of(std::shared_ptr<LayerT> layer, const torch::Tensor& theta,
                                               random_key key, std::uint64_t first_instance) {
    require_theta(theta, InstanceRank);
    return with_scalar_of<LayerT, InstanceRank>(theta, [&]<class Scalar>(Scalar) {
        const torch::Tensor numbers = in_order(theta.detach());
        auto pass = layer->marginals(as_eigen<Scalar, InstanceRank + 1>(numbers), key, first_instance);
        if (!wants_gradient(theta)) return as_torch(std::move(pass).marginals());
        using pass_type = decltype(pass);
        auto value = pass.marginals();
        return with_node<Scalar, InstanceRank + 1>(
            as_torch(std::move(value)), "imle::torch_marginals", theta,
            torch_marginals_pullback<LayerT, pass_type>{std::move(layer),
                                                        std::make_shared<const pass_type>(std::move(pass))});
    });
}

}  // namespace detail

/// The mean of the layer's samples, none of which is kept: theta [batch, instance...] with `InstanceRank`
/// instance dimensions gives mu of the same shape and type. Differentiable once with respect to theta:
/// `imle_layer::vjp` of a pass of `marginals`, with the whole accumulated cotangent of mu.
///
/// theta, errors and threads as for `torch_samples`; but the layer must outlive the graph (a `torch_layer`
/// sees to that). batch * S solves each way, and as many again where an adaptive target counts.
template <int InstanceRank, class LayerT>
[[nodiscard]] torch::Tensor torch_marginals(LayerT& layer, const torch::Tensor& theta, random_key key,
                                            std::uint64_t first_instance = 0) {
    return detail::torch_marginals_of<InstanceRank>(std::shared_ptr<LayerT>(std::shared_ptr<void>(), &layer),
                                                    theta, key, first_instance);
}

}  // namespace imle::inline IMLE_ABI
