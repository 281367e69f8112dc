#pragma once

/// @file
/// The law of alignments as a Markov chain that runs backwards, from the last cell to the first.
///
/// With a(i, j) the logarithm of the sum of exp(score) over all paths to cell (i, j), and c the three sums
/// a(i - 1, j - 1), a(i - 1, j) + gap and a(i, j - 1) + gap, one pass forwards gives
///
///     a(i, j) = theta(i, j) + log sum_k exp(c_k)
///     P(move k leads to (i, j) | (i, j) is on the path) = exp(c_k) / sum_k exp(c_k)
///
/// These conditional probabilities are the whole law. Marginals, samples, entropies and derivatives need sums
/// and products of them only. Each a is a sum of two doubles: sums of large scores keep the differences of
/// small ones.

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
#include <imle/solvers/alignment.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The three moves into a cell, in the order of `alignment`'s ties, and where they come from.
struct alignment_move {
    Eigen::Index up, left;
};
inline constexpr std::array<alignment_move, 3> alignment_moves{{{1, 1}, {1, 0}, {0, 1}}};

/// The law of one instance: over the rectangle of cells that are no padding, in row-major order.
class family_alignment {
  public:
    /// What is computed besides the probabilities of moves: logarithms, of which entropies are made too.
    enum class extras { none, logarithms, entropies = logarithms };

    /// theta: finite where `mask` allows. Throws `std::invalid_argument` if no path is allowed. O(rows *
    /// columns) time and memory.
    template <class Scalar>
    family_alignment(const alignment_shape& shape, const Scalar* theta, std::span<const bool> mask,
                     double gap_score, extras extra = extras::none)
        : shape_(shape), columns_(shape.last_column + 1), size_((shape.last_row + 1) * columns_) {
        if (size_ == 0) throw_infeasible();
        const auto cells = static_cast<std::size_t>(size_);
        moves_ = make_unique_for_overwrite<moves[]>(cells);
        if (extra == extras::logarithms) logarithms_ = make_unique_for_overwrite<moves[]>(cells);
        const auto sums = make_unique_for_overwrite<sum[]>(cells);
        const portable_double gap = bounded(gap_score);
        for (Eigen::Index i = 0; i <= shape.last_row; ++i)
            for (Eigen::Index j = 0; j < columns_; ++j) {
                const Eigen::Index at = i * columns_ + j;
                const auto place = static_cast<std::size_t>(shape.place(i, j));
                sum& here = sums[static_cast<std::size_t>(at)];
                moves& chances = moves_[static_cast<std::size_t>(at)];
                chances = {0, 0, 0};
                if (logarithms_) logarithms_[static_cast<std::size_t>(at)] = {0, 0, 0};
                here = {worst, 0};
                if (!mask.empty() && !mask[place]) continue;
                const portable_double score = bounded(static_cast<double>(theta[place]));
                if (at == 0) {
                    here = {score, 0};
                    continue;
                }
                std::array<sum, 3> ways;
                std::size_t best = 3;
                for (std::size_t k = 0; k < 3; ++k) {
                    const Eigen::Index from_row = i - alignment_moves[k].up,
                                       from_column = j - alignment_moves[k].left;
                    ways[k] = {worst, 0};
                    if (from_row < 0 || from_column < 0) continue;
                    ways[k] = sums[static_cast<std::size_t>(from_row * columns_ + from_column)];
                    if (ways[k].high == worst) continue;
                    if (k > 0) ways[k] = ways[k].plus(gap);
                    if (best == 3 || ways[k].above(ways[best]) > 0) best = k;
                }
                if (best == 3) continue;
                moves below{};
                double total = 0;
                for (std::size_t k = 0; k < 3; ++k) {
                    below[k] = ways[k].high == worst ? worst : ways[k].above(ways[best]).value();
                    total += chances[k] = elementary::exp(below[k]);
                }
                const double log_total = elementary::log(total);
                for (std::size_t k = 0; k < 3; ++k) {
                    chances[k] /= total;
                    if (logarithms_) logarithms_[static_cast<std::size_t>(at)][k] = below[k] - log_total;
                }
                here = ways[best].plus(score).plus(log_total);
            }
        const sum& end = sums[cells - 1];
        if (end.high == worst) throw_infeasible();
        log_partition_ = (end.high + end.low).value();
    }

    [[noreturn]] static void throw_infeasible() {
        throw_invalid("context.mask", "such that it forbids every path", "at least one that it allows");
    }

