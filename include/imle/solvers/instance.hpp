#pragma once

/// @file
/// What every built-in solver asks of the two tensors that it is called with.

#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// theta, of one instance or of a batch: a tensor, view or map of float or double. Wider than the views of
/// the `Solver` concept, so that a solver can also be called with an `Eigen::Tensor` by hand.
template <class T>
concept Instance = DenseTensor<T> && requires {
    requires(std::same_as<scalar_of<T>, float> || std::same_as<scalar_of<T>, double>);
};

/// The same, of this many dimensions.
template <class T, int Rank>
concept InstanceOfRank = Instance<T> && requires {
    requires(rank_of<T> == Rank);
};

/// Several instances, in one more, outermost dimension.
template <class T>
concept BatchOfInstances = Instance<T> && requires {
    requires(rank_of<T> >= 2);
};

/// z for such a theta: of the same scalar, rank and layout, and writable.
template <class ZT, class ThetaT>
concept StateOf = InstanceOfRank<ZT, rank_of<ThetaT>> && requires(ZT& z) {
    requires(layout_of<ZT> == layout_of<ThetaT>);
    { z.data() } -> std::same_as<scalar_of<ThetaT>*>;
};

/// The numbers of an instance, or of a batch of them, in the order of memory.
template <DenseTensor T>
[[nodiscard]] std::span<const scalar_of<T>> values_of(const T& tensor) noexcept {
    return {tensor.data(), static_cast<std::size_t>(tensor.size())};
}

/// Throws unless z has theta's dimensions and theta is finite: an order, and so an argmax, needs numbers.
template <class ThetaT, class ZT>
void require_instance(const ThetaT& theta, const ZT& z) {
    if (dimensions_of(theta) != dimensions_of(z))
        throw_invalid("z", "of shape " + shape_string(dimensions_of(z)),
                      "theta's shape, " + shape_string(dimensions_of(theta)));
    const auto values = values_of(theta);
    if (all_finite(values)) return;
    const std::size_t at = first_not_finite(values);
    throw_invalid("theta", message(values[at], " at element ", at, " in the order of memory"),
                  "finite numbers; to forbid a choice use a large finite one");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
