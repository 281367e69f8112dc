#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

static_assert(imle::NoiseDistribution<imle::uniform, float> &&
              imle::NoiseDistribution<imle::uniform, double>);

TEST_CASE("uniform: the laws of a noise", "[uniform][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::uniform{1, 3});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::uniform{-3, -2.9});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("uniform: its functions", "[uniform][noise]") {
    noise_tests::check_functions(imle::uniform{}, 1e-12, 1e-3);
    noise_tests::check_functions(imle::uniform{-1, 3}, 1e-11, 1e-3);
    noise_tests::check_moments(imle::uniform{-1, 3}, 1e-5);
    noise_tests::check_ends(imle::uniform{-1, 3}, -1, 3);
    noise_tests::check_ends(imle::uniform{-1, 1e-17}, -1, 1e-17);  // low + (high - low) is 0
    noise_tests::check_no_numbers(imle::uniform{-1, 3});
    noise_tests::check_draws(imle::uniform{});
    CHECK(imle::uniform{-1, 3}.mean() == 1);
    CHECK(imle::uniform{-1, 3}.pdf(3) == 0.25);
    CHECK(imle::uniform{-1, 3}.pdf(-1) == 0.25);
    CHECK(imle::uniform{-1, 3}.pdf(3.1) == 0);
    CHECK(imle::uniform{-1, 3}.lower_bound() == -1);
    CHECK(imle::uniform{-1, 3}.upper_bound() == 3);
    // An end that is 0 is resolved as far as doubles go.
    support::tally wrong;
    for (double p = 1e-300; p < 0.5; p *= 7) {
        const imle::uniform above{0, 3}, below{-3, 0};
        wrong.expect(std::abs(above.cdf(above.quantile(p)) / p - 1) < 1e-15, p, " below");
        wrong.expect(std::abs(below.survival(below.survival_quantile(p)) / p - 1) < 1e-15, p, " above");
    }
    CHECK(wrong == 0);
}

TEST_CASE("uniform: its parameters", "[uniform][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::uniform(nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(-infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(1, 1), std::invalid_argument);
    CHECK_THROWS_WITH(imle::uniform(2, 1), mentions("high of uniform is 1"));
    CHECK_THROWS_WITH(imle::uniform(-1e308, 1e308), mentions("distance from low"));
    CHECK(imle::uniform(-1, 3).low() == -1);
    CHECK(imle::uniform(-1, 3).high() == 3);
    CHECK(imle::uniform() == imle::uniform(0, 1));
    CHECK(imle::uniform() != imle::uniform(0, 2));
}

TEST_CASE("uniform: no number is outside of the range", "[uniform][noise]") {
    // Only a word of the outermost 2^-26 of a tail can round to past the end: this one does, for each of the
    // ranges, where nothing prevents it.
    const imle::random_key key(1);
    const std::uint64_t extreme = 42992523;
    std::uint32_t word = 0;
    imle::random_words(key, extreme, std::span<std::uint32_t>(&word, 1));
    REQUIRE(word % 2 == 1);
    REQUIRE(word < 128);
    for (const imle::uniform& law :
         {imle::uniform(-0.7, 0.1), imle::uniform(-0.9, 0.2), imle::uniform(-0.1, 0.001)}) {
        float x = 0;
        law.fill(key, extreme, std::span<float>(&x, 1));
        CHECK(x == static_cast<float>(law.high()));
    }
    // The range is so narrow compared with its location that many numbers round to an end.
    const double low = 10.1;
    std::vector<float> floats(2000);
    std::vector<double> doubles(2000);
    support::tally outside;
    for (int i = 0; i < 40; ++i) {
        const double high = low + 3e-6 * (1 + i), near = low * (1 + 1e-15 * (1 + i));
        imle::uniform(low, high).fill(key, 0, std::span<float>(floats));
        for (const float x : floats)
            outside.expect(x >= static_cast<float>(low) && x <= static_cast<float>(high), "float ", x, " of ",
                           low, " to ", high);
        imle::uniform(low, near).fill(key, 0, std::span<double>(doubles));
        for (const double x : doubles)
            outside.expect(x >= low && x <= near, "double ", x, " of ", low, " to ", near);
    }
    CHECK(outside == 0);
}
