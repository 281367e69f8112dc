#include <cmath>
#include <limits>
#include <stdexcept>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/exponential.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::exponential, float> &&
              imle::NoiseDistribution<imle::exponential, double>);

TEST_CASE("exponential: the laws of a noise", "[exponential][noise][draws]") {
    const auto floats = imle::testing::check_noise<float>(imle::exponential{0.5});
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(imle::exponential{10});
    INFO(doubles);
    CHECK(doubles.passed());
}

TEST_CASE("exponential: its functions", "[exponential][noise]") {
    noise_tests::check_functions(imle::exponential{}, 1e-13);
    noise_tests::check_functions(imle::exponential{0.3}, 1e-12);
    noise_tests::check_moments(imle::exponential{0.3}, 1e-5);
    noise_tests::check_ends(imle::exponential{0.3}, 0);
    noise_tests::check_no_numbers(imle::exponential{0.3});
    noise_tests::check_draws(imle::exponential{});
    CHECK(imle::exponential{4}.mean() == 0.25);
    CHECK(imle::exponential{4}.cdf(-1) == 0);
    CHECK(imle::exponential{4}.survival(-1) == 1);
    CHECK(imle::exponential{4}.pdf(-1) == 0);
    CHECK(imle::exponential{4}.pdf(0) == 4);
    CHECK(imle::exponential{4}.lower_bound() == 0);
    // The memoryless law: survival(x + y) = survival(x) survival(y).
    const imle::exponential law{0.3};
    CHECK(law.survival(7) == Approx(law.survival(3) * law.survival(4)).epsilon(1e-15));
}

TEST_CASE("exponential: its parameters", "[exponential][noise]") {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(imle::exponential(0), std::invalid_argument);
    CHECK_THROWS_AS(imle::exponential(nan), std::invalid_argument);
    CHECK_THROWS_AS(imle::exponential(infinity), std::invalid_argument);
    CHECK_THROWS_WITH(imle::exponential(-1), mentions("rate of exponential is -1"));
    // Its inverse would be infinite.
    CHECK_THROWS_WITH(imle::exponential(1e-310), mentions("mean, is finite"));
    CHECK(imle::exponential(std::numeric_limits<double>::max()).mean() > 0);
    CHECK(imle::exponential(49).rate() == 49);
    CHECK(imle::exponential() == imle::exponential(1));
    CHECK(imle::exponential() != imle::exponential(2));
}
