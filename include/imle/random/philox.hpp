#pragma once

/// @file
/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
/// easy as 1, 2, 3" (SC 2011).

#include <array>
#include <cstdint>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Four random words: the output of one call, and also the type of its counter.
using philox4x32_block = std::array<std::uint32_t, 4>;

namespace detail {
inline constexpr std::uint32_t philox_multiplier0 = 0xD2511F53u;
inline constexpr std::uint32_t philox_multiplier1 = 0xCD9E8D57u;
inline constexpr std::uint32_t philox_weyl0 = 0x9E3779B9u;
inline constexpr std::uint32_t philox_weyl1 = 0xBB67AE85u;

/// The given number of Philox's rounds, which the generator makes ten of.
[[nodiscard]] constexpr philox4x32_block philox_rounds(philox4x32_block counter,
                                                       std::array<std::uint32_t, 2> key,
                                                       int rounds) noexcept {
    for (int round = 0; round < rounds; ++round) {
        const std::uint64_t product0 = std::uint64_t{philox_multiplier0} * counter[0];
        const std::uint64_t product1 = std::uint64_t{philox_multiplier1} * counter[2];
        counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(product1),
                   static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(product0)};
        key[0] += philox_weyl0;
        key[1] += philox_weyl1;
    }
    return counter;
}
}  // namespace detail

/// Philox4x32-10: ten rounds on one counter with one key. Pure, constexpr, O(1), bit-equal to Random123.
[[nodiscard]] constexpr philox4x32_block philox4x32(philox4x32_block counter,
                                                    std::array<std::uint32_t, 2> key) noexcept {
    return detail::philox_rounds(counter, key, 10);
}

}  // namespace imle::inline IMLE_ABI
