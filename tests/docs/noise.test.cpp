// The code of docs/concepts/noise_distribution.md.

#include <imle/concepts/noise_distribution.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/check_noise.hpp>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"

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

// [own_quantiles]
// The same noise, ready for stratified samples.
struct stratified_logistic : logistic {
    template <class Scalar>
    void fill_quantiles(std::span<const imle::word_of<Scalar>> words, std::span<Scalar> out) const {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const Scalar u = imle::uniform_of(words[i]);
            out[i] = std::log(u) - std::log1p(-u);
        }
    }
};
// [/own_quantiles]

// [gamma_of_each]
// Gamma noise with a shape and a scale for each coordinate of an instance.
struct gamma_of_each {
    std::vector<float> shapes;
    std::vector<float> scales;

    void fill(imle::random_key key, std::uint64_t first, std::span<float> out) const {
        for (std::size_t done = 0; done < out.size();) {
            const std::size_t coordinate = (first + done) % shapes.size();
            const std::size_t count = std::min(shapes.size() - coordinate, out.size() - done);
            imle::gamma_sampler::fill(key, first + done, std::span(shapes).subspan(coordinate, count),
                                      std::span(scales).subspan(coordinate, count), out.subspan(done, count));
            done += count;
        }
    }
};
// [/gamma_of_each]

template <class NoiseT>
std::vector<double> draws(const NoiseT& noise, imle::random_key key, std::size_t count) {
    std::vector<double> out(count);
    noise.fill(key, 0, std::span<double>(out));
    return out;
}

}  // namespace

static_assert(imle::NoiseDistribution<logistic, float>);
static_assert(imle::NoiseDistribution<logistic, double>);
static_assert(imle::QuantileNoise<stratified_logistic, float>);
static_assert(imle::QuantileNoise<stratified_logistic, double>);

TEST_CASE("docs: your own noise", "[docs]") {
    const auto x = draws(logistic{}, imle::random_key{1}, 100000);
    double sum = 0, squares = 0;
    for (const double v : x) sum += v, squares += v * v;
    // Mean 0 and variance pi^2 / 3: within 5 standard errors, false alarm 6e-7 each.
    CHECK(std::abs(sum / 1e5) < 5 * 1.8138 / std::sqrt(1e5));
    CHECK(std::abs(squares / 1e5 - 3.2899) < 5 * 5.884 / std::sqrt(1e5));
}

TEST_CASE("docs: a gamma noise with parameters of each coordinate", "[docs]") {
    const gamma_of_each noise{.shapes = {0.5f, 3, 20}, .scales = {1, 2, 0.1f}};
    CHECK(imle::testing::check_noise<float>(
              noise, {.numbers = 3 * support::repeats(std::size_t{1} << 10), .one_law = false})
              .passed());
    std::vector<float> out(30000);
    noise.fill(imle::random_key{1}, 0, std::span<float>(out));
    double sums[3] = {};
    for (std::size_t i = 0; i < out.size(); ++i) sums[i % 3] += static_cast<double>(out[i]) / 1e4;
    // Means shape * scale, within 5 standard errors, false alarm 6e-7 each.
    CHECK(std::abs(sums[0] - 0.5) < 5 * std::sqrt(0.5) / 100);
    CHECK(std::abs(sums[1] - 6) < 5 * std::sqrt(12.) / 100);
    CHECK(std::abs(sums[2] - 2) < 5 * std::sqrt(0.2) / 100);
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

TEST_CASE("docs: the laws of your own noise", "[docs]") {
    // [check]
    const imle::testing::law_report report = imle::testing::check_noise<float>(logistic{});
    CHECK(report.passed());
    // [/check]
    INFO(report);
    CHECK(report.trials("Kolmogorov-Smirnov") > 0);
    const auto with_quantiles =
        imle::testing::check_noise<double>(stratified_logistic{}, {.numbers = 1 << 14});
    INFO(with_quantiles);
    CHECK(with_quantiles.passed());
}
