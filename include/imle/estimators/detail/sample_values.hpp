#pragma once

/// @file
/// Loss values of a pass's samples, for estimators that need no slope.

#include <concepts>
#include <type_traits>

#include <imle/layer/pass.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The call of a pass and checked values of its samples: [batch, sample] row-major, [sample, batch]
/// column-major, so that an instance's values follow one another in both layouts. `argument` is their name.
template <class Scalar, int Rank, int Layout, class ValuesT>
[[nodiscard]] auto call_of_values(const sampled_pass<Scalar, Rank, Layout>& pass, const char* argument,
                                  const ValuesT& values) {
    static_assert(
        std::same_as<scalar_of<ValuesT>, Scalar> && layout_of<ValuesT> == Layout && rank_of<ValuesT> == 2,
        "imle: losses must be [batch, sample] row-major, [sample, batch] column-major, of theta's scalar and "
        "layout");
    const auto call = call_of(pass);
    constexpr bool row_major = Layout == Eigen::RowMajor;
    const Eigen::DSizes<Eigen::Index, 2> expected(row_major ? call.shape.batch : call.samples,
                                                  row_major ? call.samples : call.shape.batch);
    require_shape(argument, values, expected, row_major ? "[batch, sample]," : "[sample, batch],");
    require_finite(argument, values.data(), call.shape.batch, call.samples, 1, "a finite number");
    return call;
}

/// Checks one baseline for each row of a call, [batch].
template <class CallT, class BaselineT>
void require_baselines(const CallT& call, const BaselineT& baselines) {
    static_assert(std::same_as<scalar_of<BaselineT>, std::remove_cvref_t<decltype(*call.theta)>> &&
                      rank_of<BaselineT> == 1,
                  "imle: the baseline must be a tensor of rank 1, [batch], of theta's scalar");
    require_shape("baseline", baselines, Eigen::DSizes<Eigen::Index, 1>(call.shape.batch), "[batch],");
    require_finite("baseline", baselines.data(), call.shape.batch, 0, 1, "a finite number");
}

}  // namespace imle::inline IMLE_ABI::detail
