#pragma once

/// @file
/// The backward half of a layer as a value, for a tape.

#include <memory>
#include <utility>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// What a layer's `vjp`, a mean over samples, is to be given so that it follows the chain rule for a
/// cotangent of the samples' shape: samples * dz (see `pullback`).
template <class SampleTensorT, DenseTensor CotangentT>
[[nodiscard]] SampleTensorT cotangent_by_chain_rule(const CotangentT& dz, Eigen::Index samples) {
    return dz * static_cast<scalar_of<SampleTensorT>>(samples);
}

}  // namespace detail

/// Maps the cotangent of a pass's samples to the gradient with respect to theta, by the chain rule.
///
/// A tape's loss is usually a mean over samples, so each sample's cotangent arrives divided by S. The layer's
/// `vjp` takes the mean over samples of what each cotangent gives, so a pullback hands it S * dz: the result
/// is the sum over samples of per-sample gradients, and the step does not shrink with S. Taking the mean of
/// the samples and pulling dmu / S back equals `vjp(pass, dmu)`.
///
/// It can be copied, called any number of times, and outlives the layer: it shares the layer's parts, so what
/// an adaptive target learns here is the layer's too. Layer and pullback count as one for the rule of one
/// thread at a time.
template <class LayerT, class PassT>
class pullback {
  public:
    /// For `imle_layer::value_and_pullback`.
    pullback(LayerT layer, std::shared_ptr<const PassT> pass)
        : layer_(std::move(layer)), pass_(std::move(pass)) {}

    /// The gradient, of theta's shape, for a cotangent of the samples' shape. The whole accumulated cotangent
    /// must come in one call: the backward pass is not linear in it. Throws as `imle_layer::vjp`.
    template <DenseTensor CotangentT>
    typename PassT::theta_tensor operator()(const CotangentT& dz) const {
        using sample_tensor = typename PassT::sample_tensor;
        static_assert(
            rank_of<CotangentT> == rank_of<sample_tensor>,
            "imle::pullback: the cotangent is of the samples' shape, [batch, sample, instance...]; for a "
            "cotangent of the marginals use imle_layer::marginals and vjp. See docs/layer.md");
        if (detail::dimensions_of(dz) != detail::dimensions_of(pass_->samples()))
            detail::throw_invalid(
                "dz", "a tensor of shape " + detail::shape_string(detail::dimensions_of(dz)),
                "the samples' shape " + detail::shape_string(detail::dimensions_of(pass_->samples())));
        return layer_.vjp(*pass_, detail::cotangent_by_chain_rule<sample_tensor>(dz, pass_->sample_count()));
    }

    /// The forward pass that is pulled back through.
    [[nodiscard]] const PassT& pass() const noexcept { return *pass_; }

  private:
    // A handle to the layer's parts. The backward pass may move an adaptive target, which is the layer's
    // state, not the pullback's.
    mutable LayerT layer_;
    std::shared_ptr<const PassT> pass_;
};

/// What `imle_layer::value_and_pullback` returns: `auto [value, pullback] = ...`.
template <class ValueT, class PullbackT>
struct value_and_pullback_result {
    /// z, of the samples' shape.
    ValueT value;
    /// Maps the value's cotangent to theta's gradient.
    PullbackT pullback;
};

}  // namespace imle::inline IMLE_ABI
