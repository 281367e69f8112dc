#pragma once

/// @file
/// The law of label sequences as a Markov chain that runs backwards.
///
/// Symbols: y_t is the label at position t, a_t(i) the logarithm of the sum of exp(score) over all beginnings
/// that have label i at position t. One pass forwards gives
///
///     a_{t+1}(j) = log sum_i exp(a_t(i) + theta(t, i, j))
///     P(y_t = i | y_{t+1} = j) = exp(a_t(i) + theta(t, i, j) - a_{t+1}(j))
///
/// With the law of the last label these conditional probabilities are the whole law: later labels tell
/// nothing more about y_t. Marginals, samples, entropies and derivatives need sums and products of them only,
/// of which none cancel. The second pass of the textbook, over logarithms of sums over endings, is not
/// needed.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>

#include <Eigen/Core>

#include <imle/core/backports.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/rounded.hpp>
#include <imle/families/detail/family_lanes.hpp>
#include <imle/simd/exponential.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Where an instance's transitions are in memory, and how many of its steps are used.
struct family_chain_shape {
    std::size_t steps;  // of theta
    std::size_t labels;
    bool row_major;
    std::size_t used;  // steps; those after them are padding

    [[nodiscard]] std::size_t place(std::size_t t, std::size_t i, std::size_t j) const noexcept {
        return row_major ? (t * labels + i) * labels + j : t + steps * (i + labels * j);
    }
};

/// A sum that keeps what each addition rounds off.
class compensated_sum {
  public:
    void add(double x) noexcept {
        const double_double sum = exact_sum(high_, x);
        high_ = sum.high;
        low_ += sum.low;
    }
    [[nodiscard]] double value() const noexcept { return (high_ + low_).value(); }

  private:
    portable_double high_ = 0, low_ = 0;
};

/// sum_j x_j y_j over a multiple of `family_block` numbers, in an order that no instruction set changes.
[[nodiscard]] inline double family_dot(const double* x, const double* y, std::size_t n) noexcept {
    using vector = family_lanes;
    constexpr std::size_t chains = family_block / vector::size;
    std::array<vector, chains> sums;
    sums.fill(vector(0.0));
    for (std::size_t j = 0; j < n; j += family_block)
        for (std::size_t c = 0; c < chains; ++c) {
            const std::size_t at = j + c * vector::size;
            sums[c] = multiply_add(vector::load(x + at), vector::load(y + at), sums[c]);
        }
    double values[family_block];
    for (std::size_t c = 0; c < chains; ++c) sums[c].store(values + c * vector::size);
    return (values[0] + values[2]) + (values[1] + values[3]);
}

/// The chain of one instance. Rows of numbers for each label are padded to whole blocks.
class family_chain {
  public:
    /// What is computed besides the conditional probabilities.
    enum class extras { none, entropies, logarithms };

    /// theta: finite where `mask` allows. Throws `std::invalid_argument` if no sequence is allowed.
    /// O(steps * labels^2) time and memory.
    template <class Scalar>
    family_chain(const family_chain_shape& shape, const Scalar* theta, std::span<const bool> mask,
                 extras extra = extras::none)
        : shape_(shape),
          row_((shape.labels + family_block - 1) / family_block * family_block),
          table_(make_unique_for_overwrite<double[]>(shape.used * shape.labels * row_)),
          last_(make_unique_for_overwrite<double[]>(row_)) {
        if (extra == extras::entropies) locals_ = make_unique_for_overwrite<double[]>(shape.used * row_);
        if (extra == extras::logarithms) {
            locals_ = make_unique_for_overwrite<double[]>((shape.used + 1) * row_);
            logarithms_ = make_unique_for_overwrite<double[]>(shape.used * shape.labels * row_);
        }
        const auto memory = make_unique_for_overwrite<double[]>(2 * row_);
        double* score = memory.get();  // a_t, less its largest number
        double* next = score + row_;
        std::fill_n(score, row_, 0.0);
        compensated_sum total;
        for (std::size_t t = 0; t < shape.used; ++t) {
            total.add(load(t, theta, mask));
            advance(t, score, next, extra);
            const double largest = *std::max_element(next, next + shape.labels);
            if (largest == worst) throw_infeasible();
            for (std::size_t j = 0; j < row_; ++j) {
                const bool open = j < shape.labels && next[j] > worst;
                next[j] = open ? std::max(next[j] - largest, furthest) : worst;
            }
            total.add(largest);
            std::swap(score, next);
        }
        // The law of the last label.
        double sum = 0;
        for (std::size_t j = 0; j < shape.labels; ++j) sum += last_[j] = elementary::exp(score[j]);
        for (std::size_t j = 0; j < shape.labels; ++j) last_[j] /= sum;
        std::fill(last_.get() + shape.labels, last_.get() + row_, 0.0);
        const double log_sum = elementary::log(sum);
        if (extra == extras::logarithms)
            for (std::size_t j = 0; j < row_; ++j) locals_[shape.used * row_ + j] = score[j] - log_sum;
        if (extra == extras::entropies) {
            last_entropy_ = log_sum;
            for (std::size_t j = 0; j < shape.labels; ++j)
                if (last_[j] > 0) last_entropy_ -= rounded(last_[j] * score[j]);
        }
        // (Where all of theta is padding there is one z, whatever the label.)
        if (shape.used > 0) total.add(log_sum);
        log_partition_ = total.value();
    }

