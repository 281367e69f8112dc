#pragma once

/// @file
/// a * b + c with one meaning for all compilers and processors.

#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// a * b + c in two roundings, of a number or of each lane of a vector. c must not be a product that is not
/// rounded yet.
///
/// Left to itself a compiler may fuse one copy of an expression and not another (a vectorised body and its
/// tail, say), and equal numbers would then depend on where in a block they stand. To fuse everywhere is no
/// choice either: without an instruction for it, a fused operation is a call.
template <class T>
[[nodiscard]] inline T multiply_add(const T& a, const T& b, const T& c) noexcept {
    return rounded(T(a * b)) + c;
}

}  // namespace imle::inline IMLE_ABI::detail
