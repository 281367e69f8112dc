#pragma once

/// @file
/// `table_lookup.hpp` on vectors: the same operations in the same order, hence the same bits.
///
/// The coefficients of one number are side by side, so that one load brings all of them and a transposition
/// sorts them into vectors. (A gather instruction for each coefficient would load four times as often.)

#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/detail/exponential_function.hpp>
#include <imle/random/detail/instruction_set.hpp>
#include <imle/random/detail/lanes_avx2.hpp>
#include <imle/random/detail/lanes_avx512.hpp>
#include <imle/random/detail/lanes_neon.hpp>
#include <imle/random/detail/lanes_sse2.hpp>
#include <imle/random/detail/table_lookup.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_AVX512)

/// Sixteen floats: the four coefficients of numbers i, i + 4, i + 8 and i + 12 in the quarters of one vector
/// (three of them by masked broadcasts, which load and blend without a shuffle), then as for eight.
template <bool Exponential>
inline void lookup_group_vector(const float* table, const std::uint32_t* words, const affine<float>& map,
                                float* out) noexcept {
    using layout = table_layout<float>;
    constexpr __mmask16 all = avx512_floats::all;
    alignas(64) std::int32_t entries[words_per_group];
    alignas(64) float places[words_per_group];
    for (std::size_t i = 0; i < words_per_group; i += 16) {
        const __m512i word = _mm512_load_si512(words + i);
        const __m512 f = _mm512_add_ps(_mm512_maskz_cvtepi32_ps(all, _mm512_maskz_srli_epi32(all, word, 1)),
                                       _mm512_set1_ps(0.5f));
        const __m512i bits = _mm512_castps_si512(f);
        // (bits >> place_bits) << 1 with the tail in the bit that this leaves free.
        constexpr int last_bit_of_second = 0xd8;
        const __m512i entry =
            _mm512_ternarylogic_epi32(_mm512_maskz_srli_epi32(all, bits, layout::place_bits - 1), word,
                                      _mm512_set1_epi32(1), last_bit_of_second);
        _mm512_store_si512(entries + i, entry);
        const __m512i place = _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(layout::place_mask)));
        const __m512i place_of_one = _mm512_or_si512(place, _mm512_set1_epi32(static_cast<int>(layout::one)));
        _mm512_store_ps(places + i, _mm512_sub_ps(_mm512_castsi512_ps(place_of_one), _mm512_set1_ps(1)));
    }
    const auto coefficients = [&](std::size_t i) {
        return _mm_load_ps(table + (entries[i] - static_cast<std::int32_t>(layout::first_entry)) * 4);
    };
    const auto four = [&](std::size_t i) {
        __m512 row = _mm512_castps128_ps512(coefficients(i));
        row = _mm512_mask_broadcast_f32x4(row, 0x00f0, coefficients(i + 4));
        row = _mm512_mask_broadcast_f32x4(row, 0x0f00, coefficients(i + 8));
        return _mm512_mask_broadcast_f32x4(row, 0xf000, coefficients(i + 12));
    };
    for (std::size_t i = 0; i < words_per_group; i += 16) {
        const __m512 r0 = four(i), r1 = four(i + 1), r2 = four(i + 2), r3 = four(i + 3);
        const __m512 lo01 = _mm512_maskz_unpacklo_ps(all, r0, r1),
                     hi01 = _mm512_maskz_unpackhi_ps(all, r0, r1);
        const __m512 lo23 = _mm512_maskz_unpacklo_ps(all, r2, r3),
                     hi23 = _mm512_maskz_unpackhi_ps(all, r2, r3);
        const __m512 c0 = _mm512_maskz_shuffle_ps(all, lo01, lo23, 0x44);
        const __m512 c1 = _mm512_maskz_shuffle_ps(all, lo01, lo23, 0xee);
        const __m512 c2 = _mm512_maskz_shuffle_ps(all, hi01, hi23, 0x44);
        const __m512 c3 = _mm512_maskz_shuffle_ps(all, hi01, hi23, 0xee);
        const __m512 t = _mm512_load_ps(places + i);
        __m512 y = _mm512_fmadd_ps(c3, t, c2);
        y = _mm512_fmadd_ps(y, t, c1);
        y = _mm512_fmadd_ps(y, t, c0);
        if constexpr (Exponential) {
            affine_power(avx512_floats(y), map).store(out + i);
        } else {
            y = _mm512_fmadd_ps(y, _mm512_set1_ps(map.scale), _mm512_set1_ps(map.low));
            _mm512_storeu_ps(out + i, _mm512_add_ps(y, _mm512_set1_ps(map.high)));
        }
    }
}

