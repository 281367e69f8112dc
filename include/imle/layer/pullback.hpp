#pragma once

/// @file
/// The backward half of a layer as a value, for a tape.

#include <memory>
#include <utility>

#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
/// Maps the cotangent of a pass's output to the gradient with respect to theta, by the chain rule.
///
/// For samples: a tape's loss is usually a mean over samples, so each sample's cotangent arrives divided by
/// S. The layer's `vjp` takes the mean over samples of what each cotangent gives, so a pullback hands it S *
/// dz: the result is the sum over samples of per-sample gradients, and the step does not shrink with S.
/// Taking the mean of the samples and pulling dmu / S back equals `vjp(pass, dmu)`. For marginals the
/// cotangent goes to `vjp` as it is.
///
/// It can be copied, called any number of times, and outlives the layer: it and its copies share the layer's
/// parts, so what an adaptive target learns here is the layer's too. They count as one with the layer for the
/// rule of one thread at a time.
template <class LayerT, class PassT>
class pullback {
  public:
    /// For `imle_layer::value_and_pullback`.
    pullback(LayerT layer, std::shared_ptr<const PassT> pass)
        : layer_(std::make_shared<LayerT>(std::move(layer))), pass_(std::move(pass)) {}

    /// The gradient, of theta's shape, for a cotangent of the value's shape. The whole accumulated cotangent
    /// must come in one call: the backward pass is not linear in it. Throws as `imle_layer::vjp`.
    template <class CotangentT>
    typename PassT::theta_tensor operator()(const CotangentT& dz) const {
        if constexpr (PassT::keeps_samples)
            static_assert(
                rank_of<detail::evaluated_t<CotangentT>> == rank_of<typename PassT::sample_tensor>,
                "imle::pullback: the cotangent is of the samples' shape, [batch, sample, instance...]; for a "
                "cotangent of the marginals use imle_layer::marginals_and_pullback. See docs/layer.md");
        return layer_->pull_back(*pass_, dz);
    }

    /// The forward pass that is pulled back through.
    [[nodiscard]] const PassT& pass() const noexcept { return *pass_; }

  private:
    // A handle to the layer's parts, shared with copies of the pullback: a copy of the handle would be a
    // layer of its own, and what an adaptive target learns would be lost.
    std::shared_ptr<LayerT> layer_;
    std::shared_ptr<const PassT> pass_;
};

/// What `imle_layer::value_and_pullback` and `marginals_and_pullback` return: `auto [value, pullback] = ...`.
template <class ValueT, class PullbackT>
struct value_and_pullback_result {
    /// z, of the samples' shape; or their mean, of theta's.
    ValueT value;
    /// Maps the value's cotangent to theta's gradient.
    PullbackT pullback;
};

namespace detail {

/// A forward pass's samples, or its marginals if it kept no samples, and the pullback through `layer`, which
/// it keeps.
template <class LayerT, class PassT>
[[nodiscard]] auto value_and_pullback_of(LayerT layer, PassT pass) {
    auto kept = std::make_shared<const PassT>(std::move(pass));
    auto value = output_of(*kept);
    return value_and_pullback_result<decltype(value), pullback<LayerT, PassT>>{
        std::move(value), pullback<LayerT, PassT>(std::move(layer), std::move(kept))};
}

}  // namespace detail

}  // namespace imle::inline IMLE_ABI
