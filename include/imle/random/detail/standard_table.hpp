#pragma once

/// @file
/// One quantile table for each law without parameters, shared by the whole program.

#include <imle/core/config.hpp>
#include <imle/random/quantile_table.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The table of a default-constructible law; made when it is first asked for, by whichever thread asks.
template <class StandardLaw, class Scalar>
[[nodiscard]] const quantile_table<Scalar>& standard_table() {
    static const quantile_table<Scalar> table{StandardLaw{}};
    return table;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
