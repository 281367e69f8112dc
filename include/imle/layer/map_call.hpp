#pragma once

/// @file
/// The call `map`: answers without noise, for every form in which theta can be given.

#include <type_traits>

#include <Eigen/Core>

#include <imle/layer/batch_first.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/shared.hpp>

namespace imle::inline IMLE_ABI::detail {

/// z of theta's shape; for a shared theta, [count, instance...]. write(call, z) gets a checked call of one
/// sample for each row, and writes all numbers of z, batch * n.
template <class ThetaT, class WriteT>
[[nodiscard]] auto map_call(const ThetaT& theta, const call_options& options, WriteT&& write) {
    const auto map_rows = [&](const auto& rows, Eigen::Index shared_rows, const call_options& given) {
        using tensor = std::remove_cvref_t<decltype(rows)>;
        const auto call = checked_call(rows, 1, random_key{0}, given, shared_rows);
        Eigen::Tensor<scalar_of<tensor>, rank_of<tensor>, layout_of<tensor>> z(call.shape.theta());
        write(call, z.data());
        return z;
    };
    if constexpr (is_batch_first<ThetaT>) {
        const batch_first_options own(theta, options);
        return with_batch_first<1>(map_rows(theta.batch_last(), -1, own.get()));
    } else if constexpr (is_shared<ThetaT>) {
        return map_rows(theta.as_row(), theta.count(), options);
    } else {
        return map_rows(evaluated_batch(theta), -1, options);
    }
}

}  // namespace imle::inline IMLE_ABI::detail
