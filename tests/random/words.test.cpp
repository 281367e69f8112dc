#include <cstdint>
#include <span>
#include <vector>

#include <imle/random/detail/philox_lanes.hpp>
#include <imle/random/words.hpp>

#include "support/catch.hpp"

namespace {

using imle::random_key;

/// The definition: word w is lane w % 4 of block w / 4.
std::uint32_t word_at(const random_key& key, std::uint64_t w) {
    const std::uint64_t block = w / 4;
    return imle::philox4x32(
        {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
         static_cast<std::uint32_t>(key.stream()), static_cast<std::uint32_t>(key.stream() >> 32)},
        {static_cast<std::uint32_t>(key.philox_key()),
         static_cast<std::uint32_t>(key.philox_key() >> 32)})[static_cast<std::size_t>(w % 4)];
}

template <class Lanes, int Groups>
int differences(const random_key& key, std::uint64_t block) {
    std::vector<std::uint32_t> out(4 * Groups * Lanes::blocks);
    imle::detail::philox_blocks<Lanes, Groups>(key.philox_key(), key.stream(), block, out.data());
    int wrong = 0;
    for (std::size_t i = 0; i < out.size(); ++i) wrong += out[i] != word_at(key, 4 * block + i);
    return wrong;
}

const random_key keys[] = {random_key(0), random_key(42), random_key(7).fold_in(3)};
// Across the carry from the lower to the upper half of the counter, at every alignment.
const std::uint64_t blocks[] = {0, 1, 5, 0xfffffff0u, 0xfffffff9u, 0xffffffffu, std::uint64_t{1} << 61};

}  // namespace

TEST_CASE("every instruction set's Philox is the scalar one, lane by lane", "[words]") {
    for (const random_key& key : keys)
        for (const std::uint64_t block : blocks) {
            CHECK(differences<imle::detail::philox_scalar, 4>(key, block) == 0);
#if defined(IMLE_USE_SSE2)
            CHECK(differences<imle::detail::philox_sse2, 1>(key, block) == 0);
            CHECK(differences<imle::detail::philox_sse2, 4>(key, block) == 0);
#endif
#if defined(IMLE_USE_AVX2)
            CHECK(differences<imle::detail::philox_avx2, 1>(key, block) == 0);
            CHECK(differences<imle::detail::philox_avx2, 4>(key, block) == 0);
#endif
#if defined(IMLE_USE_AVX512)
            CHECK(differences<imle::detail::philox_avx512, 2>(key, block) == 0);
#endif
#if defined(IMLE_USE_NEON)
            CHECK(differences<imle::detail::philox_neon, 2>(key, block) == 0);
#endif
        }
}

TEST_CASE("random_words: any first, any size", "[words]") {
    for (const random_key& key : keys)
        for (const std::uint64_t first :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64},
              (std::uint64_t{1} << 34) - 70, ~std::uint64_t{0} - 300}) {
            int wrong = 0;
            for (const std::size_t size : {0u, 1u, 3u, 63u, 64u, 65u, 128u, 300u}) {
                std::vector<std::uint32_t> out(size + 2, 0xabababab);
                imle::random_words(key, first, std::span<std::uint32_t>(out.data() + 1, size));
                for (std::size_t i = 0; i < size; ++i) wrong += out[i + 1] != word_at(key, first + i);
                wrong += out.front() != 0xabababab || out.back() != 0xabababab;
            }
            CHECK(wrong == 0);
        }
}
