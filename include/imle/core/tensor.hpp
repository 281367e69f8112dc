#pragma once

/// @file
/// What the library knows of Eigen's tensors, and `as_tensor`.

#include <concepts>
#include <type_traits>

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The scalar, rank and layout of `Eigen::Tensor`, `TensorFixedSize` and `TensorMap`s of both.
template <class T>
struct tensor_traits {
    static constexpr bool is_tensor = false;
};

template <class Scalar_, int Rank_, int Options_, class Index_>
struct tensor_traits<Eigen::Tensor<Scalar_, Rank_, Options_, Index_>> {
    static constexpr bool is_tensor = true;
    using Scalar = std::remove_const_t<Scalar_>;
    static constexpr int rank = Rank_;
    static constexpr int layout = Options_ & Eigen::RowMajor;
};

template <class Scalar_, class Dimensions_, int Options_, class Index_>
struct tensor_traits<Eigen::TensorFixedSize<Scalar_, Dimensions_, Options_, Index_>> {
    static constexpr bool is_tensor = true;
    using Scalar = std::remove_const_t<Scalar_>;
    static constexpr int rank = static_cast<int>(Dimensions_::count);
    static constexpr int layout = Options_ & Eigen::RowMajor;
};

template <class Plain, int Options_, template <class> class MakePointer>
struct tensor_traits<Eigen::TensorMap<Plain, Options_, MakePointer>>
    : tensor_traits<std::remove_const_t<Plain>> {};

template <class Derived, int Access>
std::true_type is_tensor_expression_test(const Eigen::TensorBase<Derived, Access>*);
std::false_type is_tensor_expression_test(const void*);

/// True for whatever derives from `Eigen::TensorBase`: tensors, maps and expressions of them.
template <class T>
inline constexpr bool is_tensor_expression =
    decltype(is_tensor_expression_test(static_cast<std::remove_cvref_t<T>*>(nullptr)))::value;

}  // namespace detail

/// A dense Eigen tensor in memory, of float or double: `Tensor`, `TensorFixedSize`, or a `TensorMap` of one.
template <class T>
concept DenseTensor = detail::tensor_traits<std::remove_cvref_t<T>>::is_tensor &&
    std::floating_point<typename detail::tensor_traits<std::remove_cvref_t<T>>::Scalar>;

/// The scalar of a tensor.
template <DenseTensor T>
using scalar_of = typename detail::tensor_traits<std::remove_cvref_t<T>>::Scalar;
/// The number of dimensions of a tensor.
template <DenseTensor T>
inline constexpr int rank_of = detail::tensor_traits<std::remove_cvref_t<T>>::rank;
/// `Eigen::RowMajor` or `Eigen::ColMajor`.
template <DenseTensor T>
inline constexpr int layout_of = detail::tensor_traits<std::remove_cvref_t<T>>::layout;

/// The view through which a solver reads theta: one instance, contiguous.
template <class Scalar, int Rank, int Layout>
using const_view = Eigen::TensorMap<const Eigen::Tensor<Scalar, Rank, Layout>>;
/// The view through which a solver writes z: one instance, contiguous.
template <class Scalar, int Rank, int Layout>
using mutable_view = Eigen::TensorMap<Eigen::Tensor<Scalar, Rank, Layout>>;

namespace detail {

/// Throws unless a matrix's numbers lie one after another, as a tensor's do.
template <class Derived>
void require_no_gaps(const Eigen::DenseBase<Derived>& matrix) {
    const Derived& m = matrix.derived();
    const bool inner_gaps = m.innerSize() > 1 && m.innerStride() != 1;
    const bool outer_gaps = m.outerSize() > 1 && m.outerStride() != m.innerSize();
    if (inner_gaps || outer_gaps)
        throw_invalid("as_tensor: the matrix", "a view with gaps between its rows or columns",
                      "numbers that lie one after another (copy it first)");
}

}  // namespace detail

/// Views an Eigen matrix or array as a batch, without a copy: a row-major one as [batch = rows, n = columns],
/// a column-major one as [n = rows, batch = columns], so that an instance is contiguous in both. The view is
/// valid as long as the matrix. An expression that owns no memory does not compile; a block with gaps throws
/// `std::invalid_argument`.
template <class Derived>
requires(bool(Derived::Flags& Eigen::DirectAccessBit))
    [[nodiscard]] auto as_tensor(const Eigen::DenseBase<Derived>& matrix) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return const_view<typename Derived::Scalar, 2, layout>(matrix.derived().data(), matrix.rows(),
                                                           matrix.cols());
}
/// The same for a matrix that may be written to.
template <class Derived>
requires(bool(Derived::Flags& Eigen::DirectAccessBit) && bool(Derived::Flags & Eigen::LvalueBit))
    [[nodiscard]] auto as_tensor(Eigen::DenseBase<Derived>& matrix) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return mutable_view<typename Derived::Scalar, 2, layout>(matrix.derived().data(), matrix.rows(),
                                                             matrix.cols());
}

}  // namespace imle::inline IMLE_ABI
