#pragma once

/// @file
/// What losses and metrics ask of the tensors that they are given, and how they multiply them.

#include <concepts>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The shape of a tensor of instances.
template <DenseTensor TensorT>
[[nodiscard]] auto shape_of_batch(const TensorT& tensor) {
    static_assert(rank_of<TensorT> >= 2,
                  "imle: a batch has a batch dimension and at least one instance dimension; view a single "
                  "instance as a batch of one. See docs/layer.md");
    return batch_shape<rank_of<TensorT> - 1, layout_of<TensorT>>::of(tensor);
}

/// Throws `std::invalid_argument` unless all numbers of a batch are finite.
template <DenseTensor TensorT>
void require_finite_batch(const char* argument, const TensorT& tensor) {
    const auto shape = shape_of_batch(tensor);
    require_finite(argument, tensor.data(), shape.batch, 0, shape.n, "a finite number");
}

/// Throws `std::invalid_argument` unless `tensor` has the dimensions of `model`, whose name is `whose`, and
/// finite numbers. Another scalar, rank or layout does not compile.
template <DenseTensor TensorT, DenseTensor ModelT>
void require_like(const char* argument, const TensorT& tensor, const ModelT& model, const char* whose) {
    static_assert(std::same_as<scalar_of<TensorT>, scalar_of<ModelT>> &&
                      rank_of<TensorT> == rank_of<ModelT> && layout_of<TensorT> == layout_of<ModelT>,
                  "imle: all tensors of a loss have one scalar, rank and layout. See docs/estimators.md");
    require_shape(argument, tensor, dimensions_of(model), whose);
    require_finite_batch(argument, tensor);
}

/// <a, b - c> of n numbers, summed in double. The difference is taken first: where a decision is the wanted
/// one the sum is exactly 0.
template <class Scalar>
[[nodiscard]] double dot_difference(const Scalar* a, const Scalar* b, const Scalar* c, Eigen::Index n) {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i)
        sum += static_cast<double>(a[i]) * (static_cast<double>(b[i]) - static_cast<double>(c[i]));
    return sum;
}

/// <a, b> of n numbers, summed in double.
template <class Scalar>
[[nodiscard]] double dot(const Scalar* a, const Scalar* b, Eigen::Index n) {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

/// A loss as the caller's scalar. Throws `std::invalid_argument` where it is too large for it.
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
