#pragma once

/// @file
/// The doors that all layers have: forward and backward calls in all their forms.

#include <algorithm>
#include <concepts>
#include <cstdint>

#include <imle/layer/batch_first.hpp>
#include <imle/layer/pass.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/shared.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// True if a layer's backward pass changes nothing in it.
template <class LayerT>
concept StatelessLayer = !LayerT::learns;

}  // namespace detail

/// What every layer offers, made of the three functions that `LayerT` has (and lets this class call):
///
///     write_samples(call, z, failed_rows) const          z of every instance and sample
///     write_marginals(call, mean, failed_rows) const     its mean over the samples
///     write_gradient(values, call, cotangent, gradient)  the vector-Jacobian product; const unless it learns
///
/// beside `sample_count()` and `static constexpr bool learns`.
///
/// Shapes: theta is [batch, instance...] row-major or [instance..., batch] column-major, of float or double,
/// the instance of any rank from 1. Samples add a dimension next to the batch. Every argument may be an
/// expression of tensors: `layer.vjp(pass, pass.marginals() - wanted)`. A column-major tensor whose batch
/// comes first is handed in as `imle::batch_first(tensor)`, and the results are then of that shape. One theta
/// for many rows is handed in as `imle::shared(one, count)`.
///
/// A call's third argument, `call_options` or the number of its first instance, says which rows these are,
/// which data each has (`.ids`) and which coordinates may be chosen (`.mask`).
///
/// Randomness: element ((first_instance + b) * S + s) * n + i of the key's sequence perturbs coordinate i of
/// instance b, sample s: the same key gives the same samples, whatever the number of threads and however a
/// batch is sharded.
///
/// Threads: calls of const functions may run at the same time, from any threads.
///
/// Errors: a caller's mistake throws `std::invalid_argument`, a solver's `solver_error`, a noise's
/// `noise_error`; what the parts throw themselves passes through unchanged. The layer is then as it was
/// before. If several samples fail, the error is that of the lowest (instance, sample).
template <class LayerT>
class layer_interface {
  public:
    /// Whether a backward pass changes the layer, as one with an adaptive target does.
    static constexpr bool learns = false;
    /// Whether `vjp` takes passes of `marginals`.
    static constexpr bool pulls_back_marginals = true;

