#pragma once

/// @file
/// What the solvers of dependency trees share: how many words may be roots, which words are there, and the
/// scores of all arcs.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/simd/lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// How many words of a sentence may be roots.
enum class roots {
    /// Exactly one.
    single,
    /// One or more.
    any
};

/// The options of trees over the words of a sentence.
struct arborescence_options {
    /// How many words may be roots: exactly one by default.
    imle::roots roots = imle::roots::single;
};

namespace detail {

/// Throws unless the option is one of the above.
inline void require_valid(roots option) {
    if (option != roots::single && option != roots::any)
        throw_invalid("arborescence_options::roots", static_cast<int>(option), "roots::single or roots::any");
}

/// The scores of the arcs between the words that are there, in double, one column for each word: number i of
/// column j is theta(i, j), the score of word j hanging from word i, or of word j as a root if i = j. It is
/// -infinity where the mask forbids. A word is not there if the mask forbids its row and its column.
///
/// The memory is reused.
class dependency_scores {
  public:
    /// Reads theta [n, n]; makes room for `columns(words)` columns, of which the first ones are filled. They
    /// are padded with -infinity to a multiple of `block` numbers. Throws `std::invalid_argument` for other
    /// shapes, more than `most` words and numbers that are not finite where they are allowed.
    template <class ThetaT, class ColumnsT>
    void read(const ThetaT& theta, const solve_context& context, Eigen::Index most, ColumnsT&& columns) {
        const Eigen::Index n = theta.dimension(0);
        if (theta.dimension(1) != n)
            throw_invalid("theta", message("[", n, ", ", theta.dimension(1), "]"),
                          "a square matrix, [words, words]");
        if (n > most)
            throw_invalid("theta", message("[", n, ", ", n, "]"), message("at most ", most, " words"));
        require_numbers(values_of(theta), context.mask);
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        row_step_ = row_major ? n : 1;
        column_step_ = row_major ? 1 : n;
        place_ = integers_.get<int>(static_cast<std::size_t>(n));
        find_words(static_cast<int>(n), context.mask);
        // Room for all words, so that another mask of the same shape allocates nothing.
        most_words_ = static_cast<int>(n);
        scores_ = numbers_.get<double>(static_cast<std::size_t>(columns(most_words_)) *
                                       static_cast<std::size_t>(padded(most_words_)));
        stride_ = padded(words_);
        if (context.mask.empty())
            fill_all<row_major>(theta.data());
        else
            fill(theta.data(), [&](Eigen::Index at) { return context.allows(at); });
    }

    /// Columns have a multiple of this many numbers.
    static constexpr int block = 4;
    /// The score of what is forbidden.
    static constexpr double forbidden = -std::numeric_limits<double>::infinity();

    /// How many words are there; they are numbered in order.
    [[nodiscard]] int words() const noexcept { return words_; }
    /// How many there could be: the n of theta [n, n].
    [[nodiscard]] int most_words() const noexcept { return most_words_; }
    /// The numbers in a column.
    [[nodiscard]] int stride() const noexcept { return stride_; }
    /// A column's numbers.
    [[nodiscard]] double* column(int j) noexcept { return scores_.data() + j * std::ptrdiff_t{stride_}; }
    [[nodiscard]] const double* column(int j) const noexcept {
        return scores_.data() + j * std::ptrdiff_t{stride_};
    }
    /// Where in memory theta and z have the arc from word i to word j.
    [[nodiscard]] Eigen::Index place(int i, int j) const noexcept {
        return place_[static_cast<std::size_t>(i)] * row_step_ +
               place_[static_cast<std::size_t>(j)] * column_step_;
    }

    /// Divides numbers by 2^124 if some are beyond 2^900, so that sums of them are finite.
    void make_room_for_sums() noexcept {
        double largest = 0;
        const auto filled =
            scores_.first(static_cast<std::size_t>(words_) * static_cast<std::size_t>(stride_));
        for (const double score : filled)
            if (score != forbidden) largest = std::max(largest, std::abs(score));
        if (largest > 0x1p900)
            for (double& score : filled) score *= 0x1p-124;
    }

