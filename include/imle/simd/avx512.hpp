#pragma once

/// @file
/// simd/scalar.hpp on vectors of 64 bytes: AVX-512.

#include <cstdint>

#include <imle/simd/vector.hpp>

#if IMLE_VECTOR_BYTES >= 64
#include <immintrin.h>

namespace imle::inline IMLE_ABI::detail::instructions {

using float16 = vector_of<float, 16>;
using double8 = vector_of<double, 8>;

// Full masks cost nothing; the unmasked intrinsics of g++ 12 read a variable that it then warns of (GCC bug
// 105593), in a user's build too.
inline constexpr __mmask16 all16 = 0xffff;
inline constexpr __mmask8 all8 = 0xff;

[[nodiscard]] inline float16 multiply_add(const float16& a, const float16& b, const float16& c) noexcept {
    return _mm512_fmadd_ps(a, b, c);
}
[[nodiscard]] inline double8 multiply_add(const double8& a, const double8& b, const double8& c) noexcept {
    return _mm512_fmadd_pd(a, b, c);
}
[[nodiscard]] inline float16 square_root(const float16& a) noexcept {
    return _mm512_maskz_sqrt_ps(all16, a);
}
[[nodiscard]] inline double8 square_root(const double8& a) noexcept {
    return _mm512_maskz_sqrt_pd(all8, a);
}
[[nodiscard]] inline float16 nearest(const float16& a) noexcept {
    return _mm512_maskz_roundscale_ps(all16, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
[[nodiscard]] inline double8 nearest(const double8& a) noexcept {
    return _mm512_maskz_roundscale_pd(all8, a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// Comparisons have registers of their own: a bit a lane.
[[nodiscard]] inline __mmask16 less(const float16& a, const float16& b) noexcept {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
[[nodiscard]] inline __mmask8 less(const double8& a, const double8& b) noexcept {
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
[[nodiscard]] inline float16 select(const __mmask16& which, const float16& yes, const float16& no) noexcept {
    return _mm512_mask_blend_ps(which, no, yes);
}
[[nodiscard]] inline double8 select(const __mmask8& which, const double8& yes, const double8& no) noexcept {
    return _mm512_mask_blend_pd(which, no, yes);
}
[[nodiscard]] inline std::uint32_t bits(__mmask16 mask) noexcept {
    return mask;
}
[[nodiscard]] inline std::uint32_t bits(__mmask8 mask) noexcept {
    return mask;
}

/// Four floats from each of four places: masked broadcasts load and blend without a shuffle.
[[nodiscard]] inline float16 load_fours(const float* a, const float* b, const float* c,
                                        const float* d) noexcept {
    __m512 row = _mm512_castps128_ps512(_mm_loadu_ps(a));
    row = _mm512_mask_broadcast_f32x4(row, 0x00f0, _mm_loadu_ps(b));
    row = _mm512_mask_broadcast_f32x4(row, 0x0f00, _mm_loadu_ps(c));
    return _mm512_mask_broadcast_f32x4(row, 0xf000, _mm_loadu_ps(d));
}

[[nodiscard]] inline vector_of<std::uint64_t, 8> multiply_lower_halves(
    const vector_of<std::uint64_t, 8>& a, const vector_of<std::uint64_t, 8>& b) noexcept {
    return vector_of<std::uint64_t, 8>(_mm512_maskz_mul_epu32(all8, __m512i(a), __m512i(b)));
}

}  // namespace imle::inline IMLE_ABI::detail::instructions
#endif
