#pragma once

/// @file
/// `scalar_lanes` on vectors: NEON as 64-bit ARM has it.

#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_USE_NEON) && defined(__aarch64__)
/// Four floats.
struct neon_floats {
    using scalar = float;
    using mask = uint32x4_t;
    static constexpr std::size_t size = 4;

    float32x4_t v;

    neon_floats() = default;
    explicit neon_floats(float32x4_t x) noexcept : v(x) {}
    explicit neon_floats(scalar x) noexcept : v(vdupq_n_f32(x)) {}
    [[nodiscard]] static neon_floats load(const scalar* from) noexcept {
        return neon_floats(vld1q_f32(from));
    }
    void store(scalar* to) const noexcept { vst1q_f32(to, v); }
    [[nodiscard]] static neon_floats upper_bits(const std::uint32_t* words) noexcept {
        return neon_floats(vcvtq_f32_u32(vshrq_n_u32(vld1q_u32(words), 8)));
    }

    friend neon_floats operator+(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vaddq_f32(a.v, b.v));
    }
    friend neon_floats operator-(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vsubq_f32(a.v, b.v));
    }
    friend neon_floats operator*(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vmulq_f32(a.v, b.v));
    }
    friend neon_floats operator/(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vdivq_f32(a.v, b.v));
    }
    friend neon_floats multiply_add(neon_floats a, neon_floats b, neon_floats c) noexcept {
        return neon_floats(vfmaq_f32(c.v, a.v, b.v));
    }
    friend neon_floats square_root(neon_floats a) noexcept { return neon_floats(vsqrtq_f32(a.v)); }
    friend neon_floats minimum(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vminq_f32(a.v, b.v));
    }
    friend neon_floats maximum(neon_floats a, neon_floats b) noexcept {
        return neon_floats(vmaxq_f32(a.v, b.v));
    }
    friend neon_floats nearest(neon_floats a) noexcept { return neon_floats(vrndnq_f32(a.v)); }
    friend neon_floats power_of_two(neon_floats n) noexcept {
        const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n.v), vdupq_n_s32(127));
        return neon_floats(vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
    }
    friend mask less(neon_floats a, neon_floats b) noexcept { return vcltq_f32(a.v, b.v); }
    friend neon_floats select(mask which, neon_floats yes, neon_floats no) noexcept {
        return neon_floats(vbslq_f32(which, yes.v, no.v));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return vaddvq_u32(vandq_u32(m, uint32x4_t{1, 2, 4, 8}));
    }
};

/// Two doubles.
struct neon_doubles {
    using scalar = double;
    using mask = uint64x2_t;
    static constexpr std::size_t size = 2;

    float64x2_t v;

    neon_doubles() = default;
    explicit neon_doubles(float64x2_t x) noexcept : v(x) {}
    explicit neon_doubles(scalar x) noexcept : v(vdupq_n_f64(x)) {}
    [[nodiscard]] static neon_doubles load(const scalar* from) noexcept {
        return neon_doubles(vld1q_f64(from));
    }
    void store(scalar* to) const noexcept { vst1q_f64(to, v); }
    [[nodiscard]] static neon_doubles upper_bits(const std::uint32_t* words) noexcept {
        return neon_doubles(vcvtq_f64_u64(vmovl_u32(vshr_n_u32(vld1_u32(words), 8))));
    }

    friend neon_doubles operator+(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vaddq_f64(a.v, b.v));
    }
    friend neon_doubles operator-(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vsubq_f64(a.v, b.v));
    }
    friend neon_doubles operator*(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vmulq_f64(a.v, b.v));
    }
    friend neon_doubles operator/(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vdivq_f64(a.v, b.v));
    }
    friend neon_doubles multiply_add(neon_doubles a, neon_doubles b, neon_doubles c) noexcept {
        return neon_doubles(vfmaq_f64(c.v, a.v, b.v));
    }
    friend neon_doubles square_root(neon_doubles a) noexcept { return neon_doubles(vsqrtq_f64(a.v)); }
    friend neon_doubles minimum(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vminq_f64(a.v, b.v));
    }
    friend neon_doubles maximum(neon_doubles a, neon_doubles b) noexcept {
        return neon_doubles(vmaxq_f64(a.v, b.v));
    }
    friend neon_doubles nearest(neon_doubles a) noexcept { return neon_doubles(vrndnq_f64(a.v)); }
    friend neon_doubles power_of_two(neon_doubles n) noexcept {
        const int64x2_t exponent = vaddq_s64(vcvtq_s64_f64(n.v), vdupq_n_s64(1023));
        return neon_doubles(vreinterpretq_f64_s64(vshlq_n_s64(exponent, 52)));
    }
    friend mask less(neon_doubles a, neon_doubles b) noexcept { return vcltq_f64(a.v, b.v); }
    friend neon_doubles select(mask which, neon_doubles yes, neon_doubles no) noexcept {
        return neon_doubles(vbslq_f64(which, yes.v, no.v));
    }
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept {
        return static_cast<std::uint32_t>((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2));
    }
};
#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
