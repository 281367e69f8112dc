#pragma once

/// @file
/// The best projective dependency tree, whose arcs do not cross.
///
/// Eisner, "Three new probabilistic models for dependency parsing" (1996). The words from a head h to an end
/// e are either complete, if none of them can get another dependent outside of them, or an arc, if e hangs
/// from h. All sums of two parts are maxima over the place k where the parts meet, and in one table for each
/// kind, by head and end, both parts are contiguous in k:
///
///     gap(i, j)      = max over i <= k < j of complete(i, k) + complete(j, k + 1)
///     arc(h, e)      = gap(min(h, e), max(h, e)) + theta(h, e)
///     complete(h, e) = max over k from beyond h to e of arc(h, k) + complete(k, e),    complete(h, h) = 0.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <type_traits>

#include <imle/simd/lanes.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/dependency_words.hpp>

namespace imle::inline IMLE_ABI {

/// The options of projective trees.
using projective_tree_options = arborescence_options;

namespace detail {

/// Finds the best projective trees of several sentences at the same time, one in each lane of a register, and
/// of one group of sentences after another in the same memory. A single sentence has the lanes for the sums
/// of two parts instead; the maximum of sums does not depend on their order, so the bits are the same.
template <int Width>
class eisner_chart {
  public:
    /// Fills the tables for the sentences of all lanes. A shorter one's tables are part of the longest one's.
    /// O(words^3).
    void fill(std::span<const dependency_scores, Width> scores) {
        scores_ = scores.data();
        words_ = most_ = 0;
        for (const dependency_scores& each : scores) {
            words_ = std::max(words_, each.words());
            most_ = std::max(most_, each.most_words());
        }
        const auto n = static_cast<std::size_t>(most_);
        complete_ = cells_.template get<cell>(3 * n * n).data();
        by_end_ = complete_ + n * n;
        arc_ = by_end_ + n * n;
        before_ = numbers_.template get<double>(2 * n + 1).data();
        rooted_ = before_ + n + 1;
        first_of_ = integers_.template get<int>(6 * n + 2).data();
        last_root_ = first_of_ + n;
        stack_ = last_root_ + n + 1;
        for (int i = 0; i < words_; ++i) set_complete(i, i, number{});
        for (int length = 1; length < words_; ++length)
            for (int i = 0; i + length < words_; ++i) fill(i, i + length);
    }

    /// Calls mark(i, j) for each arc of the best tree in a lane, and mark(j, j) for its roots. False if there
    /// is no tree of allowed arcs. O(words^2).
    template <class MarkT>
    [[nodiscard]] bool trace(int lane, roots wanted, MarkT&& mark) const {
        const int words = scores_[lane].words();
        if (words == 0) return true;
        if (!(wanted == roots::single ? find_root(lane, words) : find_roots(lane, words))) return false;
        for (int end = words; end > 0; end = first_of_[last_root_[end]]) {
            const int root = last_root_[end];
            mark(root, root);
            trace(lane, root, first_of_[root], mark);
            trace(lane, root, end - 1, mark);
        }
        return true;
    }

  private:
    using L = lanes<double, Width>;
    using number = typename L::number;
    using cell = typename L::number_cell;
    using vector = vector_lanes<double, std::min<std::size_t>(4, widest_lanes<double>::size)>;

    [[nodiscard]] cell* row(cell* table, int i) const noexcept { return table + i * std::ptrdiff_t{most_}; }
    [[nodiscard]] double at(cell* table, int i, int j, int lane) const noexcept {
        return L::get(row(table, i)[j], lane);
    }
    void set_complete(int head, int end, const number& score) noexcept {
        row(complete_, head)[end].lane = row(by_end_, end)[head].lane = score;
    }

    /// The largest a[k] + b[k] for k < count, in each lane; count is at least 1.
    [[nodiscard]] static number largest_sum(const cell* a, const cell* b, int count) noexcept {
        if constexpr (Width == 1) {
            return largest_sum(&a->lane, &b->lane, count);
        } else {
            number most = a[0].lane + b[0].lane;
            for (int k = 1; k < count; ++k) {
                const number sum = a[k].lane + b[k].lane;
                most = sum > most ? sum : most;
            }
            return most;
        }
    }
    [[nodiscard]] static double largest_sum(const double* a, const double* b, int count) noexcept {
        constexpr int width = static_cast<int>(vector::size);
        double best = dependency_scores::forbidden;
        int k = 0;
        if (count >= width) {
            vector most = vector::load(a) + vector::load(b);
            for (k = width; k + width <= count; k += width)
                most = maximum(most, vector::load(a + k) + vector::load(b + k));
            double parts[vector::size];
            most.store(parts);
            for (const double part : parts) best = std::max(best, part);
        }
        for (; k < count; ++k) best = std::max(best, a[k] + b[k]);
        return best;
    }
    /// The first k of that sum in one lane.
    [[nodiscard]] static int first_largest_sum(const cell* a, const cell* b, int count, int lane) noexcept {
        int best = 0;
        double most = L::get(a[0], lane) + L::get(b[0], lane);
        for (int k = 1; k < count; ++k) {
            const double sum = L::get(a[k], lane) + L::get(b[k], lane);
            if (!(sum > most)) continue;
            most = sum;
            best = k;
        }
        return best;
    }

