#pragma once

/// @file
/// `scalar_lanes` on vectors: AVX2.

#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_AVX2)
/// Eight floats.
struct avx2_floats {
    using scalar = float;
    using mask = __m256;
    static constexpr std::size_t size = 8;

    __m256 v;

    avx2_floats() = default;
    explicit avx2_floats(__m256 x) noexcept : v(x) {}
    explicit avx2_floats(scalar x) noexcept : v(_mm256_set1_ps(x)) {}
    [[nodiscard]] static avx2_floats load(const scalar* from) noexcept {
        return avx2_floats(_mm256_loadu_ps(from));
    }
    void store(scalar* to) const noexcept { _mm256_storeu_ps(to, v); }
    [[nodiscard]] static avx2_floats upper_bits(const std::uint32_t* words) noexcept {
        return avx2_floats(_mm256_cvtepi32_ps(
            _mm256_srli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)), 8)));
    }

    friend avx2_floats operator+(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_add_ps(a.v, b.v));
    }
    friend avx2_floats operator-(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_sub_ps(a.v, b.v));
    }
    friend avx2_floats operator*(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_mul_ps(a.v, b.v));
    }
    friend avx2_floats operator/(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_div_ps(a.v, b.v));
    }
    friend avx2_floats multiply_add(avx2_floats a, avx2_floats b, avx2_floats c) noexcept {
        return avx2_floats(_mm256_fmadd_ps(a.v, b.v, c.v));
    }
    friend avx2_floats square_root(avx2_floats a) noexcept { return avx2_floats(_mm256_sqrt_ps(a.v)); }
    friend avx2_floats minimum(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_min_ps(a.v, b.v));
    }
    friend avx2_floats maximum(avx2_floats a, avx2_floats b) noexcept {
        return avx2_floats(_mm256_max_ps(a.v, b.v));
    }
    friend avx2_floats nearest(avx2_floats a) noexcept {
        return avx2_floats(_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    friend avx2_floats power_of_two(avx2_floats n) noexcept {
        const __m256i exponent = _mm256_add_epi32(_mm256_cvttps_epi32(n.v), _mm256_set1_epi32(127));
        return avx2_floats(_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
    }
    friend mask less(avx2_floats a, avx2_floats b) noexcept { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
    friend avx2_floats select(mask which, avx2_floats yes, avx2_floats no) noexcept {
        return avx2_floats(_mm256_blendv_ps(no.v, yes.v, which));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(m));
    }
};

/// Four doubles.
struct avx2_doubles {
    using scalar = double;
    using mask = __m256d;
    static constexpr std::size_t size = 4;

    __m256d v;

    avx2_doubles() = default;
    explicit avx2_doubles(__m256d x) noexcept : v(x) {}
    explicit avx2_doubles(scalar x) noexcept : v(_mm256_set1_pd(x)) {}
    [[nodiscard]] static avx2_doubles load(const scalar* from) noexcept {
        return avx2_doubles(_mm256_loadu_pd(from));
    }
    void store(scalar* to) const noexcept { _mm256_storeu_pd(to, v); }
    [[nodiscard]] static avx2_doubles upper_bits(const std::uint32_t* words) noexcept {
        return avx2_doubles(
            _mm256_cvtepi32_pd(_mm_srli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words)), 8)));
    }

    friend avx2_doubles operator+(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_add_pd(a.v, b.v));
    }
    friend avx2_doubles operator-(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_sub_pd(a.v, b.v));
    }
    friend avx2_doubles operator*(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_mul_pd(a.v, b.v));
    }
    friend avx2_doubles operator/(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_div_pd(a.v, b.v));
    }
    friend avx2_doubles multiply_add(avx2_doubles a, avx2_doubles b, avx2_doubles c) noexcept {
        return avx2_doubles(_mm256_fmadd_pd(a.v, b.v, c.v));
    }
    friend avx2_doubles square_root(avx2_doubles a) noexcept { return avx2_doubles(_mm256_sqrt_pd(a.v)); }
    friend avx2_doubles minimum(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_min_pd(a.v, b.v));
    }
    friend avx2_doubles maximum(avx2_doubles a, avx2_doubles b) noexcept {
        return avx2_doubles(_mm256_max_pd(a.v, b.v));
    }
    friend avx2_doubles nearest(avx2_doubles a) noexcept {
        return avx2_doubles(_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    friend avx2_doubles power_of_two(avx2_doubles n) noexcept {
        const __m128i exponent = _mm_add_epi32(_mm256_cvttpd_epi32(n.v), _mm_set1_epi32(1023));
        return avx2_doubles(_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_cvtepi32_epi64(exponent), 52)));
    }
    friend mask less(avx2_doubles a, avx2_doubles b) noexcept { return _mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ); }
    friend avx2_doubles select(mask which, avx2_doubles yes, avx2_doubles no) noexcept {
        return avx2_doubles(_mm256_blendv_pd(no.v, yes.v, which));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_pd(m));
    }
};
#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
