#pragma once

/// @file
/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
/// easy as 1, 2, 3" (SC 2011).

#include <array>
#include <cstdint>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Four random words: the output of one call, and also its counter.
using philox4x32_block = std::array<std::uint32_t, 4>;

/// Ten rounds of Philox on one counter with one key. Pure, constexpr, bit-equal to Random123.
[[nodiscard]] constexpr philox4x32_block philox4x32(philox4x32_block counter,
                                                    std::array<std::uint32_t, 2> key) noexcept {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter[0];
        const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter[2];
        counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(product1),
                   static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(product0)};
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return counter;
}

}  // namespace imle::inline IMLE_ABI
