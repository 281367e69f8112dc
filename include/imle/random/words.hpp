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

/// The keys of Philox's ten rounds, ready to be loaded into all lanes. Blocks with the same upper word of
/// their number share most of the first two rounds too; those words are combined with the keys that they
/// would be combined with later.
class philox_schedule {
  public:
    static constexpr int rounds = 10;

    explicit philox_schedule(const random_key& key) noexcept {
        std::uint32_t first = static_cast<std::uint32_t>(key.philox_key());
        std::uint32_t second = static_cast<std::uint32_t>(key.philox_key() >> 32);
        for (int round = 0; round < rounds; ++round) {
            key0_[round] = first;
            key1_[round] = second;
            first += philox_weyl0;
            second += philox_weyl1;
        }
        const std::uint64_t product = philox_multiplier1 * (key.stream() & 0xffffffff);
        c0_ = (product >> 32) ^ key0_[0];
        key0_[1] ^= product & 0xffffffff;
        key1_[0] ^= key.stream() >> 32;
        use_upper(0);
    }

    /// Prepares for blocks whose number has the upper word of `block`.
    void prepare(std::uint64_t block) noexcept {
        if (block >> 32 == upper_) return;
        use_upper(upper_);
        use_upper(block >> 32);
    }
    [[nodiscard]] std::uint64_t key0(int round) const noexcept { return key0_[round]; }
    [[nodiscard]] std::uint64_t key1(int round) const noexcept { return key1_[round]; }

  private:
    /// Combines keys with the words that the upper word makes, or undoes that.
    void use_upper(std::uint64_t upper) noexcept {
        upper_ = upper;
        const std::uint64_t product = philox_multiplier0 * (c0_ ^ upper);
        key1_[1] ^= product >> 32;
        key1_[2] ^= product & 0xffffffff;
    }

    std::uint64_t key0_[rounds];
    std::uint64_t key1_[rounds];
    std::uint64_t c0_;
    std::uint64_t upper_;
};

/// Philox4x32-10 on vectors, bit-equal to `philox4x32`, for blocks of one group. The lanes of c0 to c3 hold
/// the four words of each block.
template <class Words>
class philox_lanes {
  public:
    /// Two rounds of blocks `first`, `first` + 1, ... after the block of which `base` is the base of
    /// multiples.
    [[gnu::always_inline]] philox_lanes(const philox_schedule& schedule, Words base,
                                        std::uint32_t first) noexcept {
        const auto product0 = Words::multiples(base, first, philox_multiplier0);
        const auto product1 = multiply(product0.upper ^ Words::all(schedule.key1(0)), philox_multiplier1);
        c0_ = product1.upper ^ Words::all(schedule.key0(1));
        c1_ = product1.lower;
        c2_ = product0.lower ^ Words::all(schedule.key1(1));
        c3_ = Words::all(0);  // what it would be is in the key
    }
    /// The rounds after these, in order.
    template <int Round>
    [[gnu::always_inline]] void round(const philox_schedule& schedule) noexcept {
        if constexpr (Round == philox_schedule::rounds - 1) {
            c1_ = alone(c1_);
            c3_ = alone(c3_);
        }
        const auto product0 = multiply(c0_, philox_multiplier0), product1 = multiply(c2_, philox_multiplier1);
        c0_ = product1.upper ^ (c1_ ^ Words::all(schedule.key0(Round)));
        c1_ = product1.lower;
        c2_ = product0.upper ^ (c3_ ^ Words::all(schedule.key1(Round)));
        c3_ = product0.lower;
    }
    /// Writes the 4 * Words::size words.
    void store(std::uint32_t* out) const noexcept { Words::store_in_turn(c0_, c1_, c2_, c3_, out); }

  private:
    Words c0_, c1_, c2_, c3_;
};

/// Several vectors of blocks at the same time, so that the multiplications of one hide the latency of
/// another's.
///
/// A pack expands the vectors, since g++ at -O2 keeps an array that a loop indexes in memory. Everything is
/// inlined, since clang keeps in memory what a function takes by reference.
template <class Words, std::size_t... Vector>
class philox_vectors {
  public:
    static constexpr std::size_t words = 4 * Words::size * sizeof...(Vector);

