#pragma once

/// @file
/// simd/scalar.hpp on vectors of 16 bytes: SSE2, with FMA where there is that.

#include <cstdint>

#include <imle/simd/vector.hpp>

#if IMLE_VECTOR_BYTES >= 16 && !defined(IMLE_HAS_NEON)
#include <immintrin.h>

namespace imle::inline IMLE_ABI::detail::instructions {

using float4 = vector_of<float, 4>;
using double2 = vector_of<double, 2>;

[[nodiscard]] inline float4 multiply_add(const float4& a, const float4& b, const float4& c) noexcept {
#if defined(IMLE_HAS_FMA)
    return _mm_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}
[[nodiscard]] inline double2 multiply_add(const double2& a, const double2& b, const double2& c) noexcept {
#if defined(IMLE_HAS_FMA)
    return _mm_fmadd_pd(a, b, c);
#else
    return a * b + c;
#endif
}
[[nodiscard]] inline float4 square_root(const float4& a) noexcept {
    return _mm_sqrt_ps(a);
}
[[nodiscard]] inline double2 square_root(const double2& a) noexcept {
    return _mm_sqrt_pd(a);
}
// SSE2 rounds to whole numbers by converting.
[[nodiscard]] inline float4 nearest(const float4& a) noexcept {
    return _mm_cvtepi32_ps(_mm_cvtps_epi32(a));
}
[[nodiscard]] inline double2 nearest(const double2& a) noexcept {
    return _mm_cvtepi32_pd(_mm_cvtpd_epi32(a));
}
[[nodiscard]] inline std::uint32_t bits(const float4& mask) noexcept {
    return static_cast<std::uint32_t>(_mm_movemask_ps(mask));
}
[[nodiscard]] inline std::uint32_t bits(const double2& mask) noexcept {
    return static_cast<std::uint32_t>(_mm_movemask_pd(mask));
}

[[nodiscard]] inline vector_of<std::uint64_t, 2> multiply_lower_halves(
    const vector_of<std::uint64_t, 2>& a, const vector_of<std::uint64_t, 2>& b) noexcept {
    return vector_of<std::uint64_t, 2>(_mm_mul_epu32(__m128i(a), __m128i(b)));
}

}  // namespace imle::inline IMLE_ABI::detail::instructions
#endif
