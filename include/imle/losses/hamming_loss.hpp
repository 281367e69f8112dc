#pragma once

/// @file
/// The number of coordinates in which a decision differs from the wanted one.

#include <imle/core/rounded.hpp>
#include <imle/layer/call.hpp>
#include <imle/losses/loss_value.hpp>

namespace imle::inline IMLE_ABI {

/// The Hamming loss of each instance, [batch]: the sum over coordinates of z (1 - y) + y (1 - z). For z and
/// y of 0 and 1 this counts the coordinates that differ.
///
/// It is linear in z, so the loss of `marginals()` is the mean of the samples' losses. It takes no mean over
/// coordinates or instances; do so yourself if you want one. z and y: [batch, instance...] or [instance...,
/// batch]. Throws `std::invalid_argument` for different shapes and for numbers that are not finite. O(batch
/// * n).
template <class ZT, class YT>
[[nodiscard]] auto hamming_loss(const ZT& z, const YT& y) {
    return detail::with_loss_inputs(
        [](const auto& decided, const auto& wanted) {
            detail::require_finite_batch("z", decided);
            detail::require_like("y", wanted, decided, "z's shape");
            using Scalar = scalar_of<decltype(decided)>;
            const auto shape = detail::shape_of(decided);
            Eigen::Tensor<Scalar, 1, layout_of<decltype(decided)>> values(shape.batch);
            for (Eigen::Index row = 0; row < shape.batch; ++row) {
                double sum = 0;
                for (Eigen::Index i = row * shape.n; i < (row + 1) * shape.n; ++i) {
                    const double a = static_cast<double>(decided.data()[i]);
                    const double b = static_cast<double>(wanted.data()[i]);
                    sum += detail::rounded(a * (1 - b)) + detail::rounded(b * (1 - a));
                }
                values(row) = detail::finite_loss<Scalar>("the Hamming loss", sum, row);
            }
            return values;
        },
        z, y);
}

/// The gradient of each instance's Hamming loss with respect to z: 1 - 2 y, of y's shape. With
/// `loss_gradient_target`, a target temperature of 0 and y of 0 and 1, I-MLE's gradient is then exactly
/// marginals - y. Throws `std::invalid_argument` for numbers that are not finite. O(batch * n).
template <class YT>
[[nodiscard]] auto hamming_gradient(const YT& y) {
    const auto& wanted = detail::evaluated(y);
    using tensor = detail::evaluated_t<YT>;
    detail::require_finite_batch("y", wanted);
    Eigen::Tensor<scalar_of<tensor>, rank_of<tensor>, layout_of<tensor>> gradient(
        detail::shape_of(wanted).theta());
    for (Eigen::Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = 1 - 2 * wanted.data()[i];
    return gradient;
}

}  // namespace imle::inline IMLE_ABI