    [[gnu::always_inline]] philox_vectors(const philox_schedule& schedule, Words base) noexcept
        : lanes_{{schedule, base, static_cast<std::uint32_t>(Vector * Words::size)}...} {}
    /// The rounds from First + 2 on.
    template <int First, int... Round>
    [[gnu::always_inline]] void rounds(const philox_schedule& schedule,
                                       std::integer_sequence<int, Round...>) noexcept {
        (one_round<First + Round + 2>(schedule), ...);
    }
    [[gnu::always_inline]] void store(std::uint32_t* out) const noexcept {
        (lanes_[Vector].store(out + 4 * Vector * Words::size), ...);
    }

  private:
    template <int Round>
    [[gnu::always_inline]] void one_round(const philox_schedule& schedule) noexcept {
        (lanes_[Vector].template round<Round>(schedule), ...);
    }

    philox_lanes<Words> lanes_[sizeof...(Vector)];
};

template <class Words, std::size_t... Vector>
philox_vectors<Words, Vector...> vectors_of(std::index_sequence<Vector...>);
template <class Words, std::size_t Count>
using philox_vectors_of = decltype(vectors_of<Words>(std::make_index_sequence<Count>{}));

struct nothing_beside {
    template <std::size_t Step>
    void step() const noexcept {}
};

/// Makes the words of `Vectors` vectors of blocks, from `block` on, and does other work between the rounds:
/// calls beside.step<i>() for i = First, First + 1, ..., as many times as there are numbers in Step.
template <class Vectors, class Words, std::size_t First, class Beside, std::size_t... Step>
[[gnu::always_inline]] inline void philox_blocks(const philox_schedule& schedule, std::uint64_t block,
                                                 std::uint32_t* out, const Beside& beside,
                                                 std::index_sequence<Step...>) noexcept {
    constexpr int rounds = philox_schedule::rounds - 2, each = rounds / static_cast<int>(sizeof...(Step));
    static_assert(each * sizeof...(Step) == rounds);
    Vectors vectors(schedule, Words::multiples_base(static_cast<std::uint32_t>(block), philox_multiplier0));
    ((beside.template step<First + Step>(), vectors.template rounds<static_cast<int>(Step) * each>(
                                                schedule, std::make_integer_sequence<int, each>{})),
     ...);
    vectors.store(out);
}

/// The words of a group, which begins at `block`, a multiple of `blocks_per_group`.
inline void word_group(philox_schedule& schedule, std::uint64_t block, std::uint32_t* out) noexcept {
    using vectors =
        philox_vectors_of<widest_words, std::min<std::size_t>(4, blocks_per_group / widest_words::size)>;
    schedule.prepare(block);
    for (std::size_t i = 0; i < words_per_group; i += vectors::words)
        philox_blocks<vectors, widest_words, 0>(schedule, block + i / 4, out + i, nothing_beside{},
                                                std::index_sequence<0>{});
}

template <class Vectors, std::size_t Steps, class Beside, std::size_t... Pass>
[[gnu::always_inline]] inline void word_group_beside(const philox_schedule& schedule, std::uint64_t block,
                                                     std::uint32_t* out, const Beside& beside,
                                                     std::index_sequence<Pass...>) noexcept {
    (philox_blocks<Vectors, widest_words, Pass * Steps>(schedule, block + Pass * Vectors::words / 4,
                                                        out + Pass * Vectors::words, beside,
                                                        std::make_index_sequence<Steps>{}),
     ...);
}
/// The same, with other work between the rounds: calls beside.step<i>() for i < Steps, in order. A processor
/// looks ahead by about a hundred operations, far fewer than ten rounds have. So other work hides the latency
/// of their multiplications only if it is between them in the program.
template <std::size_t Steps, class Beside>
[[gnu::always_inline]] inline void word_group_beside(philox_schedule& schedule, std::uint64_t block,
                                                     std::uint32_t* out, const Beside& beside) noexcept {
    // Vectors of 32 bytes share 16 registers with the other work.
    using vectors = philox_vectors_of<widest_words, (widest_words::size > 4 ? 2 : 1)>;
    constexpr std::size_t passes = words_per_group / vectors::words, steps = Steps / passes;
    static_assert(vectors::words * passes == words_per_group && steps * passes == Steps);
    schedule.prepare(block);
    word_group_beside<vectors, steps>(schedule, block, out, beside, std::make_index_sequence<passes>{});
}

