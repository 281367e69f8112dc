#pragma once

/// @file
/// `scalar_lanes` on vectors: SSE2.

#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_SSE2)
/// Four floats. SSE2 rounds to whole numbers by converting.
struct sse2_floats {
    using scalar = float;
    using mask = __m128;
    static constexpr std::size_t size = 4;

    __m128 v;

    sse2_floats() = default;
    explicit sse2_floats(__m128 x) noexcept : v(x) {}
    explicit sse2_floats(scalar x) noexcept : v(_mm_set1_ps(x)) {}
    [[nodiscard]] static sse2_floats load(const scalar* from) noexcept {
        return sse2_floats(_mm_loadu_ps(from));
    }
    void store(scalar* to) const noexcept { _mm_storeu_ps(to, v); }
    [[nodiscard]] static sse2_floats upper_bits(const std::uint32_t* words) noexcept {
        return sse2_floats(
            _mm_cvtepi32_ps(_mm_srli_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words)), 8)));
    }

    friend sse2_floats operator+(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_add_ps(a.v, b.v));
    }
    friend sse2_floats operator-(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_sub_ps(a.v, b.v));
    }
    friend sse2_floats operator*(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_mul_ps(a.v, b.v));
    }
    friend sse2_floats operator/(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_div_ps(a.v, b.v));
    }
    friend sse2_floats multiply_add(sse2_floats a, sse2_floats b, sse2_floats c) noexcept {
#if defined(__FMA__)
        return sse2_floats(_mm_fmadd_ps(a.v, b.v, c.v));
#else
        return sse2_floats(_mm_add_ps(_mm_mul_ps(a.v, b.v), c.v));
#endif
    }
    friend sse2_floats square_root(sse2_floats a) noexcept {
        return sse2_floats(_mm_sqrt_ps(a.v));
    }
    friend sse2_floats minimum(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_min_ps(a.v, b.v));
    }
    friend sse2_floats maximum(sse2_floats a, sse2_floats b) noexcept {
        return sse2_floats(_mm_max_ps(a.v, b.v));
    }
    friend sse2_floats nearest(sse2_floats a) noexcept {
        return sse2_floats(_mm_cvtepi32_ps(_mm_cvtps_epi32(a.v)));
    }
    friend sse2_floats power_of_two(sse2_floats n) noexcept {
        const __m128i exponent = _mm_add_epi32(_mm_cvttps_epi32(n.v), _mm_set1_epi32(127));
        return sse2_floats(_mm_castsi128_ps(_mm_slli_epi32(exponent, 23)));
    }
    friend mask less(sse2_floats a, sse2_floats b) noexcept {
        return _mm_cmplt_ps(a.v, b.v);
    }
    friend sse2_floats select(mask which, sse2_floats yes, sse2_floats no) noexcept {
        return sse2_floats(_mm_or_ps(_mm_and_ps(which, yes.v), _mm_andnot_ps(which, no.v)));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_ps(m));
    }
};

/// Two doubles.
struct sse2_doubles {
    using scalar = double;
    using mask = __m128d;
    static constexpr std::size_t size = 2;

    __m128d v;

    sse2_doubles() = default;
    explicit sse2_doubles(__m128d x) noexcept : v(x) {}
    explicit sse2_doubles(scalar x) noexcept : v(_mm_set1_pd(x)) {}
    [[nodiscard]] static sse2_doubles load(const scalar* from) noexcept {
        return sse2_doubles(_mm_loadu_pd(from));
    }
    void store(scalar* to) const noexcept { _mm_storeu_pd(to, v); }
    [[nodiscard]] static sse2_doubles upper_bits(const std::uint32_t* words) noexcept {
        return sse2_doubles(
            _mm_cvtepi32_pd(_mm_srli_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(words)), 8)));
    }

    friend sse2_doubles operator+(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_add_pd(a.v, b.v));
    }
    friend sse2_doubles operator-(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_sub_pd(a.v, b.v));
    }
    friend sse2_doubles operator*(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_mul_pd(a.v, b.v));
    }
    friend sse2_doubles operator/(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_div_pd(a.v, b.v));
    }
    friend sse2_doubles multiply_add(sse2_doubles a, sse2_doubles b, sse2_doubles c) noexcept {
#if defined(__FMA__)
        return sse2_doubles(_mm_fmadd_pd(a.v, b.v, c.v));
#else
        return sse2_doubles(_mm_add_pd(_mm_mul_pd(a.v, b.v), c.v));
#endif
    }
    friend sse2_doubles square_root(sse2_doubles a) noexcept {
        return sse2_doubles(_mm_sqrt_pd(a.v));
    }
    friend sse2_doubles minimum(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_min_pd(a.v, b.v));
    }
    friend sse2_doubles maximum(sse2_doubles a, sse2_doubles b) noexcept {
        return sse2_doubles(_mm_max_pd(a.v, b.v));
    }
    friend sse2_doubles nearest(sse2_doubles a) noexcept {
        return sse2_doubles(_mm_cvtepi32_pd(_mm_cvtpd_epi32(a.v)));
    }
    friend sse2_doubles power_of_two(sse2_doubles n) noexcept {
        const __m128i exponent = _mm_add_epi32(_mm_cvttpd_epi32(n.v), _mm_set1_epi32(1023));
        return sse2_doubles(_mm_castsi128_pd(_mm_slli_epi64(_mm_unpacklo_epi32(exponent, exponent), 52)));
    }
    friend mask less(sse2_doubles a, sse2_doubles b) noexcept {
        return _mm_cmplt_pd(a.v, b.v);
    }
    friend sse2_doubles select(mask which, sse2_doubles yes, sse2_doubles no) noexcept {
        return sse2_doubles(_mm_or_pd(_mm_and_pd(which, yes.v), _mm_andnot_pd(which, no.v)));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_pd(m));
    }
};
#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
