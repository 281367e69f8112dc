#pragma once

/// @file
/// simd/scalar.hpp on vectors of 32 bytes: AVX for numbers, AVX2 for words.

#include <cstdint>

#include <imle/simd/vector.hpp>

#if IMLE_VECTOR_BYTES >= 32
#include <immintrin.h>

namespace imle::inline IMLE_ABI::detail::instructions {

using float8 = vector_of<float, 8>;
using double4 = vector_of<double, 4>;

[[nodiscard]] inline float8 multiply_add(const float8& a, const float8& b, const float8& c) noexcept {
#if defined(IMLE_HAS_FMA)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}
[[nodiscard]] inline double4 multiply_add(const double4& a, const double4& b, const double4& c) noexcept {
#if defined(IMLE_HAS_FMA)
    return _mm256_fmadd_pd(a, b, c);
#else
    return a * b + c;
#endif
}
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

/// Four floats from each of two places.
[[nodiscard]] inline float8 load_fours(const float* a, const float* b) noexcept {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

#if IMLE_INTEGER_VECTOR_BYTES >= 32
[[nodiscard]] inline vector_of<std::uint64_t, 4> multiply_lower_halves(
    const vector_of<std::uint64_t, 4>& a, const vector_of<std::uint64_t, 4>& b) noexcept {
    return vector_of<std::uint64_t, 4>(_mm256_mul_epu32(__m256i(a), __m256i(b)));
}
#endif

}  // namespace imle::inline IMLE_ABI::detail::instructions
#endif
