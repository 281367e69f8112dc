#pragma once

/// @file
/// What all losses share: the type that they return, the arguments that they take, and sums.

#include <imle/core/finite.hpp>
#include <imle/core/rounded.hpp>
#include <imle/layer/batch_first.hpp>
#include <imle/layer/call.hpp>

namespace imle::inline IMLE_ABI {

/// A loss of a batch, instance by instance. Nothing is averaged over the batch; the gradient of the mean is
/// `gradient` / batch. `Rank` is theta's, the batch included.
template <class Scalar, int Rank, int Layout>
struct loss_value {
    /// One for each instance: [batch].
    Eigen::Tensor<Scalar, 1, Layout> values;
    /// d values[b] / d theta[b], of theta's shape.
    Eigen::Tensor<Scalar, Rank, Layout> gradient;
};

namespace detail {

/// An argument of a loss: a tensor, an expression of tensors, or a `batch_first` tensor.
template <class T>
concept LossTensor = is_tensor_expression<T> || is_batch_first<T>;

/// Calls f with a loss's tensors. Expressions are evaluated. If the first is a `batch_first` tensor, all are
/// given with their batch last, and the gradient is turned back.
template <class F, class FirstT, class... RestT>
[[nodiscard]] auto with_loss_inputs(F&& f, const FirstT& first, const RestT&... rest) {
    if constexpr (is_batch_first<FirstT>) {
        auto result = f(first.batch_last(), batch_last_of(rest)...);
        if constexpr (requires { result.gradient; }) result.gradient = with_batch_first<1>(result.gradient);
        return result;
    } else {
        return f(evaluated(first), evaluated(rest)...);
    }
}

/// A copy of a tensor of instances with 0 where the call's mask forbids a coordinate.
template <DenseTensor TensorT>
[[nodiscard]] auto allowed_part(const TensorT& tensor, std::span<const bool> mask) {
    Eigen::Tensor<scalar_of<TensorT>, rank_of<TensorT>, layout_of<TensorT>> copy = tensor;
    for (Eigen::Index at = 0; at < copy.size(); at += static_cast<Eigen::Index>(mask.size()))
        write_forbidden(mask, copy.data() + at);
    return copy;
}

/// `with_loss_inputs` for a loss that solves: calls f(options, tensors...), where the tensors are 0 where
/// the mask forbids.
template <class F, class FirstT, class... RestT>
[[nodiscard]] auto with_loss_call(F&& f, const call_options& options, const FirstT& first,
                                  const RestT&... rest) {
    if constexpr (is_batch_first<FirstT>) {
        const batch_first_options own(first, options);
        return with_loss_inputs(
            [&](const auto&... tensors) { return with_loss_call(f, own.get(), tensors...); }, first, rest...);
    } else {
        return with_loss_inputs(
            [&](const auto& model, const auto&... others) {
                require_options(layer_call<scalar_of<decltype(model)>, rank_of<decltype(model)> - 1,
                                           layout_of<decltype(model)>>{shape_of(model), 1, nullptr,
                                                                       random_key{}, options});
                if (options.mask.empty()) return f(options, model, others...);
                (require_shape("a loss's tensor", others, dimensions_of(model), "the first one's shape"),
                 ...);
                return f(options, allowed_part(model, options.mask), allowed_part(others, options.mask)...);
            },
            first, rest...);
    }
}

/// <a, b - c> of n numbers, summed in double. The difference is taken first: if a decision equals the wanted
/// one, the sum is exactly 0.
template <class Scalar>
[[nodiscard]] double dot_difference(const Scalar* a, const Scalar* b, const Scalar* c, Eigen::Index n) {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i)
        sum += rounded(static_cast<double>(a[i]) * (static_cast<double>(b[i]) - static_cast<double>(c[i])));
    return sum;
}

/// <a, b> of n numbers, summed in double.
template <class Scalar>
[[nodiscard]] double dot(const Scalar* a, const Scalar* b, Eigen::Index n) {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i)
        sum += rounded(static_cast<double>(a[i]) * static_cast<double>(b[i]));
    return sum;
}

/// A loss in the caller's scalar. Throws `std::invalid_argument` if it is too large for that.
template <class Scalar>
[[nodiscard]] Scalar finite_loss(const char* what, double value, Eigen::Index row) {
    const Scalar result = static_cast<Scalar>(value);
    if (!is_finite(result))
        throw_invalid(what, message(value, " in row ", row),
                      "numbers whose products with z sum to a finite one");
    return result;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
