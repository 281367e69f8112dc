#pragma once

/// @file
/// Exact k-subsets: samples, marginals and their gradient.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <Eigen/Core>

#include <imle/core/backports.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/core/rounded.hpp>
#include <imle/families/detail/family_coins.hpp>
#include <imle/families/detail/family_subset_table.hpp>
#include <imle/random/words.hpp>
#include <imle/selection/k_largest.hpp>

namespace imle::inline IMLE_ABI {

/// The exponential family of `top_k`: p(z; theta) proportional to exp(<theta, z>) on 0/1 vectors of n numbers
/// with k ones. Samples, marginals and gradient are those of SIMPLE (Ahmed, Zeng, Niepert, Van den Broeck,
/// "SIMPLE: a gradient estimator for k-subset sampling", ICLR 2023; theorem 1 for the marginals).
///
/// This is not the law of `imle_layer{top_k{k}, gumbel{}}`, the k largest of theta + Gumbel noise. Those
/// follow the Plackett-Luce model of k draws without replacement, which agrees only for k = 1 (and k = 0, k =
/// n).
///
/// All results are computed from the probabilities of j heads among the first i of n independent coins, which
/// are tilted so that k heads are likely. SIMPLE uses logarithms of elementary symmetric polynomials instead.
/// The coins need only products and sums of positive numbers, with a few roundings per coin, for finite theta
/// of any size. Marginals are accurate to about n * 1e-16 of the smaller of mu_i and 1 - mu_i, down to
/// 1e-100; they are computed in double for float too.
///
/// theta is an instance of any rank with n >= k numbers. Fewer numbers, or one that is not finite, throw
/// `std::invalid_argument`. Several threads may use one family at once.
class k_subset_family {
  public:
    /// Restricted to some coordinates, this is the same family on fewer numbers, so a layer can respect any
    /// mask.
    static constexpr bool restricts_to_any = true;

    /// Throws `std::invalid_argument` if k is negative. k = 0 gives the empty set.
    explicit k_subset_family(Eigen::Index k) : k_(k) {
        if (k < 0) detail::throw_invalid("k of k_subset_family", k, "at least 0");
    }

    /// The number of ones in a state.
    [[nodiscard]] Eigen::Index k() const noexcept { return k_; }

    /// One draw: ones and zeros. O(n k) time. The coins are decided from the last to the first, each with its
    /// probability given the number of heads still to be chosen. Coin i of draw `item` uses element item *
    /// n + i of the key's sequence of uniform doubles (`uniforms`), for float too.
    template <std::floating_point Scalar>
    void sample(std::span<const Scalar> theta, random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        detail::require_size("z", z.size(), theta.size());
        sample_several(theta, key, item, z);
    }

    /// Draws items first_item, first_item + 1, ..., as many as fit into zs, with the same bits as `sample`.
    /// The O(n k) work is done once; each draw takes O(n).
    template <std::floating_point Scalar>
    void sample_several(std::span<const Scalar> theta, random_key key, std::uint64_t first_item,
                        std::span<Scalar> zs) const {
        const std::size_t n = theta.size(), k = checked(theta);
        if (n == 0 ? !zs.empty() : zs.size() % n != 0)
            detail::throw_invalid("zs", detail::message("of ", zs.size(), " numbers"),
                                  detail::message("a multiple of n = ", n));
        if (k == 0 || k == n) {
            std::fill(zs.begin(), zs.end(), Scalar(k == 0 ? 0 : 1));
            return;
        }
        const detail::family_coins coins(theta, k);
        detail::family_subset_table<false> table(coins);
        draw(coins, table, key, first_item, zs);
    }

    /// The MAP state: ones at the k largest, of equal ones at the lowest indices, as `top_k` has it. O(n).
    template <std::floating_point Scalar>
    void map(std::span<const Scalar> theta, std::span<Scalar> z) const {
        const std::size_t n = theta.size(), k = checked(theta);
        detail::require_size("z", z.size(), n);
        const auto scratch = detail::make_unique_for_overwrite<Scalar[]>(n);
        detail::kth_guess<Scalar> no_guess;
        detail::select_largest(theta, k, std::span<Scalar>(scratch.get(), n), no_guess, z.data());
    }

