#pragma once

/// @file
/// The cotangent that a caller gives to a backward pass, checked.

#include <concepts>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/detail/layer_call.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The shape of a pass's theta.
template <class PassT>
[[nodiscard]] auto batch_shape_of(const PassT& pass) {
    using theta_tensor = typename PassT::theta_tensor;
    return batch_shape<rank_of<theta_tensor> - 1, layout_of<theta_tensor>>::of(pass.theta());
}

/// `dz` is of theta's shape or, for a pass that kept its samples, of theirs. Throws `std::invalid_argument`
/// for a wrong shape or a number that is not finite. O(size of dz).
template <class PassT, DenseTensor CotangentT>
[[nodiscard]] auto checked_cotangent(const PassT& pass, const CotangentT& dz) {
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
    const Eigen::Index samples = pass.sample_count();
    if constexpr (per_sample)
        require_shape("dz", dz, shape.samples(samples), "the samples' shape");
    else
        require_shape("dz", dz, shape.theta(), "theta's shape");
    require_finite("dz", dz.data(), shape.batch, per_sample ? samples : 0, shape.n, "a finite cotangent");
    return cotangent<Scalar>{dz.data(), per_sample};
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
