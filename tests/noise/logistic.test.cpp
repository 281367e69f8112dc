#include <cmath>
#include <limits>
#include <stdexcept>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

static_assert(imle::NoiseDistribution<imle::logistic, float> &&
              imle::NoiseDistribution<imle::logistic, double>);

TEST_CASE("logistic: the laws of a noise", "[logistic][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::logistic{1, 2});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::logistic{-3, 0.1});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("logistic: its functions", "[logistic][noise]") {
    noise_tests::check_functions(imle::logistic{}, 1e-13);
    noise_tests::check_functions(imle::logistic{1, 2}, 1e-12);
    noise_tests::check_moments(imle::logistic{1, 2}, 1e-5);
    noise_tests::check_ends(imle::logistic{1, 2}, -std::numeric_limits<double>::infinity());
    noise_tests::check_no_numbers(imle::logistic{1, 2});
    noise_tests::check_draws(imle::logistic{});
    // Symmetric about the location, to the last bit.
    CHECK(imle::logistic{}.cdf(0) == 0.5);
    CHECK(imle::logistic{3, 2}.quantile(0.5) == 3);
    support::tally lopsided;
    for (double z = 1e-300; z < 700; z *= 3) {
        lopsided.expect(imle::logistic{}.cdf(-z) == imle::logistic{}.survival(z), "cdf and survival at ", z);
        lopsided.expect(imle::logistic{}.pdf(-z) == imle::logistic{}.pdf(z), "pdf at ", z);
    }
    CHECK(lopsided == 0);
    CHECK(imle::logistic{}.quantile(0.75) == Approx(std::log(3)).epsilon(1e-15));
    // Near the median the quantile is 4 (u - 1/2), and keeps its digits.
    const double u = 0.5 + 1e-10;
    CHECK(imle::logistic{}.quantile(u) == Approx(4 * (u - 0.5)).epsilon(1e-11));
    // Subnormal, where exp(-z) is infinite.
    CHECK(imle::logistic{}.cdf(-720) == std::exp(-720.0));
}

TEST_CASE("logistic: its parameters", "[logistic][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::logistic(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(imle::logistic(0, -1), std::invalid_argument);
    CHECK_THROWS_AS(imle::logistic(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::logistic(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::logistic(nan), std::invalid_argument);
    CHECK_THROWS_WITH(imle::logistic(0, -1), mentions("scale of logistic is -1"));
    CHECK(imle::logistic(3, 2).location() == 3);
    CHECK(imle::logistic(3, 2).scale() == 2);
    CHECK(imle::logistic() == imle::logistic(0, 1));
    CHECK(imle::logistic() != imle::logistic(0, 2));
}
