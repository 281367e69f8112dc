#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::sum_of_gamma;

static_assert(imle::NoiseDistribution<sum_of_gamma, float> && imle::NoiseDistribution<sum_of_gamma, double>);

namespace {

sum_of_gamma law_of(double k, std::uint64_t terms) {
    return terms == 0 ? sum_of_gamma::exact(k) : sum_of_gamma(k, terms);
}

/// Relative errors of F and 1 - F of `tolerance` or more, against a truth given by its quantile functions.
template <class Lower, class Upper>
support::tally wrong_tails(const sum_of_gamma& law, double tolerance, const Lower& lower_quantile,
                           const Upper& upper_quantile) {
    support::tally wrong;
    for (double p = 1e-12; p < 0.95; p *= std::pow(1.6, support::stride())) {
        const double below = law.cdf(lower_quantile(p)), above = law.survival(upper_quantile(p));
        wrong.expect(std::abs(below / p - 1) < tolerance, below, " below ", lower_quantile(p), ", not ", p);
        wrong.expect(std::abs(above / p - 1) < tolerance, above, " above ", upper_quantile(p), ", not ", p);
    }
    return wrong;
}

}  // namespace

TEST_CASE("sum_of_gamma with k = 1 is the maximum of exponential numbers", "[sum_of_gamma][noise][draws]") {
    for (const std::uint64_t terms :
         {std::uint64_t{2}, std::uint64_t{10}, std::uint64_t{100}, std::uint64_t{10000},
          std::uint64_t{1} << 40, std::uint64_t{1} << 53, ~std::uint64_t{0}}) {
        const double m = static_cast<double>(terms), shift = std::log(m);
        // F(x) = (1 - exp(-(x + log m)))^m. log(1 - p^(1/m)) by expm1, since p^(1/m) is near 1.
        // With 2 terms x - bound is 1e-6 at p = 1e-12, and x itself is rounded to 1e-16.
        const support::tally wrong = wrong_tails(
            sum_of_gamma(1, terms), terms == 2 ? 1e-9 : 1e-10,
            [&](double p) { return -std::log(-std::expm1(std::log(p) / m)) - shift; },
            [&](double p) { return -std::log(-std::expm1(std::log1p(-p) / m)) - shift; });
        INFO("terms " << terms);
        CHECK(wrong == 0);
    }
}

TEST_CASE("exact(1) is Gumbel(0, 1)", "[sum_of_gamma][noise]") {
    const imle::gumbel gumbel;
    const support::tally wrong = wrong_tails(
        sum_of_gamma::exact(1), 1e-12, [&](double p) { return gumbel.quantile(p); },
        [&](double p) { return gumbel.survival_quantile(p); });
    CHECK(wrong == 0);
    CHECK(sum_of_gamma::exact(1).mean() == Approx(gumbel.mean()).epsilon(1e-14));
    CHECK(sum_of_gamma::exact(1).variance() == Approx(gumbel.variance()).epsilon(1e-14));
    CHECK(sum_of_gamma::exact(1).cumulant(3) == Approx(2 * 1.2020569031595942854).epsilon(1e-14));
}

TEST_CASE("sum_of_gamma: the functions agree with one another for all k and terms",
          "[sum_of_gamma][noise][draws]") {
    for (const double k : {0.5, 5.0, 20.8, 300.0})
        for (const std::uint64_t terms : {1u, 10u, 10000u, 0u}) {
            const sum_of_gamma law = law_of(k, terms);
            INFO("k " << k << ", terms " << terms);
            // Near the bound the rounding of x is what is seen, times terms / k.
            const double smallest = terms == 0 ? 0 : std::max(1e-290, 1e-4 * std::abs(law.lower_bound()));
            noise_tests::check_functions(law, 1e-10, smallest);
        }
    noise_tests::check_ends(sum_of_gamma(5, 10), -std::log(10.0) / 5);
    noise_tests::check_ends(sum_of_gamma::exact(5), -std::numeric_limits<double>::infinity());
}

TEST_CASE("sum_of_gamma: deep quantiles against mpmath", "[sum_of_gamma][noise]") {
    // P(X <= x) of Gamma(1/5) at x = 1e-3 and P(X > 5), mpmath 1.3.0: gammainc(mpf('0.2'), 0, 1e-3,
    // regularized=True).
    const sum_of_gamma law(5, 1);
    CHECK(law.cdf(1e-3) == Approx(0.27353010203303404).epsilon(1e-12));
    CHECK(law.survival(5) == Approx(0.00035577244492670469).epsilon(1e-12));
    // Nearly all of Gamma(a), a = 1e-6, is at 0. P(X > 1) = a exp(euler a) (E1(1) + a g) to 1e-12, with g the
    // integral of exp(-t) log(t) / t from 1 on, both by quadrature.
    CHECK(sum_of_gamma(1e6, 1).survival(1) == Approx(2.1938415887065401e-07).epsilon(1e-11));
}

