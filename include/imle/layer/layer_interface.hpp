#pragma once

/// @file
/// The interface that all layers share: forward and backward calls in all their forms.

#include <algorithm>
#include <concepts>
#include <cstdint>

#include <imle/layer/batch_first.hpp>
#include <imle/layer/pass.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/shared.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// True if a layer's backward pass does not change the layer.
template <class LayerT>
concept StatelessLayer = !LayerT::learns;

}  // namespace detail

/// The public functions of every layer. They are built on three functions of `LayerT`, which must be
/// accessible to this class:
///
///     write_samples(call, z, failed_rows) const          z of every instance and sample
///     write_marginals(call, mean, failed_rows) const     its mean over the samples
///     write_gradient(values, call, cotangent, gradient)  the vector-Jacobian product; const unless it learns
///
/// `LayerT` also has `sample_count()` and `static constexpr bool learns`.
///
/// Shapes: theta is [batch, instance...] row-major or [instance..., batch] column-major, of float or double.
/// An instance has any rank from 1. Samples add a dimension next to the batch. Every argument may be an
/// expression of tensors: `layer.vjp(pass, pass.marginals() - wanted)`. If the batch of a column-major tensor
/// comes first, pass `imle::batch_first(tensor)`; the results then have the same order. For one theta shared
/// by many rows, pass `imle::shared(one, count)`.
///
/// The third argument of a call is `call_options` or the index of its first instance. It says which rows of a
/// larger batch these are, which data each row has (`.ids`) and which coordinates may be chosen (`.mask`).
///
/// Randomness: element ((first_instance + b) * S + s) * n + i of the key's sequence perturbs coordinate i of
/// instance b, sample s. So the same key gives the same samples, whatever the number of threads and however a
/// batch is sharded.
///
/// Threads: const functions may be called at the same time from any threads.
///
/// Errors: a caller's mistake throws `std::invalid_argument`, a faulty result of the solver `solver_error`,
/// and a faulty noise `noise_error`. Exceptions of the parts themselves pass through unchanged. After an
/// exception the layer is as before. If several samples fail, the error is the one of the lowest (instance,
/// sample).
template <class LayerT>
class layer_interface {
  public:
    /// Whether a backward pass changes the layer: true with an adaptive target.
    static constexpr bool learns = false;
    /// Whether `vjp` accepts passes of `marginals`.
    static constexpr bool pulls_back_marginals = true;

