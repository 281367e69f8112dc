#pragma once

// What the tests of families of trees share: each against an enumeration of its states.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <imle/testing/enumerated_family.hpp>

#include "families/family_fixtures.hpp"
#include "solvers/dependency_reference.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

namespace reference {

/// Marginals, gradient, log-partition, entropy and divergence against those of an enumeration. The families'
/// theta in memory is the enumeration's.
template <class Family, int Rank>
support::tally wrong_results(const Family& family, const imle::testing::enumerated_family<Rank>& exact,
                             std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (const double scale : {0.0, 1.0, 10.0, 100.0, 1e4}) {
        const auto theta = normal_numbers(exact.size(), random, scale),
                   other = normal_numbers(exact.size(), random, scale),
                   dmu = normal_numbers(exact.size(), random);
        const double log_z = exact.gibbs_log_partition(theta), entropy = exact.gibbs_entropy(theta),
                     divergence = exact.gibbs_kl_divergence(theta, other);
        const double slack = 1e-12 * (1 + scale);
        wrong.expect(support::furthest(marginals(family, theta), exact.gibbs_marginals(theta)) < slack,
                     "marginals of ", theta, ": ", marginals(family, theta), ", not ",
                     exact.gibbs_marginals(theta));
        wrong.expect(support::furthest(marginals_vjp(family, theta, dmu),
                                       exact.gibbs_marginals_vjp(theta, 1, dmu)) < 10 * slack,
                     "gradient of ", theta);
        wrong.expect(std::abs(log_partition(family, theta) - log_z) < slack, "log-partition of ", theta);
        wrong.expect(std::abs(family.entropy(std::span<const double>(theta)) - entropy) < slack,
                     "entropy of ", theta, ": ", family.entropy(std::span<const double>(theta)), ", not ",
                     entropy);
        const double found =
            family.kl_divergence(std::span<const double>(theta), std::span<const double>(other));
        wrong.expect(std::abs(found - divergence) < slack, "divergence of ", theta, " from ", other, ": ",
                     found, ", not ", divergence);
        wrong.expect(
            family.kl_divergence(std::span<const double>(theta), std::span<const double>(theta)) < 1e-12,
            "divergence of ", theta, " from itself");
    }
    return wrong;
}

/// A square matrix in the other layout.
inline std::vector<double> transposed(const std::vector<double>& matrix) {
    const auto n = static_cast<std::size_t>(std::sqrt(static_cast<double>(matrix.size())));
    std::vector<double> result(matrix.size());
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) result[j * n + i] = matrix[i * n + j];
    return result;
}

/// Whether the marginals of each word of a family of dependency trees, and those of all roots, add up to 1.
template <class Family>
support::tally wrong_sums(const Family& family, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (const double scale : {1.0, 100.0, 8e5, 1e300})
        for (const std::size_t n : {2u, 9u, 40u}) {
            const auto mu = marginals(family, normal_numbers(n * n, random, scale));
            double root_sum = 0;
            for (std::size_t j = 0; j < n; ++j) {
                double sum = 0;
                for (std::size_t i = 0; i < n; ++i) sum += mu[i * n + j];
                wrong.expect(std::abs(sum - 1) < 1e-12, "column ", j, " of ", n, " at ", scale, ": ", sum);
                root_sum += mu[j * n + j];
            }
            wrong.expect(std::abs(root_sum - 1) < 1e-12 * static_cast<double>(n), "roots of ", n, " at ",
                         scale, ": ", root_sum);
        }
    return wrong;
}

/// The results of a family of dependency trees for one theta and mask, in one layout, as row-major numbers.
template <int Layout, class Family>
struct masked_results {
    std::size_t n;
    std::vector<double> mu, gradient, draws;
    double log_z, entropy, divergence;

