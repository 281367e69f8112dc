#pragma once

/// @file
/// Cotangents for estimators whose backward pass is linear in them.

#include <cstddef>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/checked_cotangent.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The mean over samples of the cotangents `dz`, which are of the samples' shape, or `dz` itself where it is
/// of theta's shape: batch * n numbers in the order of memory. Throws `std::invalid_argument` for a wrong
/// shape or a number that is not finite. O(size of dz).
template <class PassT, DenseTensor CotangentT>
[[nodiscard]] std::vector<double> mean_cotangent(const PassT& pass, const CotangentT& dz) {
    const auto cotangent = checked_cotangent(pass, dz);
    const auto shape = batch_shape_of(pass);
    const Eigen::Index samples = cotangent.per_sample ? pass.sample_count() : 1;
    std::vector<double> mean(static_cast<std::size_t>(shape.batch * shape.n), 0.0);
    const auto* next = cotangent.dz;
    for (Eigen::Index row = 0; row < shape.batch; ++row) {
        double* const sum = mean.data() + row * shape.n;
        for (Eigen::Index s = 0; s < samples; ++s, next += shape.n)
            for (Eigen::Index i = 0; i < shape.n; ++i) sum[i] += static_cast<double>(next[i]);
        if (samples > 1)
            for (Eigen::Index i = 0; i < shape.n; ++i) sum[i] /= static_cast<double>(samples);
    }
    return mean;
}

/// Throws `std::invalid_argument` if a number of the gradient overflowed.
template <class TensorT>
void require_finite_gradient(const TensorT& gradient, const char* expected) {
    const std::span<const scalar_of<TensorT>> all(gradient.data(), static_cast<std::size_t>(gradient.size()));
    if (all_finite(all)) return;
    const std::size_t at = first_not_finite(all);
    throw_invalid("the gradient", message(all[at], " at number ", at, " in memory"), expected);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
