#include <cmath>
#include <limits>
#include <stdexcept>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/normal.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::normal, float> && imle::NoiseDistribution<imle::normal, double>);

TEST_CASE("normal: the laws of a noise", "[normal][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::normal{1, 2});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::normal{-3, 0.1});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("normal: its functions", "[normal][noise][draws]") {
    noise_tests::check_functions(imle::normal{}, 1e-13);
    noise_tests::check_functions(imle::normal{1, 2}, 1e-12);
    noise_tests::check_moments(imle::normal{1, 2}, 1e-5);
    noise_tests::check_ends(imle::normal{1, 2}, -std::numeric_limits<double>::infinity());
    noise_tests::check_no_numbers(imle::normal{1, 2});
    noise_tests::check_draws(imle::normal{});
    CHECK(imle::normal{}.cdf(0) == 0.5);
    CHECK(imle::normal{}.quantile(0.5) == 0);
    CHECK(imle::normal{}.cdf(1.959963984540054) == Approx(0.975).epsilon(1e-14));
}

TEST_CASE("normal: its score", "[normal][noise]") {
    noise_tests::check_score(imle::normal{});
    noise_tests::check_score(imle::normal{1, 2});
    CHECK(imle::normal{}.score(-1.25) == -1.25);
    CHECK(imle::normal{1, 2}.score(4) == 0.75);
}

TEST_CASE("normal: bad arguments", "[normal][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::normal(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(imle::normal(0, -1), std::invalid_argument);
    CHECK_THROWS_AS(imle::normal(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::normal(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::normal(nan), std::invalid_argument);
    CHECK_THROWS_WITH(imle::normal(0, -1), mentions("stddev of normal is -1"));
}
