#pragma once

/// @file
/// In how many coordinates a decision differs from the wanted one.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/tensor.hpp>
#include <imle/losses/detail/loss_inputs.hpp>

namespace imle::inline IMLE_ABI {

/// The Hamming loss of each instance, [batch]: the sum over coordinates of z (1 - y) + y (1 - z), which for 0
/// and 1 counts the coordinates that differ.
///
/// It is linear in z: of `marginals()` it is the mean over samples of the samples' losses. A mean over
/// coordinates or instances is the caller's to take. z and y: [batch, instance...] or [instance..., batch];
/// throws `std::invalid_argument` for different shapes and for numbers that are not finite. O(batch * n).
template <DenseTensor ZT, DenseTensor YT>
[[nodiscard]] auto hamming_loss(const ZT& z, const YT& y) {
    using Scalar = scalar_of<ZT>;
    detail::require_finite_batch("z", z);
    detail::require_like("y", y, z, "z's shape");
    const auto shape = detail::shape_of_batch(z);
    Eigen::Tensor<Scalar, 1, layout_of<ZT>> values(shape.batch);
    for (Eigen::Index row = 0; row < shape.batch; ++row) {
        double sum = 0;
        for (Eigen::Index i = row * shape.n; i < (row + 1) * shape.n; ++i) {
            const double chosen = static_cast<double>(z.data()[i]);
            const double wanted = static_cast<double>(y.data()[i]);
            sum += chosen * (1 - wanted) + wanted * (1 - chosen);
        }
        values(row) = detail::finite_loss<Scalar>("the Hamming loss", sum, row);
    }
    return values;
}

/// The gradient of each instance's Hamming loss with respect to z: 1 - 2 y, of y's shape. With
/// `loss_gradient_target`, a target temperature of 0 and y of 0 and 1, I-MLE's gradient is then marginals -
/// y. Throws `std::invalid_argument` for numbers that are not finite. O(batch * n).
template <DenseTensor YT>
[[nodiscard]] auto hamming_gradient(const YT& y) {
    using Scalar = scalar_of<YT>;
    detail::require_finite_batch("y", y);
    Eigen::Tensor<Scalar, rank_of<YT>, layout_of<YT>> gradient(detail::shape_of_batch(y).theta());
    for (Eigen::Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = 1 - 2 * y.data()[i];
    return gradient;
}

}  // namespace imle::inline IMLE_ABI