/// Eight doubles: the eight coefficients of a number are one load, so that eight numbers are a square matrix.
template <bool Exponential>
inline void lookup_group_vector(const double* table, const std::uint32_t* words, const affine<double>& map,
                                double* out) noexcept {
    using layout = table_layout<double>;
    constexpr __mmask8 all = avx512_doubles::all;
    constexpr std::size_t count = words_per_group / 2;
    alignas(64) std::int64_t entries[count];
    alignas(64) double places[count];
    const __m512i one = _mm512_set1_epi64(static_cast<long long>(layout::one));
    for (std::size_t i = 0; i < count; i += 8) {
        const __m512i word = _mm512_load_si512(words + 2 * i);
        const __m512d f =
            _mm512_sub_pd(_mm512_castsi512_pd(_mm512_or_si512(_mm512_maskz_srli_epi64(all, word, 12), one)),
                          _mm512_set1_pd(1 - 0x1p-53));
        const __m512i bits = _mm512_castpd_si512(f);
        constexpr int last_bit_of_second = 0xd8;
        const __m512i entry =
            _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(all, bits, layout::place_bits - 1), word,
                                      _mm512_set1_epi64(1), last_bit_of_second);
        _mm512_store_si512(entries + i, entry);
        const __m512i place =
            _mm512_and_si512(bits, _mm512_set1_epi64(static_cast<long long>(layout::place_mask)));
        _mm512_store_pd(places + i,
                        _mm512_sub_pd(_mm512_castsi512_pd(_mm512_or_si512(place, one)), _mm512_set1_pd(1)));
    }
    for (std::size_t i = 0; i < count; i += 8) {
        __m512d even[4], odd[4];  // coefficients 0, 2, 4, 6 and 1, 3, 5, 7 of two numbers each
        for (std::size_t j = 0; j < 4; ++j) {
            const auto row = [&](std::size_t k) {
                return _mm512_load_pd(table +
                                      (entries[k] - static_cast<std::int64_t>(layout::first_entry)) * 8);
            };
            const __m512d r0 = row(i + 2 * j), r1 = row(i + 2 * j + 1);
            even[j] = _mm512_maskz_unpacklo_pd(all, r0, r1);
            odd[j] = _mm512_maskz_unpackhi_pd(all, r0, r1);
        }
        __m512d c[8];
        const auto transpose_pairs = [&](const __m512d* rows, std::size_t first) {
            const __m512d a04 = _mm512_maskz_shuffle_f64x2(all, rows[0], rows[1], 0x88);
            const __m512d a26 = _mm512_maskz_shuffle_f64x2(all, rows[0], rows[1], 0xdd);
            const __m512d b04 = _mm512_maskz_shuffle_f64x2(all, rows[2], rows[3], 0x88);
            const __m512d b26 = _mm512_maskz_shuffle_f64x2(all, rows[2], rows[3], 0xdd);
            c[first] = _mm512_maskz_shuffle_f64x2(all, a04, b04, 0x88);
            c[first + 2] = _mm512_maskz_shuffle_f64x2(all, a26, b26, 0x88);
            c[first + 4] = _mm512_maskz_shuffle_f64x2(all, a04, b04, 0xdd);
            c[first + 6] = _mm512_maskz_shuffle_f64x2(all, a26, b26, 0xdd);
        };
        transpose_pairs(even, 0);
        transpose_pairs(odd, 1);
        const __m512d t = _mm512_load_pd(places + i);
        __m512d y = c[7];
        for (int j = 7; j-- > 0;) y = _mm512_fmadd_pd(y, t, c[j]);
        if constexpr (Exponential) {
            affine_power(avx512_doubles(y), map).store(out + i);
        } else {
            y = _mm512_fmadd_pd(y, _mm512_set1_pd(map.scale), _mm512_set1_pd(map.low));
            _mm512_storeu_pd(out + i, _mm512_add_pd(y, _mm512_set1_pd(map.high)));
        }
    }
}

#elif defined(IMLE_USE_AVX2)

