#include <cmath>
#include <limits>
#include <stdexcept>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

static_assert(imle::NoiseDistribution<imle::laplace, float> &&
              imle::NoiseDistribution<imle::laplace, double>);

TEST_CASE("laplace: the laws of a noise", "[laplace][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::laplace{1, 2});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::laplace{-3, 0.1});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("laplace: its functions", "[laplace][noise]") {
    noise_tests::check_functions(imle::laplace{}, 1e-13);
    noise_tests::check_functions(imle::laplace{1, 2}, 1e-12);
    noise_tests::check_moments(imle::laplace{1, 2}, 1e-5);
    noise_tests::check_ends(imle::laplace{1, 2}, -std::numeric_limits<double>::infinity());
    noise_tests::check_no_numbers(imle::laplace{1, 2});
    noise_tests::check_draws(imle::laplace{});
    // Symmetric about the location, to the last bit.
    CHECK(imle::laplace{}.cdf(0) == 0.5);
    CHECK(imle::laplace{3, 2}.quantile(0.5) == 3);
    support::tally lopsided;
    for (double z = 1e-300; z < 700; z *= 3) {
        lopsided.expect(imle::laplace{}.cdf(-z) == imle::laplace{}.survival(z), "cdf and survival at ", z);
        lopsided.expect(imle::laplace{}.pdf(-z) == imle::laplace{}.pdf(z), "pdf at ", z);
    }
    CHECK(lopsided == 0);
    CHECK(imle::laplace{}.quantile(0.125) == Approx(-std::log(4)).epsilon(1e-15));
    CHECK(imle::laplace{}.quantile(0.5 - 0x1p-40) == Approx(-0x1p-39).epsilon(1e-11));
}

TEST_CASE("laplace: its parameters", "[laplace][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::laplace(0, 0), std::invalid_argument);
    CHECK_THROWS_AS(imle::laplace(0, -1), std::invalid_argument);
    CHECK_THROWS_AS(imle::laplace(0, nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::laplace(0, infinity), std::invalid_argument);
    CHECK_THROWS_AS(imle::laplace(nan), std::invalid_argument);
    CHECK_THROWS_WITH(imle::laplace(0, -1), mentions("scale of laplace is -1"));
    CHECK(imle::laplace(3, 2).location() == 3);
    CHECK(imle::laplace(3, 2).scale() == 2);
    CHECK(imle::laplace() == imle::laplace(0, 1));
    CHECK(imle::laplace() != imle::laplace(0, 2));
}
