#pragma once

/// @file
/// `scalar_lanes` on vectors: AVX-512.

#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_AVX512)
/// Sixteen floats.
struct avx512_floats {
    using scalar = float;
    using mask = __mmask16;
    static constexpr std::size_t size = 16;

    /// Full masks cost nothing; see `philox_avx512`.
    static constexpr __mmask16 all = 0xffff;

    __m512 v;

    avx512_floats() = default;
    explicit avx512_floats(__m512 x) noexcept : v(x) {}
    explicit avx512_floats(scalar x) noexcept : v(_mm512_set1_ps(x)) {}
    [[nodiscard]] static avx512_floats load(const scalar* from) noexcept {
        return avx512_floats(_mm512_loadu_ps(from));
    }
    void store(scalar* to) const noexcept { _mm512_storeu_ps(to, v); }
    [[nodiscard]] static avx512_floats upper_bits(const std::uint32_t* words) noexcept {
        return avx512_floats(
            _mm512_maskz_cvtepi32_ps(all, _mm512_maskz_srli_epi32(all, _mm512_loadu_si512(words), 8)));
    }

    friend avx512_floats operator+(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_add_ps(a.v, b.v));
    }
    friend avx512_floats operator-(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_sub_ps(a.v, b.v));
    }
    friend avx512_floats operator*(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_mul_ps(a.v, b.v));
    }
    friend avx512_floats operator/(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_div_ps(a.v, b.v));
    }
    friend avx512_floats multiply_add(avx512_floats a, avx512_floats b, avx512_floats c) noexcept {
        return avx512_floats(_mm512_fmadd_ps(a.v, b.v, c.v));
    }
    friend avx512_floats square_root(avx512_floats a) noexcept {
        return avx512_floats(_mm512_maskz_sqrt_ps(all, a.v));
    }
    friend avx512_floats minimum(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_maskz_min_ps(all, a.v, b.v));
    }
    friend avx512_floats maximum(avx512_floats a, avx512_floats b) noexcept {
        return avx512_floats(_mm512_maskz_max_ps(all, a.v, b.v));
    }
    friend avx512_floats nearest(avx512_floats a) noexcept {
        return avx512_floats(
            _mm512_maskz_roundscale_ps(all, a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    friend avx512_floats power_of_two(avx512_floats n) noexcept {
        const __m512i exponent =
            _mm512_add_epi32(_mm512_maskz_cvttps_epi32(all, n.v), _mm512_set1_epi32(127));
        return avx512_floats(_mm512_castsi512_ps(_mm512_maskz_slli_epi32(all, exponent, 23)));
    }
    friend mask less(avx512_floats a, avx512_floats b) noexcept {
        return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ);
    }
    friend avx512_floats select(mask which, avx512_floats yes, avx512_floats no) noexcept {
        return avx512_floats(_mm512_mask_blend_ps(which, no.v, yes.v));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept { return m; }
};

/// Eight doubles.
struct avx512_doubles {
    using scalar = double;
    using mask = __mmask8;
    static constexpr std::size_t size = 8;

    /// Full masks cost nothing; see `philox_avx512`.
    static constexpr __mmask8 all = 0xff;

    __m512d v;

    avx512_doubles() = default;
    explicit avx512_doubles(__m512d x) noexcept : v(x) {}
    explicit avx512_doubles(scalar x) noexcept : v(_mm512_set1_pd(x)) {}
    [[nodiscard]] static avx512_doubles load(const scalar* from) noexcept {
        return avx512_doubles(_mm512_loadu_pd(from));
    }
    void store(scalar* to) const noexcept { _mm512_storeu_pd(to, v); }
    [[nodiscard]] static avx512_doubles upper_bits(const std::uint32_t* words) noexcept {
        return avx512_doubles(_mm512_maskz_cvtepi32_pd(
            all, _mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)), 8)));
    }

    friend avx512_doubles operator+(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_add_pd(a.v, b.v));
    }
    friend avx512_doubles operator-(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_sub_pd(a.v, b.v));
    }
    friend avx512_doubles operator*(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_mul_pd(a.v, b.v));
    }
    friend avx512_doubles operator/(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_div_pd(a.v, b.v));
    }
    friend avx512_doubles multiply_add(avx512_doubles a, avx512_doubles b, avx512_doubles c) noexcept {
        return avx512_doubles(_mm512_fmadd_pd(a.v, b.v, c.v));
    }
    friend avx512_doubles square_root(avx512_doubles a) noexcept {
        return avx512_doubles(_mm512_maskz_sqrt_pd(all, a.v));
    }
    friend avx512_doubles minimum(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_maskz_min_pd(all, a.v, b.v));
    }
    friend avx512_doubles maximum(avx512_doubles a, avx512_doubles b) noexcept {
        return avx512_doubles(_mm512_maskz_max_pd(all, a.v, b.v));
    }
    friend avx512_doubles nearest(avx512_doubles a) noexcept {
        return avx512_doubles(
            _mm512_maskz_roundscale_pd(all, a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    friend avx512_doubles power_of_two(avx512_doubles n) noexcept {
        const __m256i exponent =
            _mm256_add_epi32(_mm512_maskz_cvttpd_epi32(all, n.v), _mm256_set1_epi32(1023));
        return avx512_doubles(_mm512_castsi512_pd(
            _mm512_maskz_slli_epi64(all, _mm512_maskz_cvtepi32_epi64(all, exponent), 52)));
    }
    friend mask less(avx512_doubles a, avx512_doubles b) noexcept {
        return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ);
    }
    friend avx512_doubles select(mask which, avx512_doubles yes, avx512_doubles no) noexcept {
        return avx512_doubles(_mm512_mask_blend_pd(which, no.v, yes.v));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept { return m; }
};
#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
