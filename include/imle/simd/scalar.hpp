#pragma once

/// @file
/// The operations that each instruction set provides, for one number: the reference for all vectors, and the
/// fallback.
///
/// simd/x86.hpp and simd/neon.hpp overload these functions for their own vectors.

#include <cmath>
#include <cstdint>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail::instructions {

template <class Scalar>
[[nodiscard]] inline Scalar square_root(Scalar a) noexcept {
    return std::sqrt(a);
}
/// The nearest integer, ties to even, for |a| < 2^31. A zero may have either sign.
template <class Scalar>
[[nodiscard]] inline Scalar nearest(Scalar a) noexcept {
    return std::nearbyint(a);
}

// The compiler supports these operators for vectors too.
template <class Vector>
[[nodiscard]] inline auto less(const Vector& a, const Vector& b) noexcept {
    return a < b;
}
template <class Mask, class Vector>
[[nodiscard]] inline Vector select(const Mask& which, const Vector& yes, const Vector& no) noexcept {
    return which ? yes : no;
}
/// The result of `less` as an integer: bit i is lane i.
[[nodiscard]] inline std::uint32_t bits(bool mask) noexcept {
    return mask ? 1 : 0;
}

/// The first `count` numbers from memory, fewer than there are lanes, then the lanes of `rest`: only where
/// there is an instruction for it.
template <class... Arguments>
void load_first(Arguments...) = delete;

/// The lanes of which bits of a word are set, one after the other: only where there is an instruction for it.
template <class... Arguments>
void compress(Arguments...) = delete;

/// Loads four floats from each of several addresses, for vectors of more than four.
template <class... Places>
void load_fours(Places...) = delete;

/// The product of the lower 32 bits of a and b.
[[nodiscard]] inline std::uint64_t multiply_lower_halves(std::uint64_t a, std::uint64_t b) noexcept {
    return (a & 0xffffffff) * (b & 0xffffffff);
}

}  // namespace imle::inline IMLE_ABI::detail::instructions