    /// mu_i = P(z_i = 1). O(n k) time; O(n + k sqrt(n)) memory where n k is large.
    template <std::floating_point Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        const std::size_t n = theta.size(), k = checked(theta);
        detail::require_size("mu", mu.size(), n);
        if (k == 0 || k == n) {
            std::fill(mu.begin(), mu.end(), Scalar(k == 0 ? 0 : 1));
            return;
        }
        const detail::family_coins coins(theta, k);
        detail::family_subset_table<false> table(coins);
        const double total = table.probability();
        table.backwards([&](std::size_t i, const auto& others) {
            // The less likely of the two; the other is 1 minus it.
            const double p = coins.heads()[i], q = coins.tails()[i];
            const double mean = p <= q ? p * others(1).probability / total
                                       : 1 - detail::rounded(q * others(0).probability / total);
            mu[i] = static_cast<Scalar>(std::clamp(mean, 0.0, 1.0));
        });
    }

    /// The gradient of <dmu, mu(theta)>, which is Cov(z) dmu: SIMPLE's backward pass. Exact, O(n k): Cov(z_i,
    /// <dmu, z>) = P(z_i = 1) (E[<dmu, z> | z_i = 1] - E <dmu, z>), whose expectations follow the same
    /// recurrences as the probabilities. dmu must be finite.
    template <std::floating_point Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        const std::size_t n = theta.size(), k = checked(theta);
        detail::require_size("dmu", dmu.size(), n);
        detail::require_size("gradient", gradient.size(), n);
        detail::require_finite("dmu", dmu);
        double largest = 0;
        for (const Scalar d : dmu) largest = std::max(largest, std::abs(static_cast<double>(d)));
        if (k == 0 || k == n || largest == 0) {
            std::fill(gradient.begin(), gradient.end(), Scalar(0));
            return;
        }
        const detail::family_coins coins(theta, k);
        // <1, z> is k for every z, so a constant may be subtracted from dmu. Subtracting the mean prevents
        // cancellation in the difference of expectations. Scaling prevents overflow for dmu of any size.
        const auto weights = detail::make_unique_for_overwrite<double[]>(n);
        double mean_weight = 0;
        for (std::size_t i = 0; i < n; ++i) {
            weights[i] = static_cast<double>(dmu[i]) / largest;
            mean_weight += detail::rounded(coins.heads()[i] * weights[i]);
        }
        mean_weight /= static_cast<double>(k);
        for (std::size_t i = 0; i < n; ++i) weights[i] -= mean_weight;
        detail::family_subset_table<true> table(coins, weights.get());
        const double total = table.probability();
        const double expected = table.weighted() / total;
        table.backwards([&](std::size_t i, const auto& others) {
            const double p = coins.heads()[i], q = coins.tails()[i];
            double covariance;
            if (p <= q) {
                const auto with = others(1);
                covariance =
                    p * detail::multiply_add(weights[i] - expected, with.probability, with.weighted) / total;
            } else {
                const auto without = others(0);
                covariance =
                    -q * detail::multiply_add(-expected, without.probability, without.weighted) / total;
            }
            gradient[i] = static_cast<Scalar>(largest * covariance);
        });
    }

    /// log sum exp(<theta, z>) over all k-subsets z. Its gradient are the marginals. O(n k).
    template <std::floating_point Scalar>
    [[nodiscard]] double log_partition(std::span<const Scalar> theta) const {
        const std::size_t n = theta.size(), k = checked(theta);
        double sum = 0;
        if (k == 0) return sum;
        if (k == n) {
            for (const Scalar t : theta) sum += static_cast<double>(t);
            return sum;
        }
        const detail::family_coins coins(theta, k);
        return coins.log_weight(theta) +
               detail::elementary::log(detail::family_subset_table<false>(coins).probability());
    }

    /// The entropy -E log p(z), in nats. O(n k). Accurate to about n * 1e-16 plus as much of the result.
    template <std::floating_point Scalar>
    [[nodiscard]] double entropy(std::span<const Scalar> theta) const {
        const std::size_t n = theta.size(), k = checked(theta);
        if (k == 0 || k == n) return 0;
        const detail::family_coins coins(theta, k);
        detail::family_subset_table<false> table(coins);
        // log p(z) is the sum of the coins' logarithms, less the logarithm of the probability of k heads.
        double sum = detail::elementary::log(table.probability());
        for_each_mean(coins, table, [&](std::size_t i, double heads, double tails) {
            const detail::family_coins::odds of = coins.odds_of(theta[i]);
            sum -= weighted(heads, of.log_heads) + weighted(tails, of.log_tails);
        });
        return std::max(sum, 0.0);
    }

    /// The Kullback-Leibler divergence E log(p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    /// O(n k).
    template <std::floating_point Scalar>
    [[nodiscard]] double kl_divergence(std::span<const Scalar> theta,
                                       std::span<const std::type_identity_t<Scalar>> other) const {
        const std::size_t n = theta.size(), k = checked(theta);
        detail::require_size("other", other.size(), n);
        detail::require_finite("other", other);
        if (k == 0 || k == n) return 0;
        const detail::family_coins coins(theta, k), others(other, k);
        detail::family_subset_table<false> table(coins);
        double sum = detail::elementary::log(detail::family_subset_table<false>(others).probability()) -
                     detail::elementary::log(table.probability());
        for_each_mean(coins, table, [&](std::size_t i, double heads, double tails) {
            const detail::family_coins::odds of = coins.odds_of(theta[i]), from = others.odds_of(other[i]);
            sum += weighted(heads, of.log_heads - from.log_heads) +
                   weighted(tails, of.log_tails - from.log_tails);
        });
        return std::max(sum, 0.0);
    }

    /// True if k is equal.
    friend bool operator==(const k_subset_family&, const k_subset_family&) noexcept = default;

  private:
    /// Calls f(i, P(z_i = 1), P(z_i = 0)) for each coin, from the last to the first. The less likely of the
    /// two is accurate.
    template <class F>
    static void for_each_mean(const detail::family_coins& coins, detail::family_subset_table<false>& table,
                              F&& f) {
        const double total = table.probability();
        table.backwards([&](std::size_t i, const auto& others) {
            const double p = coins.heads()[i], q = coins.tails()[i];
            const double rarer = std::min(
                detail::rounded(p <= q ? p * others(1).probability : q * others(0).probability) / total, 1.0);
            if (p <= q)
                f(i, rarer, 1 - rarer);
            else
                f(i, 1 - rarer, rarer);
        });
    }

    /// p * x; 0 for p = 0, whatever x is.
    [[nodiscard]] static double weighted(double p, double x) noexcept {
        return p > 0 ? detail::rounded(p * x) : 0.0;
    }

    /// Returns k after checking theta.
    template <class Scalar>
    [[nodiscard]] std::size_t checked(std::span<const Scalar> theta) const {
        const auto k = static_cast<std::size_t>(k_);
        if (k > theta.size())
            detail::throw_invalid("theta", detail::message("of ", theta.size(), " numbers"),
                                  detail::message("at least k = ", k));
        detail::require_finite("theta", theta);
        return k;
    }

    /// P(z_i = 1 | r of the first i + 1 are to be chosen) = p_i F_i[r - 1] / F_{i+1}[r]. Where this is 1,
    /// numerator and denominator are equal to the last bit, and a uniform number is less than 1: so exactly k
    /// are always chosen.
    template <class Scalar>
    static void draw(const detail::family_coins& coins, detail::family_subset_table<false>& table,
                     random_key key, std::uint64_t first_item, std::span<Scalar> zs) {
        const std::size_t n = coins.size(), draws = zs.size() / n;
        std::fill(zs.begin(), zs.end(), Scalar(0));
        const auto left = detail::make_unique_for_overwrite<std::size_t[]>(draws);
        std::fill_n(left.get(), draws, coins.k());
        const auto memory = detail::make_unique_for_overwrite<double[]>(n);
        table.segments_backwards([&](std::size_t first, std::size_t last, const auto& row) {
            const std::span<double> chance(memory.get(), last - first);
            for (std::size_t s = 0; s < draws; ++s) {
                std::size_t r = left[s];
                if (r == 0) continue;
                uniforms(key, (first_item + s) * n + first, chance);
                for (std::size_t i = last; i-- > first && r > 0;)
                    if (chance[i - first] * row(i + 1)[r] < coins.heads()[i] * row(i)[r - 1]) {
                        zs[s * n + i] = 1;
                        --r;
                    }
                left[s] = r;
            }
        });
    }

    Eigen::Index k_;
};

}  // namespace imle::inline IMLE_ABI
