#pragma once

/// @file
/// The number of heads among the first and among the last of n coins.
///
/// Symbols: p_i, q_i = 1 - p_i are the coins' probabilities; elements are counted from 0; F_i[j] = P(j heads
/// among the first i coins) and B_i[j] = P(k - j heads among the coins from i on), so sum_j F_i[j] B_i[j] =
/// P(k heads) for any i. With weights w: G_i[j] and H_i[j] are like F and B, but sum over outcomes the
/// probability times the sum of w over the heads.
///
///     F_{i+1}[j] = q_i F_i[j] + p_i F_i[j-1]        G_{i+1}[j] = q_i G_i[j] + p_i (G_i[j-1] + w_i F_i[j-1])
///     B_i[j] = q_i B_{i+1}[j] + p_i B_{i+1}[j+1]    H_i[j] = q_i H_{i+1}[j] + p_i (H_{i+1}[j+1] +
///                                                            w_i B_{i+1}[j+1])
///
/// F and B involve no subtraction: relative errors are at most a few roundings per coin.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include <imle/core/backports.hpp>
#include <imle/families/detail/family_coins.hpp>
#include <imle/families/detail/family_lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The range of a row's numbers: [low, high), multiples of the block. Outside it they count as 0.
struct family_band {
    std::size_t low;
    std::size_t high;
};

/// F (and G) of all i, computed forwards and then, one segment of i at a time, backwards.
///
/// Memory: if the whole table is larger than a processor's second-level cache, only every sqrt(n)-th row is
/// kept. The rows between are computed again on the way back, which is faster than fetching them from slower
/// memory. Time: O(n min(k, n - k, spread)), where spread is about 40 standard deviations of the number of
/// heads: rows are cut off where a probability is below `negligible`, and where k can no longer be reached.
///
/// Rows are computed in blocks of 4. Each row's band has a block of zeros on both sides; adjacent rows share
/// one.
template <bool Weighted>
class family_subset_table {
  public:
    static constexpr std::size_t block = family_block;
    static constexpr double negligible = 1e-100;

    /// `weights`: w_i for each coin; null unless Weighted. Runs forwards through all coins. The coins must
    /// outlive the table.
    explicit family_subset_table(const family_coins& coins, const double* weights = nullptr)
        : n_(coins.size()),
          k_(coins.k()),
          p_(coins.heads()),
          q_(coins.tails()),
          w_(weights),
          columns_((k_ + 1 + block - 1) / block * block),
          stride_((columns_ + block) * (Weighted ? 2 : 1)),
          length_(segment_length(n_, stride_)),
          segments_((n_ + length_ - 1) / length_),
          bands_(make_unique_for_overwrite<family_band[]>(segments_ + length_ + 1)),
          memory_(make_unique_for_overwrite<double[]>((segments_ + length_ + 3) * stride_ + block)) {
        double* const first = checkpoint(0);
        bands_[0] = {0, block};
        start(first, bands_[0]);
        first[0] = 1;
        for (std::size_t s = 0; s < segments_; ++s) {
            fill(s);
            if (s + 1 < segments_) {
                const std::size_t last = end(s) - begin(s);
                bands_[s + 1] = band(last);
                copy(row(last), bands_[s + 1], checkpoint(s + 1));
            }
        }
        const double* const last = row(n_ - begin(segments_ - 1));
        probability_ = last[k_];
        if constexpr (Weighted) weighted_ = last[second() + k_];
    }

    /// P(k heads).
    [[nodiscard]] double probability() const noexcept { return probability_; }
    /// The sum of w over the heads, times the probability, summed over all outcomes of k heads.
    [[nodiscard]] double weighted() const noexcept { return weighted_; }

    /// Calls f(i, sums) from the last coin to the first. `sums(t)` covers the outcomes of all coins except i
    /// with k - t heads, t = 0 or 1: the sum of their probabilities and, if Weighted, of the probability
    /// times the sum of w over the heads. Call it only once.
    template <class F>
    void backwards(F&& f) {
        double* here = memory_.get() + block + (segments_ + length_ + 1) * stride_;
        double* next = here + stride_;
        family_band bounds{k_ / block * block, k_ / block * block + block};
        start(here, bounds);
        here[k_] = 1;
        for (std::size_t s = segments_; s-- > 0;) {
            refill(s);
            for (std::size_t i = end(s); i-- > begin(s);) {
                const std::size_t at = i - begin(s);
                f(i, [&](std::size_t t) {
                    return t == 0 ? both_sides<false>(row(at), band(at), here, bounds)
                                  : both_sides<true>(row(at), band(at), here, bounds);
                });
                bounds = step_back(here, bounds, next, i);
                std::swap(here, next);
            }
        }
    }

