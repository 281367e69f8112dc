#include <array>
#include <cstdint>

#include <imle/random/philox.hpp>

#include "support/catch.hpp"

namespace {

using block = imle::philox4x32_block;

// Known answers of Random123 (kat_vectors, philox4x32 10).
static_assert(imle::philox4x32({0, 0, 0, 0}, {0, 0}) ==
              block{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
static_assert(imle::philox4x32({0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu},
                               {0xffffffffu, 0xffffffffu}) ==
              block{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
static_assert(imle::philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
                               {0xa4093822u, 0x299f31d0u}) ==
              block{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});

}  // namespace

TEST_CASE("philox4x32 gives Random123's known answers at run time too", "[philox]") {
    volatile std::uint32_t zero = 0;
    const block out = imle::philox4x32({zero, zero, zero, zero}, {zero, zero});
    CHECK(out == block{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
}
