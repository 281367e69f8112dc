#pragma once

/// @file
/// Sums over all dependency trees, by eliminating word after word.
///
/// The matrix-tree theorem (Tutte 1948; Koo et al., "Structured prediction models via the matrix-tree
/// theorem", 2007) says that the sum of the weights of all trees is a determinant. Determinants and inverses
/// subtract, and lose everything where one tree outweighs the others by far. The elimination here only adds,
/// multiplies and divides positive numbers (Grassmann, Taksar and Heyman, "Regenerative analysis and steady
/// state distributions for Markov chains", 1985), so each result has nearly all digits, however small it is.
///
/// Let a walk go from word j to word i with weight w(i, j), and end, from word j, with weight r(j). To
/// eliminate word k is to let the walk skip it, with S(k) the sum of all weights on from k:
///
///     w(i, j) += w(k, j) w(i, k) / S(k),    r(j) += w(k, j) r(k) / S(k),    S(k) = sum_i w(i, k) + r(k).
///
/// The sum over all trees is the product of all S(k). With a single root, the weights r are infinitely small
/// against w: so S(k) is without r(k), except for the word that is eliminated last.
///
/// The weight of all trees in which word j hangs from i is proportional, over i, to w(i, j) g(i), where g(i)
/// is the chance that the walk from i ends before it meets j (with a single root, how much of r it then
/// meets). All words but j are eliminated, and g follows backwards. To do this for all j, half of the words
/// are eliminated for the other half: O(n^3) altogether.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>

#include <imle/core/backports.hpp>
#include <imle/families/detail/family_numbers.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The trees over some words, by weights of one kind of number. Number must not be able to leave its range:
/// see `fits_in_double`.
template <class Number>
class tree_elimination {
  public:
    using number = Number;

    /// words: 1 or more; single: exactly one root. Weights are 0 until they are set; O(words^2 log(words))
    /// memory.
    tree_elimination(std::size_t words, bool single)
        : words_(words),
          single_(single),
          level_size_(words * (words + 1)),
          memory_(std::make_unique<Number[]>((levels() + 2) * level_size_)),
          sums_(std::make_unique<Number[]>(3 * words)),
          steps_(std::make_unique<step[]>(words)) {}

    /// The weight of word j hanging from word i, or being a root if i = j.
    [[nodiscard]] Number& weight(std::size_t i, std::size_t j) noexcept {
        return i == j ? end(weights(), j) : column(weights(), j)[i];
    }

    /// Calls visit(S) for each factor S of the sum over all trees. O(words^3).
    template <class VisitT>
    void factors(VisitT&& visit) {
        start();
        for (std::size_t k = words_; k-- > 1;) {
            eliminate(0, k, 0, k);
            visit(sums_[k]);
        }
        visit(end(level(0), 0));
    }

    /// Calls visit(j, masses, total) for each word j: masses[i] is proportional to the weight of all trees in
    /// which j hangs from i, masses[j] to those in which j is a root; total is their sum. O(words^3).
    template <class VisitT>
    void heads(VisitT&& visit) {
        start();
        descend(0, words_, 0, [&](std::size_t j) {
            const Number* const chance = chances(j);
            Number* const masses = sums_.get() + 2 * words_;
            Number total{};
            for (std::size_t i = 0; i < words_; ++i) {
                masses[i] = i == j ? end(weights(), j) : times(column(weights(), j)[i], chance[i]);
                total = plus(total, masses[i]);
            }
            visit(j, static_cast<const Number*>(masses), total);
        });
    }

    /// Draws a tree, word by word: choose(j, chance) returns the head of word j, or j for a root. The weight
    /// of head i is `weight(i, j)` times chance[i], where chance[j] is 1, or 0 if no second root is allowed.
    /// O(words^3 log(words)).
    template <class ChooseT>
    void draw(std::size_t* heads, ChooseT&& choose) {
        start();
        const bool was_single = single_;
        descend(
            0, words_, 0,
            [&](std::size_t j) {
                Number* const chance = chances(j);
                chance[j] = was_single && !single_ ? Number{} : one_of<Number>();
                heads[j] = choose(j, static_cast<const Number*>(chance));
                if (heads[j] == j && single_) {
                    // From now on a walk ends at this root alone, and surely there.
                    single_ = false;
                    for (std::size_t l = 0; l <= levels(); ++l)
                        std::fill_n(&end(level(l), 0), words_, Number{});
                }
            },
            heads);
        single_ = was_single;
    }

  private:
    /// A word that was eliminated: where its weights are, and to which words.
    struct step {
        std::size_t word, first, last, level;
    };

