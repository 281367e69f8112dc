#pragma once

/// @file
/// Random words by index, from which all noise of the library is made, and uniform numbers on (0, 1).

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include <imle/random/random_key.hpp>
#include <imle/simd/words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class T>
concept FloatOrDouble = std::same_as<T, float> || std::same_as<T, double>;

/// Philox4x32-10 on vectors, bit-equal to `philox4x32`, for blocks block, block + 1, ... The lanes of c0 to
/// c3 hold the four words of each block.
template <class Words>
struct philox_lanes {
    Words c0, c1, c2, c3;

    philox_lanes(std::uint64_t block, std::uint64_t stream) noexcept
        : philox_lanes(Words::counters(block), stream) {}
    [[gnu::always_inline]] void round(std::uint32_t key0, std::uint32_t key1) noexcept {
        const auto product0 = multiply(c0, philox_multiplier0), product1 = multiply(c2, philox_multiplier1);
        c0 = product1.upper ^ (c1 ^ Words::all(key0));
        c1 = product1.lower;
        c2 = product0.upper ^ (c3 ^ Words::all(key1));
        c3 = product0.lower;
    }
    void store(std::uint32_t* out) const noexcept { Words::store_in_turn(c0, c1, c2, c3, out); }

  private:
    philox_lanes(const typename Words::pair& counters, std::uint64_t stream) noexcept
        : c0(counters.lower),
          c1(counters.upper),
          c2(Words::all(static_cast<std::uint32_t>(stream))),
          c3(Words::all(static_cast<std::uint32_t>(stream >> 32))) {}
};

/// Ten rounds on `Groups` vectors at once, so that the multiplications of one hide the latency of another's.
/// Writes the 4 * Groups * Words::size words of blocks `block`, `block + 1` and so on.
///
/// A pack expands the vectors, since g++ at -O2 keeps an array that a loop indexes in memory. The loop over
/// rounds is unrolled explicitly, since g++ unrolls it in some callers only. (Expanding the rounds by a pack
/// too, each with its own key, is slower: g++ then keeps twenty keys in registers that it lacks.)
template <class Words, std::size_t... Group>
inline void philox_blocks(std::index_sequence<Group...>, std::uint64_t philox_key, std::uint64_t stream,
                          std::uint64_t block, std::uint32_t* out) noexcept {
    philox_lanes<Words> lanes[] = {{block + Group * Words::size, stream}...};
    std::uint32_t key0 = static_cast<std::uint32_t>(philox_key);
    std::uint32_t key1 = static_cast<std::uint32_t>(philox_key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        (lanes[Group].round(key0, key1), ...);
        key0 += philox_weyl0;
        key1 += philox_weyl1;
    }
    (lanes[Group].store(out + 4 * Group * Words::size), ...);
}
template <class Words, std::size_t Groups>
inline void philox_blocks(std::uint64_t philox_key, std::uint64_t stream, std::uint64_t block,
                          std::uint32_t* out) noexcept {
    philox_blocks<Words>(std::make_index_sequence<Groups>{}, philox_key, stream, block, out);
}

/// Words are made in groups of this size: 16 Philox blocks. The size is a multiple of every vector's size, so
/// that all instruction sets cut a sequence at the same places.
inline constexpr std::size_t words_per_group = 64;
inline constexpr std::uint64_t blocks_per_group = words_per_group / 4;

/// The words of `blocks_per_group` blocks from `block` on. Four vectors for each of the four words of a block
/// fill the registers.
inline void word_group(const random_key& key, std::uint64_t block, std::uint32_t* out) noexcept {
    constexpr std::size_t blocks = widest_words::size;
    constexpr std::size_t groups = std::min<std::size_t>(4, blocks_per_group / blocks);
    for (std::size_t first = 0; first < blocks_per_group; first += groups * blocks)
        philox_blocks<widest_words, groups>(key.philox_key(), key.stream(), block + first, out + 4 * first);
}

/// Fills `out` with elements `first`, `first + 1`, ... of a sequence that is made `Size` elements at a time:
/// `make(group, destination)` writes elements `group * Size` to `group * Size + Size - 1`.
///
/// If a piece covers only part of a group, the whole group is made in a local array. The same instructions
/// then make an element for every piece that contains it, so its bits do not depend on the piece.
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

/// Writes words `first`, `first + 1`, ... of the key's sequence to `out`, uniform on 0 to 2^32 - 1.
///
/// Word w is word w % 4 of the Philox block with counter (w / 4, key.stream()) under key.philox_key(). Random
/// access: filling in any pieces, in any order, on any instruction set, gives the same bits. O(out.size()).
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint32_t> out) noexcept {
    detail::fill_in_groups<detail::words_per_group>(
        first, out, [&key](std::uint64_t group, std::uint32_t* destination) {
            detail::word_group(key, group * detail::blocks_per_group, destination);
        });
}

/// Writes words of 64 bits: element i is words 2 i and 2 i + 1, the lower half first. Random access as above.
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint64_t> out) noexcept {
    constexpr std::size_t size = detail::words_per_group / 2;
    detail::fill_in_groups<size>(first, out, [&key](std::uint64_t group, std::uint64_t* destination) {
        alignas(64) std::uint32_t words[detail::words_per_group];
        // By block and not by word, since the element with the highest index still has words of its own.
        detail::word_group(key, group * detail::blocks_per_group, words);
        if constexpr (std::endian::native == std::endian::little)
            std::memcpy(destination, words, sizeof(words));
        else
            for (std::size_t i = 0; i < size; ++i)
                destination[i] = (std::uint64_t{words[2 * i + 1]} << 32) | words[2 * i];
    });
}

/// A random word of as many bits as a number of type Scalar has.
template <detail::FloatOrDouble Scalar>
using word_of = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;

/// The uniform number for one word: a multiple of 2^-24 (the word's upper 24 bits), except that 0 becomes
/// 2^-25. Never 0 and never 1, so that log(u) and log(1 - u) are finite.
[[nodiscard]] inline float uniform_of(std::uint32_t word) noexcept {
    return std::max(static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f, 0x1p-25f);
}

/// The uniform number for two words: a multiple of 2^-53 (the upper 53 of 64 bits, `high` above `low`),
/// except that 0 becomes 2^-54. Never 0 and never 1.
[[nodiscard]] inline double uniform_of(std::uint32_t low, std::uint32_t high) noexcept {
    const std::uint64_t bits = (std::uint64_t{high} << 32) | low;
    return std::max(static_cast<double>(static_cast<std::int64_t>(bits >> 11)) * 0x1p-53, 0x1p-54);
}

/// The same for one word of 64 bits.
[[nodiscard]] inline double uniform_of(std::uint64_t word) noexcept {
    return uniform_of(static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32));
}

/// Writes elements `first`, `first + 1`, ... of the key's sequence of uniform numbers to `out`: the basis for
/// a noise of your own. A float's element i uses word i, a double's uses words 2 i and 2 i + 1. Random access
/// as for `random_words`. O(out.size()).
template <detail::FloatOrDouble Scalar>
inline void uniforms(const random_key& key, std::uint64_t first, std::span<Scalar> out) noexcept {
    constexpr std::size_t words_each = sizeof(Scalar) / sizeof(std::uint32_t);
    constexpr std::size_t size = detail::words_per_group / words_each;
    detail::fill_in_groups<size>(first, out, [&key](std::uint64_t group, Scalar* destination) {
        alignas(64) std::uint32_t words[detail::words_per_group];
        // By block and not by word, since the double with the highest index still has words of its own.
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
