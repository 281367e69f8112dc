#pragma once

/// @file
/// Philox4x32-10 on vectors, bit-equal to `philox4x32`.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <imle/random/philox.hpp>
#include <imle/simd/words.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Blocks block, block + 1, ...: the four words of each in the lanes of c0 to c3.
template <class Words>
struct philox_lanes {
    Words c0, c1, c2, c3;

    philox_lanes(std::uint64_t block, std::uint64_t stream) noexcept
        : philox_lanes(Words::counters(block), stream) {}
    void round(std::uint32_t key0, std::uint32_t key1) noexcept {
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

/// Ten rounds on `Groups` vectors at once, so that one's multiplications hide the latency of another's.
/// Writes 4 * Groups * Words::size words: those of blocks `block`, `block + 1` and so on.
///
/// The vectors are written out by a pack, since g++ at -O2 keeps an array that a loop runs over in memory,
/// and the loop over rounds is unrolled, which g++ does by itself in some callers and not in others. (Rounds
/// written out by a pack, each with a key of its own, are slower: g++ then keeps twenty keys in registers
/// that it lacks.)
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

}  // namespace imle::inline IMLE_ABI::detail
