#pragma once

/// @file
/// a * b + c with one meaning for all compilers.

#include <cmath>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// a * b + c: fused where the instruction set has it, two roundings where not. Left to itself a compiler may
/// fuse one copy of an expression and not another (a vectorised body and its tail, say), and equal numbers
/// would then depend on where in a block they stand.
template <class Scalar>
[[nodiscard]] inline Scalar multiply_add(Scalar a, Scalar b, Scalar c) noexcept {
#if defined(IMLE_HAS_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

}  // namespace imle::inline IMLE_ABI::detail
