#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/random/random_key.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::sum_of_gamma;
using imle::sum_of_gamma_series;

static_assert(imle::NoiseDistribution<sum_of_gamma_series, float>);
static_assert(imle::NoiseDistribution<sum_of_gamma_series, double>);

TEST_CASE("sum_of_gamma_series has the law of sum_of_gamma", "[sum_of_gamma][noise][draws]") {
    const imle::testing::check_noise_options options{.numbers = 1 << 12, .places = 25};
    for (const auto& [k, terms] : {std::pair{0.5, 10U}, {5.0, 4U}, {20.8, 4U}}) {
        const auto report = imle::testing::check_noise<double>(sum_of_gamma_series(k, terms), options);
        INFO(report);
        CHECK(report.passed());
    }
    CHECK(imle::testing::check_noise<float>(sum_of_gamma_series(2, 3), options).passed());
    // One term is a gamma number; two of 300 lie nearly all within a rounding of the lower bound.
    CHECK(imle::testing::check_noise<double>(sum_of_gamma_series(5, 1), options).passed());
    CHECK(imle::testing::check_noise<double>(sum_of_gamma_series(300, 2), options).passed());
}

TEST_CASE("sum_of_gamma_series: what it says of its law is what sum_of_gamma says", "[sum_of_gamma][noise]") {
    const sum_of_gamma_series series(20.8, 7);
    const sum_of_gamma law(20.8, 7);
    CHECK(series.k() == law.k());
    CHECK(series.terms() == law.terms());
    CHECK(series.lower_bound() == law.lower_bound());
    CHECK(series.mean() == law.mean());
    CHECK(series.variance() == law.variance());
    CHECK(series.cumulant(3) == law.cumulant(3));
    for (const double u : {1e-3, 0.3, 0.9}) {
        const double x = law.quantile(u);
        CHECK(series.quantile(u) == x);
        CHECK(series.cdf(x) == law.cdf(x));
        CHECK(series.survival(x) == law.survival(x));
        CHECK(series.pdf(x) == law.pdf(x));
        CHECK(series.survival_quantile(u) == law.survival_quantile(u));
    }
    CHECK(series == sum_of_gamma_series(20.8, 7));
    CHECK_FALSE(series == sum_of_gamma_series(20.8, 8));
    CHECK_FALSE(series == sum_of_gamma_series(20.9, 7));
}

TEST_CASE("sum_of_gamma_series: no number is below the bound, and few are at it", "[sum_of_gamma][noise]") {
    for (const std::uint64_t terms : {1u, 2u, 30u}) {
        const sum_of_gamma_series series(20.8, terms);
        std::vector<double> numbers(2000);
        series.fill(imle::random_key(3), 0, std::span<double>(numbers));
        support::tally below;
        std::size_t at = 0;
        for (const double x : numbers) {
            below.expect(x >= series.lower_bound(), x, " below ", series.lower_bound());
            at += x == series.lower_bound();
        }
        // That many are within a rounding of it: binomial, six standard deviations, 2e-9.
        const double rounding = std::numeric_limits<double>::epsilon() * std::abs(series.lower_bound());
        const double p = series.cdf(series.lower_bound() + rounding), n = static_cast<double>(numbers.size());
        INFO("terms " << terms << ", at the bound " << at << ", expected at most " << n * p);
        CHECK(below == 0);
        CHECK(static_cast<double>(at) <= n * p + 6 * std::sqrt(n * p) + 6);
    }
}

TEST_CASE("sum_of_gamma_series: bad arguments are sum_of_gamma's", "[sum_of_gamma][noise]") {
    CHECK_THROWS_AS(sum_of_gamma_series(0), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma_series(std::nan(""), 3), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma_series(1, 0), std::invalid_argument);
}
