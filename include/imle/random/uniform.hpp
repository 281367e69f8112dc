#pragma once

/// @file
/// Uniform numbers on the open interval (0, 1).

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <imle/core/config.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {

/// The uniform number of one word: a multiple of 2^-24 (its upper 24 bits), except that 0 becomes 2^-25.
/// Never 0, never 1, so that log(u) and log(1 - u) are finite.
[[nodiscard]] inline float uniform_of(std::uint32_t word) noexcept {
    return std::max(static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f, 0x1p-25f);
}

/// The uniform number of two words: a multiple of 2^-53 (the upper 53 of 64 bits, `high` above `low`), except
/// that 0 becomes 2^-54.
[[nodiscard]] inline double uniform_of(std::uint32_t low, std::uint32_t high) noexcept {
    const std::uint64_t bits = (std::uint64_t{high} << 32) | low;
    return std::max(static_cast<double>(static_cast<std::int64_t>(bits >> 11)) * 0x1p-53, 0x1p-54);
}

/// Writes elements `first`, `first + 1`, ... of the key's sequence of uniform numbers to `out`: what a noise
/// of one's own is made from. float: element i is made of word i; double: of words 2 i and 2 i + 1. Random
/// access as for `random_words`; O(out.size()).
template <std::floating_point Scalar>
requires(std::same_as<Scalar, float> ||
         std::same_as<Scalar, double>) inline void uniforms(const random_key& key, std::uint64_t first,
                                                            std::span<Scalar> out) noexcept {
    constexpr std::size_t words_each = sizeof(Scalar) / sizeof(std::uint32_t);
    constexpr std::size_t size = detail::words_per_group / words_each;
    detail::fill_in_groups<size>(first, out, [&key](std::uint64_t group, Scalar* destination) {
        alignas(64) std::uint32_t words[detail::words_per_group];
        // By block, not by word: the double with the highest index still has words of its own.
        detail::word_group(key, group * detail::blocks_per_group, words);
        for (std::size_t i = 0; i < size; ++i) {
            if constexpr (words_each == 1)
                destination[i] = uniform_of(words[i]);
            else
                destination[i] = uniform_of(words[2 * i], words[2 * i + 1]);
        }
    });
}

}  // namespace imle::inline IMLE_ABI