    /// Samples z, S per instance. A shard with `.first_instance` gets the bits of the larger batch. batch * S
    /// solves.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, const OptionsT& options = {}) const {
        return pass_of<sampled_pass>(theta, key, detail::options_of(options));
    }

    /// Estimates the marginals: the mean of `forward`'s samples, up to rounding. It keeps no sample, so
    /// memory does not grow with S. batch * S solves.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto marginals(const ThetaT& theta, random_key key, const OptionsT& options = {}) const {
        return pass_of<marginals_pass>(theta, key, detail::options_of(options));
    }

    /// `forward` into an existing pass. It does not allocate if shape and number of samples are the same as
    /// before. theta may lie in the pass. If a solve throws, the pass's samples are NaN.
    template <class ThetaT, detail::SampledPass PassT, CallOptions OptionsT = call_options>
    void forward_into(const ThetaT& theta, random_key key, PassT& pass, const OptionsT& options = {}) const {
        write_pass(theta, key, detail::options_of(options), pass);
    }

    /// `marginals` into an existing pass, like `forward_into`.
    template <class ThetaT, detail::MarginalsPass PassT, CallOptions OptionsT = call_options>
    void marginals_into(const ThetaT& theta, random_key key, PassT& pass,
                        const OptionsT& options = {}) const {
        write_pass(theta, key, detail::options_of(options), pass);
    }

    /// The vector-Jacobian product: the gradient with respect to theta, of theta's shape, as documented for
    /// each layer. `dz` has the samples' shape, one cotangent for each sample, or theta's shape, one
    /// cotangent for all samples of an instance. For a pass of `marginals` it has theta's shape. Each
    /// sample's cotangent is used as given, and the mean over samples is returned. For the chain rule of a
    /// loss that is a mean over samples see `pull_back`. Const unless the layer `learns`.
    template <class PassT, class CotangentT, detail::StatelessLayer SelfT = LayerT>
    [[nodiscard]] auto vjp(const PassT& pass, const CotangentT& dz) const {
        return gradient_of<false>(self(), pass, dz);
    }
    /// `vjp` of a layer that `learns`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto vjp(const PassT& pass, const CotangentT& dz) {
        return gradient_of<false>(self(), pass, dz);
    }

    /// `vjp` into a tensor of theta's shape, or a map of one. After the first call with a given shape, the
    /// layer does not allocate, unless the gradient's memory overlaps dz's or the pass's. If a solve throws,
    /// the contents of the gradient are undefined.
    template <class PassT, class CotangentT, DenseTensor GradientT, detail::StatelessLayer SelfT = LayerT>
    void vjp_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) const {
        write_gradient_into<false>(self(), pass, detail::evaluated(dz), gradient);
    }
    /// `vjp_into` of a layer that `learns`.
    template <class PassT, class CotangentT, DenseTensor GradientT>
    void vjp_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        write_gradient_into<false>(self(), pass, detail::evaluated(dz), gradient);
    }

    /// The gradient by the chain rule, for a tape. For a cotangent of the samples' shape this is `vjp(pass,
    /// S * dz)`, so the step does not shrink with the number of samples if the loss is a mean over them (see
    /// `imle::pullback`). For a cotangent of theta's shape, that is of the mean, it is `vjp(pass, dz)`.
    template <class PassT, class CotangentT, detail::StatelessLayer SelfT = LayerT>
    [[nodiscard]] auto pull_back(const PassT& pass, const CotangentT& dz) const {
        return gradient_of<true>(self(), pass, dz);
    }
    /// `pull_back` of a layer that `learns`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto pull_back(const PassT& pass, const CotangentT& dz) {
        return gradient_of<true>(self(), pass, dz);
    }

    /// `pull_back` into a tensor of theta's shape, or a map of one, like `vjp_into`.
    template <class PassT, class CotangentT, DenseTensor GradientT, detail::StatelessLayer SelfT = LayerT>
    void pull_back_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) const {
        write_gradient_into<true>(self(), pass, detail::evaluated(dz), gradient);
    }
    /// `pull_back_into` of a layer that `learns`.
    template <class PassT, class CotangentT, DenseTensor GradientT>
    void pull_back_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        write_gradient_into<true>(self(), pass, detail::evaluated(dz), gradient);
    }

    /// Samples and the function that pulls their cotangent back, for a tape: `auto [value, pullback] = ...`.
    /// The value has the samples' shape. The pullback follows the chain rule: see `imle::pullback`.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          const OptionsT& options = {}) const {
        return detail::value_and_pullback_of(self().handle(), self().forward(theta, key, options));
    }

    /// The mean over samples and its pullback, for a tape. No sample is kept. The value has theta's shape,
    /// and its cotangent goes to `vjp` unchanged.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto marginals_and_pullback(const ThetaT& theta, random_key key,
                                              const OptionsT& options = {}) const {
        return detail::value_and_pullback_of(self().handle(), self().marginals(theta, key, options));
    }

  protected:
    /// The layer that a pullback keeps: a copy that shares whatever copies of the layer share.
    [[nodiscard]] LayerT handle() const { return self(); }

    /// The pass's call and the checked `dz`, by the chain rule or not.
    template <bool chain_rule, class PassT, class CotangentT>
    [[nodiscard]] static auto cotangent_for(const PassT& pass, const CotangentT& dz) {
        auto cotangent = detail::checked_cotangent(pass, dz);
        if (chain_rule && cotangent.per_sample)
            cotangent.scale = static_cast<scalar_of<typename PassT::theta_tensor>>(pass.sample_count());
        return cotangent;
    }

  private:
    [[nodiscard]] const LayerT& self() const noexcept { return static_cast<const LayerT&>(*this); }
    [[nodiscard]] LayerT& self() noexcept { return static_cast<LayerT&>(*this); }

    template <template <class, int, int> class PassT, class ThetaT>
    [[nodiscard]] auto pass_of(const ThetaT& theta, random_key key, const call_options& options) const {
        if constexpr (detail::is_batch_first<ThetaT>) {
            const detail::batch_first_options own(theta, options);
            return detail::batch_first_pass(pass_of<PassT>(theta.batch_last(), key, own.get()));
        } else if constexpr (detail::is_shared<ThetaT>) {
            return detail::shared_pass(pass_of_rows<PassT>(theta.as_row(), theta.count(), key, options));
        } else {
            return pass_of_rows<PassT>(detail::evaluated_batch(theta), -1, key, options);
        }
    }

    /// Makes a pass. If `shared_rows` is not negative, so many instances share theta.
    template <template <class, int, int> class PassT, DenseTensor TensorT>
    [[nodiscard]] auto pass_of_rows(const TensorT& theta, Eigen::Index shared_rows, random_key key,
                                    const call_options& options) const {
        auto call = detail::checked_call(theta, self().sample_count(), key, options, shared_rows);
        using pass_type = PassT<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>>;
        auto pass = detail::pass_writer::empty<pass_type>(call);
        write(call, pass);
        return pass;
    }

    template <class ThetaT, class PassT>
    void write_pass(const ThetaT& theta, random_key key, const call_options& options, PassT& pass) const {
        static_assert(!detail::is_batch_first<ThetaT>,
                      "imle::batch_first: a reused pass keeps its batch last; pass a tensor "
                      "[instance..., batch]. See docs/layer.md#tensors");
        static_assert(detail::is_shared<ThetaT> == detail::is_shared_pass<PassT>,
                      "imle::shared: a reused pass of a shared theta needs a shared theta. See "
                      "docs/layer.md#calls");
        if constexpr (detail::is_shared<ThetaT>)
            write_rows(theta.as_row(), theta.count(), key, options, pass.rows());
        else
            write_rows(detail::evaluated_batch(theta), -1, key, options, pass);
    }

    template <DenseTensor TensorT, class PassT>
    void write_rows(const TensorT& theta, Eigen::Index shared_rows, random_key key,
                    const call_options& options, PassT& pass) const {
        using theta_tensor = typename PassT::theta_tensor;
        static_assert(std::same_as<scalar_of<TensorT>, scalar_of<theta_tensor>> &&
                          rank_of<TensorT> == rank_of<theta_tensor> &&
                          layout_of<TensorT> == layout_of<theta_tensor>,
                      "imle: the pass must have theta's scalar, rank and layout. See docs/layer.md");
        auto call = detail::checked_call(theta, self().sample_count(), key, options, shared_rows);
        write(call, pass);
    }

    template <class CallT, class PassT>
    void write(CallT& call, PassT& pass) const {
        detail::pass_writer::write(pass, call, [&](const CallT& own, auto* values, auto& failed_rows) {
            if constexpr (PassT::keeps_samples)
                self().write_samples(own, values, failed_rows);
            else
                self().write_marginals(own, values, failed_rows);
        });
    }

    template <bool chain_rule, class SelfT, class PassT, class CotangentT>
    [[nodiscard]] static auto gradient_of(SelfT& self, const PassT& pass, const CotangentT& dz) {
        if constexpr (detail::is_batch_first_pass<PassT>) {
            return pass.with_batch_first(
                gradient_of<chain_rule>(self, pass.batch_last(), pass.with_batch_last(dz)));
        } else if constexpr (detail::is_shared_pass<PassT>) {
            return pass.as_instance(gradient_of<chain_rule>(self, pass.rows(), dz));
        } else {
            pass.require_whole();
            typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
            write_gradient_into<chain_rule>(self, pass, detail::evaluated(dz), gradient);
            return gradient;
        }
    }

    template <bool chain_rule, class SelfT, class PassT, class CotangentT, class GradientT>
    static void write_gradient_into(SelfT& self, const PassT& pass, const CotangentT& dz,
                                    GradientT& gradient) {
        if constexpr (detail::is_shared_pass<PassT>) {
            detail::require_shape("gradient", gradient, pass.shape().instance, "theta's shape");
            auto row = pass.as_row(gradient);
            write_gradient_into<chain_rule>(self, pass.rows(), dz, row);
        } else {
            write_gradient_of_rows<chain_rule>(self, pass, dz, gradient);
        }
    }

    template <bool chain_rule, class SelfT, class PassT, class CotangentT, class GradientT>
    static void write_gradient_of_rows(SelfT& self, const PassT& pass, const CotangentT& dz,
                                       GradientT& gradient) {
        using theta_tensor = typename PassT::theta_tensor;
        static_assert(std::same_as<scalar_of<GradientT>, scalar_of<theta_tensor>> &&
                          layout_of<GradientT> == layout_of<theta_tensor> &&
                          rank_of<GradientT> == rank_of<theta_tensor>,
                      "imle: the gradient must have theta's scalar, rank and layout. See docs/layer.md");
        const auto call = detail::call_of(pass);
        detail::require_shape("gradient", gradient, detail::dimensions_of(pass.theta()), "theta's shape");
        const auto& fitting = detail::fitting_cotangent<PassT>(dz);
        const auto cotangent = cotangent_for<chain_rule>(pass, fitting);
        detail::write_apart(
            pass, fitting.data(), fitting.size(), gradient.data(), gradient.size(),
            [&](auto* out) { self.write_gradient(detail::pass_values_of(pass), call, cotangent, out); });
    }
};

}  // namespace imle::inline IMLE_ABI
