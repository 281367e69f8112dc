#include <random>
#include <span>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"

namespace {

using normal_noise = imle::std_noise<std::normal_distribution<float>>;
static_assert(imle::NoiseDistribution<normal_noise, float> && imle::NoiseDistribution<normal_noise, double>);
static_assert(std::uniform_random_bit_generator<imle::philox_engine>);

}  // namespace

TEST_CASE("std_noise: the laws of a noise, for distributions with state and for discrete ones",
          "[std_noise][noise][draws]") {
    const imle::testing::check_noise_options few{.numbers = 1 << 12};
    CHECK(imle::testing::check_noise<float>(normal_noise{}, few).passed());
    CHECK(imle::testing::check_noise<double>(normal_noise{}, few).passed());
    CHECK(
        imle::testing::check_noise<float>(imle::std_noise{std::poisson_distribution<int>{4}}, few).passed());
    CHECK(imle::testing::check_noise<double>(imle::std_noise{std::gamma_distribution<double>{0.3, 2}}, few)
              .passed());
}

TEST_CASE("std_noise: the parameters are the distribution's", "[std_noise][noise]") {
    const imle::std_noise noise{std::normal_distribution<double>{10, 0.5}};
    std::vector<double> out(4096);
    noise.fill(imle::random_key(3), 0, std::span<double>(out));
    double mean = 0;
    for (const double x : out) mean += x / 4096;
    CHECK(std::abs(mean - 10) < 5 * 0.5 / 64);  // false alarm 6e-7
}