    [[noreturn]] static void throw_infeasible() {
        throw_invalid("context.mask", "such that it forbids every sequence of labels",
                      "at least one that it allows");
    }

    [[nodiscard]] const family_chain_shape& shape() const noexcept { return shape_; }
    /// The size of a row: the number of labels, padded.
    [[nodiscard]] std::size_t row_size() const noexcept { return row_; }
    /// log sum exp(<theta, z>).
    [[nodiscard]] double log_partition() const noexcept { return log_partition_; }
    /// P(y_used = j); 0 in the padding.
    [[nodiscard]] const double* last() const noexcept { return last_.get(); }
    /// P(y_t = i | y_{t+1} = j) for all j; any numbers in the padding.
    [[nodiscard]] const double* before(std::size_t t, std::size_t i) const noexcept {
        return table_.get() + (t * shape_.labels + i) * row_;
    }

    /// Calls f(t, i, mu) from the last step to the first, where mu[j] = P(y_t = i, y_{t+1} = j), 0 in the
    /// padding. `position(t)`: memory for the law of y_t, a row; that of the last position is written first.
    template <class PositionT, class F>
    void for_each_row(PositionT&& position, F&& f) const {
        using vector = family_lanes;
        std::copy_n(last(), row_, position(shape_.used));
        const auto mu = make_unique_for_overwrite<double[]>(row_);
        for (std::size_t t = shape_.used; t-- > 0;) {
            const double* const after = position(t + 1);
            double* const here = position(t);
            for (std::size_t i = 0; i < shape_.labels; ++i) {
                const double* const chance = before(t, i);
                for (std::size_t j = 0; j < row_; j += vector::size)
                    product(vector::load(after + j), vector::load(chance + j)).store(mu.get() + j);
                f(t, i, static_cast<const double*>(mu.get()));
                here[i] = family_dot(after, chance, row_);
            }
            std::fill(here + shape_.labels, here + row_, 0.0);
        }
    }
    /// The same where nobody needs the laws of single positions.
    template <class F>
    void for_each_row(F&& f) const {
        const auto memory = make_unique_for_overwrite<double[]>(2 * row_);
        for_each_row([&](std::size_t t) { return memory.get() + t % 2 * row_; }, f);
    }

    /// The entropy: that of the last label, and on average over it those of the labels before. No term is
    /// negative. For extras::entropies.
    [[nodiscard]] double entropy() const {
        if (shape_.used == 0) return 0;
        double sum = last_entropy_;
        const auto memory = make_unique_for_overwrite<double[]>(2 * row_);
        const auto position = [&](std::size_t t) { return memory.get() + t % 2 * row_; };
        for_each_row(position, [&](std::size_t t, std::size_t i, const double*) {
            if (i == 0) sum += family_dot(position(t + 1), locals_.get() + t * row_, row_);
        });
        return sum;
    }

