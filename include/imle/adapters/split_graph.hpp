#pragma once

/// @file
/// A layer for any engine of automatic differentiation: the engine's graph is split in two at the layer.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <stdexcept>
#include <type_traits>

#include <imle/layer/call.hpp>
#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A contiguous range of numbers that is not a tensor.
template <class T, class Scalar>
concept NumbersOf = !DenseTensor<T> && std::ranges::contiguous_range<T> &&
                    std::same_as<std::ranges::range_value_t<T>, Scalar>;

}  // namespace detail

/// How often `split_graph::backward` may be called.
enum class backward_calls {
    /// Once: a second call is probably a late part of the cotangent, and throws.
    once,
    /// Any number of times, each with a whole cotangent: for several losses that are differentiated
    /// separately.
    any
};

/// One use of a layer between two halves of an engine's graph.
///
///     imle::split_graph split{layer, theta, key};        // theta: the values, out of the engine
///     auto z = ...;                                      // fresh inputs of the engine, with split.samples()
///     auto loss = ...;                                   // in the engine, from z and other inputs
///     const auto gradient = split.backward(dz);          // dz: the engine's derivatives for all of z
///     auto seed = split.surrogate(theta_variables, gradient);  // in the engine: differentiate this too
///
/// The engine needs no custom functions, and may propagate number by number, because the layer is called
/// between two runs of the engine. `surrogate` is sum_i gradient_i theta_i; its derivative continues to
/// whatever theta was computed from.
///
/// The layer must outlive this object. It is not copied, so that an adaptive target learns. The object can be
/// moved but not copied.
template <class LayerT, class PassT>
class split_graph {
  public:
    /// The type of theta: [batch, instance...] or [instance..., batch].
    using theta_tensor = typename PassT::theta_tensor;
    /// The type of z: [batch, sample, instance...] or [instance..., sample, batch].
    using sample_tensor = typename PassT::sample_tensor;
    /// float or double, like theta.
    using Scalar = scalar_of<theta_tensor>;

    /// Runs the forward pass: batch * S solves. theta: [batch, instance...] row-major or [instance..., batch]
    /// column-major. Throws like `imle_layer::forward`.
    template <DenseTensor ThetaT, CallOptions OptionsT = call_options>
    split_graph(LayerT& layer, const ThetaT& theta, random_key key,
                backward_calls calls = backward_calls::once, const OptionsT& options = {})
        : layer_(&layer), pass_(layer.forward(theta, key, options)), calls_(calls) {}

    split_graph(split_graph&&) noexcept = default;
    split_graph& operator=(split_graph&&) noexcept = default;

    /// z, the values for the inputs of the second half: [batch, sample, instance...] or [instance..., sample,
    /// batch].
    [[nodiscard]] const sample_tensor& samples() const noexcept { return pass_.samples(); }
    /// The mean of the samples, of theta's shape. O(batch * S * n).
    [[nodiscard]] theta_tensor marginals() const { return pass_.marginals(); }
    /// The forward pass.
    [[nodiscard]] const PassT& pass() const noexcept { return pass_; }

    /// The gradient of the loss with respect to theta, of theta's shape, by one vjp: batch * S solves, or
    /// twice as many. `dz` is a tensor of samples()' shape, the cotangents of all samples, to which the chain
    /// rule applies: vjp(pass, S * dz), see `imle::pullback`; or a tensor of marginals()' shape, which goes
    /// to vjp unchanged.
    ///
    /// `dz` must be the whole cotangent, after everything that uses z has added its part: the backward pass
    /// is not linear, so the gradients of parts do not add up to the gradient. A second call therefore throws
    /// `std::logic_error` unless the object was made with `backward_calls::any`. Throws like
    /// `imle_layer::vjp`, and may then be called again.
    template <DenseTensor CotangentT>
    [[nodiscard]] theta_tensor backward(const CotangentT& dz) {
        if (done_ && calls_ == backward_calls::once)
            throw std::logic_error(
                "imle: split_graph::backward was called a second time for one forward pass; expected one "
                "call with the whole cotangent: first add up the cotangents of all users of z, because "
                "gradients of parts do not add up. For several losses, each with its own whole cotangent, "
                "make the split_graph with imle::backward_calls::any");
        theta_tensor gradient = layer_->pull_back(pass_, dz);
        done_ = true;
        return gradient;
    }

    /// `backward` for contiguous cotangents, for example in a `std::vector`, of the size and order of
    /// samples() or marginals(). Throws `std::invalid_argument` for any other size.
    template <detail::NumbersOf<Scalar> NumbersT>
    [[nodiscard]] theta_tensor backward(const NumbersT& dz) {
        const auto size = static_cast<Eigen::Index>(std::ranges::size(dz));
        const Scalar* const numbers = std::ranges::data(dz);
        if (size == pass_.samples().size())
            return backward(Eigen::TensorMap<const sample_tensor>(numbers, pass_.samples().dimensions()));
        if (size != pass_.theta().size())
            detail::throw_invalid("dz", detail::message("of ", size, " numbers"),
                                  detail::message(pass_.samples().size(), " for the samples or ",
                                                  pass_.theta().size(), " for the marginals"));
        return backward(Eigen::TensorMap<const theta_tensor>(numbers, pass_.theta().dimensions()));
    }

    /// sum_i gradient_i theta_i, in the engine's numbers. Its derivative with respect to theta is the
    /// gradient, so differentiating it continues the backward pass from theta. `theta` is indexed in memory
    /// order, like the gradient. Throws `std::invalid_argument` if the sizes differ.
    template <class NumbersT>
    [[nodiscard]] static auto surrogate(const NumbersT& theta, const theta_tensor& gradient) {
        using number = std::remove_cvref_t<decltype(theta[0])>;
        const auto size = static_cast<std::size_t>(theta.size());
        if (size != static_cast<std::size_t>(gradient.size()) || size == 0)
            detail::throw_invalid("theta", detail::message("of ", size, " numbers"),
                                  detail::message(gradient.size(), ", the gradient's, and at least 1"));
        number sum = theta[0] * gradient.data()[0];
        for (std::size_t i = 1; i < size; ++i) sum = sum + theta[i] * gradient.data()[i];
        return sum;
    }

  private:
    LayerT* layer_;
    PassT pass_;
    backward_calls calls_;
    bool done_ = false;
};

template <class LayerT, DenseTensor ThetaT, CallOptions OptionsT = call_options>
split_graph(LayerT&, const ThetaT&, random_key, backward_calls = backward_calls::once, const OptionsT& = {})
    -> split_graph<LayerT, sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>>;

}  // namespace imle::inline IMLE_ABI