template <bool Exponential>
inline void lookup_group_vector(const float* table, const std::uint32_t* words, const affine<float>& map,
                                float* out) noexcept {
    using layout = table_layout<float>;
    alignas(64) std::int32_t entries[words_per_group];
    alignas(64) float places[words_per_group];
    for (std::size_t i = 0; i < words_per_group; i += 8) {
        const __m256i word = _mm256_load_si256(reinterpret_cast<const __m256i*>(words + i));
        const __m256 f = _mm256_add_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(word, 1)), _mm256_set1_ps(0.5f));
        const __m256i bits = _mm256_castps_si256(f);
        // (bits >> place_bits) << 1 with the tail in the bit that this leaves free.
        const __m256i entry = _mm256_or_si256(
            _mm256_and_si256(_mm256_srli_epi32(bits, layout::place_bits - 1), _mm256_set1_epi32(-2)),
            _mm256_and_si256(word, _mm256_set1_epi32(1)));
        _mm256_store_si256(reinterpret_cast<__m256i*>(entries + i), entry);
        const __m256i place = _mm256_and_si256(bits, _mm256_set1_epi32(static_cast<int>(layout::place_mask)));
        const __m256i place_of_one = _mm256_or_si256(place, _mm256_set1_epi32(static_cast<int>(layout::one)));
        _mm256_store_ps(places + i, _mm256_sub_ps(_mm256_castsi256_ps(place_of_one), _mm256_set1_ps(1)));
    }
    const auto coefficients = [&](std::size_t i) {
        return _mm_load_ps(table + (entries[i] - static_cast<std::int32_t>(layout::first_entry)) * 4);
    };
    const auto pair = [&](std::size_t i) {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(coefficients(i)), coefficients(i + 4), 1);
    };
    for (std::size_t i = 0; i < words_per_group; i += 8) {
        const __m256 r0 = pair(i), r1 = pair(i + 1), r2 = pair(i + 2), r3 = pair(i + 3);
        const __m256 lo01 = _mm256_unpacklo_ps(r0, r1), hi01 = _mm256_unpackhi_ps(r0, r1);
        const __m256 lo23 = _mm256_unpacklo_ps(r2, r3), hi23 = _mm256_unpackhi_ps(r2, r3);
        const __m256 c0 = _mm256_shuffle_ps(lo01, lo23, 0x44), c1 = _mm256_shuffle_ps(lo01, lo23, 0xee);
        const __m256 c2 = _mm256_shuffle_ps(hi01, hi23, 0x44), c3 = _mm256_shuffle_ps(hi01, hi23, 0xee);
        const __m256 t = _mm256_load_ps(places + i);
        __m256 y = _mm256_fmadd_ps(c3, t, c2);
        y = _mm256_fmadd_ps(y, t, c1);
        y = _mm256_fmadd_ps(y, t, c0);
        if constexpr (Exponential) {
            affine_power(avx2_floats(y), map).store(out + i);
        } else {
            y = _mm256_fmadd_ps(y, _mm256_set1_ps(map.scale), _mm256_set1_ps(map.low));
            _mm256_storeu_ps(out + i, _mm256_add_ps(y, _mm256_set1_ps(map.high)));
        }
    }
}

