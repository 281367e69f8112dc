#pragma once

/// @file
/// The vectors of doubles that the tables of exact families are computed with.

#include <cstddef>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>
#include <imle/random/detail/widest_lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Four doubles at most: rows of a table are k + 1 numbers, of which wider vectors would waste more.
#if defined(IMLE_USE_AVX2)
using family_lanes = avx2_doubles;
#else
using family_lanes = widest_lanes<double>;
#endif

/// Numbers are laid out in blocks of this many, whatever the instruction set.
inline constexpr std::size_t family_block = 4;
static_assert(family_block % family_lanes::size == 0);

// A row's step needs the numbers one place before, or after, those of a vector. To load them would be slow: a
// load that straddles two stores waits until both have reached the cache, and the row before has just been
// stored. So they are put together from the two vectors that they are in.

/// The numbers that begin one place before those of `here`; `before` is the vector before `here`.
[[nodiscard]] inline family_lanes one_before(family_lanes before, family_lanes here) noexcept {
#if defined(IMLE_USE_AVX2)
    // [b2 b3 h0 h1], then [b3 h0 h1 h2].
    return family_lanes(_mm256_shuffle_pd(_mm256_permute2f128_pd(before.v, here.v, 0x21), here.v, 0x5));
#elif defined(IMLE_USE_SSE2)
    return family_lanes(_mm_shuffle_pd(before.v, here.v, 0x1));
#elif defined(IMLE_USE_NEON) && defined(__aarch64__)
    return family_lanes(vextq_f64(before.v, here.v, 1));
#else
    static_assert(family_lanes::size == 1);
    static_cast<void>(here);
    return before;
#endif
}

/// The numbers that begin one place after those of `here`; `after` is the vector after `here`.
[[nodiscard]] inline family_lanes one_after(family_lanes here, family_lanes after) noexcept {
#if defined(IMLE_USE_AVX2)
    // [h2 h3 a0 a1], then [h1 h2 h3 a0].
    return family_lanes(_mm256_shuffle_pd(here.v, _mm256_permute2f128_pd(here.v, after.v, 0x21), 0x5));
#elif defined(IMLE_USE_SSE2)
    return family_lanes(_mm_shuffle_pd(here.v, after.v, 0x1));
#elif defined(IMLE_USE_NEON) && defined(__aarch64__)
    return family_lanes(vextq_f64(here.v, after.v, 1));
#else
    static_assert(family_lanes::size == 1);
    static_cast<void>(here);
    return after;
#endif
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
