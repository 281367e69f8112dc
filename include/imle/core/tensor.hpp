#pragma once

/// @file
/// How the library uses Eigen's tensors: which types it accepts, how it evaluates expressions, and how it
/// views a matrix as a tensor.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>

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
struct tensor_traits<Eigen::TensorFixedSize<Scalar_, Dimensions_, Options_, Index_>>
    : tensor_traits<Eigen::Tensor<Scalar_, static_cast<int>(Dimensions_::count), Options_, Index_>> {};

template <class Plain, int Options_, template <class> class MakePointer>
struct tensor_traits<Eigen::TensorMap<Plain, Options_, MakePointer>>
    : tensor_traits<std::remove_const_t<Plain>> {};

template <class Derived, int Access>
std::true_type is_tensor_expression_test(const Eigen::TensorBase<Derived, Access>*);
std::false_type is_tensor_expression_test(const void*);

/// True for every type that derives from `Eigen::TensorBase`: tensors, maps and expressions of them.
template <class T>
inline constexpr bool is_tensor_expression =
    decltype(is_tensor_expression_test(static_cast<std::remove_cvref_t<T>*>(nullptr)))::value;

}  // namespace detail

/// A dense Eigen tensor in memory, of float or double: a `Tensor`, a `TensorFixedSize`, or a `TensorMap` of
/// one.
template <class T>
concept DenseTensor = detail::tensor_traits<std::remove_cvref_t<T>>::is_tensor &&
    std::floating_point<typename detail::tensor_traits<std::remove_cvref_t<T>>::Scalar>;

/// The scalar type of a tensor: float or double.
template <DenseTensor T>
using scalar_of = typename detail::tensor_traits<std::remove_cvref_t<T>>::Scalar;
/// The number of dimensions of a tensor.
template <DenseTensor T>
inline constexpr int rank_of = detail::tensor_traits<std::remove_cvref_t<T>>::rank;
/// The layout of a tensor: `Eigen::RowMajor` or `Eigen::ColMajor`.
template <DenseTensor T>
inline constexpr int layout_of = detail::tensor_traits<std::remove_cvref_t<T>>::layout;

/// The view through which a solver reads theta: one instance, contiguous.
template <class Scalar, int Rank, int Layout>
using const_view = Eigen::TensorMap<const Eigen::Tensor<Scalar, Rank, Layout>>;
/// The view through which a solver writes z: one instance, contiguous.
template <class Scalar, int Rank, int Layout>
using mutable_view = Eigen::TensorMap<Eigen::Tensor<Scalar, Rank, Layout>>;

namespace detail {

/// Returns a dense tensor as it is, and evaluates an expression of tensors (a sum, a chip, a cast) into a
/// tensor of its own. Calls pass their arguments through this function, so that either is accepted.
template <class T>
[[nodiscard]] decltype(auto) evaluated(const T& tensor) {
    if constexpr (DenseTensor<T>) {
        return (tensor);
    } else if constexpr (is_tensor_expression<T>) {
        using traits = Eigen::internal::traits<T>;
        using Scalar = std::remove_const_t<typename traits::Scalar>;
        static_assert(std::floating_point<Scalar>,
                      "imle::DenseTensor: the tensor's numbers are neither float nor double; cast them by "
                      "tensor.cast<float>(). See docs/layer.md#tensors");
        constexpr int layout = static_cast<int>(traits::Layout);
        if constexpr (std::floating_point<Scalar>)
            return Eigen::Tensor<Scalar, traits::NumDimensions, layout>(tensor);
        else
            return Eigen::Tensor<float, traits::NumDimensions, layout>(tensor.template cast<float>());
    } else {
        static_assert(
            is_tensor_expression<T>,
            "imle::DenseTensor: this argument is not an Eigen tensor. View an Eigen matrix or array "
            "by imle::as_tensor(matrix), other memory by an Eigen::TensorMap. See "
            "docs/layer.md#tensors");
        // Lets the code after this call compile, so that the message above is the only error.
        return Eigen::Tensor<float, 2, Eigen::RowMajor>();
    }
}

/// The type that `evaluated` returns.
template <class T>
using evaluated_t = std::remove_cvref_t<decltype(evaluated(std::declval<const T&>()))>;

/// True if two ranges of memory overlap in at least one byte.
template <class A, class B>
[[nodiscard]] bool overlap(const A* a, Eigen::Index a_size, const B* b, Eigen::Index b_size) noexcept {
    // Compared as addresses: pointers into different objects have no order of their own.
    const auto a_begin = reinterpret_cast<std::uintptr_t>(a), b_begin = reinterpret_cast<std::uintptr_t>(b);
    return a_begin < b_begin + static_cast<std::size_t>(b_size) * sizeof(B) &&
           b_begin < a_begin + static_cast<std::size_t>(a_size) * sizeof(A);
}

template <class Derived>
concept MatrixInMemory = (Derived::Flags & Eigen::DirectAccessBit) != 0;
template <class Derived>
concept WritableMatrix = MatrixInMemory<Derived> &&(Derived::Flags& Eigen::LvalueBit) != 0;

/// Throws `std::invalid_argument` unless the elements of a matrix are contiguous, as a tensor's are.
template <class Derived>
void require_no_gaps(const Eigen::DenseBase<Derived>& matrix) {
    const Derived& m = matrix.derived();
    const bool inner_gaps = m.innerSize() > 1 && m.innerStride() != 1;
    const bool outer_gaps = m.outerSize() > 1 && m.outerStride() != m.innerSize();
    if (inner_gaps || outer_gaps)
        throw_invalid("as_tensor: the matrix", "a view with gaps between its rows or columns",
                      "numbers that lie one after another (copy it first)");
}

/// The dimensions of a matrix as a batch of instances. Throws `std::invalid_argument` unless an instance has
/// as many elements as a row (row-major) or a column (column-major).
template <class Derived, std::size_t InstanceRank>
[[nodiscard]] auto instances_of(const Eigen::DenseBase<Derived>& matrix,
                                const std::array<Eigen::Index, InstanceRank>& instance) {
    constexpr bool row_major = Derived::IsRowMajor;
    const Eigen::Index batch = row_major ? matrix.rows() : matrix.cols();
    const Eigen::Index n = row_major ? matrix.cols() : matrix.rows();
    Eigen::DSizes<Eigen::Index, static_cast<int>(InstanceRank) + 1> dimensions;
    Eigen::Index product = 1;
    for (std::size_t i = 0; i < InstanceRank; ++i) product *= dimensions[row_major ? i + 1 : i] = instance[i];
    dimensions[row_major ? 0 : InstanceRank] = batch;
    if (product != n)
        throw_invalid("as_tensor: the instance's dimensions", message("of ", product, " numbers"),
                      message("as many as a ", row_major ? "row" : "column", " of the matrix has, ", n));
    return dimensions;
}

}  // namespace detail

