#pragma once

/// @file
/// Philox4x32-10 on vectors: one small kernel per instruction set, all bit-equal to `philox4x32`.
///
/// Philox multiplies 32 bits by 32 to 64. Compilers do not find the instruction that does just that on a
/// vector (measured: 2 to 4 ns a word), so it is written out: each counter word lives in the lower half of a
/// 64-bit lane. The multiplication ignores the upper half, so nobody needs to clear it: a round is two
/// multiplications, two shifts and four exclusive ors, and the low half of each product stays where it is.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>
#include <imle/random/philox.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

inline constexpr std::uint32_t philox_multiplier0 = 0xD2511F53u;
inline constexpr std::uint32_t philox_multiplier1 = 0xCD9E8D57u;
inline constexpr std::uint32_t philox_weyl0 = 0x9E3779B9u;
inline constexpr std::uint32_t philox_weyl1 = 0xBB67AE85u;

/// The reference: one block at a time.
struct philox_scalar {
    static constexpr int blocks = 1;
    philox4x32_block c;

    philox_scalar() = default;
    philox_scalar(std::uint64_t block, std::uint64_t stream) noexcept
        : c{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
            static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)} {}
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        const std::uint64_t product0 = std::uint64_t{philox_multiplier0} * c[0];
        const std::uint64_t product1 = std::uint64_t{philox_multiplier1} * c[2];
        c = {static_cast<std::uint32_t>(product1 >> 32) ^ c[1] ^ key0, static_cast<std::uint32_t>(product1),
             static_cast<std::uint32_t>(product0 >> 32) ^ c[3] ^ key1, static_cast<std::uint32_t>(product0)};
    }
    void store(std::uint32_t* out) const noexcept {
        for (int i = 0; i < 4; ++i) out[i] = c[static_cast<std::size_t>(i)];
    }
};

#if defined(IMLE_USE_SSE2)
/// Two blocks, one in each 64-bit lane.
struct philox_sse2 {
    static constexpr int blocks = 2;
    __m128i c0, c1, c2, c3;

    philox_sse2() = default;
    philox_sse2(std::uint64_t block, std::uint64_t stream) noexcept
        : c0(_mm_add_epi64(_mm_set1_epi64x(static_cast<long long>(block)), _mm_set_epi64x(1, 0))),
          c1(_mm_srli_epi64(c0, 32)),
          c2(_mm_set1_epi64x(static_cast<long long>(stream))),
          c3(_mm_srli_epi64(c2, 32)) {}
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        const __m128i product0 = _mm_mul_epu32(c0, _mm_set1_epi64x(philox_multiplier0));
        const __m128i product1 = _mm_mul_epu32(c2, _mm_set1_epi64x(philox_multiplier1));
        c0 = _mm_xor_si128(_mm_srli_epi64(product1, 32), _mm_xor_si128(c1, _mm_set1_epi64x(key0)));
        c1 = product1;
        c2 = _mm_xor_si128(_mm_srli_epi64(product0, 32), _mm_xor_si128(c3, _mm_set1_epi64x(key1)));
        c3 = product0;
    }
    void store(std::uint32_t* out) const noexcept {
        const __m128i lo01 = _mm_unpacklo_epi32(c0, c1), lo23 = _mm_unpacklo_epi32(c2, c3);
        const __m128i hi01 = _mm_unpackhi_epi32(c0, c1), hi23 = _mm_unpackhi_epi32(c2, c3);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_unpacklo_epi64(lo01, lo23));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4), _mm_unpacklo_epi64(hi01, hi23));
    }
};
#endif

#if defined(IMLE_USE_AVX2)
/// Four blocks. Unpacking works within 128-bit halves, so lanes 0 and 2 hold blocks 0 and 1: the two stores
/// then come out in order without a permutation.
struct philox_avx2 {
    static constexpr int blocks = 4;
    __m256i c0, c1, c2, c3;

    philox_avx2() = default;
    philox_avx2(std::uint64_t block, std::uint64_t stream) noexcept
        : c0(_mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(block)),
                              _mm256_set_epi64x(3, 1, 2, 0))),
          c1(_mm256_srli_epi64(c0, 32)),
          c2(_mm256_set1_epi64x(static_cast<long long>(stream))),
          c3(_mm256_srli_epi64(c2, 32)) {}
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        const __m256i product0 = _mm256_mul_epu32(c0, _mm256_set1_epi64x(philox_multiplier0));
        const __m256i product1 = _mm256_mul_epu32(c2, _mm256_set1_epi64x(philox_multiplier1));
        c0 =
            _mm256_xor_si256(_mm256_srli_epi64(product1, 32), _mm256_xor_si256(c1, _mm256_set1_epi64x(key0)));
        c1 = product1;
        c2 =
            _mm256_xor_si256(_mm256_srli_epi64(product0, 32), _mm256_xor_si256(c3, _mm256_set1_epi64x(key1)));
        c3 = product0;
    }
    void store(std::uint32_t* out) const noexcept {
        const __m256i lo01 = _mm256_unpacklo_epi32(c0, c1), lo23 = _mm256_unpacklo_epi32(c2, c3);
        const __m256i hi01 = _mm256_unpackhi_epi32(c0, c1), hi23 = _mm256_unpackhi_epi32(c2, c3);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_unpacklo_epi64(lo01, lo23));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), _mm256_unpacklo_epi64(hi01, hi23));
    }
};
#endif

