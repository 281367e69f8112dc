// The laws of sums of sum_of_gamma, and that the literal sum of gamma numbers has its law.
//
// Fixed seeds, never retried; each comparison fails for the right law with a probability of at most 5e-9, 25
// of them with one of 1.2e-7.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <imle/noise/gumbel.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/random/random_key.hpp>
#include <imle/testing/law_report.hpp>

#include "statistical/law_bins.hpp"
#include "support/catch.hpp"

using namespace statistical_tests;

namespace {

constexpr double sum_false_alarm = 5e-9;

// Counts of sums of `copies` neighbours of the noise's sequence in bins of another law.
template <class LawT>
void check_sums(const imle::sum_of_gamma& noise, std::size_t copies, const LawT& law,
                const law_bins<double>& bins, std::size_t sums) {
    std::vector<std::uint64_t> counts = law_bins<double>::no_counts();
    std::vector<double> numbers(1024 * copies), piece(1024);
    for (std::size_t first = 0; first < sums; first += piece.size()) {
        noise.fill(imle::random_key(31), first * copies, std::span<double>(numbers));
        for (std::size_t i = 0; i < piece.size(); ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < copies; ++j) sum += numbers[i * copies + j];
            piece[i] = sum;
        }
        bins.count(piece, counts);
    }
    const auto report = compare_counts(bins, counts, sum_false_alarm);
    INFO(copies << " copies, " << bins.bins() << " bins, mean of the law " << law.mean() << ": " << report);
    CHECK(report.passed());
}

// Whether two samples of one size, counted in the same bins, are of one law; nothing is said of which. A
// third of the false alarm is for chi-square, in which two counts of one bin differ by the square root of
// their sum; two thirds are for the distance: each sample's distance from the law is bounded as in
// compare_counts.
imle::testing::law_report compare_samples(const std::vector<std::uint64_t>& a,
                                          const std::vector<std::uint64_t>& b, std::size_t numbers) {
    imle::testing::law_report report("two samples");
    const double n = static_cast<double>(numbers), alarm = sum_false_alarm / 3;
    const double most = 2 * std::sqrt(std::log(2 / alarm) / (2 * n));
    double chi_square = 0, freedom = -1, total_a = 0, total_b = 0, pooled_a = 0, pooled_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        total_a += static_cast<double>(a[i]);
        total_b += static_cast<double>(b[i]);
        report.check("distance", std::abs(total_a - total_b) <= n * most, "up to bin ", i, ": ", total_a,
                     " and ", total_b, " of ", n);
        // Bins of few numbers, the outermost, are taken with their neighbours.
        pooled_a += static_cast<double>(a[i]);
        pooled_b += static_cast<double>(b[i]);
        if (pooled_a + pooled_b < 50) continue;
        chi_square += (pooled_a - pooled_b) * (pooled_a - pooled_b) / (pooled_a + pooled_b);
        freedom += 1;
        pooled_a = pooled_b = 0;
    }
    report.check("all numbers are in bins", total_a == n && total_b == n, total_a, " and ", total_b, " of ",
                 n);
    report.check("chi-square", chi_square <= chi_square_bound(freedom, alarm), chi_square, " with ", freedom,
                 " degrees of freedom");
    return report;
}

}  // namespace

TEST_CASE("k copies of exact(k) sum to Gumbel, 2^22 sums", "[statistical][slow]") {
    constexpr std::size_t sums = std::size_t{1} << 22;
    const imle::gumbel law;
    const law_bins<double> bins(law, edge_quantiles(law), static_cast<double>(sums));
    REQUIRE(bins.bins() == most_edges + 1);
    for (const unsigned k : {2u, 5u, 10u, 30u}) check_sums(imle::sum_of_gamma::exact(k), k, law, bins, sums);
}

TEST_CASE("k copies of sum_of_gamma{k, terms} sum to sum_of_gamma{1, terms}, 2^22 sums",
          "[statistical][slow]") {
    constexpr std::size_t sums = std::size_t{1} << 22;
    for (const std::uint64_t terms : {10u, 100u}) {
        const imle::sum_of_gamma law(1, terms);
        const law_bins<double> bins(law, edge_quantiles(law), static_cast<double>(sums));
        for (const unsigned k : {2u, 5u, 10u, 30u}) {
            INFO("terms " << terms);
            check_sums(imle::sum_of_gamma(k, terms), k, law, bins, sums);
        }
    }
}

TEST_CASE("sums of few terms are not Gumbel, and the counts say so", "[statistical][slow]") {
    constexpr std::size_t sums = std::size_t{1} << 20;
    const imle::gumbel law;
    const law_bins<double> bins(law, edge_quantiles(law), static_cast<double>(sums));
    const auto report = compare_counts(
        bins, count_draws(imle::sum_of_gamma(1, 30), bins, imle::random_key(31), sums), sum_false_alarm);
    CHECK(report.broken("Kolmogorov-Smirnov"));
    CHECK(report.broken("chi-square"));
}

TEST_CASE("the table and the literal sum are one law, 2^20 numbers each", "[statistical][slow]") {
    constexpr std::size_t numbers = std::size_t{1} << 20;
    struct parameters {
        double k;
        std::uint64_t terms;
    };
    for (const parameters p : {parameters{0.5, 1}, parameters{1, 3}, parameters{5, 10}, parameters{20.8, 2},
                               parameters{20.8, 10}, parameters{300, 2}}) {
        INFO("k " << p.k << ", terms " << p.terms);
        const imle::sum_of_gamma table(p.k, p.terms);
        const imle::sum_of_gamma_series series(p.k, p.terms);
        const law_bins<double> bins(table, edge_quantiles(table), static_cast<double>(numbers));
        const auto of_table = count_draws(table, bins, imle::random_key(5), numbers);
        const auto of_series = count_draws(series, bins, imle::random_key(6), numbers);
        const auto both = compare_samples(of_table, of_series, numbers);
        INFO(bins.bins() << " bins: " << both);
        CHECK(both.passed());
        const auto own = compare_counts(bins, of_series, sum_false_alarm);
        INFO("the literal sum and the distribution function: " << own);
        CHECK(own.passed());
        // Another k is another law: 10 percent suffice, for half of the numbers.
        const auto others = count_draws(imle::sum_of_gamma_series(p.k * 1.1, p.terms), bins,
                                        imle::random_key(6), numbers / 2);
        const auto halves = count_draws(table, bins, imle::random_key(5), numbers / 2);
        CHECK_FALSE(compare_samples(halves, others, numbers / 2).passed());
    }
}