TEST_CASE("sum_of_gamma: moments are those of the density", "[sum_of_gamma][noise][draws]") {
    for (const double k : {0.5, 5.0})
        for (const std::uint64_t terms : {3u, 100u, 0u}) {
            const sum_of_gamma law = law_of(k, terms);
            const double sd = std::sqrt(law.variance());
            // Cumulants 1 to 4 by Simpson's rule where the density is smooth enough for it.
            if (terms != 0 && static_cast<double>(terms) / k < 2) continue;
            const double from = terms == 0 ? law.mean() - 12 * sd : law.lower_bound(),
                         to = law.mean() + 30 * sd;
            constexpr int steps = 2000;
            double raw[5] = {0, 0, 0, 0, 0};
            for (int i = 0; i <= steps; ++i) {
                const double x = from + (to - from) * i / steps, z = x - law.mean();
                const double weight = (i == 0 || i == steps ? 1
                                       : i % 2 == 1         ? 4
                                                            : 2) *
                                      (to - from) / (3 * steps);
                double power = weight * law.pdf(x);
                for (double& moment : raw) moment += power, power *= z;
            }
            INFO("k " << k << ", terms " << terms);
            CHECK(raw[0] == Approx(1).epsilon(1e-5));
            CHECK(std::abs(raw[1]) < 1e-5 * sd);
            CHECK(raw[2] == Approx(law.variance()).epsilon(1e-4));
            CHECK(raw[3] == Approx(law.cumulant(3)).epsilon(1e-4));
            CHECK(raw[4] - 3 * raw[2] * raw[2] == Approx(law.cumulant(4)).epsilon(1e-3));
        }
}

TEST_CASE("sum_of_gamma: the laws of a noise", "[sum_of_gamma][noise][draws]") {
    const imle::testing::check_noise_options options{.numbers = 1 << 14, .places = 100};
    for (const double k : {0.5, 1.0, 20.8, 300.0})
        for (const std::uint64_t terms : {1u, 100u, 0u}) {
            const auto floats = imle::testing::check_noise<float>(law_of(k, terms), options);
            INFO("k " << k << ", terms " << terms << ": " << floats);
            CHECK(floats.passed());
        }
    for (const std::uint64_t terms : {1u, 100u, 0u}) {
        const auto doubles = imle::testing::check_noise<double>(law_of(20.8, terms), options);
        INFO("terms " << terms << ": " << doubles);
        CHECK(doubles.passed());
    }
}

TEST_CASE("sum_of_gamma: k copies of exact(k) sum to Gumbel", "[sum_of_gamma][noise][draws]") {
    constexpr int k = 5;
    constexpr std::size_t n = 1 << 15;
    std::vector<double> numbers(k * n);
    sum_of_gamma::exact(k).fill(imle::random_key(23), 0, std::span<double>(numbers));
    std::vector<double> sums(n, 0.0);
    for (std::size_t i = 0; i < numbers.size(); ++i) sums[i / k] += numbers[i];
    std::sort(sums.begin(), sums.end());
    double distance = 0;
    for (std::size_t i = 0; i < n; ++i)
        distance =
            std::max(distance, std::abs(imle::gumbel{}.cdf(sums[i]) - (static_cast<double>(i) + 0.5) / n));
    CHECK(distance < std::sqrt(std::log(2e6) / (2.0 * n)) + 0.5 / n);  // false alarm 1e-6
}

TEST_CASE("sum_of_gamma: parameters from 1e-6 to 1e6 and up to 2^64 - 1 terms",
          "[sum_of_gamma][noise][draws]") {
    for (const double k : {1e-6, 1e6})
        for (const std::uint64_t terms : {std::uint64_t{1}, std::uint64_t{25}, std::uint64_t{1000000},
                                          std::uint64_t{1} << 40, ~std::uint64_t{0}, std::uint64_t{0}}) {
            const sum_of_gamma law = law_of(k, terms);
            std::vector<float> out(4096);
            law.fill(imle::random_key(2), 0, std::span<float>(out));
            INFO("k " << k << ", terms " << terms);
            CHECK(imle::detail::all_finite(std::span<const float>(out)));
            // The share of numbers below the law's quartiles: binomial, five standard deviations, 6e-7.
            for (const double u : {0.25, 0.5, 0.75}) {
                const float x = std::nextafter(static_cast<float>(law.quantile(u)), 1e30f);
                const double share = static_cast<double>(std::count_if(out.begin(), out.end(),
                                                                       [&](float y) { return y <= x; })) /
                                     4096;
                CHECK(share > u - 5 * std::sqrt(u * (1 - u) / 4096));
            }
        }
}

TEST_CASE("sum_of_gamma: bad arguments", "[sum_of_gamma][noise]") {
    CHECK_THROWS_AS(sum_of_gamma(0), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma(-1), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma(std::nan("")), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma(std::numeric_limits<double>::infinity()), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma(1, 0), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma::exact(0), std::invalid_argument);
    CHECK_THROWS_AS(sum_of_gamma(5).cumulant(0), std::invalid_argument);
    CHECK_THROWS_WITH(sum_of_gamma(1, 0), mentions("terms of sum_of_gamma is 0"));
}

TEST_CASE("sum_of_gamma: the first draw may come from any number of threads", "[sum_of_gamma][noise]") {
    const sum_of_gamma law(7, 20);
    std::vector<std::vector<float>> out(4, std::vector<float>(500));
    {
        std::vector<std::jthread> threads;
        for (auto& mine : out)
            threads.emplace_back(
                [&] { sum_of_gamma(law).fill(imle::random_key(1), 0, std::span<float>(mine)); });
    }
    for (const auto& mine : out) CHECK(mine == out[0]);
}
