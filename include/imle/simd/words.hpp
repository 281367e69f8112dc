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

    [[nodiscard]] static word_lanes all(std::uint64_t word) noexcept { return {vector{} + word}; }
    friend word_lanes operator^(word_lanes a, word_lanes b) noexcept { return {a.v ^ b.v}; }
    /// The word without what is in the upper half.
    [[nodiscard]] friend word_lanes alone(word_lanes a) noexcept { return {a.v & all(0xffffffff).v}; }
    /// The lower and upper halves of the products.
    [[nodiscard]] friend pair multiply(word_lanes a, std::uint32_t factor) noexcept {
        return halves(instructions::multiply_lower_halves(a.v, all(factor).v));
    }
    /// What `multiples` counts from: here the product of `number`.
    [[nodiscard]] static word_lanes multiples_base(std::uint32_t number, std::uint32_t factor) noexcept {
        return all(std::uint64_t{factor} * number);
    }
    /// The products of factor and number + first + i for lane i, in the order that `store_in_turn` needs, for
    /// the base of `number`.
    /// Interleaving works within 16 bytes, so the even lanes hold the first half of the numbers.
    [[nodiscard]] static pair multiples(word_lanes base, std::uint32_t first, std::uint32_t factor) noexcept {
        return [=]<std::size_t... I>(std::index_sequence<I...>) {
            return halves(base.v + vector{std::uint64_t{factor} * (first + I % 2 * (Size / 2) + I / 2)...});
        }
        (std::make_index_sequence<Size>{});
    }
    /// Writes word 0 of a, b, c and d, then word 1 of each, and so on. b and d are taken from the upper
    /// halves of a and c, where they are if a and c are upper halves of products, combined with words that
    /// are `alone`, and b and d are the lower halves.
    static void store_in_turn(word_lanes a, word_lanes, word_lanes c, word_lanes,
                              std::uint32_t* to) noexcept {
        if constexpr (Size == 1) {
            for (const std::uint64_t words : {a.v, c.v}) {
                *to++ = static_cast<std::uint32_t>(words);
                *to++ = static_cast<std::uint32_t>(words >> 32);
            }
        } else {
            using words = vector_of<std::uint32_t, 2 * Size>;
            const auto lower = interleave<std::uint64_t, Size, false>(a.v, c.v);
            const auto upper = interleave<std::uint64_t, Size, true>(a.v, c.v);
            store_vector<std::uint32_t, 2 * Size>(words(lower), to);
            store_vector<std::uint32_t, 2 * Size>(words(upper), to + 2 * Size);
        }
    }

  private:
    /// The halves of 64-bit numbers, by a shuffle: multiplications keep busy the units that shift.
    [[nodiscard]] static pair halves(const vector& products) noexcept {
        if constexpr (Size == 1) {
            return {{products}, {(products >> 32) | (products << 32)}};
        } else {
            using words = vector_of<std::uint32_t, 2 * Size>;
            const words whole = words(products);
            return {{products}, {vector(shuffle<std::uint32_t, 2 * Size>(whole, whole, [](std::size_t i) {
                        return i ^ 1;
                    }))}};
        }
    }
};

/// The widest vector of words of the instruction set in use.
#if defined(IMLE_HAS_NEON)
using widest_words = word_lanes<4>;
#else
using widest_words = word_lanes<IMLE_INTEGER_VECTOR_BYTES == 0 ? 1 : IMLE_INTEGER_VECTOR_BYTES / 8>;
#endif

}  // namespace imle::inline IMLE_ABI::detail