/// Copies `count` < 2 * Block elements, a power of two, then half as many and so on. Each copy has a constant
/// size, so it is a load and a store of a vector, from which later loads get their numbers at once. (Of a
/// copy of a small variable size g++ makes a string operation, which takes as long as drawing sixteen
/// numbers.)
template <std::size_t Block, class Element>
[[gnu::always_inline]] inline void copy_by_halves(const Element* from, std::size_t count,
                                                  Element* to) noexcept {
    const std::size_t copied = count & Block;
    if (copied != 0) std::memcpy(to, from, Block * sizeof(Element));
    if constexpr (Block > 1) copy_by_halves<Block / 2>(from + copied, count, to + copied);
}

/// Fills `out` with elements `first`, `first + 1`, ... of a sequence that is made in groups of `Size`
/// elements, up to `Most` groups at a time: `make(group, count, destination)` writes `count` groups, from
/// element `group * Size` on.
///
/// If a piece covers only part of a group, the whole group is made in a local array. The same instructions
/// then make an element for every piece that contains it, so its bits do not depend on the piece.
template <std::size_t Size, std::size_t Most, class Element, class Make>
inline void fill_in_groups(std::uint64_t first, std::span<Element> out, Make&& make) {
    std::uint64_t group = first / Size;
    std::size_t skip = static_cast<std::size_t>(first % Size);
    Element* destination = out.data();
    std::size_t left = out.size();
    while (left != 0) {
        if (skip == 0 && left >= Size) {
            const std::size_t count = std::min(left / Size, Most);
            make(group, count, destination);
            destination += count * Size;
            left -= count * Size;
            group += count;
        } else {
            alignas(64) Element whole[Size];
            make(group, std::size_t{1}, whole);
            const std::size_t count = std::min(Size - skip, left);
            copy_by_halves<std::bit_floor(Size)>(whole + skip, count, destination);
            destination += count;
            left -= count;
            skip = 0;
            ++group;
        }
    }
}
/// The same, one group at a time: `make(group, destination)`.
template <std::size_t Size, class Element, class Make>
inline void fill_in_groups(std::uint64_t first, std::span<Element> out, Make&& make) {
    fill_in_groups<Size, 1>(first, out, [&make](std::uint64_t group, std::size_t, Element* destination) {
        make(group, destination);
    });
}

/// Writes words `first`, `first + 1`, ..., of 32 or 64 bits, and calls made(how many words are written) after
/// each group.
template <class Word, class F>
inline void write_words(philox_schedule& schedule, std::uint64_t first, std::span<Word> out,
                        F&& made) noexcept {
    constexpr std::size_t size = words_per_group * sizeof(std::uint32_t) / sizeof(Word);
    std::size_t count = size - first % size;
    fill_in_groups<size>(first, out, [&](std::uint64_t group, Word* destination) {
        if constexpr (sizeof(Word) == sizeof(std::uint32_t)) {
            word_group(schedule, group * blocks_per_group, destination);
        } else {
            alignas(64) std::uint32_t words[words_per_group];
            // By block and not by word, since the element with the highest index still has words of its own.
            word_group(schedule, group * blocks_per_group, words);
            if constexpr (std::endian::native == std::endian::little)
                std::memcpy(destination, words, sizeof(words));
            else
                for (std::size_t i = 0; i < size; ++i)
                    destination[i] = (std::uint64_t{words[2 * i + 1]} << 32) | words[2 * i];
        }
        made(std::min(count, out.size()));
        count += size;
    });
}

}  // namespace detail

/// Writes words `first`, `first + 1`, ... of the key's sequence to `out`, uniform on 0 to 2^32 - 1.
///
/// Word w is word w % 4 of the Philox block with counter (w / 4, key.stream()) under key.philox_key(). Random
/// access: filling in any pieces, in any order, on any instruction set, gives the same bits. O(out.size()).
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint32_t> out) noexcept {
    detail::philox_schedule schedule(key);
    detail::write_words(schedule, first, out, [](std::size_t) {});
}

/// Writes words of 64 bits: element i is words 2 i and 2 i + 1, the lower half first. Random access as above.
inline void random_words(const random_key& key, std::uint64_t first, std::span<std::uint64_t> out) noexcept {
    detail::philox_schedule schedule(key);
    detail::write_words(schedule, first, out, [](std::size_t) {});
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
    detail::philox_schedule schedule(key);
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
