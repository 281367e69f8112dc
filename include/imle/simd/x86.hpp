#pragma once

/// @file
/// The functions of simd/scalar.hpp for the vectors of x86: 16 bytes (SSE2), 32 (AVX, and AVX2 for words), 64
/// (AVX-512).

#include <cstddef>
#include <cstdint>

#include <imle/simd/scalar.hpp>
#include <imle/simd/vector.hpp>

#if IMLE_VECTOR_BYTES >= 16 && !defined(IMLE_HAS_NEON)
#if IMLE_VECTOR_BYTES == 16
#include <emmintrin.h>  // all that WebAssembly has of x86's
#else
#include <immintrin.h>
#endif

namespace imle::inline IMLE_ABI::detail::instructions {

using float4 = vector_of<float, 4>;
using double2 = vector_of<double, 2>;

[[nodiscard]] inline float4 square_root(const float4& a) noexcept {
    return _mm_sqrt_ps(a);
}
[[nodiscard]] inline double2 square_root(const double2& a) noexcept {
    return _mm_sqrt_pd(a);
}
// SSE2 rounds to integers by conversion.
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

#if IMLE_VECTOR_BYTES >= 32
using float8 = vector_of<float, 8>;
using double4 = vector_of<double, 4>;

[[nodiscard]] inline float8 square_root(const float8& a) noexcept {
    return _mm256_sqrt_ps(a);
}
[[nodiscard]] inline double4 square_root(const double4& a) noexcept {
    return _mm256_sqrt_pd(a);
}
[[nodiscard]] inline float8 nearest(const float8& a) noexcept {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
[[nodiscard]] inline double4 nearest(const double4& a) noexcept {
    return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
[[nodiscard]] inline std::uint32_t bits(const float8& mask) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(mask));
}
[[nodiscard]] inline std::uint32_t bits(const double4& mask) noexcept {
    return static_cast<std::uint32_t>(_mm256_movemask_pd(mask));
}

// From place 8 - n on, n lanes are all ones.
inline constexpr std::int32_t first_of_8[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
inline constexpr std::int64_t first_of_4[8] = {-1, -1, -1, -1};

[[nodiscard]] inline float8 load_first(const float* from, std::size_t count, const float8& rest) noexcept {
    const auto used = __m256i(load_vector<std::int32_t, 8>(first_of_8 + 8 - count));
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(from, used), _mm256_castsi256_ps(used));
}
[[nodiscard]] inline double4 load_first(const double* from, std::size_t count, const double4& rest) noexcept {
    const auto used = __m256i(load_vector<std::int64_t, 4>(first_of_4 + 4 - count));
    return _mm256_blendv_pd(rest, _mm256_maskload_pd(from, used), _mm256_castsi256_pd(used));
}

/// Loads four floats from each of two addresses.
[[nodiscard]] inline float8 load_fours(const float* a, const float* b) noexcept {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

#if IMLE_INTEGER_VECTOR_BYTES >= 32
[[nodiscard]] inline vector_of<std::uint64_t, 4> multiply_lower_halves(
    const vector_of<std::uint64_t, 4>& a, const vector_of<std::uint64_t, 4>& b) noexcept {
    return vector_of<std::uint64_t, 4>(_mm256_mul_epu32(__m256i(a), __m256i(b)));
}
#endif
#endif

#if IMLE_VECTOR_BYTES >= 64
using float16 = vector_of<float, 16>;
using double8 = vector_of<double, 8>;

// Full masks cost nothing. The unmasked intrinsics of g++ 12 read an uninitialised variable and cause a
// warning (GCC bug 105593), in a user's build too.
inline constexpr __mmask16 all16 = 0xffff;
inline constexpr __mmask8 all8 = 0xff;

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

// Comparisons write to mask registers: one bit a lane.
[[nodiscard]] inline __mmask16 less(const float16& a, const float16& b) noexcept {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
[[nodiscard]] inline __mmask8 less(const double8& a, const double8& b) noexcept {
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
[[nodiscard]] inline __mmask16 less(const vector_of<std::int32_t, 16>& a,
                                    const vector_of<std::int32_t, 16>& b) noexcept {
    return _mm512_cmplt_epi32_mask(__m512i(a), __m512i(b));
}
[[nodiscard]] inline __mmask8 less(const vector_of<std::int64_t, 8>& a,
                                   const vector_of<std::int64_t, 8>& b) noexcept {
    return _mm512_cmplt_epi64_mask(__m512i(a), __m512i(b));
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

[[nodiscard]] inline float16 load_first(const float* from, std::size_t count, const float16& rest) noexcept {
    return _mm512_mask_loadu_ps(rest, static_cast<__mmask16>((1u << count) - 1), from);
}
[[nodiscard]] inline double8 load_first(const double* from, std::size_t count, const double8& rest) noexcept {
    return _mm512_mask_loadu_pd(rest, static_cast<__mmask8>((1u << count) - 1), from);
}

/// The lanes of which bits of `which` are set, one after the other, then zeros.
[[nodiscard]] inline float16 compress(std::uint32_t which, const float16& a) noexcept {
    return _mm512_maskz_compress_ps(static_cast<__mmask16>(which), a);
}
[[nodiscard]] inline double8 compress(std::uint32_t which, const double8& a) noexcept {
    return _mm512_maskz_compress_pd(static_cast<__mmask8>(which), a);
}

/// Loads four floats from each of four addresses: masked broadcasts load and blend without a shuffle.
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
#endif

}  // namespace imle::inline IMLE_ABI::detail::instructions
#endif
