#pragma once

/// @file
/// Exact distributions over dependency trees: samples, marginals and their gradient.

#include <cstddef>
#include <memory>

#include <imle/families/detail/dependency_family.hpp>
#include <imle/families/detail/tree_elimination.hpp>
#include <imle/solvers/arborescence.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// All dependency trees, as `dependency_family` asks for them.
template <class Number>
class all_trees {
  public:
    all_trees(std::size_t words, bool single)
        : words_(words), trees_(words, single), masses_(std::make_unique<Number[]>(words)) {}

    static constexpr std::size_t draws_per_word = 1;
    static constexpr bool needs_all_arcs = true;
    [[nodiscard]] static bool fits_in_double(const tree_instance& of) noexcept {
        // (Without a direct arc, a walk may have to take a rare step from each word.)
        const double steps = of.is_sparse() ? static_cast<double>(of.words()) : 1;
        return tree_fits_in_double(steps * of.spread());
    }

    [[nodiscard]] Number& weight(std::size_t i, std::size_t j) noexcept { return trees_.weight(i, j); }
    template <class VisitT>
    void factors(VisitT&& visit) {
        trees_.factors(visit);
    }
    template <class VisitT>
    void arcs(VisitT&& visit) {
        trees_.heads([&](std::size_t j, const Number* masses, const Number& total) {
            for (std::size_t i = 0; i < words_; ++i) visit(i, j, masses[i], total);
        });
    }
    void prepare_draws() {
        chances_ = std::make_unique<double[]>(words_);
        heads_ = std::make_unique<std::size_t[]>(words_);
    }
    template <class MarkT>
    void draw(const double* uniform, MarkT&& mark) {
        trees_.draw(heads_.get(), [&](std::size_t j, const Number* chance) {
            Number total{};
            for (std::size_t i = 0; i < words_; ++i) {
                masses_[i] = times(weight(i, j), chance[i]);
                total = plus(total, masses_[i]);
            }
            for (std::size_t i = 0; i < words_; ++i) chances_[i] = ratio(masses_[i], total);
            const std::size_t head = drawn_of(chances_.get(), words_, uniform[j]);
            mark(head, j);
            return head;
        });
    }

  private:
    std::size_t words_;
    tree_elimination<Number> trees_;
    std::unique_ptr<Number[]> masses_;
    std::unique_ptr<double[]> chances_;
    std::unique_ptr<std::size_t[]> heads_;
};

}  // namespace detail

/// The exponential family of `arborescence`: p(z; theta) proportional to exp(<theta, z>) on the dependency
/// trees of n words, theta and z [n, n]: (i, j) is word j hanging from word i, (j, j) is word j being a root.
/// Exactly one word is a root, unless the options allow any number.
///
/// Marginals by the matrix-tree theorem (Koo, Globerson, Carreras and Collins, "Structured prediction models
/// via the matrix-tree theorem", 2007; a single root as there), but without a determinant or an inverse:
/// words are eliminated one after another by sums and products of positive numbers. So each marginal has
/// nearly all digits, however small, for theta of any size. All is computed in double. If scores in a
/// column are more than 200 apart, numbers have an exponent of their own, and all takes several times as
/// long.
///
/// A draw takes O(n^3 log n), whatever theta is: heads are drawn in the order of words, each given the ones
/// before. Word j of draw `item` uses element j of the sequence of uniform doubles (`uniforms`) of
/// key.fold_in(item), for float too. All else takes O(n^3).
///
/// Scores more than 2^46 (7e13) below the largest of their column count as that much below it.
///
/// theta is one instance, a tensor or view in either layout, or the numbers of a row-major one. `context` is
/// optional: its mask forbids arcs and roots, and leaves out words, as for `arborescence`; results are 0
/// there, and theta is ignored. A sentence has the same results, bit for bit, alone and padded. Several
/// threads may use one family at once. Throws `std::invalid_argument` for a theta that is not square or not
/// finite, for a mask that allows no tree, and for more than 4096 words.
class arborescence_family : public detail::dependency_family<detail::all_trees, arborescence> {
  public:
    /// Throws `std::invalid_argument` for an option that is not one of `roots`.
    explicit arborescence_family(const arborescence_options& options = {}) : dependency_family(options) {}

    /// True if the options are equal.
    friend bool operator==(const arborescence_family& a, const arborescence_family& b) noexcept {
        return a.options().roots == b.options().roots;
    }
};

}  // namespace imle::inline IMLE_ABI