    /// theta(i, j) in each lane.
    [[nodiscard]] number score(int i, int j) const noexcept {
        cell across;
        for (int lane = 0; lane < Width; ++lane)
            L::set(across, lane,
                   j < scores_[lane].words() && i < scores_[lane].words() ? scores_[lane].column(j)[i]
                                                                          : dependency_scores::forbidden);
        return across.lane;
    }

    /// The parts of words i to j > i.
    void fill(int i, int j) noexcept {
        const int length = j - i;
        const number gap = largest_sum(row(complete_, i) + i, row(complete_, j) + i + 1, length);
        row(arc_, i)[j].lane = gap + score(i, j);
        row(arc_, j)[i].lane = gap + score(j, i);
        set_complete(i, j, largest_sum(row(arc_, i) + i + 1, row(by_end_, j) + i + 1, length));
        set_complete(j, i, largest_sum(row(arc_, j) + i, row(by_end_, i) + i, length));
    }

    /// The score of a root's left part, and of the root itself.
    [[nodiscard]] double as_root(int lane, int word, int first) const noexcept {
        return at(complete_, word, first, lane) + scores_[lane].column(word)[word];
    }

    /// One root is above all words.
    [[nodiscard]] bool find_root(int lane, int words) const noexcept {
        double best = dependency_scores::forbidden;
        for (int word = 0; word < words; ++word) {
            const double sum = as_root(lane, word, 0) + at(complete_, word, words - 1, lane);
            if (!(sum > best)) continue;
            best = sum;
            last_root_[words] = word;
            first_of_[word] = 0;
        }
        return best != dependency_scores::forbidden;
    }

    /// Each root is above the words from `first` to `last`: before_[end] is the best sum over the words
    /// before `end`, rooted_[word] over those up to a word that is a root.
    [[nodiscard]] bool find_roots(int lane, int words) const noexcept {
        before_[0] = 0;
        for (int end = 1; end <= words; ++end) {
            const int word = end - 1;
            rooted_[word] = dependency_scores::forbidden;
            first_of_[word] = 0;
            for (int first = 0; first <= word; ++first) {
                const double sum = before_[first] + as_root(lane, word, first);
                if (!(sum > rooted_[word])) continue;
                rooted_[word] = sum;
                first_of_[word] = first;
            }
            before_[end] = dependency_scores::forbidden;
            last_root_[end] = 0;
            for (int root = 0; root < end; ++root) {
                const double sum = rooted_[root] + at(complete_, root, end - 1, lane);
                if (!(sum > before_[end])) continue;
                before_[end] = sum;
                last_root_[end] = root;
            }
        }
        return before_[words] != dependency_scores::forbidden;
    }

    /// The arcs of complete words from a head to an end.
    template <class MarkT>
    void trace(int lane, int head, int end, MarkT& mark) const {
        int* top = stack_;
        const auto push = [&](int from, int to) {
            if (from == to) return;
            *top++ = from;
            *top++ = to;
        };
        push(head, end);
        while (top != stack_) {
            end = *--top;
            head = *--top;
            const int first = std::min(head + 1, end), length = std::abs(end - head);
            const int dependent =
                first + first_largest_sum(row(arc_, head) + first, row(by_end_, end) + first, length, lane);
            mark(head, dependent);
            push(dependent, end);
            const int i = std::min(head, dependent), j = std::max(head, dependent);
            const int meet =
                i + first_largest_sum(row(complete_, i) + i, row(complete_, j) + i + 1, j - i, lane);
            push(i, meet);
            push(j, meet + 1);
        }
    }