    /// Samples z, S per instance. A shard with `.first_instance` gets the larger batch's bits. batch * S
    /// solves.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, const OptionsT& options = {}) const {
        return pass_of<sampled_pass>(theta, key, detail::options_of(options));
    }

    /// Estimates the marginals: the mean of `forward`'s samples to rounding, none of which is kept, so memory
    /// does not grow with S. batch * S solves.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto marginals(const ThetaT& theta, random_key key, const OptionsT& options = {}) const {
        return pass_of<marginals_pass>(theta, key, detail::options_of(options));
    }

    /// `forward` into a pass that is used again: nothing is allocated where its shape and number of samples
    /// are the same as before. theta may lie in the pass. If a solve throws, the pass's samples are NaN.
    template <class ThetaT, detail::SampledPass PassT, CallOptions OptionsT = call_options>
    void forward_into(const ThetaT& theta, random_key key, PassT& pass, const OptionsT& options = {}) const {
        write_pass(theta, key, detail::options_of(options), pass);
    }

    /// `marginals` into a pass that is used again, as `forward_into`.
    template <class ThetaT, detail::MarginalsPass PassT, CallOptions OptionsT = call_options>
    void marginals_into(const ThetaT& theta, random_key key, PassT& pass,
                        const OptionsT& options = {}) const {
        write_pass(theta, key, detail::options_of(options), pass);
    }

    /// The vector-Jacobian product: the gradient with respect to theta, of theta's shape, as the layer's page
    /// defines it. `dz` is of the samples' shape, a cotangent for each, or of theta's shape, which each
    /// sample then gets; of theta's for a pass of `marginals`. Each sample's cotangent is used as it is
    /// given, and the mean over samples is returned: for the chain rule of a loss that is a mean over samples
    /// see `pull_back`. Const unless the layer `learns`.
    template <class PassT, class CotangentT, detail::StatelessLayer SelfT = LayerT>
    [[nodiscard]] auto vjp(const PassT& pass, const CotangentT& dz) const {
        return gradient_of<false>(self(), pass, dz);
    }
    /// The same for a layer that `learns`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto vjp(const PassT& pass, const CotangentT& dz) {
        return gradient_of<false>(self(), pass, dz);
    }

    /// `vjp` into a tensor of theta's shape, or a map of one. After the first call with a given shape, the
    /// layer does not allocate, unless the gradient's memory overlaps dz's or the pass's. If a solve throws,
    /// what it holds is undefined.
    template <class PassT, class CotangentT, DenseTensor GradientT, detail::StatelessLayer SelfT = LayerT>
    void vjp_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) const {
        write_gradient_into<false>(self(), pass, detail::evaluated(dz), gradient);
    }
    /// The same for a layer that `learns`.
    template <class PassT, class CotangentT, DenseTensor GradientT>
    void vjp_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        write_gradient_into<false>(self(), pass, detail::evaluated(dz), gradient);
    }

    /// The gradient by the chain rule, for a tape: of a cotangent of the samples' shape, `vjp(pass, S * dz)`,
    /// so that the step does not shrink with the number of samples where the loss is a mean over them (see
    /// `imle::pullback`); of one of theta's shape, the cotangent of the mean, `vjp(pass, dz)`.
    template <class PassT, class CotangentT, detail::StatelessLayer SelfT = LayerT>
    [[nodiscard]] auto pull_back(const PassT& pass, const CotangentT& dz) const {
        return gradient_of<true>(self(), pass, dz);
    }
    /// The same for a layer that `learns`.
    template <class PassT, class CotangentT>
    [[nodiscard]] auto pull_back(const PassT& pass, const CotangentT& dz) {
        return gradient_of<true>(self(), pass, dz);
    }

    /// `pull_back` into a tensor of theta's shape, or a map of one, as `vjp_into`.
    template <class PassT, class CotangentT, DenseTensor GradientT, detail::StatelessLayer SelfT = LayerT>
    void pull_back_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) const {
        write_gradient_into<true>(self(), pass, detail::evaluated(dz), gradient);
    }
    /// The same for a layer that `learns`.
    template <class PassT, class CotangentT, DenseTensor GradientT>
    void pull_back_into(const PassT& pass, const CotangentT& dz, GradientT&& gradient) {
        write_gradient_into<true>(self(), pass, detail::evaluated(dz), gradient);
    }

    /// Samples and the function that pulls their cotangent back, for a tape: `auto [value, pullback] = ...`,
    /// value of the samples' shape. The pullback follows the chain rule: see `imle::pullback`.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          const OptionsT& options = {}) const {
        return detail::value_and_pullback_of(self().handle(), self().forward(theta, key, options));
    }

    /// The same for the mean over samples, none of which is kept: value of theta's shape, and its cotangent
    /// goes to `vjp` as it is.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto marginals_and_pullback(const ThetaT& theta, random_key key,
                                              const OptionsT& options = {}) const {
        return detail::value_and_pullback_of(self().handle(), self().marginals(theta, key, options));
    }

  protected:
    /// What a pullback keeps of the layer: a copy, which shares what the layer shares with its copies.
    [[nodiscard]] LayerT handle() const { return self(); }

    /// The pass's call, `dz` checked, by the chain rule or not.
    template <bool chain_rule, class PassT, class CotangentT>
    [[nodiscard]] static auto cotangent_for(const PassT& pass, const CotangentT& dz) {
        auto cotangent = detail::checked_cotangent(pass, dz);
        if (chain_rule && cotangent.per_sample)
            cotangent.scale = static_cast<scalar_of<CotangentT>>(pass.sample_count());
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
            return pass_of_rows<PassT>(detail::evaluated(theta), -1, key, options);
        }
    }

    /// Of `shared_rows` instances that share their theta, unless that is negative.
    template <template <class, int, int> class PassT, DenseTensor TensorT>
    [[nodiscard]] auto pass_of_rows(const TensorT& theta, Eigen::Index shared_rows, random_key key,
                                    const call_options& options) const {
        const auto call = detail::checked_call(theta, self().sample_count(), key, options, shared_rows);
        using pass_type = PassT<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>>;
        auto pass = detail::pass_writer::empty<pass_type>(call);
        write(call, pass);
        return pass;
    }

    template <class ThetaT, class PassT>
    void write_pass(const ThetaT& theta, random_key key, const call_options& options, PassT& pass) const {
        static_assert(!detail::is_batch_first<ThetaT>,
                      "imle::batch_first: a pass that is used again keeps its batch last; hand in a tensor "
                      "[instance..., batch]. See docs/layer.md#tensors");
        static_assert(detail::is_shared<ThetaT> == detail::is_shared_pass<PassT>,
                      "imle::shared: a pass of a shared theta is used again for a shared theta. See "
                      "docs/layer.md#calls");
        if constexpr (detail::is_shared<ThetaT>)
            write_rows(theta.as_row(), theta.count(), key, options, pass.rows());
        else
            write_rows(detail::evaluated(theta), -1, key, options, pass);
    }

    template <DenseTensor TensorT, class PassT>
    void write_rows(const TensorT& theta, Eigen::Index shared_rows, random_key key,
                    const call_options& options, PassT& pass) const {
        using theta_tensor = typename PassT::theta_tensor;
        static_assert(std::same_as<scalar_of<TensorT>, scalar_of<theta_tensor>> &&
                          rank_of<TensorT> == rank_of<theta_tensor> &&
                          layout_of<TensorT> == layout_of<theta_tensor>,
                      "imle: the pass is one of theta's scalar, rank and layout. See docs/layer.md");
        write(detail::checked_call(theta, self().sample_count(), key, options, shared_rows), pass);
    }

    template <class CallT, class PassT>
    void write(const CallT& call, PassT& pass) const {
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
                      "imle: the gradient has theta's scalar, rank and layout. See docs/layer.md");
        const auto call = detail::call_of(pass);
        detail::require_shape("gradient", gradient, detail::dimensions_of(pass.theta()), "theta's shape");
        const auto cotangent = cotangent_for<chain_rule>(pass, dz);
        const auto overlaps = [&](const auto& tensor) {
            return detail::overlap(gradient.data(), gradient.size(), tensor.data(), tensor.size());
        };
        if (!overlaps(dz) && !overlaps(pass.theta()) && !overlaps(detail::output_of(pass))) {
            self.write_gradient(detail::pass_values_of(pass), call, cotangent, gradient.data());
        } else {
            theta_tensor own(detail::dimensions_of(pass.theta()));
            self.write_gradient(detail::pass_values_of(pass), call, cotangent, own.data());
            std::copy_n(own.data(), own.size(), gradient.data());
        }
    }
};

}  // namespace imle::inline IMLE_ABI
