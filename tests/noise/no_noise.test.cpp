#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::no_noise, float> && imle::is_zero_noise<imle::no_noise>);

TEST_CASE("no_noise is 0", "[no_noise][noise]") {
    CHECK(imle::testing::check_noise<float>(imle::no_noise{}).passed());
    CHECK(imle::testing::check_noise<double>(imle::no_noise{}).passed());
}
