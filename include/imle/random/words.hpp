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

/// Words are made in groups of this size: 16 Philox blocks. The size is a multiple of every vector's size, so
/// that all instruction sets cut a sequence at the same places.
inline constexpr std::size_t words_per_group = 64;
inline constexpr std::uint64_t blocks_per_group = words_per_group / 4;

/// What all blocks of a key's sequence share: the keys of the ten rounds, and most of the first round, whose
/// counter has the same upper half for all blocks.
struct philox_schedule {
    static constexpr int rounds = 10;

    std::uint64_t key0[rounds];
    std::uint64_t key1[rounds];
    std::uint32_t c0;  ///< the first words after round 0, but for the upper word of the block's number in c0
    std::uint32_t c1;

    explicit philox_schedule(const random_key& key) noexcept {
        std::uint32_t first = static_cast<std::uint32_t>(key.philox_key());
        std::uint32_t second = static_cast<std::uint32_t>(key.philox_key() >> 32);
        for (int round = 0; round < rounds; ++round) {
            key0[round] = first;
            key1[round] = second;
            first += philox_weyl0;
            second += philox_weyl1;
        }
        const std::uint64_t product = std::uint64_t{philox_multiplier1} * static_cast<std::uint32_t>(key.stream());
        c0 = static_cast<std::uint32_t>((product >> 32) ^ key0[0]);
        c1 = static_cast<std::uint32_t>(product);
        key1[0] ^= key.stream() >> 32;
    }
};

/// Philox4x32-10 on vectors, bit-equal to `philox4x32`, for blocks block, block + 1, ... within one group.
/// The lanes of c0 to c3 hold the four words of each block.
template <class Words>
class philox_lanes {
  public:
    /// Rounds 0 and 1. Words that are the same for all blocks of a group are not vectors yet.
    [[gnu::always_inline]] philox_lanes(const philox_schedule& schedule, std::uint64_t block) noexcept {
        const auto product0 = Words::multiples(static_cast<std::uint32_t>(block), philox_multiplier0);
        const std::uint64_t product = std::uint64_t{philox_multiplier0} * (schedule.c0 ^ (block >> 32));
        const auto product1 = multiply(product0.upper ^ Words::all(schedule.key1[0]), philox_multiplier1);
        c0_ = product1.upper ^ Words::all(schedule.c1 ^ schedule.key0[1]);
        c1_ = product1.lower;
        c2_ = product0.lower ^ Words::all((product >> 32) ^ schedule.key1[1]);
        c3_ = Words::all(static_cast<std::uint32_t>(product));
    }
    /// Rounds 2 to 9, in order.
    [[gnu::always_inline]] void round(const philox_schedule& schedule, int number) noexcept {
        if (number == philox_schedule::rounds - 1) {
            c1_ = alone(c1_);
            c3_ = alone(c3_);
        }
        const auto product0 = multiply(c0_, philox_multiplier0), product1 = multiply(c2_, philox_multiplier1);
        c0_ = product1.upper ^ (c1_ ^ Words::all(schedule.key0[number]));
        c1_ = product1.lower;
        c2_ = product0.upper ^ (c3_ ^ Words::all(schedule.key1[number]));
        c3_ = product0.lower;
    }
    /// Writes the 4 * Words::size words.
    void store(std::uint32_t* out) const noexcept { Words::store_in_turn(c0_, c1_, c2_, c3_, out); }

  private:
    Words c0_, c1_, c2_, c3_;
};

struct nothing_beside {
    template <class Step>
    void operator()(Step) const noexcept {}
};

