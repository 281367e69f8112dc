#pragma once

/// @file
/// a * b + c with the same result for all compilers and processors.

#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// a * b + c with two roundings, for a number or for each lane of a vector. c must not be a product that is
/// not rounded yet.
///
/// Otherwise a compiler may fuse one copy of an expression and not another, for example in a vectorised loop
/// but not in its tail. The result for a number would then depend on its position in a block. Fusing
/// everywhere is not an option either: without a fused instruction, each operation is a function call.
template <class T>
[[nodiscard]] inline T multiply_add(const T& a, const T& b, const T& c) noexcept {
    return rounded(T(a * b)) + c;
}

}  // namespace imle::inline IMLE_ABI::detail