#if defined(IMLE_USE_AVX512)
/// Eight blocks, laid out like the four of `philox_avx2`; three-way exclusive or in one instruction.
struct philox_avx512 {
    static constexpr int blocks = 8;
    // Full masks cost nothing; the unmasked intrinsics of g++ 12 read a variable that it then warns of (GCC
    // bug 105593), in a user's build too.
    static constexpr __mmask8 all64 = 0xff;
    static constexpr __mmask16 all32 = 0xffff;
    __m512i c0, c1, c2, c3;

    philox_avx512() = default;
    philox_avx512(std::uint64_t block, std::uint64_t stream) noexcept
        : c0(_mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(block)),
                              _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0))),
          c1(_mm512_maskz_srli_epi64(all64, c0, 32)),
          c2(_mm512_set1_epi64(static_cast<long long>(stream))),
          c3(_mm512_maskz_srli_epi64(all64, c2, 32)) {}
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        constexpr int exclusive_or3 = 0x96;
        const __m512i product0 = _mm512_maskz_mul_epu32(all64, c0, _mm512_set1_epi64(philox_multiplier0));
        const __m512i product1 = _mm512_maskz_mul_epu32(all64, c2, _mm512_set1_epi64(philox_multiplier1));
        c0 = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(all64, product1, 32), c1,
                                       _mm512_set1_epi64(key0), exclusive_or3);
        c1 = product1;
        c2 = _mm512_ternarylogic_epi64(_mm512_maskz_srli_epi64(all64, product0, 32), c3,
                                       _mm512_set1_epi64(key1), exclusive_or3);
        c3 = product0;
    }
    void store(std::uint32_t* out) const noexcept {
        const __m512i lo01 = _mm512_maskz_unpacklo_epi32(all32, c0, c1),
                      lo23 = _mm512_maskz_unpacklo_epi32(all32, c2, c3);
        const __m512i hi01 = _mm512_maskz_unpackhi_epi32(all32, c0, c1),
                      hi23 = _mm512_maskz_unpackhi_epi32(all32, c2, c3);
        _mm512_storeu_si512(out, _mm512_maskz_unpacklo_epi64(all64, lo01, lo23));
        _mm512_storeu_si512(out + 16, _mm512_maskz_unpacklo_epi64(all64, hi01, hi23));
    }
};
#endif

#if defined(IMLE_USE_NEON)
/// Four blocks in 32-bit lanes: NEON widens when it multiplies, and stores four vectors interleaved.
struct philox_neon {
    static constexpr int blocks = 4;
    uint32x4_t c0, c1, c2, c3;

    philox_neon() = default;
    philox_neon(std::uint64_t block, std::uint64_t stream) noexcept
        : c2(vdupq_n_u32(static_cast<std::uint32_t>(stream))),
          c3(vdupq_n_u32(static_cast<std::uint32_t>(stream >> 32))) {
        std::uint32_t low[4], high[4];
        for (std::uint32_t i = 0; i < 4; ++i) {
            low[i] = static_cast<std::uint32_t>(block + i);
            high[i] = static_cast<std::uint32_t>((block + i) >> 32);
        }
        c0 = vld1q_u32(low);
        c1 = vld1q_u32(high);
    }
    /// The low and the high halves of the four products c * multiplier.
    static uint32x4x2_t multiply(uint32x4_t c, std::uint32_t multiplier) noexcept {
        const uint32x2_t factor = vdup_n_u32(multiplier);
        return vuzpq_u32(vreinterpretq_u32_u64(vmull_u32(vget_low_u32(c), factor)),
                         vreinterpretq_u32_u64(vmull_u32(vget_high_u32(c), factor)));
    }
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        const uint32x4x2_t product0 = multiply(c0, philox_multiplier0);
        const uint32x4x2_t product1 = multiply(c2, philox_multiplier1);
        c0 = veorq_u32(product1.val[1], veorq_u32(c1, vdupq_n_u32(key0)));
        c1 = product1.val[0];
        c2 = veorq_u32(product0.val[1], veorq_u32(c3, vdupq_n_u32(key1)));
        c3 = product0.val[0];
    }
    void store(std::uint32_t* out) const noexcept {
        const uint32x4x4_t rows{{c0, c1, c2, c3}};
        vst4q_u32(out, rows);
    }
};
#endif

/// Ten rounds on `Groups` vectors at once, so that one's multiplications hide the latency of another's.
/// Writes 4 * Groups * Lanes::blocks words: those of blocks `block`, `block + 1` and so on.
///
/// The vectors are written out by a pack, since g++ at -O2 keeps an array that a loop runs over in memory,
/// and the loop over rounds is unrolled, which g++ does by itself in some callers and not in others. (Rounds
/// written out by a pack, each with a key of its own, are slower: g++ then keeps twenty keys in registers
/// that it lacks.)
template <class Lanes, std::size_t... Group>
inline void philox_blocks(std::index_sequence<Group...>, std::uint64_t philox_key, std::uint64_t stream,
                          std::uint64_t block, std::uint32_t* out) noexcept {
    constexpr std::size_t blocks = Lanes::blocks;
    Lanes lanes[] = {Lanes(block + Group * blocks, stream)...};
    std::uint32_t key0 = static_cast<std::uint32_t>(philox_key);
    std::uint32_t key1 = static_cast<std::uint32_t>(philox_key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        (lanes[Group].round(key0, key1), ...);
        key0 += philox_weyl0;
        key1 += philox_weyl1;
    }
    (lanes[Group].store(out + 4 * Group * blocks), ...);
}
template <class Lanes, int Groups>
inline void philox_blocks(std::uint64_t philox_key, std::uint64_t stream, std::uint64_t block,
                          std::uint32_t* out) noexcept {
    philox_blocks<Lanes>(std::make_index_sequence<Groups>{}, philox_key, stream, block, out);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
