#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <imle/random/uniform.hpp>

#include "support/catch.hpp"

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
