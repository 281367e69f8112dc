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
#include <imle/random/detail/table_lookup.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_AVX2)

/// exp_of on eight floats.
[[nodiscard]] inline __m256 exp_of(__m256 y) noexcept {
    using constants = exp_constants<float>;
    y = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(constants::lowest)),
                      _mm256_set1_ps(constants::highest));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(y, _mm256_set1_ps(constants::log2_e)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-constants::log2_high), y);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-constants::log2_low), r);
    __m256 sum = _mm256_set1_ps(constants::coefficients[constants::degree]);
    for (int i = constants::degree; i-- > 0;)
        sum = _mm256_fmadd_ps(sum, r, _mm256_set1_ps(constants::coefficients[i]));
    const __m256i exponent = _mm256_cvttps_epi32(n);
    const __m256i half = _mm256_srai_epi32(exponent, 1);
    const auto power = [](__m256i e) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
    };
    return _mm256_mul_ps(_mm256_mul_ps(sum, power(half)), power(_mm256_sub_epi32(exponent, half)));
}

/// exp_of on four doubles.
[[nodiscard]] inline __m256d exp_of(__m256d y) noexcept {
    using constants = exp_constants<double>;
    y = _mm256_min_pd(_mm256_max_pd(y, _mm256_set1_pd(constants::lowest)),
                      _mm256_set1_pd(constants::highest));
    const __m256d n = _mm256_round_pd(_mm256_mul_pd(y, _mm256_set1_pd(constants::log2_e)),
                                      _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256d r = _mm256_fmadd_pd(n, _mm256_set1_pd(-constants::log2_high), y);
    r = _mm256_fmadd_pd(n, _mm256_set1_pd(-constants::log2_low), r);
    __m256d sum = _mm256_set1_pd(constants::coefficients[constants::degree]);
    for (int i = constants::degree; i-- > 0;)
        sum = _mm256_fmadd_pd(sum, r, _mm256_set1_pd(constants::coefficients[i]));
    const __m128i exponent = _mm256_cvttpd_epi32(n);
    const __m128i half = _mm_srai_epi32(exponent, 1);
    const auto power = [](__m128i e) {
        const __m256i wide = _mm256_cvtepi32_epi64(_mm_add_epi32(e, _mm_set1_epi32(1023)));
        return _mm256_castsi256_pd(_mm256_slli_epi64(wide, 52));
    };
    return _mm256_mul_pd(_mm256_mul_pd(sum, power(half)), power(_mm_sub_epi32(exponent, half)));
}

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
        _mm256_store_ps(places + i, _mm256_cvtepi32_ps(place));
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
        if constexpr (Exponential) y = exp_of(y);
        y = _mm256_fmadd_ps(y, _mm256_set1_ps(map.scale), _mm256_set1_ps(map.low));
        _mm256_storeu_ps(out + i, _mm256_add_ps(y, _mm256_set1_ps(map.high)));
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
        if constexpr (Exponential) y = exp_of(y);
        y = _mm256_fmadd_pd(y, _mm256_set1_pd(map.scale), _mm256_set1_pd(map.low));
        _mm256_storeu_pd(out + i, _mm256_add_pd(y, _mm256_set1_pd(map.high)));
    }
}

#elif defined(IMLE_USE_SSE2) && !defined(__FMA__)

/// exp_of on four floats. SSE2 has no instruction that rounds to an integral float; the conversion does.
[[nodiscard]] inline __m128 exp_of(__m128 y) noexcept {
    using constants = exp_constants<float>;
    y = _mm_min_ps(_mm_max_ps(y, _mm_set1_ps(constants::lowest)), _mm_set1_ps(constants::highest));
    const __m128i exponent = _mm_cvtps_epi32(_mm_mul_ps(y, _mm_set1_ps(constants::log2_e)));
    const __m128 n = _mm_cvtepi32_ps(exponent);
    const auto multiply_add4 = [](__m128 a, __m128 b, __m128 c) { return _mm_add_ps(_mm_mul_ps(a, b), c); };
    __m128 r = multiply_add4(n, _mm_set1_ps(-constants::log2_high), y);
    r = multiply_add4(n, _mm_set1_ps(-constants::log2_low), r);
    __m128 sum = _mm_set1_ps(constants::coefficients[constants::degree]);
    for (int i = constants::degree; i-- > 0;)
        sum = multiply_add4(sum, r, _mm_set1_ps(constants::coefficients[i]));
    const __m128i half = _mm_srai_epi32(exponent, 1);
    const auto power = [](__m128i e) {
        return _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(e, _mm_set1_epi32(127)), 23));
    };
    return _mm_mul_ps(_mm_mul_ps(sum, power(half)), power(_mm_sub_epi32(exponent, half)));
}

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
        _mm_store_ps(places + i, _mm_cvtepi32_ps(place));
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
        if constexpr (Exponential) y = exp_of(y);
        y = _mm_add_ps(_mm_mul_ps(y, _mm_set1_ps(map.scale)), _mm_set1_ps(map.low));
        _mm_storeu_ps(out + i, _mm_add_ps(y, _mm_set1_ps(map.high)));
    }
}

/// Two doubles at a time gain nothing over one: the portable path.
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
