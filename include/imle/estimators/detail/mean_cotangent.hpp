#pragma once

/// @file
/// Cotangents for estimators whose backward pass is linear in them.

#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The shape of a pass's theta.
template <class PassT>
[[nodiscard]] auto batch_shape_of(const PassT& pass) {
    using theta_tensor = typename PassT::theta_tensor;
    return batch_shape<rank_of<theta_tensor> - 1, layout_of<theta_tensor>>::of(pass.theta());
}

/// The mean over samples of the cotangents `dz`, which are of the samples' shape, or `dz` itself where it is
/// of theta's shape: batch * n numbers in the order of memory. Throws `std::invalid_argument` for a wrong
/// shape or a number that is not finite. O(size of dz).
template <class PassT, DenseTensor CotangentT>
[[nodiscard]] std::vector<double> mean_cotangent(const PassT& pass, const CotangentT& dz) {
    using theta_tensor = typename PassT::theta_tensor;
    using Scalar = scalar_of<theta_tensor>;
    constexpr int rank = rank_of<theta_tensor>;
    constexpr bool keeps_samples = requires {
        pass.samples();
    };
    static_assert(
        std::same_as<scalar_of<CotangentT>, Scalar> && layout_of<CotangentT> == layout_of<theta_tensor>,
        "imle: the cotangent has theta's scalar and layout. See docs/layer.md");
    static_assert(rank_of<CotangentT> == rank || (keeps_samples && rank_of<CotangentT> == rank + 1),
                  "imle: the cotangent has theta's shape or, for a pass of forward, the samples'. See "
                  "docs/layer.md");
    constexpr bool per_sample = rank_of<CotangentT> == rank + 1;
    const auto shape = batch_shape_of(pass);
    const Eigen::Index samples = per_sample ? pass.sample_count() : 1;
    if constexpr (per_sample)
        require_shape("dz", dz, shape.samples(samples), "the samples' shape");
    else
        require_shape("dz", dz, shape.theta(), "theta's shape");
    require_finite("dz", dz.data(), shape.batch, per_sample ? samples : 0, shape.n, "a finite cotangent");
    std::vector<double> mean(static_cast<std::size_t>(shape.batch * shape.n), 0.0);
    const Scalar* next = dz.data();
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