    /// The Kullback-Leibler divergence from `other`, a chain of the same shape and mask: that of the last
    /// label's laws, and on average over it those of the labels before. Both with extras::logarithms.
    [[nodiscard]] double divergence(const family_chain& other) const {
        if (shape_.used == 0) return 0;
        double sum = 0;
        const auto add = [&](double p, double log_p, double log_other) {
            if (p > 0) sum += rounded(p * (log_p - log_other));
        };
        const std::size_t end = shape_.used * row_;
        for (std::size_t j = 0; j < shape_.labels; ++j)
            add(last_[j], locals_[end + j], other.locals_[end + j]);
        for_each_row([&](std::size_t t, std::size_t i, const double* mu) {
            const std::size_t at = (t * shape_.labels + i) * row_;
            for (std::size_t j = 0; j < shape_.labels; ++j)
                add(mu[j], logarithms_[at + j] - locals_[t * row_ + j],
                    other.logarithms_[at + j] - other.locals_[t * row_ + j]);
        });
        return std::max(sum, 0.0);
    }

  private:
    using vector = family_lanes;
    static constexpr double worst = -std::numeric_limits<double>::infinity();
    /// Differences of scores beyond this one count as equal to it, so that no sum overflows.
    static constexpr double furthest = -0x1p1000;

    /// Writes the scores of a step to the table, less the largest one, which is returned.
    template <class Scalar>
    [[nodiscard]] double load(std::size_t t, const Scalar* theta, std::span<const bool> mask) {
        const std::size_t labels = shape_.labels;
        double* const to = table_.get() + t * labels * row_;
        for (std::size_t i = 0; i < labels; ++i) {
            for (std::size_t j = 0; j < labels; ++j) {
                const std::size_t at = shape_.place(t, i, j);
                to[i * row_ + j] = mask.empty() || mask[at] ? static_cast<double>(theta[at]) : worst;
            }
            std::fill(to + i * row_ + labels, to + (i + 1) * row_, worst);
        }
        vector above(worst);
        for (std::size_t at = 0; at < labels * row_; at += vector::size)
            above = maximum(above, vector::load(to + at));
        double each[vector::size];
        above.store(each);
        const double largest = *std::max_element(each, each + vector::size);
        if (largest == worst) throw_infeasible();
        const vector most(largest), bound(furthest), closed(worst);
        for (std::size_t at = 0; at < labels * row_; at += vector::size) {
            const vector score = vector::load(to + at);
            select(less(closed, score), maximum(score - most, bound), closed).store(to + at);
        }
        return largest;
    }

    /// a_{t+1} from a_t, and the step's conditional probabilities in the place of its scores.
    void advance(std::size_t t, const double* score, double* next, extras extra) {
        const std::size_t labels = shape_.labels;
        double* const table = table_.get() + t * labels * row_;
        for (std::size_t j = 0; j < row_; j += vector::size) {
            vector most(worst);
            for (std::size_t i = 0; i < labels; ++i)
                most = maximum(most, vector(score[i]) + vector::load(table + i * row_ + j));
            const auto reachable = less(vector(worst), most);
            const vector base = select(reachable, most, vector(0.0));
            vector sum(0.0), mean(0.0);
            for (std::size_t i = 0; i < labels; ++i) {
                double* const here = table + i * row_ + j;
                const vector below = (vector(score[i]) + vector::load(here)) - base;
                const vector weight = exp_of(below);
                weight.store(here);
                sum = sum + weight;
                if (extra == extras::entropies)  // where a weight is 0 its logarithm does not matter
                    mean = multiply_add(weight, maximum(below, vector(-2000.0)), mean);
                if (extra == extras::logarithms) below.store(logarithms_.get() + (t * labels + i) * row_ + j);
            }
            const vector total = select(reachable, sum, vector(1.0));
            for (std::size_t i = 0; i < labels; ++i) {
                double* const here = table + i * row_ + j;
                (vector::load(here) / total).store(here);
            }
            double sums[vector::size], logs[vector::size];
            total.store(sums);
            for (std::size_t lane = 0; lane < vector::size; ++lane) logs[lane] = elementary::log(sums[lane]);
            const vector log_total = vector::load(logs);
            (most + log_total).store(next + j);
            if (extra == extras::entropies) (log_total - mean / total).store(locals_.get() + t * row_ + j);
            if (extra == extras::logarithms) log_total.store(locals_.get() + t * row_ + j);
        }
    }

    family_chain_shape shape_;
    std::size_t row_;
    std::unique_ptr<double[]> table_;       // [step][label before][label]
    std::unique_ptr<double[]> last_;        // of the last position
    std::unique_ptr<double[]> locals_;      // [step][label]: entropies, or logarithms of sums of weights
    std::unique_ptr<double[]> logarithms_;  // [step][label before][label]: of the weights
    double log_partition_ = 0;
    double last_entropy_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
