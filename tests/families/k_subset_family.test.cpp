#include <imle/families/k_subset_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using imle::k_subset_family;
using imle::random_key;
using imle::testing::k_subsets;
using reference::normal_numbers;
using vector = std::vector<double>;

namespace {

k_subset_family family_of(std::size_t k) {
    return k_subset_family(static_cast<Eigen::Index>(k));
}

// The marginals of theta = high for the first `many` of n elements, low for the others, by a sum over how
// many of the first are in, in logarithms of factorials.
struct two_levels {
    double first, others;
};
two_levels two_level_marginals(std::size_t n, std::size_t many, std::size_t k, double high, double low) {
    const auto choose = [](std::size_t a, std::size_t b) {
        const auto f = [](std::size_t m) { return std::lgamma(static_cast<double>(m) + 1); };
        return f(a) - f(b) - f(a - b);
    };
    std::vector<double> logs, counts;
    for (std::size_t j = 0; j <= std::min(many, k); ++j) {
        if (k - j > n - many) continue;
        counts.push_back(static_cast<double>(j));
        logs.push_back(choose(many, j) + choose(n - many, k - j) + static_cast<double>(j) * (high - low));
    }
    const double largest = *std::max_element(logs.begin(), logs.end());
    double total = 0, mean = 0, rest = 0;  // rest by itself: k - mean would cancel
    for (std::size_t j = 0; j < logs.size(); ++j) {
        total += std::exp(logs[j] - largest);
        mean += counts[j] * std::exp(logs[j] - largest);
        rest += (static_cast<double>(k) - counts[j]) * std::exp(logs[j] - largest);
    }
    return {mean / total / static_cast<double>(many), rest / total / static_cast<double>(n - many)};
}

// The textbook: elementary symmetric polynomials, scaled, in long double, each element left out in turn by a
// table of all prefixes and all suffixes. n k^2 operations and n k numbers.
vector slow_marginals(const vector& theta, std::size_t k) {
    const std::size_t n = theta.size();
    using row = std::vector<long double>;
    std::vector<row> prefix(n + 1, row(k + 1, 0)), suffix(n + 1, row(k + 1, 0));
    prefix[0][0] = suffix[n][0] = 1;
    const auto add = [k](const row& from, double t, row& to) {
        for (std::size_t j = 0; j <= k; ++j)
            to[j] = from[j] + (j > 0 ? std::exp(static_cast<long double>(t)) * from[j - 1] : 0);
    };
    for (std::size_t i = 0; i < n; ++i) add(prefix[i], theta[i], prefix[i + 1]);
    for (std::size_t i = n; i-- > 0;) add(suffix[i + 1], theta[i], suffix[i]);
    vector mu(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
        long double sum = 0;
        for (std::size_t j = 0; j < k; ++j) sum += prefix[i][j] * suffix[i + 1][k - 1 - j];
        mu[i] = static_cast<double>(sum * std::exp(static_cast<long double>(theta[i])) / prefix[n][k]);
    }
    return mu;
}

double sum(const vector& x) {
    return std::accumulate(x.begin(), x.end(), 0.0);
}

}  // namespace

TEST_CASE("k-subset marginals, gradient and partition are those of the enumeration",
          "[estimators][k_subset]") {
    std::mt19937 random(1);
    const std::size_t step = support::stride() > 1 ? 3 : 1;  // 1, 2, 3, 6 and 9 where other builds try all
    for (std::size_t n = 1; n <= 11; n += n < 3 ? 1 : step)
        for (std::size_t k = 0; k <= n; ++k)
            for (const double scale : {0.0, 1.0, 10.0, 100.0, 1e4}) {
                const vector theta = normal_numbers(n, random, scale), dmu = normal_numbers(n, random);
                const k_subsets exact(n, k);
                const k_subset_family family = family_of(k);
                INFO("n = " << n << ", k = " << k << ", scale = " << scale);
                CHECK(support::furthest(reference::marginals(family, theta), exact.gibbs_marginals(theta)) <
                      1e-12);
                CHECK(support::furthest(reference::marginals_vjp(family, theta, dmu),
                                        exact.gibbs_marginals_vjp(theta, 1, dmu)) < 1e-11);
                const double log_z = exact.gibbs_log_partition(theta);
                CHECK(reference::log_partition(family, theta) ==
                      Approx(log_z).epsilon(1e-13).margin(1e-13 * (1 + scale)));
            }
}