    /// Three numbers, one for each move.
    using moves = std::array<double, 3>;

    [[nodiscard]] const alignment_shape& shape() const noexcept { return shape_; }
    [[nodiscard]] Eigen::Index columns() const noexcept { return columns_; }
    [[nodiscard]] Eigen::Index size() const noexcept { return size_; }
    /// log sum exp(score) over all paths.
    [[nodiscard]] double log_partition() const noexcept { return log_partition_; }
    /// The probabilities of the moves into cell (i, j), if it is on the path.
    [[nodiscard]] const moves& chances(Eigen::Index i, Eigen::Index j) const noexcept {
        return moves_[static_cast<std::size_t>(i * columns_ + j)];
    }
    /// Calls f(k, from) for each move k into cell (i, j) that has a positive probability; `from` is the cell
    /// that it comes from.
    template <class F>
    void for_each_move(Eigen::Index i, Eigen::Index j, F&& f) const {
        const moves& chance = chances(i, j);
        for (std::size_t k = 0; k < 3; ++k)
            if (chance[k] > 0) f(k, (i - alignment_moves[k].up) * columns_ + (j - alignment_moves[k].left));
    }
    /// Calls f(i, j, at) for each cell, from the last to the first.
    template <class F>
    void for_each_back(F&& f) const {
        for (Eigen::Index i = shape_.last_row; i >= 0; --i)
            for (Eigen::Index j = columns_ - 1; j >= 0; --j) f(i, j, i * columns_ + j);
    }

    /// P(z_at = 1) of all cells.
    [[nodiscard]] std::unique_ptr<double[]> marginals() const {
        auto on_path = make_unique_for_overwrite<double[]>(static_cast<std::size_t>(size_));
        std::fill_n(on_path.get(), size_, 0.0);
        on_path[static_cast<std::size_t>(size_ - 1)] = 1;
        for_each_back([&](Eigen::Index i, Eigen::Index j, Eigen::Index at) {
            for_each_move(i, j, [&](std::size_t k, Eigen::Index from) {
                on_path[static_cast<std::size_t>(from)] +=
                    rounded(on_path[static_cast<std::size_t>(at)] * chances(i, j)[k]);
            });
        });
        for (Eigen::Index at = 0; at < size_; ++at)
            on_path[static_cast<std::size_t>(at)] = std::min(on_path[static_cast<std::size_t>(at)], 1.0);
        return on_path;
    }

    /// The mean over paths of the sum of f(at, k) over their moves. With extras::logarithms.
    template <class F>
    [[nodiscard]] double mean_of_moves(F&& f) const {
        const auto on_path = marginals();
        double sum = 0;
        for_each_back([&](Eigen::Index i, Eigen::Index j, Eigen::Index at) {
            for_each_move(i, j, [&](std::size_t k, Eigen::Index) {
                sum += rounded(on_path[static_cast<std::size_t>(at)] *
                               rounded(chances(i, j)[k] * f(static_cast<std::size_t>(at), k)));
            });
        });
        return std::max(sum, 0.0);
    }
    /// The entropy: on average over paths, that of each move. No term is negative.
    [[nodiscard]] double entropy() const {
        return mean_of_moves([&](std::size_t at, std::size_t k) { return -logarithms_[at][k]; });
    }
    /// The Kullback-Leibler divergence from `other`, of the same shape and mask.
    [[nodiscard]] double divergence(const family_alignment& other) const {
        return mean_of_moves(
            [&](std::size_t at, std::size_t k) { return logarithms_[at][k] - other.logarithms_[at][k]; });
    }

  private:
    static constexpr double worst = -std::numeric_limits<double>::infinity();

    /// Scores beyond 2^990 count as that, so that no sum overflows.
    [[nodiscard]] static double bounded(double score) noexcept {
        return std::clamp(score, -0x1p990, 0x1p990);
    }

    /// high + low.
    struct sum {
        portable_double high, low;

        [[nodiscard]] sum plus(portable_double x) const noexcept {
            const double_double whole = exact_sum(high, x);
            return {whole.high, low + whole.low};
        }
        /// By how much it is larger than another.
        [[nodiscard]] portable_double above(const sum& other) const noexcept {
            return (high - other.high) + (low - other.low);
        }
    };

    alignment_shape shape_;
    Eigen::Index columns_;
    Eigen::Index size_;
    std::unique_ptr<moves[]> moves_;
    std::unique_ptr<moves[]> logarithms_;  // of the probabilities of moves
    double log_partition_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
