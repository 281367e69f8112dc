#pragma once

/// @file
/// The functions of simd/scalar.hpp for vectors of 16 bytes: NEON on 64-bit ARM.

#include <cstddef>
#include <cstdint>

#include <imle/simd/vector.hpp>

#if defined(IMLE_HAS_NEON)
#include <arm_neon.h>

namespace imle::inline IMLE_ABI {
namespace detail::instructions {

using float4 = vector_of<float, 4>;
using double2 = vector_of<double, 2>;

[[nodiscard]] inline float4 square_root(const float4& a) noexcept {
    return vsqrtq_f32(a);
}
[[nodiscard]] inline double2 square_root(const double2& a) noexcept {
    return vsqrtq_f64(a);
}
[[nodiscard]] inline float4 nearest(const float4& a) noexcept {
    return vrndnq_f32(a);
}
[[nodiscard]] inline double2 nearest(const double2& a) noexcept {
    return vrndnq_f64(a);
}
[[nodiscard]] inline std::uint32_t bits(const float4& mask) noexcept {
    return vaddvq_u32(uint32x4_t(mask) & uint32x4_t{1, 2, 4, 8});
}
[[nodiscard]] inline std::uint32_t bits(const double2& mask) noexcept {
    const uint64x2_t lanes = uint64x2_t(mask);
    return static_cast<std::uint32_t>((lanes[0] & 1) | (lanes[1] & 2));
}

}  // namespace detail::instructions

namespace detail {

template <std::size_t Size>
struct word_lanes;

/// Four words in 32-bit lanes: NEON multiplications widen, and one instruction stores four vectors
/// interleaved.
template <>
struct word_lanes<4> {
    static constexpr std::size_t size = 4;
    struct pair;

    uint32x4_t v;

    [[nodiscard]] static word_lanes all(std::uint64_t word) noexcept {
        return {vdupq_n_u32(static_cast<std::uint32_t>(word))};
    }
    friend word_lanes operator^(word_lanes a, word_lanes b) noexcept { return {veorq_u32(a.v, b.v)}; }
    [[nodiscard]] friend word_lanes alone(word_lanes a) noexcept { return a; }
    friend pair multiply(word_lanes a, std::uint32_t factor) noexcept;
    [[nodiscard]] static word_lanes multiples_base(std::uint32_t number, std::uint32_t) noexcept {
        return all(number);
    }
    [[nodiscard]] static pair multiples(word_lanes base, std::uint32_t first, std::uint32_t factor) noexcept;
    static void store_in_turn(word_lanes a, word_lanes b, word_lanes c, word_lanes d,
                              std::uint32_t* to) noexcept {
        const uint32x4x4_t rows{{a.v, b.v, c.v, d.v}};
        vst4q_u32(to, rows);
    }
};

struct word_lanes<4>::pair {
    word_lanes lower;
    word_lanes upper;
};

[[nodiscard]] inline word_lanes<4>::pair multiply(word_lanes<4> a, std::uint32_t factor) noexcept {
    const uint32x4x2_t halves = vuzpq_u32(vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(a.v), factor)),
                                          vreinterpretq_u32_u64(vmull_high_n_u32(a.v, factor)));
    return {{halves.val[0]}, {halves.val[1]}};
}

inline word_lanes<4>::pair word_lanes<4>::multiples(word_lanes base, std::uint32_t first,
                                                    std::uint32_t factor) noexcept {
    return multiply({base.v + uint32x4_t{first, first + 1, first + 2, first + 3}}, factor);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
#endif
