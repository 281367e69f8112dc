#include <cmath>
#include <limits>
#include <stdexcept>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::gumbel, float> && imle::NoiseDistribution<imle::gumbel, double>);

TEST_CASE("gumbel: the laws of a noise", "[gumbel][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::gumbel{1, 2});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::gumbel{-3, 0.1});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("gumbel: its functions", "[gumbel][noise]") {
    noise_tests::check_functions(imle::gumbel{}, 1e-13);
    noise_tests::check_functions(imle::gumbel{1, 2}, 1e-12);
    noise_tests::check_moments(imle::gumbel{1, 2}, 1e-5);
    noise_tests::check_ends(imle::gumbel{1, 2}, -std::numeric_limits<double>::infinity());
    noise_tests::check_no_numbers(imle::gumbel{1, 2});
    noise_tests::check_draws(imle::gumbel{});
    CHECK(imle::gumbel{}.cdf(0) == Approx(std::exp(-1.0)));
    CHECK(imle::gumbel{}.quantile(std::exp(-1.0)) == Approx(0).margin(1e-15));
}

TEST_CASE("gumbel: its score", "[gumbel][noise]") {
    noise_tests::check_score(imle::gumbel{});
    noise_tests::check_score(imle::gumbel{1, 2});
    CHECK(imle::gumbel{}.score(0) == 0);
    CHECK(imle::gumbel{1, 2}.score(-1) == Approx((1 - std::exp(1.0)) / 2));
}

TEST_CASE("gumbel: bad arguments", "[gumbel][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::gumbel(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(imle::gumbel(0, -1), std::invalid_argument);
    CHECK_THROWS_AS(imle::gumbel(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::gumbel(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::gumbel(nan), std::invalid_argument);
    CHECK_THROWS_WITH(imle::gumbel(0, -1), mentions("scale of gumbel is -1"));
}
