#pragma once

/// @file
/// What a vector of numbers can do, on one number.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/core/multiply_add.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// One lane: the reference that every vector of the instruction sets is compared with, and the fallback where
/// there is none. A kernel that is written for a `Lanes` type does the same operations in the same order on
/// all of them, so that a number's bits do not depend on who computed it.
///
/// Products must not meet sums but in `multiply_add`: elsewhere a compiler may fuse them, or not.
template <class ScalarT>
struct scalar_lanes {
    using scalar = ScalarT;
    using mask = bool;
    static constexpr std::size_t size = 1;

    scalar v;

    scalar_lanes() = default;
    explicit scalar_lanes(scalar x) noexcept : v(x) {}
    [[nodiscard]] static scalar_lanes load(const scalar* from) noexcept { return scalar_lanes(*from); }
    void store(scalar* to) const noexcept { *to = v; }
    /// The upper 24 bits of each word, as a whole number.
    [[nodiscard]] static scalar_lanes upper_bits(const std::uint32_t* words) noexcept {
        return scalar_lanes(static_cast<scalar>(static_cast<std::int32_t>(*words >> 8)));
    }

    friend scalar_lanes operator+(scalar_lanes a, scalar_lanes b) noexcept { return scalar_lanes(a.v + b.v); }
    friend scalar_lanes operator-(scalar_lanes a, scalar_lanes b) noexcept { return scalar_lanes(a.v - b.v); }
    friend scalar_lanes operator*(scalar_lanes a, scalar_lanes b) noexcept { return scalar_lanes(a.v * b.v); }
    friend scalar_lanes operator/(scalar_lanes a, scalar_lanes b) noexcept { return scalar_lanes(a.v / b.v); }
    /// a * b + c, fused where the instruction set has it.
    friend scalar_lanes multiply_add(scalar_lanes a, scalar_lanes b, scalar_lanes c) noexcept {
        return scalar_lanes(detail::multiply_add(a.v, b.v, c.v));
    }
    friend scalar_lanes square_root(scalar_lanes a) noexcept { return scalar_lanes(std::sqrt(a.v)); }
    friend scalar_lanes minimum(scalar_lanes a, scalar_lanes b) noexcept { return a.v < b.v ? a : b; }
    friend scalar_lanes maximum(scalar_lanes a, scalar_lanes b) noexcept { return a.v > b.v ? a : b; }
    /// The nearest whole number, halves to even; |a| < 2^31.
    friend scalar_lanes nearest(scalar_lanes a) noexcept { return scalar_lanes(std::nearbyint(a.v)); }
    /// 2^n for whole n in the range of normal numbers.
    friend scalar_lanes power_of_two(scalar_lanes n) noexcept {
        if constexpr (sizeof(scalar) == 4)
            return scalar_lanes(std::bit_cast<float>((static_cast<std::int32_t>(n.v) + 127) << 23));
        else
            return scalar_lanes(std::bit_cast<double>(
                static_cast<std::int64_t>(static_cast<std::int32_t>(n.v) + 1023) << 52));
    }
    friend mask less(scalar_lanes a, scalar_lanes b) noexcept { return a.v < b.v; }
    friend scalar_lanes select(mask which, scalar_lanes yes, scalar_lanes no) noexcept {
        return which ? yes : no;
    }
    /// Bit i is lane i.
    [[nodiscard]] static std::uint32_t bits(mask m) noexcept { return m ? 1 : 0; }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
