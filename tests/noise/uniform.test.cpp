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
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::uniform, float> &&
              imle::NoiseDistribution<imle::uniform, double>);

TEST_CASE("uniform: the laws of a noise", "[uniform][noise]") {
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
    noise_tests::check_ends(imle::uniform{-0.1, 0.7}, -0.1, 0.7);
    noise_tests::check_no_numbers(imle::uniform{-1, 3});
    noise_tests::check_draws(imle::uniform{});
    CHECK(imle::uniform{-1, 3}.mean() == 1);
    CHECK(imle::uniform{-1, 3}.pdf(3) == 0.25);
    CHECK(imle::uniform{-1, 3}.pdf(-1) == 0.25);
    CHECK(imle::uniform{-1, 3}.pdf(3.1) == 0);
    CHECK(imle::uniform{-1, 3}.lower_bound() == -1);
    CHECK(imle::uniform{-1, 3}.upper_bound() == 3);
    // An end that is 0 is resolved as far as doubles go.
    double worst = 0;
    for (double p = 1e-300; p < 0.5; p *= 7) {
        const imle::uniform above{0, 3}, below{-3, 0};
        worst = std::max(worst, std::abs(above.cdf(above.quantile(p)) / p - 1));
        worst = std::max(worst, std::abs(below.survival(below.survival_quantile(p)) / p - 1));
    }
    CHECK(worst < 1e-15);
}

TEST_CASE("uniform: its parameters", "[uniform][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::uniform(nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(-infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::uniform(1, 1), std::invalid_argument);
    CHECK_THROWS_WITH(imle::uniform(2, 1), Catch::Contains("high of uniform is 1"));
    CHECK_THROWS_WITH(imle::uniform(-1e308, 1e308), Catch::Contains("distance from low"));
    CHECK(imle::uniform(-1, 3).low() == -1);
    CHECK(imle::uniform(-1, 3).high() == 3);
    CHECK(imle::uniform() == imle::uniform(0, 1));
    CHECK(imle::uniform() != imle::uniform(0, 2));
}

TEST_CASE("uniform: no number is outside of the range", "[uniform][noise]") {
    // So narrow beside its place that most numbers near an end round to it or past it.
    const double low = 10.1;
    std::vector<float> floats(2000);
    std::vector<double> doubles(2000);
    std::size_t outside = 0, at_end = 0;
    for (int i = 0; i < 40; ++i) {
        const imle::random_key key(static_cast<std::uint64_t>(i));
        const double high = low + 3e-6 * (1 + i), near = low * (1 + 1e-15 * (1 + i));
        imle::uniform(low, high).fill(key, 0, std::span<float>(floats));
        for (const float x : floats) {
            outside += x < static_cast<float>(low) || x > static_cast<float>(high);
            at_end += x == static_cast<float>(low) || x == static_cast<float>(high);
        }
        imle::uniform(low, near).fill(key, 0, std::span<double>(doubles));
        for (const double x : doubles) {
            outside += x < low || x > near;
            at_end += x == low || x == near;
        }
    }
    CHECK(outside == 0);
    CHECK(at_end > 0);  // or the test would not come near
}
