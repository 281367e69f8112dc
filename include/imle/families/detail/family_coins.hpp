#pragma once

/// @file
/// The law of k-subsets, represented by independent coins of which k show heads.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>

#include <imle/core/backports.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/families/detail/family_lanes.hpp>
#include <imle/selection/k_largest.hpp>
#include <imle/simd/exponential.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Probabilities p_i = 1 / (1 + exp(c - theta_i)), with c chosen so that sum p_i is about k.
///
/// For any c, independent coins with these p_i, given that k of them show heads, have the law of k-subsets:
/// p(z) is proportional to prod (p_i / (1 - p_i))^z_i = exp(<theta, z> - k c). The choice of c keeps numbers
/// in range: with sum p_i within a standard deviation of k, the probability of k heads is of the order of one
/// over that deviation, so it never underflows. The elementary symmetric polynomials of exp(theta) leave the
/// range of a double for theta of a few hundred, and their logarithms would cost an exponential and a
/// logarithm per step.
///
/// p_i and q_i = 1 - p_i are both accurate where they are small; below exp(-700) either is 0.
class family_coins {
  public:
    /// theta: n finite numbers; 0 < k < n. O(n) on average.
    template <class Scalar>
    family_coins(std::span<const Scalar> theta, std::size_t k)
        : size_(theta.size()),
          k_(k),
          padded_((theta.size() + lanes - 1) / lanes * lanes),
          memory_(make_unique_for_overwrite<double[]>(2 * padded_)),
          center_(middle(theta, k)) {
        write_weights(theta);
        shift_ = balanced();
        const double odds = elementary::exp(shift_);
        double* const p = memory_.get();
        double* const q = p + padded_;
        for (std::size_t i = 0; i < padded_; i += vector::size) {
            const vector in = vector::load(p + i), out = product(vector(odds), vector::load(q + i));
            const vector share = vector(1.0) / (in + out);
            (in * share).store(p + i);
            (out * share).store(q + i);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t k() const noexcept { return k_; }
    /// p_i for all i < size().
    [[nodiscard]] const double* heads() const noexcept { return memory_.get(); }
    /// 1 - p_i.
    [[nodiscard]] const double* tails() const noexcept { return memory_.get() + padded_; }

    /// log p_i and log q_i, also where p_i or q_i is too small for a double.
    struct odds {
        double log_heads, log_tails;
    };
    [[nodiscard]] odds odds_of(double theta) const noexcept {
        const double x = (theta - center_) - shift_;
        const double rest = elementary::log1p(elementary::exp(-std::abs(x)));
        return {std::min(x, 0.0) - rest, std::min(-x, 0.0) - rest};
    }

    /// log sum exp(<theta, z>) over all k-subsets z, minus the logarithm of the probability of k heads: k c +
    /// sum log(1 + exp(theta_i - c)). The terms of theta far above c are combined without c.
    template <class Scalar>
    [[nodiscard]] double log_weight(std::span<const Scalar> theta) const noexcept {
        double sum = 0, above = 0, count = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const double p = heads()[i], q = tails()[i];
            if (p > q) {
                above += static_cast<double>(theta[i]);
                ++count;
            }
            sum -= elementary::log1p(-std::min(p, q));
        }
        return sum + above + rounded((static_cast<double>(k_) - count) * (center_ + shift_));
    }

  private:
    // Sums use this many lanes, in a fixed order that does not depend on how a compiler vectorises.
    static constexpr std::size_t lanes = 8;
    using vector = family_lanes;
    static constexpr std::size_t chains = lanes / vector::size;
    static_assert(lanes % vector::size == 0);

    /// The midpoint between the k-th largest and the next number. With this c, for any theta, the k largest
    /// have p >= 1/2 and the others p <= 1/2.
    template <class Scalar>
    [[nodiscard]] static double middle(std::span<const Scalar> theta, std::size_t k) {
        const auto scratch = make_unique_for_overwrite<Scalar[]>(theta.size());
        kth_guess<Scalar> guess;
        const Scalar kth = kth_largest(theta, k, std::span<Scalar>(scratch.get(), theta.size()), guess);
        std::size_t reached = 0;
        Scalar next = std::numeric_limits<Scalar>::lowest();
        for (const Scalar t : theta) {
            reached += t >= kth ? 1 : 0;
            next = std::max(next, t < kth ? t : std::numeric_limits<Scalar>::lowest());
        }
        if (reached > k) next = kth;
        return rounded(0.5 * static_cast<double>(kth)) + rounded(0.5 * static_cast<double>(next));
    }

    /// p and q up to a common factor: exp(theta - c) and 1, or 1 and exp(c - theta), so that neither is
    /// large.
    template <class Scalar>
    void write_weights(std::span<const Scalar> theta) noexcept {
        constexpr double far = 700;  // exp(-far) is a normal number, as are its products with the odds
        double* const p = memory_.get();
        double* const q = p + padded_;
        for (std::size_t i = 0; i < size_; ++i) p[i] = static_cast<double>(theta[i]) - center_;
        std::fill(p + size_, p + padded_, -2 * far);
        const vector zero(0.0), one(1.0);
        for (std::size_t i = 0; i < padded_; i += vector::size) {
            const vector x = vector::load(p + i), distance = maximum(x, zero - x);
            const vector u =
                select(less(distance, vector(far)), exp_of(zero - minimum(distance, vector(far))), zero);
            const auto negative = less(x, zero);
            select(negative, u, one).store(p + i);
            select(negative, one, u).store(q + i);
        }
    }

    /// The shift of c for which the mean number of heads, sum p_i, is within a standard deviation of k, by
    /// Newton's method. At shift 0 the mean is within twice the variance of k, because the k largest have p
    /// >= 1/2 and the others p <= 1/2. If the variance is small, no step is needed; otherwise the first step
    /// is at most 2.
    [[nodiscard]] double balanced() const noexcept {
        constexpr int most_steps = 60;
        constexpr double longest_step = 2;
        const double* const a = memory_.get();
        const double* const b = a + padded_;
        double shift = 0, low = -std::numeric_limits<double>::max(), high = -low;
        for (int step = 0; step < most_steps; ++step) {
            const double odds = elementary::exp(shift);
            std::array<vector, chains> means, variances;
            means.fill(vector(0.0));
            variances.fill(vector(0.0));
            for (std::size_t first = 0; first < padded_; first += lanes)
                for (std::size_t l = 0; l < chains; ++l) {
                    const std::size_t i = first + l * vector::size;
                    const vector in = vector::load(a + i);
                    const vector p = in / multiply_add(vector(odds), vector::load(b + i), in);
                    means[l] = means[l] + p;
                    variances[l] = multiply_add(p, vector(1.0) - p, variances[l]);
                }
            const double mean = total(means), variance = total(variances);
            const double excess = mean - static_cast<double>(k_);
            if (excess * excess <= variance + 1e-4) break;
            (excess > 0 ? low : high) = shift;
            double next = shift + std::clamp(excess / variance, -longest_step, longest_step);
            if (!(next > low && next < high)) next = low + rounded((high - low) / 2);
            shift = next;
        }
        return shift;
    }

    [[nodiscard]] static double total(const std::array<vector, chains>& sums) noexcept {
        double values[lanes];
        for (std::size_t l = 0; l < chains; ++l) sums[l].store(values + l * vector::size);
        return ((values[0] + values[4]) + (values[1] + values[5])) +
               ((values[2] + values[6]) + (values[3] + values[7]));
    }

    std::size_t size_;
    std::size_t k_;
    std::size_t padded_;
    std::unique_ptr<double[]> memory_;  // p, then q
    double center_;
    double shift_ = 0;  // c = center_ + shift_
};

}  // namespace imle::inline IMLE_ABI::detail