    [[nodiscard]] std::size_t levels() const noexcept {
        return static_cast<std::size_t>(std::bit_width(words_));
    }
    // Each level has a column of `words` numbers for each word, and then the weights of ending.
    [[nodiscard]] Number* weights() const noexcept { return memory_.get(); }
    [[nodiscard]] Number* level(std::size_t l) const noexcept {
        return memory_.get() + (l + 1) * level_size_;
    }
    [[nodiscard]] Number* column(Number* of, std::size_t j) const noexcept { return of + j * words_; }
    [[nodiscard]] Number& end(Number* of, std::size_t j) const noexcept { return of[words_ * words_ + j]; }

    void start() noexcept {
        eliminated_ = 0;
        std::copy_n(weights(), level_size_, level(0));
    }

    /// Lets walks between words [first, last) of a level skip word k, which is not among them.
    void eliminate(std::size_t first, std::size_t last, std::size_t l, std::size_t k) noexcept {
        Number* const at = level(l);
        const Number* const from = column(at, k);
        Number sum = from[first];
        for (std::size_t i = first + 1; i < last; ++i) sum = plus(sum, from[i]);
        if (!single_) sum = plus(sum, end(at, k));
        sums_[k] = sum;
        for (std::size_t j = first; j < last; ++j) {
            const Number share = over(column(at, j)[k], sum);
            add_multiple(share, from + first, column(at, j) + first, last - first);
            end(at, j) = plus(times(share, end(at, k)), end(at, j));
        }
        steps_[eliminated_++] = {k, first, last, l};
    }

    /// The part of a level between words [first, last).
    void copy_down(std::size_t first, std::size_t last, std::size_t l) noexcept {
        for (std::size_t j = first; j < last; ++j) {
            std::copy_n(column(level(l), j) + first, last - first, column(level(l + 1), j) + first);
            end(level(l + 1), j) = end(level(l), j);
        }
    }

    /// Calls visit(j) for each word of [first, last), all others being eliminated. heads: null, or what
    /// `visit` sets, which words of the second half then follow.
    template <class VisitT>
    void descend(std::size_t first, std::size_t last, std::size_t l, VisitT&& visit,
                 const std::size_t* heads = nullptr) {
        if (last - first == 1) {
            visit(first);
            return;
        }
        const std::size_t middle = first + (last - first) / 2, before = eliminated_;
        copy_down(first, last, l);
        for (std::size_t k = last; k-- > middle;) eliminate(first, k, l + 1, k);
        descend(first, middle, l + 1, visit, heads);
        eliminated_ = before;
        if (heads != nullptr)
            for (std::size_t k = first; k < middle; ++k) follow(k, heads[k], first, last, l);
        copy_down(first, last, l);
        for (std::size_t k = first; k < middle; ++k) eliminate(k + 1, last, l + 1, k);
        descend(middle, last, l + 1, visit, heads);
        eliminated_ = before;
    }

    /// For each word but j, all of them being eliminated: the chance that a walk from it ends before it meets
    /// j.
    [[nodiscard]] Number* chances(std::size_t j) noexcept {
        Number* const chance = sums_.get() + words_;
        chance[j] = Number{};
        for (std::size_t s = eliminated_; s-- > 0;) {
            const auto& [k, first, last, l] = steps_[s];
            const Number on = sum_of_products(column(level(l), k) + first, chance + first, last - first);
            chance[k] = over(plus(on, end(level(l), k)), sums_[k]);
        }
        return chance;
    }

    /// Lets the walk from word k of [first, last) go to its head, and on from there to a word of [first,
    /// last) if the head is eliminated.
    void follow(std::size_t k, std::size_t head, std::size_t first, std::size_t last,
                std::size_t l) noexcept {
        Number* const mass = sums_.get() + words_;
        std::fill_n(mass, words_, Number{});
        Number ending{};
        (head == k ? ending : mass[head]) = one_of<Number>();
        for (std::size_t s = 0; s < eliminated_; ++s) {
            const auto& [word, from, to, at] = steps_[s];
            const Number share = over(mass[word], sums_[word]);
            add_multiple(share, column(level(at), word) + from, mass + from, to - from);
            ending = plus(ending, times(share, end(level(at), word)));
        }
        std::copy_n(mass + first, last - first, column(level(l), k) + first);
        end(level(l), k) = ending;
    }

    std::size_t words_;
    bool single_;
    std::size_t level_size_;
    std::unique_ptr<Number[]> memory_;
    std::unique_ptr<Number[]> sums_;  // S of each word; then room for chances and masses
    std::unique_ptr<step[]> steps_;   // the eliminated words, in order
    std::size_t eliminated_ = 0;
};

/// Whether the eliminations of trees stay within a double's range for logarithms of weights that are at most
/// this far apart in each column.
[[nodiscard]] constexpr bool tree_fits_in_double(double spread) noexcept {
    return spread <= 200;
}

}  // namespace imle::inline IMLE_ABI::detail
