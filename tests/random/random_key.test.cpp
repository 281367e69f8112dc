#include <imle/random/random_key.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <imle/random/words.hpp>
#include <set>
#include <utility>

#include "support/catch.hpp"

TEST_CASE("random_key: folds differ, in value and in order", "[random_key]") {
    const imle::random_key key(7);
    CHECK(key == imle::random_key(7));
    CHECK(key != imle::random_key(8));
    CHECK(key.fold_in(0) != key);
    CHECK(key.fold_in(0) != key.fold_in(1));
    CHECK(key.fold_in(1).fold_in(2) != key.fold_in(2).fold_in(1));
    CHECK(key.fold_in(std::uint64_t{1} << 32) != key.fold_in(0));
}

TEST_CASE("random_key: a block is four words of the sequence", "[random_key]") {
    const imle::random_key key = imle::random_key{3}.fold_in(4);
    std::array<std::uint32_t, 12> words{};
    imle::random_words(key, 4 * 5, words);
    for (std::size_t i = 0; i < words.size(); ++i) CHECK(words[i] == key.block(5 + i / 4)[i % 4]);
}

TEST_CASE("random_key: any integer is a seed", "[random_key]") {
    const int seed = 7;
    CHECK(imle::random_key{seed} == imle::random_key{7u});
    CHECK(imle::random_key{-1} == imle::random_key{~std::uint64_t{0}});
    CHECK(imle::random_key{} == imle::random_key{0});
}

TEST_CASE("random_key: two hundred thousand folds of two keys are all different", "[random_key]") {
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    for (std::uint64_t n = 0; n < 100000; ++n)
        for (const imle::random_key key : {imle::random_key{0}, imle::random_key{1}}) {
            const auto folded = key.fold_in(n);
            seen.emplace(folded.philox_key(), folded.stream());
        }
    CHECK(seen.size() == 200000);
}
