// The code of docs/concepts/noise_distribution.md.

#include <imle/concepts/noise_distribution.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <imle/random/random_key.hpp>
#include <imle/random/uniform.hpp>
#include <imle/testing/check_noise.hpp>
#include <span>
#include <vector>

#include "support/catch.hpp"

namespace {

// [own_noise]
// The standard logistic law, by its quantile function log(u / (1 - u)).
struct logistic {
    template <class Scalar>
    void fill(imle::random_key key, std::uint64_t first, std::span<Scalar> out) const {
        imle::uniforms(key, first, out);
        for (Scalar& x : out) x = std::log(x) - std::log1p(-x);
    }

    // Not asked for by the concept: `check_noise` compares the numbers with it.
    double cdf(double x) const { return 1 / (1 + std::exp(-x)); }
};
// [/own_noise]

template <class NoiseT>
std::vector<double> draws(const NoiseT& noise, imle::random_key key, std::size_t count) {
    std::vector<double> out(count);
    noise.fill(key, 0, std::span<double>(out));
    return out;
}

}  // namespace

static_assert(imle::NoiseDistribution<logistic, float>);
static_assert(imle::NoiseDistribution<logistic, double>);

TEST_CASE("docs: an own noise", "[docs]") {
    const auto x = draws(logistic{}, imle::random_key{1}, 100000);
    double sum = 0, squares = 0;
    for (const double v : x) sum += v, squares += v * v;
    // Mean 0 and variance pi^2 / 3: within 5 standard errors, false alarm 6e-7 each.
    CHECK(std::abs(sum / 1e5) < 5 * 1.8138 / std::sqrt(1e5));
    CHECK(std::abs(squares / 1e5 - 3.2899) < 5 * 5.884 / std::sqrt(1e5));
}

TEST_CASE("docs: keys", "[docs]") {
    const std::uint64_t step = 4, other_step = 5;
    // [keys]
    const imle::random_key key{42};                          // from a seed
    const imle::random_key key_of_step = key.fold_in(step);  // one for each training step
    // [/keys]
    CHECK(key_of_step == imle::random_key{42}.fold_in(4));
    CHECK(key_of_step != key.fold_in(other_step));
    CHECK(draws(logistic{}, key, 10) != draws(logistic{}, key_of_step, 10));
}

TEST_CASE("docs: the laws of an own noise", "[docs]") {
    // [check]
    const imle::testing::law_report report = imle::testing::check_noise<float>(logistic{});
    CHECK(report.passed());
    // [/check]
    INFO(report);
    CHECK(report.trials("Kolmogorov-Smirnov") > 0);
}
