#pragma once

/// @file
/// Vectors of 32-bit words, for multiplications with 64-bit products.
///
/// Compilers do not find the vector instruction for this multiplication (measured: 2 to 4 ns a word of
/// Philox), so the code names it.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <imle/simd/neon.hpp>
#include <imle/simd/x86.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Each word is in the lower half of a 64-bit lane. The multiplication ignores the upper half, so it need not
/// be cleared, and the lower half of each product stays where it is.
template <std::size_t Size>
struct word_lanes {
    using vector = vector_of<std::uint64_t, Size>;
    static constexpr std::size_t size = Size;

    struct pair {
        word_lanes lower;
        word_lanes upper;
    };

    vector v;

    [[nodiscard]] static word_lanes all(std::uint32_t word) noexcept {
        return {vector{} + std::uint64_t{word}};
    }
    /// The lower and upper halves of first, first + 1, ..., in the order that `store_in_turn` needs.
    /// Interleaving works within 16 bytes, so the even lanes hold the first half of the counters.
    [[nodiscard]] static pair counters(std::uint64_t first) noexcept {
        return [first]<std::size_t... I>(std::index_sequence<I...>) {
            const vector number = vector{(I % 2 * (Size / 2) + I / 2)...} + first;
            return pair{{number}, {number >> 32}};
        }
        (std::make_index_sequence<Size>{});
    }
    friend word_lanes operator^(word_lanes a, word_lanes b) noexcept { return {a.v ^ b.v}; }
    /// The lower and upper halves of the products.
    [[nodiscard]] friend pair multiply(word_lanes a, std::uint32_t factor) noexcept {
        const vector product = instructions::multiply_lower_halves(a.v, all(factor).v);
        return {{product}, {product >> 32}};
    }
    /// Writes word 0 of a, b, c and d, then word 1 of each, and so on.
    static void store_in_turn(word_lanes a, word_lanes b, word_lanes c, word_lanes d,
                              std::uint32_t* to) noexcept {
        if constexpr (Size == 1) {
            for (const word_lanes& w : {a, b, c, d}) *to++ = static_cast<std::uint32_t>(w.v);
        } else {
            store_half<false>(a, b, c, d, to);
            store_half<true>(a, b, c, d, to + 2 * Size);
        }
    }

  private:
    template <bool Upper>
    static void store_half(word_lanes a, word_lanes b, word_lanes c, word_lanes d,
                           std::uint32_t* to) noexcept {
        using words = vector_of<std::uint32_t, 2 * Size>;
        const auto ab = interleave<std::uint32_t, 2 * Size, Upper>(words(a.v), words(b.v));
        const auto cd = interleave<std::uint32_t, 2 * Size, Upper>(words(c.v), words(d.v));
        store_vector<std::uint32_t, 2 * Size>(
            words(interleave<std::uint64_t, Size, false>(vector(ab), vector(cd))), to);
    }
};

/// The widest vector of words of the instruction set in use.
#if defined(IMLE_HAS_NEON)
using widest_words = word_lanes<4>;
#else
using widest_words = word_lanes<IMLE_INTEGER_VECTOR_BYTES == 0 ? 1 : IMLE_INTEGER_VECTOR_BYTES / 8>;
#endif

}  // namespace imle::inline IMLE_ABI::detail