    masked_results(const Family& family, const std::vector<double>& theta, const std::vector<double>& other,
                   const std::vector<double>& dmu, const support::mask& allowed)
        : n(static_cast<std::size_t>(std::sqrt(static_cast<double>(theta.size())))) {
        using tensor = Eigen::Tensor<double, 2, Layout>;
        const auto side = static_cast<Eigen::Index>(n);
        tensor in_theta(side, side), in_other(side, side), in_dmu(side, side), out(side, side);
        support::mask in_mask(n * n);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                const std::size_t at = place<Layout>(i, j, n);
                in_theta.data()[at] = theta[i * n + j];
                in_other.data()[at] = other[i * n + j];
                in_dmu.data()[at] = dmu[i * n + j];
                in_mask[at] = allowed[i * n + j];
            }
        const imle::solve_context context{.mask = in_mask.span()};
        const auto numbers = [&](const double* from) {
            std::vector<double> result(n * n);
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j) result[i * n + j] = from[place<Layout>(i, j, n)];
            return result;
        };
        family.marginals(in_theta, out, context);
        mu = numbers(out.data());
        family.marginals_vjp(in_theta, in_dmu, out, context);
        gradient = numbers(out.data());
        const Eigen::Index count = 30;
        Eigen::Tensor<double, 3, Layout> zs(Layout == Eigen::RowMajor ? count : side, side,
                                            Layout == Eigen::RowMajor ? side : count);
        family.sample_several(in_theta, imle::random_key{4}, 9, zs, context);
        for (Eigen::Index d = 0; d < count; ++d) {
            const auto one = numbers(zs.data() + d * side * side);
            draws.insert(draws.end(), one.begin(), one.end());
        }
        log_z = family.log_partition(in_theta, context);
        entropy = family.entropy(in_theta, context);
        divergence = family.kl_divergence(in_theta, in_other, context);
    }
};

/// Random masks against the enumeration of all trees that are left; states(words) lists the trees of so many.
template <class Family, class StatesT>
support::tally wrong_under_masks(const Family& family, StatesT&& states, int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    std::vector<std::vector<std::vector<double>>> all;
    for (std::size_t words = 1; words <= 4; ++words) all.push_back(states(words));
    for (int trial = 0; trial < count; ++trial) {
        const std::size_t n = 1 + random() % 4;
        const double scale = trial % 3 == 0 ? 1 : trial % 3 == 1 ? 50 : 1e5;
        auto theta = normal_numbers(n * n, random, scale), other = normal_numbers(n * n, random, scale),
             dmu = normal_numbers(n * n, random);
        const support::mask allowed = random_mask<Eigen::RowMajor>(n, random);
        std::vector<std::size_t> words;
        for (std::size_t word = 0; word < n; ++word)
            for (std::size_t k = 0; k < n; ++k)
                if (allowed[word * n + k] || allowed[k * n + word]) {
                    words.push_back(word);
                    break;
                }
        const std::size_t m = words.size();
        std::vector<std::vector<double>> left;
        if (m == 0) left.emplace_back(n * n, 0.0);
        for (std::size_t s = 0; m > 0 && s < all[m - 1].size(); ++s) {
            std::vector<double> state(n * n, 0);
            bool keeps = true;
            for (std::size_t i = 0; i < m; ++i)
                for (std::size_t j = 0; j < m; ++j) {
                    const std::size_t at = words[i] * n + words[j];
                    state[at] = all[m - 1][s][i * m + j];
                    keeps = keeps && (state[at] == 0 || allowed[at]);
                }
            if (keeps) left.push_back(state);
        }
        auto spoiled = theta, spoiled_other = other, spoiled_dmu = dmu;
        for (auto* numbers : {&spoiled, &spoiled_other, &spoiled_dmu})
            support::spoil_forbidden(*numbers, allowed, random);
        using rows = masked_results<Eigen::RowMajor, Family>;
        if (left.empty()) {
            bool threw = false;
            try {
                rows(family, spoiled, spoiled_other, spoiled_dmu, allowed);
            } catch (const std::invalid_argument&) {
                threw = true;
            }
            wrong.expect(threw, "mask ", allowed, " allows no tree");
            continue;
        }
        const auto side = static_cast<Eigen::Index>(n);
        const imle::testing::enumerated_family<2> exact("trees that are left", {side, side}, left);
        const rows found(family, spoiled, spoiled_other, spoiled_dmu, allowed);
        const masked_results<Eigen::ColMajor, Family> columns(family, spoiled, spoiled_other, spoiled_dmu,
                                                              allowed);
        const double slack = 1e-11 * (1 + scale);
        const double entropy = exact.gibbs_entropy(theta),
                     divergence = exact.gibbs_kl_divergence(theta, other);
        wrong.expect(support::furthest(found.mu, exact.gibbs_marginals(theta)) < slack, "marginals of ",
                     theta, ", mask ", allowed, ": ", found.mu, ", not ", exact.gibbs_marginals(theta));
        wrong.expect(support::furthest(found.gradient, exact.gibbs_marginals_vjp(theta, 1, dmu)) < slack,
                     "gradient of ", theta, ", mask ", allowed);
        wrong.expect(std::abs(found.log_z - exact.gibbs_log_partition(theta)) < slack, "log-partition of ",
                     theta, ", mask ", allowed, ": ", found.log_z);
        wrong.expect(std::abs(found.entropy - entropy) < slack, "entropy of ", theta, ", mask ", allowed,
                     ": ", found.entropy, ", not ", entropy);
        wrong.expect(std::abs(found.divergence - divergence) < slack, "divergence of ", theta, ", mask ",
                     allowed, ": ", found.divergence, ", not ", divergence);
        for (std::size_t d = 0; d < 30; ++d)
            wrong.expect(exact.contains(std::span<const double>(found.draws).subspan(d * n * n, n * n)),
                         "draw ", d, " of mask ", allowed);
        wrong.expect(found.mu == columns.mu && found.gradient == columns.gradient &&
                         found.draws == columns.draws && found.log_z == columns.log_z,
                     "column-major ", theta, ", mask ", allowed);
    }
    return wrong;
}

