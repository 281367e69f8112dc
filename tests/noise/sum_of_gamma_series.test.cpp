#include <imle/noise/sum_of_gamma_series.hpp>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"

static_assert(imle::NoiseDistribution<imle::sum_of_gamma_series, float>);

TEST_CASE("sum_of_gamma_series has the law of sum_of_gamma", "[sum_of_gamma][noise]") {
    const imle::testing::check_noise_options options{.numbers = 1 << 12, .places = 100};
    for (const double k : {0.5, 5.0, 20.8}) {
        const auto report = imle::testing::check_noise<double>(imle::sum_of_gamma_series(k, 10), options);
        INFO(report);
        CHECK(report.passed());
    }
    CHECK(imle::testing::check_noise<float>(imle::sum_of_gamma_series(2, 3), options).passed());
}