    /// Calls f(first, last, rows) for each segment [first, last) of coins, from the last to the first.
    /// rows(i) is F_i for i in [first, last], at every j from which k heads can be reached. Call it only
    /// once.
    template <class F>
    void segments_backwards(F&& f) {
        for (std::size_t s = segments_; s-- > 0;) {
            refill(s);
            f(begin(s), end(s), [&](std::size_t i) { return static_cast<const double*>(row(i - begin(s))); });
        }
    }

    struct sums {
        double probability = 0;
        double weighted = 0;
    };

  private:
    using vector = family_lanes;
    static constexpr std::size_t chains = block / vector::size;

    /// The largest table that is kept whole, in numbers: 512 KiB.
    static constexpr std::size_t cached_numbers = 65536;

    [[nodiscard]] static std::size_t segment_length(std::size_t n, std::size_t stride) {
        if ((n + 4) * stride <= cached_numbers) return n;
        return static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(n))));
    }

    [[nodiscard]] double* checkpoint(std::size_t s) noexcept { return memory_.get() + block + s * stride_; }
    [[nodiscard]] double* row(std::size_t at) noexcept { return checkpoint(segments_ + at); }
    [[nodiscard]] family_band& band(std::size_t at) noexcept { return bands_[segments_ + at]; }
    [[nodiscard]] std::size_t begin(std::size_t s) const noexcept { return s * length_; }
    [[nodiscard]] std::size_t end(std::size_t s) const noexcept { return std::min(n_, (s + 1) * length_); }
    /// The offset of G from F, and of H from B.
    [[nodiscard]] std::size_t second() const noexcept { return columns_ + block; }

    /// Writes the blocks of zeros before and after [low, high).
    void write_zeros(double* values, family_band at) const noexcept {
        for (std::size_t part = 0; part < (Weighted ? 2u : 1u); ++part) {
            double* const here = values + part * second();
            std::fill_n(here + at.low - block, block, 0.0);
            std::fill_n(here + at.high, block, 0.0);
        }
    }
    /// Writes a row of zeros.
    void start(double* values, family_band at) const noexcept {
        for (std::size_t part = 0; part < (Weighted ? 2u : 1u); ++part)
            std::fill(values + part * second() + at.low, values + part * second() + at.high, 0.0);
        write_zeros(values, at);
    }
    void copy(const double* from, family_band at, double* to) const noexcept {
        for (std::size_t part = 0; part < (Weighted ? 2u : 1u); ++part)
            std::copy(from + part * second() + at.low, from + part * second() + at.high,
                      to + part * second() + at.low);
        write_zeros(to, at);
    }

    /// Computes the rows begin(s) to end(s).
    void fill(std::size_t s) noexcept {
        band(0) = bands_[s];
        copy(checkpoint(s), band(0), row(0));
        for (std::size_t i = begin(s); i < end(s); ++i) {
            const std::size_t at = i - begin(s);
            band(at + 1) = step(row(at), band(at), row(at + 1), i);
        }
    }
    /// Computes the rows of a segment again. The last segment is still there from the forward run.
    void refill(std::size_t s) noexcept {
        if (s + 1 < segments_) fill(s);
    }

    /// Computes F_{i+1} (and G_{i+1}) from F_i (and G_i).
    [[nodiscard]] family_band step(const double* from, family_band at, double* to,
                                   std::size_t i) const noexcept {
        const vector p(p_[i]), q(q_[i]), w(Weighted ? w_[i] : 0.0);
        if (at.high < columns_ && from[at.high - 1] != 0) at.high += block;
        const std::size_t left = n_ - (i + 1);  // the largest number of heads still to come
        if (k_ > left) at.low = std::max(at.low, (k_ - left) / block * block);
        const std::size_t g = second();
        vector f_before = vector::load(from + at.low - vector::size), g_before = f_before;
        if constexpr (Weighted) g_before = vector::load(from + g + at.low - vector::size);
        for (std::size_t j = at.low; j < at.high; j += vector::size) {
            const vector f_here = vector::load(from + j), f_other = one_before(f_before, f_here);
            multiply_add(p, f_other, product(q, f_here)).store(to + j);
            f_before = f_here;
            if constexpr (Weighted) {
                const vector g_here = vector::load(from + g + j), g_other = one_before(g_before, g_here);
                multiply_add(p, multiply_add(w, f_other, g_other), product(q, g_here)).store(to + g + j);
                g_before = g_here;
            }
        }
        return trimmed(to, at);
    }

    /// Computes B_i (and H_i) from B_{i+1} (and H_{i+1}).
    [[nodiscard]] family_band step_back(const double* from, family_band at, double* to,
                                        std::size_t i) const noexcept {
        const vector p(p_[i]), q(q_[i]), w(Weighted ? w_[i] : 0.0);
        if (at.low > 0 && from[at.low] != 0) at.low -= block;
        at.high = std::min(at.high, i / block * block + block);  // at most i heads before
        const std::size_t h = second();
        vector b_here = vector::load(from + at.low), h_here = b_here;
        if constexpr (Weighted) h_here = vector::load(from + h + at.low);
        for (std::size_t j = at.low; j < at.high; j += vector::size) {
            const vector b_after = vector::load(from + j + vector::size),
                         b_other = one_after(b_here, b_after);
            multiply_add(p, b_other, product(q, b_here)).store(to + j);
            b_here = b_after;
            if constexpr (Weighted) {
                const vector h_after = vector::load(from + h + j + vector::size);
                const vector h_other = one_after(h_here, h_after);
                multiply_add(p, multiply_add(w, b_other, h_other), product(q, h_here)).store(to + h + j);
                h_here = h_after;
            }
        }
        return trimmed(to, at);
    }

    /// Cuts off blocks at both ends whose numbers are all negligible. Smaller numbers would eventually be
    /// subnormal, on which processors are slow.
    [[nodiscard]] family_band trimmed(double* values, family_band at) const noexcept {
        const auto negligible_at = [values](std::size_t j) {
            return values[j] < negligible && values[j + 1] < negligible && values[j + 2] < negligible &&
                   values[j + 3] < negligible;
        };
        while (at.high - at.low > block && negligible_at(at.low)) at.low += block;
        while (at.high - at.low > block && negligible_at(at.high - block)) at.high -= block;
        write_zeros(values, at);
        return at;
    }

    /// sum_j F_i[j] B_{i+1}[j + t], where t is 1 if Shifted, else 0. If Weighted, also the sum of G_i[j]
    /// B_{i+1}[j + t] + F_i[j] H_{i+1}[j + t].
    template <bool Shifted>
    [[nodiscard]] sums both_sides(const double* f, family_band f_at, const double* b,
                                  family_band b_at) const noexcept {
        const std::size_t low = std::max(f_at.low, b_at.low >= block ? b_at.low - block : 0);
        const std::size_t high = std::min(f_at.high, b_at.high);
        std::array<vector, chains> probability, weighted;
        probability.fill(vector(0.0));
        weighted.fill(vector(0.0));
        const auto there = [&](const double* row) {
            const vector here = vector::load(row);
            return Shifted ? one_after(here, vector::load(row + vector::size)) : here;
        };
        for (std::size_t j = low; j < high; j += block)
            for (std::size_t l = 0; l < chains; ++l) {
                const std::size_t at = j + l * vector::size;
                const vector f_here = vector::load(f + at), b_there = there(b + at);
                probability[l] = multiply_add(f_here, b_there, probability[l]);
                if constexpr (Weighted)
                    weighted[l] = multiply_add(vector::load(f + second() + at), b_there,
                                               multiply_add(f_here, there(b + second() + at), weighted[l]));
            }
        return {total(probability), Weighted ? total(weighted) : 0.0};
    }

    [[nodiscard]] static double total(const std::array<vector, chains>& sums) noexcept {
        double values[block];
        for (std::size_t l = 0; l < chains; ++l) sums[l].store(values + l * vector::size);
        return (values[0] + values[2]) + (values[1] + values[3]);
    }

    std::size_t n_;
    std::size_t k_;
    const double* p_;
    const double* q_;
    const double* w_;
    std::size_t columns_;  // numbers in a row
    std::size_t stride_;   // from one row to the next: a block of zeros after F and after G
    std::size_t length_;   // coins in a segment
    std::size_t segments_;
    std::unique_ptr<family_band[]> bands_;  // of the checkpoints, then of a segment's rows
    std::unique_ptr<double[]> memory_;      // a block of zeros, checkpoints, a segment's rows, B twice
    double probability_ = 0;
    double weighted_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