/// Whether a sentence has the same bits alone and as the first words of a longer one.
template <class Family>
support::tally padding_differences(const Family& family, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally different;
    for (const std::size_t n : {1u, 3u, 8u, 20u}) {
        const std::size_t longer = n + 5;
        const auto theta = normal_numbers(longer * longer, random),
                   dmu = normal_numbers(longer * longer, random);
        std::vector<double> alone, alone_dmu;
        support::mask allowed(longer * longer, false);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                alone.push_back(theta[i * longer + j]);
                alone_dmu.push_back(dmu[i * longer + j]);
                allowed[i * longer + j] = true;
            }
        using results = masked_results<Eigen::RowMajor, Family>;
        const results padded(family, theta, theta, dmu, allowed),
            expected(family, alone, alone, alone_dmu, support::mask(n * n));
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                const std::size_t at = i * n + j, there = i * longer + j;
                different.expect(padded.mu[there] == expected.mu[at], "mu ", i, ", ", j, " of ", n);
                different.expect(padded.gradient[there] == expected.gradient[at], "gradient of ", n);
                for (std::size_t d = 0; d < 30; ++d)
                    different.expect(
                        padded.draws[d * longer * longer + there] == expected.draws[d * n * n + at], "draw ",
                        d, " of ", n);
            }
        different.expect(padded.log_z == expected.log_z && padded.entropy == expected.entropy, "log Z of ",
                         n);
    }
    return different;
}

