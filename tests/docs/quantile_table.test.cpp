// The code of docs/quantile_table.md.

#include <imle/random/quantile_table.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <imle/concepts/noise_distribution.hpp>
#include <imle/random/random_key.hpp>
#include <imle/testing/check_noise.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

// [quantile]
// Weibull's law, P(X <= x) = 1 - exp(-x^4).
struct weibull {
    double quantile(double u) const { return std::pow(-std::log1p(-u), 0.25); }
    double survival_quantile(double p) const { return std::pow(-std::log(p), 0.25); }
    double lower_bound() const { return 0; }
};
// [/quantile]

// [cdf]
// The hyperbolic secant law, of which no quantile function is needed.
struct secant {
    double cdf(double x) const { return 2 / pi * std::atan(std::exp(pi / 2 * x)); }
    double survival(double x) const { return cdf(-x); }
    double pdf(double x) const { return 0.5 / std::cosh(pi / 2 * x); }

    static constexpr double pi = 3.14159265358979323846;
};
// [/cdf]

// [noise]
class secant_noise {
  public:
    explicit secant_noise(double scale) : scale_(scale) {}

    void fill(imle::random_key key, std::uint64_t first, std::span<float> out) const {
        table_.fill(key, first, out, 0, scale_);  // 0 + scale * X
    }

    // Not asked for by the concept: `check_noise` compares the numbers with it.
    double cdf(double x) const { return secant{}.cdf(x / scale_); }

  private:
    double scale_;
    imle::quantile_table<float> table_{secant{}};
};
// [/noise]

// Two normal laws, far apart.
struct two_heaps {
    double cdf(double x) const {
        return 0.25 * std::erfc(-(x + 20) / 1.5) + 0.25 * std::erfc(-(x - 20) / 1.5);
    }
    double pdf(double x) const { return heap((x + 20) / 1.5) + heap((x - 20) / 1.5); }
    static double heap(double z) {
        return 0.5 / (1.5 * std::sqrt(3.14159265358979323846)) * std::exp(-z * z);
    }
};

}  // namespace

static_assert(imle::NoiseDistribution<secant_noise, float>);

TEST_CASE("docs: a table from a quantile function", "[docs]") {
    // [draw]
    const imle::quantile_table<float> table(weibull{});
    std::vector<float> x(1000);
    table.fill(imle::random_key{1}, 0, x);
    // [/draw]
    std::size_t below = 0;
    for (const float v : x) below += v < weibull{}.quantile(0.5) ? 1 : 0;
    // Binomial: 5 standard deviations, false alarm 6e-7.
    CHECK(std::abs(static_cast<double>(below) - 500) < 5 * std::sqrt(250));
    // [error]
    CHECK(table.interpolation_error() < 1e-6);
    // [/error]
}

TEST_CASE("docs: a noise from a distribution function and a density", "[docs]") {
    // [use]
    const secant_noise noise(2);
    CHECK(imle::testing::check_noise<float>(noise).passed());
    // [/use]
}

TEST_CASE("docs: what a table refuses", "[docs]") {
    std::string said;
    // [refused]
    try {
        const imle::quantile_table<float> table(two_heaps{});
    } catch (const std::invalid_argument& error) {
        said = error.what();
    }
    // [/refused]
    CHECK(said.find("too rough") != std::string::npos);
}