template <bool Exponential>
inline void lookup_group_vector(const double* table, const std::uint32_t* words, const affine<double>& map,
                                double* out) noexcept {
    using layout = table_layout<double>;
    constexpr std::size_t count = words_per_group / 2;
    alignas(64) std::int64_t entries[count];
    alignas(64) double places[count];
    const __m256i one = _mm256_set1_epi64x(static_cast<long long>(layout::one));
    for (std::size_t i = 0; i < count; i += 4) {
        const __m256i word = _mm256_load_si256(reinterpret_cast<const __m256i*>(words + 2 * i));
        const __m256d f =
            _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(_mm256_srli_epi64(word, 12), one)),
                          _mm256_set1_pd(1 - 0x1p-53));
        const __m256i bits = _mm256_castpd_si256(f);
        const __m256i entry = _mm256_or_si256(
            _mm256_and_si256(_mm256_srli_epi64(bits, layout::place_bits - 1), _mm256_set1_epi64x(-2)),
            _mm256_and_si256(word, _mm256_set1_epi64x(1)));
        _mm256_store_si256(reinterpret_cast<__m256i*>(entries + i), entry);
        const __m256i place =
            _mm256_and_si256(bits, _mm256_set1_epi64x(static_cast<long long>(layout::place_mask)));
        _mm256_store_pd(places + i,
                        _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(place, one)), _mm256_set1_pd(1)));
    }
    for (std::size_t i = 0; i < count; i += 4) {
        const double* row[4];
        for (std::size_t j = 0; j < 4; ++j)
            row[j] = table + (entries[i + j] - static_cast<std::int64_t>(layout::first_entry)) * 8;
        __m256d c[8];
        for (std::size_t part = 0; part < 8; part += 4) {
            const __m256d r0 = _mm256_load_pd(row[0] + part), r1 = _mm256_load_pd(row[1] + part);
            const __m256d r2 = _mm256_load_pd(row[2] + part), r3 = _mm256_load_pd(row[3] + part);
            const __m256d lo01 = _mm256_unpacklo_pd(r0, r1), hi01 = _mm256_unpackhi_pd(r0, r1);
            const __m256d lo23 = _mm256_unpacklo_pd(r2, r3), hi23 = _mm256_unpackhi_pd(r2, r3);
            c[part] = _mm256_permute2f128_pd(lo01, lo23, 0x20);
            c[part + 1] = _mm256_permute2f128_pd(hi01, hi23, 0x20);
            c[part + 2] = _mm256_permute2f128_pd(lo01, lo23, 0x31);
            c[part + 3] = _mm256_permute2f128_pd(hi01, hi23, 0x31);
        }
        const __m256d t = _mm256_load_pd(places + i);
        __m256d y = c[7];
        for (int j = 7; j-- > 0;) y = _mm256_fmadd_pd(y, t, c[j]);
        if constexpr (Exponential) {
            affine_power(avx2_doubles(y), map).store(out + i);
        } else {
            y = _mm256_fmadd_pd(y, _mm256_set1_pd(map.scale), _mm256_set1_pd(map.low));
            _mm256_storeu_pd(out + i, _mm256_add_pd(y, _mm256_set1_pd(map.high)));
        }
    }
}

#elif defined(IMLE_USE_SSE2) && !defined(__FMA__)

template <bool Exponential>
inline void lookup_group_vector(const float* table, const std::uint32_t* words, const affine<float>& map,
                                float* out) noexcept {
    using layout = table_layout<float>;
    alignas(16) std::int32_t entries[words_per_group];
    alignas(16) float places[words_per_group];
    for (std::size_t i = 0; i < words_per_group; i += 4) {
        const __m128i word = _mm_load_si128(reinterpret_cast<const __m128i*>(words + i));
        const __m128 f = _mm_add_ps(_mm_cvtepi32_ps(_mm_srli_epi32(word, 1)), _mm_set1_ps(0.5f));
        const __m128i bits = _mm_castps_si128(f);
        const __m128i entry =
            _mm_or_si128(_mm_and_si128(_mm_srli_epi32(bits, layout::place_bits - 1), _mm_set1_epi32(-2)),
                         _mm_and_si128(word, _mm_set1_epi32(1)));
        _mm_store_si128(reinterpret_cast<__m128i*>(entries + i), entry);
        const __m128i place = _mm_and_si128(bits, _mm_set1_epi32(static_cast<int>(layout::place_mask)));
        const __m128i place_of_one = _mm_or_si128(place, _mm_set1_epi32(static_cast<int>(layout::one)));
        _mm_store_ps(places + i, _mm_sub_ps(_mm_castsi128_ps(place_of_one), _mm_set1_ps(1)));
    }
    const auto coefficients = [&](std::size_t i) {
        return _mm_load_ps(table + (entries[i] - static_cast<std::int32_t>(layout::first_entry)) * 4);
    };
    for (std::size_t i = 0; i < words_per_group; i += 4) {
        __m128 c0 = coefficients(i), c1 = coefficients(i + 1);
        __m128 c2 = coefficients(i + 2), c3 = coefficients(i + 3);
        _MM_TRANSPOSE4_PS(c0, c1, c2, c3);
        const __m128 t = _mm_load_ps(places + i);
        __m128 y = _mm_add_ps(_mm_mul_ps(c3, t), c2);
        y = _mm_add_ps(_mm_mul_ps(y, t), c1);
        y = _mm_add_ps(_mm_mul_ps(y, t), c0);
        if constexpr (Exponential) {
            affine_power(sse2_floats(y), map).store(out + i);
        } else {
            y = _mm_add_ps(_mm_mul_ps(y, _mm_set1_ps(map.scale)), _mm_set1_ps(map.low));
            _mm_storeu_ps(out + i, _mm_add_ps(y, _mm_set1_ps(map.high)));
        }
    }
}