/// Views an Eigen matrix or array as a batch, without a copy, in O(1): a row-major matrix as [batch = rows, n
/// = columns], a column-major one as [n = rows, batch = columns]. An instance is contiguous in both. The view
/// is valid as long as the matrix. An expression that is not in memory does not compile. Throws
/// `std::invalid_argument` for a block with gaps between its rows or columns.
template <detail::MatrixInMemory Derived>
[[nodiscard]] auto as_tensor(const Eigen::DenseBase<Derived>& matrix) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return const_view<typename Derived::Scalar, 2, layout>(matrix.derived().data(), matrix.rows(),
                                                           matrix.cols());
}
/// The same for a mutable matrix: you can write through the view.
template <detail::WritableMatrix Derived>
[[nodiscard]] auto as_tensor(Eigen::DenseBase<Derived>& matrix) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return mutable_view<typename Derived::Scalar, 2, layout>(matrix.derived().data(), matrix.rows(),
                                                             matrix.cols());
}

/// The same for instances of several dimensions: `as_tensor(matrix, 20, 20)` views a row-major matrix [batch,
/// 400] as [batch, 20, 20], and a column-major matrix [400, batch] as [20, 20, batch]. Throws
/// `std::invalid_argument` unless the product of the dimensions is the size of a row (column).
template <detail::MatrixInMemory Derived, std::convertible_to<Eigen::Index>... SizeT>
[[nodiscard]] auto as_tensor(const Eigen::DenseBase<Derived>& matrix, Eigen::Index first, SizeT... rest) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return const_view<typename Derived::Scalar, sizeof...(SizeT) + 2, layout>(
        matrix.derived().data(),
        detail::instances_of(matrix, std::array{first, static_cast<Eigen::Index>(rest)...}));
}
/// The same for a mutable matrix: you can write through the view.
template <detail::WritableMatrix Derived, std::convertible_to<Eigen::Index>... SizeT>
[[nodiscard]] auto as_tensor(Eigen::DenseBase<Derived>& matrix, Eigen::Index first, SizeT... rest) {
    constexpr int layout = Derived::IsRowMajor ? Eigen::RowMajor : Eigen::ColMajor;
    detail::require_no_gaps(matrix);
    return mutable_view<typename Derived::Scalar, sizeof...(SizeT) + 2, layout>(
        matrix.derived().data(),
        detail::instances_of(matrix, std::array{first, static_cast<Eigen::Index>(rest)...}));
}

namespace detail {

/// A tensor's elements as a matrix of the same layout. Its rows (row-major) or columns are the instances.
template <class TensorT, class Scalar>
[[nodiscard]] auto matrix_view(const TensorT& tensor, Scalar* numbers) {
    constexpr bool row_major = layout_of<TensorT> == Eigen::RowMajor;
    using matrix = Eigen::Matrix<std::remove_const_t<Scalar>, Eigen::Dynamic, Eigen::Dynamic,
                                 row_major ? Eigen::RowMajor : Eigen::ColMajor>;
    constexpr std::size_t instance_rank = rank_of<TensorT> - 1, first = row_major ? 1 : 0;
    const Eigen::Index batch = tensor.dimension(row_major ? 0 : instance_rank);
    Eigen::Index n = 1;
    for (std::size_t i = 0; i < instance_rank; ++i) n *= tensor.dimension(first + i);
    return Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const matrix, matrix>>(
        numbers, row_major ? batch : n, row_major ? n : batch);
}

}  // namespace detail

/// The inverse of `as_tensor`, without a copy, in O(1): views a tensor [batch, instance...] as a row-major
/// matrix [batch, n], and a column-major tensor [instance..., batch] as a matrix [n, batch]. The view is
/// valid as long as the tensor.
template <DenseTensor TensorT>
[[nodiscard]] auto as_matrix(const TensorT& tensor) {
    return detail::matrix_view(tensor, tensor.data());
}
/// The same for a mutable tensor: you can write through the view.
template <DenseTensor TensorT>
[[nodiscard]] auto as_matrix(TensorT& tensor) {
    return detail::matrix_view(tensor, tensor.data());
}
/// Deleted for temporaries: the view would outlive the tensor.
template <class Scalar, int Rank, int Layout>
void as_matrix(const Eigen::Tensor<Scalar, Rank, Layout>&&) = delete;

}  // namespace imle::inline IMLE_ABI