  private:
    [[nodiscard]] static int padded(int words) noexcept { return (words + block - 1) / block * block; }

    void find_words(int n, std::span<const bool> mask) noexcept {
        if (mask.empty()) {
            words_ = n;
            for (int j = 0; j < n; ++j) place_[static_cast<std::size_t>(j)] = j;
            return;
        }
        words_ = 0;
        for (int word = 0; word < n; ++word) {
            bool is_there = false;
            for (int other = 0; other < n; ++other)
                is_there = is_there ||
                           mask[static_cast<std::size_t>(word) * static_cast<std::size_t>(n) +
                                static_cast<std::size_t>(other)] ||
                           mask[static_cast<std::size_t>(other) * static_cast<std::size_t>(n) +
                                static_cast<std::size_t>(word)];
            place_[static_cast<std::size_t>(words_)] = word;
            words_ += is_there ? 1 : 0;
        }
    }

    /// The side of the squares in which numbers become doubles and are transposed; 1 without vectors of them.
    template <class Scalar>
    static constexpr std::size_t side_of_square = [] {
        const std::size_t side = std::min<std::size_t>(block, widest_lanes<double>::size);
        return side * sizeof(Scalar) >= 16 ? side : std::size_t{1};
    }();

    /// The columns of all words.
    template <bool RowMajor, class Scalar>
    void fill_all(const Scalar* theta) noexcept {
        const int n = words_;
        int row = 0;
        if constexpr (!RowMajor) {
            for (int j = 0; j < n; ++j) std::copy_n(theta + j * std::ptrdiff_t{n}, n, column(j));
        } else {
            constexpr std::size_t side = side_of_square<Scalar>;
            if constexpr (side > 1)
                for (; row + int{side} <= n; row += int{side}) {
                    const Scalar* const from = theta + row * std::ptrdiff_t{n};
                    int j = 0;
                    for (; j + int{side} <= n; j += int{side}) {
                        vector_of<double, side> square[side];
                        for (std::size_t i = 0; i < side; ++i)
                            square[i] = convert_vector<Scalar, double, side>(
                                load_vector<Scalar, side>(from + static_cast<std::ptrdiff_t>(i) * n + j));
                        transpose<double, side>(square);
                        for (std::size_t i = 0; i < side; ++i)
                            store_vector<double, side>(square[i], column(j + static_cast<int>(i)) + row);
                    }
                    for (; j < n; ++j)
                        for (int i = 0; i < int{side}; ++i)
                            column(j)[row + i] = static_cast<double>(from[i * std::ptrdiff_t{n} + j]);
                }
            for (; row < n; ++row)
                for (int j = 0; j < n; ++j)
                    column(j)[row] = static_cast<double>(theta[row * std::ptrdiff_t{n} + j]);
        }
        for (int j = 0; j < n; ++j) std::fill(column(j) + n, column(j) + stride_, forbidden);
    }

    template <class Scalar, class AllowedT>
    void fill(const Scalar* theta, const AllowedT& allowed) noexcept {
        for (int j = 0; j < words_; ++j) {
            double* const scores = column(j);
            for (int i = 0; i < words_; ++i) {
                const Eigen::Index at = place(i, j);
                scores[i] = allowed(at) ? static_cast<double>(theta[at]) : forbidden;
            }
            std::fill(scores + words_, scores + stride_, forbidden);
        }
    }

    int words_ = 0;
    int most_words_ = 0;
    int stride_ = 0;
    Eigen::Index row_step_ = 0;
    Eigen::Index column_step_ = 0;
    std::span<int> place_;      // of each word that is there, in theta
    std::span<double> scores_;  // by columns
    basic_scratch<int> integers_;
    basic_scratch<double> numbers_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
