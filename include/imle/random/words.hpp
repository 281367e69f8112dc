#pragma once

/// @file
/// Random words by index: what every noise of the library is made of.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <imle/core/config.hpp>
#include <imle/random/detail/philox_lanes.hpp>
#include <imle/random/random_key.hpp>
#include <imle/simd/words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Words are made this many at a time: 16 Philox blocks. A multiple of every vector's size, so that all
/// instruction sets cut a sequence at the same places.
inline constexpr std::size_t words_per_group = 64;
inline constexpr std::uint64_t blocks_per_group = words_per_group / 4;

/// The words of `blocks_per_group` blocks from `block` on. Four vectors of each of a block's words fill the
/// registers.
inline void word_group(const random_key& key, std::uint64_t block, std::uint32_t* out) noexcept {
    constexpr std::size_t blocks = widest_words::size;
    constexpr std::size_t groups = std::min<std::size_t>(4, blocks_per_group / blocks);
    for (std::size_t first = 0; first < blocks_per_group; first += groups * blocks)
        philox_blocks<widest_words, groups>(key.philox_key(), key.stream(), block + first, out + 4 * first);
}

/// Fills `out` with elements `first`, `first + 1`, ... of a sequence that is made `Size` at a time:
/// `make(group, destination)` writes elements `group * Size` to `group * Size + Size - 1`.
///
/// A piece that covers a group in part has the whole group made in a local array: the same instructions make
/// an element whatever piece asks for it, so its bits cannot depend on the piece.
template <std::size_t Size, class Element, class Make>
inline void fill_in_groups(std::uint64_t first, std::span<Element> out, const Make& make) {
    std::uint64_t group = first / Size;
    std::size_t skip = static_cast<std::size_t>(first % Size);
    Element* destination = out.data();
    std::size_t left = out.size();
    while (left != 0) {
        if (skip == 0 && left >= Size) {
            make(group, destination);
            destination += Size;
            left -= Size;
        } else {
            alignas(64) Element whole[Size];
            make(group, whole);
            const std::size_t count = std::min(Size - skip, left);
            std::copy_n(whole + skip, count, destination);
            destination += count;
            left -= count;
            skip = 0;
        }
        ++group;
    }
}

}  // namespace detail

/// Writes words `first`, `first + 1`, ... of the key's sequence to `out`: uniform on 0 to 2^32 - 1.
///
/// Word w is lane w % 4 of the Philox block with counter (w / 4, key.stream()) under key.philox_key().
/// Random access: any pieces, in any order, on any instruction set, give the same bits. O(out.size()).
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint32_t> out) noexcept {
    detail::fill_in_groups<detail::words_per_group>(
        first, out, [&key](std::uint64_t group, std::uint32_t* destination) {
            detail::word_group(key, group * detail::blocks_per_group, destination);
        });
}

}  // namespace imle::inline IMLE_ABI