TEST_CASE("the k-subset MAP state is the enumeration's, and of ties the first", "[estimators][k_subset]") {
    std::mt19937 random(11);
    for (std::size_t n = 1; n <= 9; ++n)
        for (std::size_t k = 0; k <= n; ++k) {
            const vector theta = normal_numbers(n, random);
            INFO("n = " << n << ", k = " << k);
            CHECK(reference::map_of(family_of(k), theta) == k_subsets(n, k).map(theta));
            vector first(n, 0);
            std::fill_n(first.begin(), k, 1.0);
            CHECK(reference::map_of(family_of(k), vector(n, -2.5)) == first);
        }
    const std::vector<float> theta{0, 3, -0.0F, 3, 1};
    CHECK(reference::map_of(family_of(1), theta) == std::vector<float>{0, 1, 0, 0, 0});
    CHECK(reference::map_of(family_of(4), theta) == std::vector<float>{1, 1, 0, 1, 1});
    // More numbers than are compared in pairs.
    const vector many = normal_numbers(700, random);
    const vector z = reference::map_of(family_of(20), many);
    CHECK(sum(z) == 20);
    double smallest = 1e9, largest = -1e9;
    for (std::size_t i = 0; i < many.size(); ++i)
        z[i] == 1 ? smallest = std::min(smallest, many[i]) : largest = std::max(largest, many[i]);
    CHECK(smallest > largest);

    vector wrong(3);
    const vector two{1, 2};
    CHECK_THROWS_AS(family_of(1).map(std::span<const double>(two), std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_AS(reference::map_of(family_of(3), two), std::invalid_argument);
    CHECK_THROWS_AS(reference::map_of(family_of(1), vector{1, std::nan("")}), std::invalid_argument);
}

TEST_CASE("k-subset marginals of floats are computed in double", "[estimators][k_subset]") {
    std::mt19937 random(2);
    for (int trial = 0; trial < 50; ++trial) {
        const auto theta = reference::converted<float>(normal_numbers(9, random, 3));
        const auto dmu = reference::converted<float>(normal_numbers(9, random));
        const vector as_double(theta.begin(), theta.end()), dmu_double(dmu.begin(), dmu.end());
        const auto family = family_of(4);
        CHECK(reference::marginals(family, theta) ==
              reference::converted<float>(reference::marginals(family, as_double)));
        CHECK(reference::marginals_vjp(family, theta, dmu) ==
              reference::converted<float>(reference::marginals_vjp(family, as_double, dmu_double)));
    }
}

TEST_CASE("k-subset marginals of equal theta are k / n, wherever it lies", "[estimators][k_subset]") {
    for (const double t : {0.0, 1e4, -1e4, 1e300, -1e300})
        for (const std::size_t n : {2u, 7u, 100u, support::repeats(1000u)})
            for (const std::size_t k : {std::size_t{1}, n / 2, n - 1}) {
                const double share = static_cast<double>(k) / static_cast<double>(n);
                INFO("theta = " << t << ", n = " << n << ", k = " << k);
                CHECK(support::furthest(reference::marginals(family_of(k), vector(n, t)), vector(n, share)) <
                      1e-12);
            }
}

TEST_CASE("k-subset marginals of two levels are the closed form for many elements",
          "[estimators][k_subset]") {
    struct example {
        std::size_t n, many, k;
        double high, low;
    };
    // The last but two are decided but for one place; the last two have rows that are cut off.
    for (const example& e :
         {example{10000, 100, 50, 3, 0}, example{4000, 2000, 2000, 1, -1}, example{10000, 40, 50, 30, 0},
          example{10000, 3000, 50, -9990, -1e4}, example{10000, 60, 50, 1e4, -1e4},
          example{2000, 50, 50, 5, -4}, example{5000, 2500, 2500, 20, -20}, example{5000, 50, 4900, 8, 0},
          example{4000, 1999, 2000, 40, -40}}) {
        if (support::stride() > 1 && e.k > 1000) continue;  // seconds, and the same code
        vector theta(e.n, e.low);
        std::fill_n(theta.begin(), e.many, e.high);
        std::mt19937 random(3);
        std::shuffle(theta.begin(), theta.end(), random);
        const two_levels expected = two_level_marginals(e.n, e.many, e.k, e.high, e.low);
        const vector mu = reference::marginals(family_of(e.k), theta);
        INFO("n = " << e.n << ", " << e.many << " high, k = " << e.k);
        support::tally wrong;
        for (std::size_t i = 0; i < e.n; ++i) {
            const double right = theta[i] == e.high ? expected.first : expected.others;
            wrong.expect(std::abs(mu[i] - right) <= 1e-8 * right, "element ", i, ": ", mu[i], ", not ",
                         right);
        }
        CHECK(wrong == 0);  // the logarithms of factorials lose about 1e-16 * 1e5 * a few
        CHECK(sum(mu) == Approx(static_cast<double>(e.k)).epsilon(1e-12));
    }
}

TEST_CASE("k-subset marginals in segments are those of the whole table", "[estimators][k_subset]") {
    std::mt19937 random(4);
    // Large enough for checkpoints, with a last segment of another length than the others.
    for (const auto& [n, k] : {std::pair<std::size_t, std::size_t>{2003, 41}, {4100, 30}, {1500, 60}}) {
        const vector theta = normal_numbers(n, random, 2);
        CHECK(support::furthest(reference::marginals(family_of(k), theta), slow_marginals(theta, k)) < 1e-12);
    }
}

TEST_CASE("small k-subset marginals have a small relative error", "[estimators][k_subset]") {
    const vector theta{0.5, -150, 0.25, 1, -80, 160};
    const vector mu = reference::marginals(family_of(3), theta);
    const vector exact = k_subsets(6, 3).gibbs_marginals(theta);
    for (std::size_t i = 0; i < theta.size(); ++i) CHECK(mu[i] == Approx(exact[i]).epsilon(1e-13).margin(0));
    CHECK(mu[1] > 1e-67);
    CHECK(mu[1] < 1e-64);
    // Two of a few or one of them and a distant one, in long double: exp must not lose what theta's size is.
    for (const double distant : {-50.0, -300.0, -600.0}) {
        const vector with{0.3, 1, -0.2, 0.7, distant};
        long double one = 0, two = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            one += std::exp(static_cast<long double>(with[i]));
            for (std::size_t j = 0; j < i; ++j) two += std::exp(static_cast<long double>(with[i] + with[j]));
        }
        const auto here = std::exp(static_cast<long double>(distant)) * one;
        CHECK(reference::marginals(family_of(2), with)[4] ==
              Approx(static_cast<double>(here / (two + here))).epsilon(2e-15).margin(0));
    }
}

TEST_CASE("the k-subset gradient is the derivative of the marginals", "[estimators][k_subset]") {
    std::mt19937 random(5);
    // The Jacobian is symmetric, so Cov(z) d is also the derivative of the marginals in the direction d.
    for (const auto& [n, k] :
         {std::pair<std::size_t, std::size_t>{30, 7}, {2003, 41}, {3000, 2900}, {600, 300}}) {
        const vector theta = normal_numbers(n, random), direction = normal_numbers(n, random);
        const auto family = family_of(k);
        const double h = 1e-5;
        vector above = theta, below = theta;
        for (std::size_t i = 0; i < n; ++i) {
            above[i] += h * direction[i];
            below[i] -= h * direction[i];
        }
        const vector plus = reference::marginals(family, above), minus = reference::marginals(family, below);
        vector slope(n);
        for (std::size_t i = 0; i < n; ++i) slope[i] = (plus[i] - minus[i]) / (2 * h);
        const vector gradient = reference::marginals_vjp(family, theta, direction);
        INFO("n = " << n << ", k = " << k);
        CHECK(support::furthest(gradient, slope) < 1e-8);
        CHECK(std::abs(sum(gradient)) < 1e-11);  // sum z is k: no gradient along (1, ..., 1)
    }
    const vector theta = normal_numbers(8, random), dmu = normal_numbers(8, random);
    const auto projected = [&](const vector& t) {
        return reference::dot(dmu, reference::marginals(family_of(3), t));
    };
    CHECK(support::furthest(reference::marginals_vjp(family_of(3), theta, dmu),
                            reference::gradient(theta, projected)) < 1e-9);
}

TEST_CASE("the k-subset marginals are the gradient of the partition's logarithm", "[estimators][k_subset]") {
    std::mt19937 random(6);
    for (const double level : {0.0, 900.0, -900.0}) {
        vector theta = normal_numbers(40, random, 2);
        for (double& t : theta) t += level;
        const auto log_z = [&](const vector& t) { return reference::log_partition(family_of(6), t); };
        CHECK(support::furthest(reference::marginals(family_of(6), theta),
                                reference::gradient(theta, log_z, 1e-4)) < 1e-7);
    }
    // Levels far apart, where most theta do not count.
    vector theta(3000, -1e4);
    std::fill_n(theta.begin(), 50, 1e4);
    CHECK(reference::log_partition(family_of(50), theta) == Approx(50e4).epsilon(1e-15));
    CHECK(reference::log_partition(family_of(49), theta) == Approx(49e4 + std::log(50.0)).epsilon(1e-15));
}

TEST_CASE("cotangents of k-subsets of any size and offset", "[estimators][k_subset]") {
    std::mt19937 random(7);
    const vector theta = normal_numbers(10, random), dmu = normal_numbers(10, random);
    const auto family = family_of(4);
    const vector gradient = reference::marginals_vjp(family, theta, dmu);
    for (const double factor : {1e-300, 1e300, -1.0, 0.0}) {
        vector scaled = dmu;
        for (double& d : scaled) d *= factor;
        const vector found = reference::marginals_vjp(family, theta, scaled);
        for (std::size_t i = 0; i < 10; ++i)
            CHECK(found[i] == Approx(factor * gradient[i]).epsilon(1e-11).margin(std::abs(factor) * 1e-14));
    }
    // <1, z> is k: a constant changes nothing, not even the last digits when k is large.
    const std::size_t n = support::stride() > 1 ? 500 : 2000;
    const vector many = normal_numbers(n, random), weights = normal_numbers(n, random, 1e-3);
    vector raised = weights;
    for (double& d : raised) d += 100;
    CHECK(support::furthest(reference::marginals_vjp(family_of(n / 2), many, raised),
                            reference::marginals_vjp(family_of(n / 2), many, weights)) < 1e-12);
    vector shifted = dmu;
    for (double& d : shifted) d += 1e6;  // adds 4e6 to <dmu, z>, whatever z is
    CHECK(support::furthest(reference::marginals_vjp(family, theta, shifted), gradient) < 1e-8);
}

TEST_CASE("choosing k is leaving out n - k", "[estimators][k_subset]") {
    // z of theta is 1 - z of -theta. Small covariances must have a small relative error, whichever of an
    // element's two states is likelier.
    std::mt19937 random(10);
    vector theta = normal_numbers(40, random, 2), opposite;
    theta[3] = 90;
    theta[4] = -85;
    theta[5] = 600;
    theta[6] = -620;
    for (const double t : theta) opposite.push_back(-t);
    const vector dmu = normal_numbers(40, random);
    const vector mu = reference::marginals(family_of(15), theta);
    const vector left_out = reference::marginals(family_of(25), opposite);
    const vector gradient = reference::marginals_vjp(family_of(15), theta, dmu);
    const vector mirrored = reference::marginals_vjp(family_of(25), opposite, dmu);
    for (std::size_t i = 0; i < 40; ++i) {
        CHECK(mu[i] == Approx(1 - left_out[i]).margin(1e-14));
        CHECK(gradient[i] == Approx(mirrored[i]).epsilon(1e-12).margin(0));
    }
    CHECK(std::abs(gradient[3]) < 1e-35);
    // Marginals and covariances of elements that are hardly ever chosen grow like exp(theta).
    vector lower = theta;
    lower[4] -= 512;
    const double mu_ratio = reference::marginals(family_of(15), lower)[4] / mu[4];
    const double ratio = reference::marginals_vjp(family_of(15), lower, dmu)[4] / gradient[4];
    CHECK(mu_ratio * std::exp(512.0) == Approx(1).epsilon(1e-13).margin(0));
    CHECK(ratio * std::exp(512.0) == Approx(1).epsilon(1e-13).margin(0));
}

TEST_CASE("k-subsets at the edges", "[estimators][k_subset]") {
    const vector theta{3, -1e4, 7};
    CHECK(reference::marginals(family_of(0), theta) == vector{0, 0, 0});
    CHECK(reference::marginals(family_of(3), theta) == vector{1, 1, 1});
    CHECK(reference::marginals_vjp(family_of(0), theta, theta) == vector{0, 0, 0});
    CHECK(reference::marginals_vjp(family_of(3), theta, theta) == vector{0, 0, 0});
    CHECK(reference::sample(family_of(0), theta, random_key{1}, 5) == vector{0, 0, 0});
    CHECK(reference::sample(family_of(3), theta, random_key{1}, 5) == vector{1, 1, 1});
    CHECK(reference::log_partition(family_of(0), theta) == 0);
    CHECK(reference::log_partition(family_of(3), theta) == -9990);
    CHECK(reference::marginals(family_of(1), vector{-1e300}) == vector{1});
    CHECK(reference::marginals(family_of(0), vector{}) == vector{});
    CHECK(reference::sample(family_of(0), vector{}, random_key{1}, 0) == vector{});
    // The whole range of double, in which even a difference overflows.
    const double most = std::numeric_limits<double>::max();
    CHECK(reference::marginals(family_of(2), vector{most, -most, 0, most}) == vector{1, 0, 0, 1});
    CHECK(reference::marginals(family_of(2), vector{most, -most, -most, -most})[0] == 1);
    CHECK(reference::marginals(family_of(2), vector{most, -most, -most, -most})[1] == Approx(1.0 / 3));
    CHECK(reference::marginals_vjp(family_of(2), vector{most, -most, 0, most}, vector{1, 2, 3, 4}) ==
          vector(4, 0));
    CHECK(reference::sample(family_of(2), vector{most, -most, 0, most}, random_key{2}, 0) ==
          vector{1, 0, 0, 1});
}

TEST_CASE("k-subset samples follow the law", "[estimators][k_subset]") {
    const std::size_t n = 6, k = 3, draws = support::repeats(50000);
    const vector theta{0.3, -1.2, 0.9, 2.1, -0.4, 0};
    const k_subsets exact(n, k);
    const vector z = reference::sample_several(family_of(k), theta, random_key{11}, 0, draws);
    std::map<vector, double> counts;
    for (std::size_t s = 0; s < draws; ++s)
        ++counts[vector(z.begin() + static_cast<std::ptrdiff_t>(s * n),
                        z.begin() + static_cast<std::ptrdiff_t>((s + 1) * n))];
    const vector p = exact.gibbs_probabilities(theta);
    double seen = 0;
    for (std::size_t state = 0; state < p.size(); ++state) {  // false alarm: 20 * 1e-10
        const double count = counts[exact.states()[state]];
        seen += count;
        CHECK(std::abs(count / draws - p[state]) < reference::frequency_bound(p[state], draws));
    }
    CHECK(seen == draws);  // nothing but k-subsets
}

TEST_CASE("k-subset samples of many elements follow the marginals", "[estimators][k_subset][draws]") {
    std::mt19937 random(8);
    const std::size_t n = 2500, k = 40, draws = 1000;  // in segments
    const vector theta = normal_numbers(n, random, 2);
    const vector mu = reference::marginals(family_of(k), theta);
    const vector z = reference::sample_several(family_of(k), theta, random_key{12}, 0, draws);
    vector mean(n, 0);
    support::tally wrong;
    for (std::size_t s = 0; s < draws; ++s) {
        double chosen = 0;
        const double* const row = z.data() + s * n;
        for (std::size_t i = 0; i < n; ++i) {
            const double x = row[i];
            if (x == 0) continue;
            wrong.expect(x == 1, "sample ", s, ", element ", i, ": ", x);
            chosen += x;
            mean[i] += x / draws;
        }
        wrong.expect(chosen == static_cast<double>(k), "sample ", s, " has ", chosen);
    }
    CHECK(wrong == 0);
    support::tally outside;  // false alarm: 2500 * 1e-12
    for (std::size_t i = 0; i < n; ++i)
        outside.expect(std::abs(mean[i] - mu[i]) < reference::frequency_bound(mu[i], draws, 1e-12),
                       "element ", i, ": ", mean[i], ", not ", mu[i]);
    CHECK(outside == 0);
}

TEST_CASE("a k-subset draw is a function of its key and number", "[estimators][k_subset]") {
    std::mt19937 random(9);
    for (const auto& [n, k] : {std::pair<std::size_t, std::size_t>{12, 5}, {2500, 40}}) {
        const auto theta = reference::converted<float>(normal_numbers(n, random));
        const vector as_double(theta.begin(), theta.end());
        const auto family = family_of(k);
        const auto several = reference::sample_several(family, theta, random_key{3}, 100, 7);
        std::vector<float> singly;
        for (std::uint64_t item = 100; item < 107; ++item) {
            const auto z = reference::sample(family, theta, random_key{3}, item);
            singly.insert(singly.end(), z.begin(), z.end());
        }
        CHECK(several == singly);
        CHECK(several == reference::converted<float>(
                             reference::sample_several(family, as_double, random_key{3}, 100, 7)));
        CHECK(several != reference::sample_several(family, theta, random_key{4}, 100, 7));
        CHECK(several != reference::sample_several(family, theta, random_key{3}, 107, 7));
    }
}

TEST_CASE("exponential k-subsets are not what Gumbel noise and top-k draw", "[estimators][k_subset][draws]") {
    const std::size_t n = 5, k = 2, draws = 80000;
    const vector theta{2, 1, 0, -1, -2};
    const k_subsets exact(n, k);
    const vector gibbs = exact.gibbs_marginals(theta), race = exact.gumbel_marginals(theta);

    const vector z = reference::sample_several(family_of(k), theta, random_key{21}, 0, draws);
    vector ours(n, 0);
    for (std::size_t j = 0; j < z.size(); ++j) ours[j % n] += z[j] / draws;

    const imle::imle_layer layer{imle::top_k{static_cast<Eigen::Index>(k)},
                                 imle::gumbel{},
                                 imle::perturbation_target{},
                                 {.samples = static_cast<Eigen::Index>(draws)}};
    Eigen::Tensor<double, 2, Eigen::RowMajor> batch(1, static_cast<Eigen::Index>(n));
    std::copy(theta.begin(), theta.end(), batch.data());
    const auto perturbed = layer.marginals(batch, random_key{22}).marginals();

    // The most likely element: 0.92 by one law, 0.89 by the other, with bounds of about 0.0066.
    CHECK(std::abs(gibbs[0] - race[0]) > 4 * reference::frequency_bound(gibbs[0], draws));
    for (std::size_t i = 0; i < n; ++i) {  // false alarm: 10 * 1e-10
        CHECK(std::abs(ours[i] - gibbs[i]) < reference::frequency_bound(gibbs[i], draws));
        CHECK(std::abs(perturbed.data()[i] - race[i]) < reference::frequency_bound(race[i], draws));
    }
    CHECK(std::abs(ours[0] - race[0]) > 3 * reference::frequency_bound(gibbs[0], draws));
    CHECK(std::abs(perturbed.data()[0] - gibbs[0]) > 3 * reference::frequency_bound(race[0], draws));
}

TEST_CASE("k-subsets say what is wrong", "[estimators][k_subset][errors]") {
    CHECK_THROWS_WITH(k_subset_family(-1), mentions("k of k_subset_family is -1") && mentions("at least 0"));
    const vector theta{1, 2, 3}, nan{1, std::nan(""), 3}, two{1, 2};
    const auto family = family_of(2);
    CHECK_THROWS_WITH(reference::marginals(family_of(4), theta), mentions("3 numbers") && mentions("k = 4"));
    CHECK_THROWS_WITH(reference::sample(family_of(4), theta, random_key{}, 0), mentions("k = 4"));
    CHECK_THROWS_WITH(reference::log_partition(family_of(4), theta), mentions("k = 4"));
    CHECK_THROWS_WITH(reference::marginals(family, nan), mentions("theta is nan at element 1"));
    CHECK_THROWS_WITH(reference::sample(family, nan, random_key{}, 0), mentions("theta is nan"));
    CHECK_THROWS_WITH(reference::marginals_vjp(family, theta, nan), mentions("dmu is nan at element 1"));
    CHECK_THROWS_WITH(reference::marginals_vjp(family, theta, two), mentions("dmu is of 2 numbers"));
    vector wrong(2);
    CHECK_THROWS_AS(family.marginals(std::span<const double>(theta), std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_AS(family.sample(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_WITH(
        family.sample_several(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
        mentions("a multiple of n = 3"));
    CHECK_THROWS_AS(family.marginals_vjp(std::span<const double>(theta), std::span<const double>(theta),
                                         std::span<double>(wrong)),
                    std::invalid_argument);
}

TEST_CASE("k_subset entropies and divergences are those of enumeration", "[estimators][k_subset]") {
    std::mt19937 random(31);
    for (std::size_t n = 1; n <= 8; ++n)
        for (std::size_t k = 0; k <= n; ++k)
            for (const double scale : {0.0, 1.0, 10.0}) {
                const vector theta = normal_numbers(n, random, scale),
                             other = normal_numbers(n, random, scale);
                const k_subsets exact(n, k);
                CHECK(reference::entropy(family_of(k), theta) ==
                      Approx(exact.gibbs_entropy(theta)).epsilon(1e-11).margin(1e-12));
                CHECK(reference::kl_divergence(family_of(k), theta, other) ==
                      Approx(exact.gibbs_kl_divergence(theta, other)).epsilon(1e-11).margin(1e-12));
                CHECK(reference::kl_divergence(family_of(k), theta, theta) < 1e-13);
            }
    // The public case of large scores: the pairs {0, 4}, {0, 1} and {1, 4} by exp(0), exp(-7), exp(-7.0625).
    const std::vector<float> scores{807687.0625f, 807680, 0, -5, 807687};
    const double b = std::exp(-7.0), c = std::exp(-7.0625), total = 1 + b + c;
    CHECK(reference::entropy(family_of(2), scores) ==
          Approx(std::log(total) + (7 * b + 7.0625 * c) / total).epsilon(1e-12));
    CHECK(reference::kl_divergence(family_of(2), scores, std::vector<float>(5, 0)) ==
          Approx(std::log(10.0) - (std::log(total) + (7 * b + 7.0625 * c) / total)).epsilon(1e-12));
    CHECK(reference::kl_divergence(family_of(1), vector{0, 0}, vector{0, -1e6}) ==
          Approx(5e5 - std::log(2.0)));
    const double most = std::numeric_limits<double>::max();
    CHECK(reference::entropy(family_of(1), vector{most, -most, most}) == Approx(std::log(2.0)));
    const vector two{1, 2}, three{1, 2, 3};
    CHECK_THROWS_WITH(reference::kl_divergence(family_of(1), two, three), mentions("other is of 3 numbers"));
}