    const dependency_scores* scores_ = nullptr;  // of each lane
    int words_ = 0;                              // of the longest sentence
    int most_ = 0;                               // of the longest theta
    // Set by `fill`, into the scratch. Tables have a row for each head.
    cell* complete_ = nullptr;  // [head, end]
    cell* by_end_ = nullptr;    // the same, [end, head]
    cell* arc_ = nullptr;       // [head, end]
    double* before_ = nullptr;  // with several roots: the best sum over the words before a place
    double* rooted_ = nullptr;  // the same over the words up to a root
    int* first_of_ = nullptr;   // of each root, the first word that it is above
    int* last_root_ = nullptr;  // of the words before each place, the last root
    int* stack_ = nullptr;
    basic_scratch<cell> cells_;
    basic_scratch<double> numbers_;
    basic_scratch<int> integers_;
};

}  // namespace detail

/// The MAP state of a distribution over projective dependency trees of n words: those that can be drawn over
/// the sentence without crossing arcs, the root being in front of all words. z [n, n] has one 1 in each
/// column: z(i, j) = 1 if word j hangs from word i, z(j, j) = 1 if word j is a root. theta [n, n] has the
/// scores of these choices, as for `arborescence`, and z the largest sum of them.
///
///     imle::projective_tree parser{imle::projective_tree_options{.roots = imle::roots::any}};
///
/// Exactly one word is a root, unless the options allow any number.
///
/// Eisner's algorithm: O(n^3) time, O(n^2) memory. It computes in double for float too, so that both have the
/// same answer, which is optimal up to the rounding of sums of n doubles. No sum overflows. Ties: the root of
/// lowest index (of several roots the last one, from the end of the sentence on), then, from the root
/// downwards, of each head the outermost dependent of lowest index, and below it the lowest place where the
/// words of the head and those of the dependent meet. Neither the layout nor words that a mask leaves out
/// change the answer.
///
/// A mask forbids arcs and roots. A word whose row and column are forbidden is not there, and z is 0 in both:
/// so sentences of different lengths fit in one batch. If no tree is left: `solve_status::infeasible`.
///
/// Throws `std::invalid_argument` for a theta that is not square, for more than 4096 words and for numbers
/// that are not finite.
class projective_tree {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Throws `std::invalid_argument` for an option that is not one of `roots`.
    explicit projective_tree(const projective_tree_options& options = {}) : options_(options) {
        detail::require_valid(options.roots);
    }

    /// The options.
    [[nodiscard]] const projective_tree_options& options() const noexcept { return options_; }

    /// theta: one instance [n, n]; z: a tensor of its dimensions, which is written in full. z is the best
    /// tree of arcs that the context's mask allows.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        detail::require_dimensions(theta, z);
        read(theta, context, scores_[0]);
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        chart_.fill(std::span<const detail::dependency_scores, 1>(scores_.data(), 1));
        return write(chart_, 0, z.data());
    }

    /// thetas: several instances, in one more, outermost dimension; zs: a tensor of its dimensions. Solves
    /// up to four at the same time, one in each lane of a register, and gives the bits of single solves.
    /// contexts: none, or one for each instance. z is 0 for instances without a tree; the others are solved.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts = {}) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        if (!contexts.empty()) detail::require_contexts(contexts.size(), shape.batch);
        std::fill_n(zs.data(), zs.size(), Scalar(0));
        solve_status status = solve_status::solved;
        const auto note = [&](solve_status one) {
            if (one != solve_status::solved) status = one;
        };
        Eigen::Index b = 0;
        const auto read_one = [&](Eigen::Index instance, detail::dependency_scores& scores) {
            const const_view<Scalar, 2, layout_of<ThetasT>> theta(thetas.data() + instance * shape.n,
                                                                  shape.instance);
            read(theta, contexts.empty() ? solve_context{} : contexts[static_cast<std::size_t>(instance)],
                 scores);
        };
        if constexpr (width > 1)
            for (; shape.instance[0] <= most_words_in_lanes && b + width <= shape.batch; b += width) {
                for (int lane = 0; lane < width; ++lane)
                    read_one(b + lane, scores_[static_cast<std::size_t>(lane)]);
                charts_.fill(std::span<const detail::dependency_scores, width>(scores_));
                for (int lane = 0; lane < width; ++lane)
                    note(write(charts_, lane, zs.data() + (b + lane) * shape.n));
            }
        for (; b < shape.batch; ++b) {
            read_one(b, scores_[0]);
            chart_.fill(std::span<const detail::dependency_scores, 1>(scores_.data(), 1));
            note(write(chart_, 0, zs.data() + b * shape.n));
        }
        return status;
    }

  private:
    // The tables of more or longer sentences side by side do not fit the nearest cache, which costs more than
    // lanes gain.
    static constexpr int width = std::min(4, detail::native_lanes<double>);
    static constexpr Eigen::Index most_words_in_lanes = 64;

    template <class ThetaT>
    static void read(const ThetaT& theta, const solve_context& context, detail::dependency_scores& scores) {
        scores.read(theta, context, max_words, [](int words) { return words; });
        if constexpr (std::is_same_v<scalar_of<ThetaT>, double>) scores.make_room_for_sums();
    }

    /// Writes the tree in a lane to a z that is 0.
    template <class ChartT, class Scalar>
    [[nodiscard]] solve_status write(const ChartT& chart, int lane, Scalar* z) const {
        const auto& scores = scores_[static_cast<std::size_t>(lane)];
        const bool found =
            chart.trace(lane, options_.roots, [&](int head, int word) { z[scores.place(head, word)] = 1; });
        return found ? solve_status::solved : solve_status::infeasible;
    }

    static constexpr Eigen::Index max_words = 4096;  // tables of 512 MiB

    projective_tree_options options_;
    std::array<detail::dependency_scores, width> scores_;  // of each lane
    detail::eisner_chart<1> chart_;
    detail::eisner_chart<width> charts_;
};

}  // namespace imle::inline IMLE_ABI
