// The laws of every built-in noise by 2^24 numbers of each, in float and in double.
//
// Fixed seeds, never retried. False alarm: a sample's counts fail with a probability of at most 5e-9 if its
// law is right, each of its cumulants with one of about 4e-10 (by the central limit theorem). There are 82
// samples here: 1e-6 for all of the file.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/random/random_key.hpp>

#include "statistical/law_bins.hpp"
#include "statistical/sample_cumulants.hpp"
#include "support/catch.hpp"

using namespace statistical_tests;

namespace {

constexpr std::size_t numbers = std::size_t{1} << 24;
constexpr double false_alarm = 5e-9;
constexpr double normal_bound = 6.25;  // 4.1e-10 of a normal law are further out

// Cumulants of the law: `cumulant(n)`. A sample cumulant whose own law is far from normal, that of rare large
// numbers, proves nothing and is left out; `checked` counts the others.
template <class Scalar, class LawT, class Cumulant>
void check_numbers(const LawT& law, const std::vector<double>& quantiles, const Cumulant& cumulant,
                   int& checked) {
    const law_bins<Scalar> bins(law, quantiles, static_cast<double>(numbers));
    std::vector<std::uint64_t> counts = law_bins<Scalar>::no_counts();
    power_sums sums(law.mean());
    draw_in_pieces<Scalar>(law, imle::random_key(99), numbers, [&](auto piece) {
        bins.count(piece, counts);
        sums.add(piece);
    });
    const auto report = compare_counts(bins, counts, false_alarm);
    INFO(sizeof(Scalar) << " bytes, " << bins.bins() << " bins: " << report);
    CHECK(report.passed());

    const std::array<double, 4> found = sums.cumulants();
    const auto spreads = cumulant_spreads(cumulant, sums.count());
    for (int n = 1; n <= 4; ++n) {
        const std::size_t i = static_cast<std::size_t>(n - 1);
        const double skewness = std::abs(spreads[i].skewness);
        if (skewness > 0.1) continue;
        ++checked;
        // The first term of Cornish and Fisher for the skewness of the mean of count numbers.
        const double bound = normal_bound + skewness / 6 * (normal_bound * normal_bound - 1);
        const double off = (found[i] - cumulant(n)) / spreads[i].deviation;
        INFO("cumulant " << n << ": " << found[i] << ", of the law: " << cumulant(n) << ", off by " << off
                         << " standard deviations of " << bound);
        CHECK(std::abs(off) <= bound);
    }
}

template <class LawT, class Cumulant>
int check_law(const LawT& law, const Cumulant& cumulant) {
    int checked = 0;
    const std::vector<double> quantiles = edge_quantiles(law);
    check_numbers<float>(law, quantiles, cumulant, checked);
    check_numbers<double>(law, quantiles, cumulant, checked);
    return checked;
}

// A law with `cumulant(n)`.
template <class LawT>
int check_law(const LawT& law) {
    return check_law(law, [&](int n) { return law.cumulant(n); });
}

double factorial(int n) {
    return std::tgamma(n + 1.0);
}

}  // namespace

TEST_CASE("2^24 numbers of the laws without parameters", "[statistical][slow]") {
    // The sums over i^-n are those of exact(1), which is Gumbel.
    const auto of_gumbel = [](int n) { return imle::sum_of_gamma::exact(1).cumulant(n); };
    const auto even = [](int n, double value) { return n % 2 == 0 ? value : 0; };
    int checked = check_law(imle::gumbel{}, of_gumbel);
    checked += check_law(imle::normal{}, [](int n) { return n == 2 ? 1.0 : 0.0; });
    checked += check_law(imle::logistic{}, [&](int n) { return even(n, 2 * of_gumbel(n)); });
    checked += check_law(imle::laplace{}, [&](int n) { return even(n, 2 * factorial(n - 1)); });
    checked += check_law(imle::exponential{}, [](int n) { return factorial(n - 1); });
    // Bernoulli's numbers over n.
    constexpr std::array<double, 12> bernoulli{0.5, 1. / 6,   0, -1. / 30, 0, 1. / 42,
                                               0,   -1. / 30, 0, 5. / 66,  0, -691. / 2730};
    checked +=
        check_law(imle::uniform{}, [&](int n) { return bernoulli[static_cast<std::size_t>(n - 1)] / n; });
    CHECK(checked == 6 * 8);
}

TEST_CASE("2^24 numbers of gamma", "[statistical][slow]") {
    for (const double shape : {0.05, 0.5, 2.5, 100.0}) {
        INFO("shape " << shape);
        check_law(imle::gamma{shape, 1});
    }
}

TEST_CASE("2^24 numbers of sum_of_gamma", "[statistical][slow]") {
    int checked = 0;
    for (const double k : {0.5, 1.0, 5.0, 10.0, 30.0, 300.0}) {
        for (const std::uint64_t terms : {1u, 10u, 100u, 10000u}) {
            INFO("k " << k << ", terms " << terms);
            checked += check_law(imle::sum_of_gamma(k, terms));
        }
        INFO("exact, k " << k);
        checked += check_law(imle::sum_of_gamma::exact(k));
    }
    CHECK(checked > 60 * 3);
}

TEST_CASE("the counts detect a law that is nearly right", "[statistical][slow]") {
    // k = 20.9 in place of 20.8: the standard deviation is off by a quarter of a percent.
    const imle::sum_of_gamma law(20.8, 100), near(20.9, 100);
    const law_bins<float> bins(law, edge_quantiles(law), static_cast<double>(numbers));
    const auto report =
        compare_counts(bins, count_draws(near, bins, imle::random_key(99), numbers), false_alarm);
    INFO(report);
    CHECK(report.broken("Kolmogorov-Smirnov"));
    CHECK(report.broken("chi-square"));
}

TEST_CASE("the counts detect a fault at one place", "[statistical]") {
    const imle::gumbel law;
    const law_bins<double> bins(law, edge_quantiles(law), static_cast<double>(numbers));
    REQUIRE(bins.bins() == most_edges + 1);
    std::vector<std::uint64_t> counts(bins.bins());
    const auto fill = [&](double noise) {
        // As a sample would have it, or without any noise at all.
        for (std::size_t i = 0; i < counts.size(); ++i) {
            const double expected = static_cast<double>(numbers) * bins.probability(i);
            counts[i] = static_cast<std::uint64_t>(
                std::llround(expected + noise * std::sqrt(expected) * (i % 2 == 0 ? 1 : -1)));
        }
    };
    const auto broken = [&](const char* name) {
        return compare_counts(bins, counts, false_alarm).broken(name);
    };
    fill(1);
    CHECK(compare_counts(bins, counts, false_alarm).passed());
    // One bin has 6 percent too few, 1 / 17,000 of all numbers.
    fill(0);
    counts[500] -= counts[500] * 6 / 100;
    CHECK(broken("no bin stands out"));
    CHECK_FALSE(broken("Kolmogorov-Smirnov"));
    // A tail of 1e-5 twice.
    fill(0);
    counts[1022] *= 2;
    CHECK(broken("no tail stands out"));
    // Every second bin has 2 percent more than the others, which no single bin shows.
    fill(0);
    for (std::size_t i = 5; i < 1020; i += 2) counts[i] += counts[i] / 50;
    CHECK(broken("chi-square"));
    CHECK_FALSE(broken("no bin stands out"));
    // 1 / 1,000 of the numbers in the wrong half.
    fill(0);
    for (std::size_t i = 400; i < 500; ++i)
        counts[i] -= numbers / 100000, counts[i + 200] += numbers / 100000;
    CHECK(broken("Kolmogorov-Smirnov"));
}
