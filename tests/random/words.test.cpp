#include <cmath>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

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

/// The words of one group, made by vectors of this size, so many at a time.
template <std::size_t Size, std::size_t Vectors>
void check_blocks(const random_key& key, std::uint64_t block) {
    using words = imle::detail::word_lanes<Size>;
    using vectors = imle::detail::philox_vectors_of<words, Vectors>;
    imle::detail::philox_schedule schedule(key);
    schedule.prepare(block);
    std::vector<std::uint32_t> out(imle::detail::words_per_group);
    for (std::size_t i = 0; i < out.size(); i += vectors::words)
        imle::detail::philox_blocks<vectors, words, 0>(schedule, block + i / 4, out.data() + i,
                                                       imle::detail::nothing_beside{},
                                                       std::index_sequence<0>{});
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == word_at(key, 4 * block + i)) continue;
        CAPTURE(Size, Vectors, block, i, out[i]);
        FAIL_CHECK("not the scalar's word");
        return;
    }
}

const random_key keys[] = {random_key(0), random_key(42), random_key(7).fold_in(3)};
// On both sides of the carry from the lower to the upper half of the counter.
const std::uint64_t blocks[] = {
    0, 16, 0xfffffff0u, 0x100000000u, std::uint64_t{1} << 61, (std::uint64_t{1} << 62) - 16};

}  // namespace

TEST_CASE("every vector's Philox is the scalar one, lane by lane", "[words]") {
    for (const random_key& key : keys)
        for (const std::uint64_t block : blocks) {
            check_blocks<1, 4>(key, block);
            check_blocks<imle::detail::widest_words::size, 1>(key, block);
            check_blocks<imle::detail::widest_words::size, 2>(key, block);
#if IMLE_INTEGER_VECTOR_BYTES >= 16 && !defined(IMLE_HAS_NEON)
            check_blocks<2, 4>(key, block);
#endif
#if IMLE_INTEGER_VECTOR_BYTES >= 32
            check_blocks<4, 4>(key, block);
#endif
        }
}

TEST_CASE("philox_schedule: prepared for one upper word after another, and back", "[words]") {
    for (const random_key& key : keys) {
        imle::detail::philox_schedule schedule(key);
        for (const std::uint64_t block : {blocks[3], blocks[0], blocks[4], blocks[4], blocks[1]}) {
            std::uint32_t out[imle::detail::words_per_group];
            imle::detail::word_group(schedule, block, out);
            int wrong = 0;
            for (std::size_t i = 0; i < std::size(out); ++i) wrong += out[i] != word_at(key, 4 * block + i);
            CHECK(wrong == 0);
        }
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

TEST_CASE("uniform_of: the open interval, whatever the word", "[uniform]") {
    CHECK(imle::uniform_of(0u) == 0x1p-25f);
    CHECK(imle::uniform_of(255u) == 0x1p-25f);
    CHECK(imle::uniform_of(256u) == 0x1p-24f);
    CHECK(imle::uniform_of(0xffffffffu) == 1 - 0x1p-24f);
    CHECK(imle::uniform_of(0u, 0u) == 0x1p-54);
    CHECK(imle::uniform_of(0x800u, 0u) == 0x1p-53);
    CHECK(imle::uniform_of(0xffffffffu, 0xffffffffu) == 1 - 0x1p-53);
    CHECK(imle::uniform_of(0u, 0x80000000u) == 0.5);
}

TEMPLATE_TEST_CASE("uniforms: from the words that are documented, in any pieces", "[uniform]", float,
                   double) {
    const imle::random_key key(11);
    constexpr std::size_t each = sizeof(TestType) / 4;
    std::vector<TestType> out(1000);
    imle::uniforms(key, 77, std::span<TestType>(out));
    std::vector<std::uint32_t> words(each * out.size());
    imle::random_words(key, each * 77, words);
    std::vector<TestType> one(1);
    int wrong = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if constexpr (each == 1)
            wrong += out[i] != imle::uniform_of(words[i]);
        else
            wrong += out[i] != imle::uniform_of(words[2 * i], words[2 * i + 1]);
        imle::uniforms(key, 77 + i, std::span<TestType>(one));
        wrong += one[0] != out[i];
    }
    CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("uniforms: mean, variance and neighbours", "[uniform]", float, double) {
    std::vector<TestType> out(1 << 16);
    imle::uniforms(imle::random_key(5), 0, std::span<TestType>(out));
    double sum = 0, square = 0, product = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double x = static_cast<double>(out[i]) - 0.5;
        sum += x;
        square += x * x;
        if (i > 0) product += x * (static_cast<double>(out[i - 1]) - 0.5);
    }
    const double n = static_cast<double>(out.size());
    // Five standard deviations: false alarm 6e-7 each.
    CHECK(std::abs(sum / n) < 5 * std::sqrt(1.0 / 12 / n));
    CHECK(std::abs(square / n - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / n));
    CHECK(std::abs(product / n) < 5 * (1.0 / 12) / std::sqrt(n));
}