/// Makes the words of `Vectors` vectors of blocks, from `block` on, and does other work between the rounds:
/// calls beside(i) with the integral constants i = First, ..., First + Steps - 1.
///
/// The multiplications of one vector hide the latency of another's, and work between the rounds hides the
/// rest: a processor looks ahead by about a hundred operations, far fewer than there are in ten rounds. A
/// pack expands the vectors, since g++ at -O2 keeps an array that a loop indexes in memory. The loop over
/// rounds is unrolled explicitly, since g++ unrolls it in some callers only.
template <class Words, std::size_t First, std::size_t Steps, class Beside, std::size_t... Vector>
[[gnu::always_inline]] inline void philox_blocks(std::index_sequence<Vector...>,
                                                 const philox_schedule& schedule, std::uint64_t block,
                                                 std::uint32_t* out, const Beside& beside) noexcept {
    constexpr int begun = 2, rounds = philox_schedule::rounds - begun;
    static_assert(rounds % Steps == 0);
    philox_lanes<Words> lanes[] = {{schedule, block + Vector * Words::size}...};
    [&]<std::size_t... Step>(std::index_sequence<Step...>) {
        const auto step = [&](auto number) __attribute__((always_inline)) {
            beside(std::integral_constant<std::size_t, First + number>{});
            constexpr int count = rounds / static_cast<int>(Steps), first = begun + static_cast<int>(number) * count;
#pragma GCC unroll 10
            for (int round = first; round < first + count; ++round) (lanes[Vector].round(schedule, round), ...);
        };
        (step(std::integral_constant<std::size_t, Step>{}), ...);
    }
    (std::make_index_sequence<Steps>{});
    (lanes[Vector].store(out + 4 * Vector * Words::size), ...);
}

/// The words of a group, which begins at `block`, a multiple of `blocks_per_group`.
inline void word_group(const philox_schedule& schedule, std::uint64_t block, std::uint32_t* out) noexcept {
    constexpr std::size_t blocks = widest_words::size;
    constexpr std::size_t vectors = std::min<std::size_t>(4, blocks_per_group / blocks);
    for (std::size_t first = 0; first < blocks_per_group; first += vectors * blocks)
        philox_blocks<widest_words, 0, 1>(std::make_index_sequence<vectors>{}, schedule, block + first,
                                          out + 4 * first, nothing_beside{});
}

/// The same, with other work between the rounds: calls beside(i) with the integral constants i < Steps.
template <std::size_t Steps, class Beside>
[[gnu::always_inline]] inline void word_group_beside(const philox_schedule& schedule, std::uint64_t block,
                                                     std::uint32_t* out, const Beside& beside) noexcept {
    constexpr std::size_t blocks = widest_words::size, vectors = 2;
    constexpr std::size_t passes = blocks_per_group / (vectors * blocks), steps = Steps / passes;
    static_assert(steps * passes == Steps);
    [&]<std::size_t... Pass>(std::index_sequence<Pass...>) {
        (philox_blocks<widest_words, Pass * steps, steps>(std::make_index_sequence<vectors>{}, schedule,
                                                          block + Pass * vectors * blocks,
                                                          out + 4 * Pass * vectors * blocks, beside),
         ...);
    }
    (std::make_index_sequence<passes>{});
}

/// Fills `out` with elements `first`, `first + 1`, ... of a sequence that is made `Size` elements at a time:
/// `make(group, destination)` writes elements `group * Size` to `group * Size + Size - 1`.
///
/// If a piece covers only part of a group, the whole group is made in a local array. The same instructions
/// then make an element for every piece that contains it, so its bits do not depend on the piece.
template <std::size_t Size, class Element, class Make>
inline void fill_in_groups(std::uint64_t first, std::span<Element> out, Make&& make) {
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
    const detail::philox_schedule schedule(key);
    detail::fill_in_groups<detail::words_per_group>(
        first, out, [&schedule](std::uint64_t group, std::uint32_t* destination) {
            detail::word_group(schedule, group * detail::blocks_per_group, destination);
        });
}

/// Writes words of 64 bits: element i is words 2 i and 2 i + 1, the lower half first. Random access as above.
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint64_t> out) noexcept {
    constexpr std::size_t size = detail::words_per_group / 2;
    const detail::philox_schedule schedule(key);
    detail::fill_in_groups<size>(first, out, [&schedule](std::uint64_t group, std::uint64_t* destination) {
        alignas(64) std::uint32_t words[detail::words_per_group];
        // By block and not by word, since the element with the highest index still has words of its own.
        detail::word_group(schedule, group * detail::blocks_per_group, words);
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
    const detail::philox_schedule schedule(key);
    detail::fill_in_groups<size>(first, out, [&schedule](std::uint64_t group, Scalar* destination) {
        alignas(64) std::uint32_t words[detail::words_per_group];
        // By block and not by word, since the double with the highest index still has words of its own.
        detail::word_group(schedule, group * detail::blocks_per_group, words);
        for (std::size_t i = 0; i < size; ++i) {
            if constexpr (words_each == 1)
                destination[i] = uniform_of(words[i]);
            else
                destination[i] = uniform_of(words[2 * i], words[2 * i + 1]);
        }
    });
}

}  // namespace imle::inline IMLE_ABI
