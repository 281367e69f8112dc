#pragma once

/// @file
/// The checks of tensors that belong to a theta.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Throws `std::invalid_argument` unless the tensor of this name has theta's dimensions. Another scalar,
/// rank or layout does not compile.
template <DenseTensor TensorT, DenseTensor ThetaT>
void require_theta_shape(const char* name, const TensorT& tensor, const ThetaT& theta) {
    static_assert(rank_of<TensorT> == rank_of<ThetaT> && layout_of<TensorT> == layout_of<ThetaT>,
                  "imle::ExponentialFamily: all tensors of a call must have theta's rank and layout");
    if (dimensions_of(tensor) != dimensions_of(theta))
        throw_invalid(name, "of shape " + shape_string(dimensions_of(tensor)),
                      "theta's shape, " + shape_string(dimensions_of(theta)));
}

/// The same for draws of an instance, in one more, outermost dimension. Returns their number.
template <DenseTensor TensorT, DenseTensor ThetaT>
[[nodiscard]] std::size_t require_draws_shape(const char* name, const TensorT& tensor, const ThetaT& theta) {
    static_assert(rank_of<TensorT> == rank_of<ThetaT> + 1 && layout_of<TensorT> == layout_of<ThetaT>,
                  "imle::ExponentialFamily: draws must have theta's layout, and one more dimension");
    const auto shape = shape_of(tensor);
    if (shape.instance != dimensions_of(theta))
        throw_invalid(name, "of shape " + shape_string(dimensions_of(tensor)),
                      "draws of theta's shape, " + shape_string(dimensions_of(theta)));
    return static_cast<std::size_t>(shape.batch);
}

/// The largest |dmu_i| of all i for which counts(i) is true. Throws `std::invalid_argument` unless those
/// numbers are finite.
template <DenseTensor TensorT, class CountsT>
[[nodiscard]] double largest_cotangent(const TensorT& dmu, CountsT&& counts) {
    double largest = 0;
    for (Eigen::Index i = 0; i < dmu.size(); ++i) {
        if (!counts(i)) continue;
        if (!is_finite(dmu.data()[i]))
            throw_invalid("dmu", message(dmu.data()[i], " at element ", i, " in memory"), "finite numbers");
        largest = std::max(largest, std::abs(static_cast<double>(dmu.data()[i])));
    }
    return largest;
}

}  // namespace imle::inline IMLE_ABI::detail