/// Two doubles at a time gain nothing over one, but for the power: SSE2 has no instruction that rounds a
/// single double to a whole number.
template <bool Exponential>
inline void lookup_group_vector(const double* table, const std::uint32_t* words, const affine<double>& map,
                                double* out) noexcept {
    if constexpr (!Exponential) {
        lookup_group_scalar<false>(table, words, map, out);
    } else {
        const affine<double> identity(0, 1);
        alignas(16) double y[words_per_group / 2];
        lookup_group_scalar<false>(table, words, identity, y);
        for (std::size_t i = 0; i < words_per_group / 2; i += 2)
            affine_power(sse2_doubles::load(y + i), map).store(out + i);
    }
}

#elif defined(IMLE_USE_NEON) && defined(__aarch64__)

template <bool Exponential>
inline void lookup_group_vector(const float* table, const std::uint32_t* words, const affine<float>& map,
                                float* out) noexcept {
    using layout = table_layout<float>;
    alignas(16) std::uint32_t entries[words_per_group];
    alignas(16) float places[words_per_group];
    for (std::size_t i = 0; i < words_per_group; i += 4) {
        const uint32x4_t word = vld1q_u32(words + i);
        const float32x4_t f = vaddq_f32(vcvtq_f32_u32(vshrq_n_u32(word, 1)), vdupq_n_f32(0.5f));
        const uint32x4_t bits = vreinterpretq_u32_f32(f);
        // (bits >> place_bits) << 1 with the tail in the bit that this leaves free.
        vst1q_u32(entries + i, vbslq_u32(vdupq_n_u32(1), word, vshrq_n_u32(bits, layout::place_bits - 1)));
        const uint32x4_t place =
            vorrq_u32(vandq_u32(bits, vdupq_n_u32(layout::place_mask)), vdupq_n_u32(layout::one));
        vst1q_f32(places + i, vsubq_f32(vreinterpretq_f32_u32(place), vdupq_n_f32(1)));
    }
    const auto coefficients = [&](std::size_t i) {
        return vld1q_f32(table + (entries[i] - layout::first_entry) * 4);
    };
    for (std::size_t i = 0; i < words_per_group; i += 4) {
        const float32x4_t r0 = coefficients(i), r1 = coefficients(i + 1);
        const float32x4_t r2 = coefficients(i + 2), r3 = coefficients(i + 3);
        const auto pairs = [](float32x4_t a, float32x4_t b) {  // coefficients 0, 2 of both, then 1, 3
            const float32x4x2_t both = vtrnq_f32(a, b);
            return float64x2x2_t{{vreinterpretq_f64_f32(both.val[0]), vreinterpretq_f64_f32(both.val[1])}};
        };
        const float64x2x2_t r01 = pairs(r0, r1), r23 = pairs(r2, r3);
        const float32x4_t c0 = vreinterpretq_f32_f64(vtrn1q_f64(r01.val[0], r23.val[0]));
        const float32x4_t c1 = vreinterpretq_f32_f64(vtrn1q_f64(r01.val[1], r23.val[1]));
        const float32x4_t c2 = vreinterpretq_f32_f64(vtrn2q_f64(r01.val[0], r23.val[0]));
        const float32x4_t c3 = vreinterpretq_f32_f64(vtrn2q_f64(r01.val[1], r23.val[1]));
        const float32x4_t t = vld1q_f32(places + i);
        float32x4_t y = vfmaq_f32(c2, c3, t);
        y = vfmaq_f32(c1, y, t);
        y = vfmaq_f32(c0, y, t);
        if constexpr (Exponential) {
            affine_power(neon_floats(y), map).store(out + i);
        } else {
            y = vfmaq_f32(vdupq_n_f32(map.low), y, vdupq_n_f32(map.scale));
            vst1q_f32(out + i, vaddq_f32(y, vdupq_n_f32(map.high)));
        }
    }
}

/// Two doubles at a time gain nothing over one.
template <bool Exponential>
inline void lookup_group_vector(const double* table, const std::uint32_t* words, const affine<double>& map,
                                double* out) noexcept {
    lookup_group_scalar<Exponential>(table, words, map, out);
}

#else

template <bool Exponential, class Scalar>
inline void lookup_group_vector(const Scalar* table, const std::uint32_t* words, const affine<Scalar>& map,
                                Scalar* out) noexcept {
    lookup_group_scalar<Exponential>(table, words, map, out);
}

#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
