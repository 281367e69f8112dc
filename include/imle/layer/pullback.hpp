#pragma once

/// @file
/// The backward half of a layer as a function object, for a tape.

#include <memory>
#include <utility>

#include <imle/core/shared_object.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
/// Maps the cotangent of a pass's output to the gradient with respect to theta, by the chain rule.
///
/// For samples: a tape's loss is usually a mean over samples, so each sample's cotangent arrives divided by
/// S. The layer's `vjp` takes the mean over samples, so a pullback passes S * dz to it. The result is the sum
/// over samples of per-sample gradients, and the step does not shrink with S. If you take the mean of the
/// samples and pull dmu / S back, you get `vjp(pass, dmu)`. For marginals the cotangent goes to `vjp`
/// unchanged.
///
/// It can be copied, called any number of times, and outlives the layer. The pullback and its copies share
/// the layer's parts, so the layer gets whatever an adaptive target learns here. Together with the layer they
/// count as one for the rule of one thread at a time.
template <class LayerT, class PassT>
class pullback {
  public:
    /// Used by `imle_layer::value_and_pullback`.
    pullback(LayerT layer, std::shared_ptr<const PassT> pass)
        : layer_(detail::make_shared_object<LayerT>(std::move(layer))), pass_(std::move(pass)) {}

    /// The gradient, of theta's shape, for a cotangent of the value's shape. Pass the whole accumulated
    /// cotangent in one call: the backward pass is not linear in it. Throws like `imle_layer::vjp`.
    template <class CotangentT>
    typename PassT::theta_tensor operator()(const CotangentT& dz) const {
        if constexpr (PassT::keeps_samples)
            static_assert(
                rank_of<detail::evaluated_t<CotangentT>> == rank_of<typename PassT::sample_tensor>,
                "imle::pullback: the cotangent must have the samples' shape, [batch, sample, instance...]; "
                "for a cotangent of the marginals use imle_layer::marginals_and_pullback. See docs/layer.md");
        return layer_->pull_back(*pass_, dz);
    }

    /// The forward pass.
    [[nodiscard]] const PassT& pass() const noexcept { return *pass_; }

  private:
    // A handle to the layer's parts, shared by all copies of the pullback. A copy of the handle would be an
    // independent layer, and what an adaptive target learns would be lost.
    std::shared_ptr<LayerT> layer_;
    std::shared_ptr<const PassT> pass_;
};

/// The result of `imle_layer::value_and_pullback` and `marginals_and_pullback`: `auto [value, pullback] =
/// ...`.
template <class ValueT, class PullbackT>
struct value_and_pullback_result {
    /// z, of the samples' shape, or its mean, of theta's shape.
    ValueT value;
    /// Maps the value's cotangent to theta's gradient.
    PullbackT pullback;
};

namespace detail {

/// The samples of a forward pass, or its marginals if it kept no samples, and the pullback, which keeps
/// `layer`.
template <class LayerT, class PassT>
[[nodiscard]] auto value_and_pullback_of(LayerT layer, PassT pass) {
    auto kept = detail::make_shared_object<const PassT>(std::move(pass));
    auto value = output_of(*kept);
    return value_and_pullback_result<decltype(value), pullback<LayerT, PassT>>{
        std::move(value), pullback<LayerT, PassT>(std::move(layer), std::move(kept))};
}

}  // namespace detail

}  // namespace imle::inline IMLE_ABI
