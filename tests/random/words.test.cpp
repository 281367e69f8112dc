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

template <std::size_t Size, std::size_t Groups>
void check_blocks(const random_key& key, std::uint64_t block) {
    using words = imle::detail::word_lanes<Size>;
    std::vector<std::uint32_t> out(4 * Groups * Size);
    imle::detail::philox_blocks<words, Groups>(key.philox_key(), key.stream(), block, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == word_at(key, 4 * block + i)) continue;
        CAPTURE(Size, Groups, block, i, out[i]);
        FAIL_CHECK("not the scalar's word");
        return;
    }
}

const random_key keys[] = {random_key(0), random_key(42), random_key(7).fold_in(3)};
// Across the carry from the lower to the upper half of the counter, at every alignment.
const std::uint64_t blocks[] = {0, 1, 5, 0xfffffff0u, 0xfffffff9u, 0xffffffffu, std::uint64_t{1} << 61};

}  // namespace

TEST_CASE("every vector's Philox is the scalar one, lane by lane", "[words]") {
    for (const random_key& key : keys)
        for (const std::uint64_t block : blocks) {
            check_blocks<1, 4>(key, block);
            check_blocks<imle::detail::widest_words::size, 1>(key, block);
            check_blocks<imle::detail::widest_words::size, 4>(key, block);
#if IMLE_INTEGER_VECTOR_BYTES >= 16 && !defined(IMLE_HAS_NEON)
            check_blocks<2, 4>(key, block);
#endif
#if IMLE_INTEGER_VECTOR_BYTES >= 32
            check_blocks<4, 4>(key, block);
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