/// Whether draws are states, as often as they should be: chi-square over all states, and the bits of
/// `sample`. False alarm: about 1e-6 for each call, by the Wilson-Hilferty approximation.
template <class Family, int Rank>
void check_draws(const Family& family, const imle::testing::enumerated_family<Rank>& exact,
                 const std::vector<double>& theta, std::size_t draws) {
    const auto zs = sample_several(family, theta, imle::random_key{5}, 3, draws);
    const auto p = exact.gibbs_probabilities(theta);
    std::vector<double> counts(p.size(), 0);
    support::tally wrong;
    for (std::size_t d = 0; d < draws; ++d) {
        const std::vector<double> z(zs.begin() + static_cast<std::ptrdiff_t>(d * exact.size()),
                                    zs.begin() + static_cast<std::ptrdiff_t>((d + 1) * exact.size()));
        const auto found = std::find(exact.states().begin(), exact.states().end(), z);
        if (!wrong.expect(found != exact.states().end(), "draw ", d, " is ", z)) continue;
        ++counts[static_cast<std::size_t>(found - exact.states().begin())];
        if (d < 20) wrong.expect(sample(family, theta, imle::random_key{5}, 3 + d) == z, "draw ", d);
    }
    CHECK(wrong == 0);
    // States that are expected less than ten times count as one.
    double chi = 0, rare_expected = 0, rare_counted = 0, cells = 0;
    for (std::size_t s = 0; s < p.size(); ++s) {
        const double expected = p[s] * static_cast<double>(draws);
        if (expected < 10) {
            rare_expected += expected;
            rare_counted += counts[s];
            continue;
        }
        chi += (counts[s] - expected) * (counts[s] - expected) / expected;
        ++cells;
    }
    if (rare_expected > 0) {
        chi += (rare_counted - rare_expected) * (rare_counted - rare_expected) / std::max(rare_expected, 1.0);
        ++cells;
    }
    const double freedom = std::max(cells - 1, 1.0);
    const double normal = (std::cbrt(chi / freedom) - (1 - 2 / (9 * freedom))) / std::sqrt(2 / (9 * freedom));
    INFO("chi-square " << chi << " of " << freedom << " degrees of freedom");
    CHECK(normal < 4.9);
}

/// The gradient of the log-partition by central differences, against the marginals; of marginals, against
/// their gradient.
template <class Family>
void check_differences(const Family& family, const std::vector<double>& theta,
                       const std::vector<double>& dmu) {
    CHECK(support::furthest(marginals(family, theta), gradient(theta, [&](const std::vector<double>& t) {
                                return log_partition(family, t);
                            })) < 1e-8);
    CHECK(support::furthest(marginals_vjp(family, theta, dmu),
                            gradient(theta, [&](const std::vector<double>& t) {
                                return dot(dmu, marginals(family, t));
                            })) < 1e-8);
}

/// Several threads use one family at the same time.
template <class Family>
support::tally thread_differences(const Family& family, std::size_t n, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally different;
    std::vector<std::vector<double>> thetas, mu(8), z(8);
    for (int i = 0; i < 8; ++i) thetas.push_back(normal_numbers(n, random, i % 2 == 0 ? 1 : 1e5));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < thetas.size(); ++i)
        threads.emplace_back([&, i] {
            mu[i] = marginals(family, thetas[i]);
            z[i] = sample(family, thetas[i], imle::random_key{1}, i);
        });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < thetas.size(); ++i)
        different.expect(mu[i] == marginals(family, thetas[i]) &&
                             z[i] == sample(family, thetas[i], imle::random_key{1}, i),
                         "theta ", i);
    return different;
}

/// Floats have the results of the same doubles, rounded.
template <class Family>
void check_floats(const Family& family, const std::vector<double>& numbers,
                  const std::vector<double>& cotangent) {
    const auto theta = converted<float>(numbers), dmu = converted<float>(cotangent);
    const std::vector<double> as_double(theta.begin(), theta.end()), dmu_double(dmu.begin(), dmu.end());
    CHECK(marginals(family, theta) == converted<float>(marginals(family, as_double)));
    CHECK(marginals_vjp(family, theta, dmu) ==
          converted<float>(marginals_vjp(family, as_double, dmu_double)));
    CHECK(sample(family, theta, imle::random_key{2}, 7) ==
          converted<float>(sample(family, as_double, imle::random_key{2}, 7)));
    CHECK(log_partition(family, theta) == log_partition(family, as_double));
}

}  // namespace reference
