#pragma once

/// @file
/// Exact distributions over projective dependency trees: samples, marginals and their gradient.

#include <algorithm>
#include <cstddef>
#include <memory>

#include <imle/families/detail/dependency_family.hpp>
#include <imle/families/detail/projective_chart.hpp>
#include <imle/solvers/projective_tree.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// All projective trees, as `dependency_family` asks for them.
template <class Number>
class all_projective_trees {
  public:
    all_projective_trees(std::size_t words, bool single) : words_(words), chart_(words, single) {}

    static constexpr std::size_t draws_per_word = 2;
    static constexpr bool needs_all_arcs = false;
    [[nodiscard]] static bool fits_in_double(const tree_instance& of) noexcept {
        return projective_fits_in_double(of.spread(), of.words());
    }

    [[nodiscard]] Number& weight(std::size_t i, std::size_t j) noexcept { return chart_.weight(i, j); }
    template <class VisitT>
    void factors(VisitT&& visit) {
        visit(chart_.inside());
    }
    template <class VisitT>
    void arcs(VisitT&& visit) {
        const Number total = chart_.inside();
        chart_.outside([&](std::size_t i, std::size_t j, const Number& mass) { visit(i, j, mass, total); });
    }
    void prepare_draws() {
        static_cast<void>(chart_.inside());
        masses_ = std::make_unique<Number[]>(words_);
        chances_ = std::make_unique<double[]>(words_);
        stack_ = std::make_unique<std::size_t[]>(2 * words_ + 2);
    }
    template <class MarkT>
    void draw(const double* uniform, MarkT&& mark) {
        const auto choose = [&](std::size_t count, auto&& mass) {
            Number total{};
            for (std::size_t k = 0; k < count; ++k) {
                masses_[k] = mass(k);
                total = plus(total, masses_[k]);
            }
            for (std::size_t k = 0; k < count; ++k) chances_[k] = ratio(masses_[k], total);
            return drawn_of(chances_.get(), count, *uniform++);
        };
        chart_.draw(stack_.get(), choose, mark);
    }

  private:
    std::size_t words_;
    projective_chart<Number> chart_;
    std::unique_ptr<Number[]> masses_;
    std::unique_ptr<double[]> chances_;
    std::unique_ptr<std::size_t[]> stack_;
};

}  // namespace detail

/// The exponential family of `projective_tree`: p(z; theta) proportional to exp(<theta, z>) on the projective
/// dependency trees of n words, theta and z [n, n] as for `arborescence_family`. Exactly one word is a root,
/// unless the options allow any number.
///
/// Marginals by the inside-outside algorithm on Eisner's chart, O(n^3), without a subtraction: each has
/// nearly all digits, however small, for theta of any size. All is computed in double. If n times the
/// range of a column's scores is more than 300, numbers have an exponent of their own, and all takes several
/// times as long.
///
/// A draw takes O(n^2), and O(n^3) once for all draws of a theta. Draw `item` uses elements 0 to 2 n - 1 of
/// the sequence of uniform doubles (`uniforms`) of key.fold_in(item), for float too, some of them not at all:
/// two for each arc and root, from the roots downwards.
///
/// Scores more than 2^46 (7e13) below the largest of their column count as that much below it.
///
/// theta is one instance, a tensor or view in either layout, or the numbers of a row-major one. `context` is
/// optional: its mask forbids arcs and roots, and leaves out words, as for `projective_tree`; results are 0
/// there, and theta is ignored. A sentence has the same results, bit for bit, alone and padded. Several
/// threads may use one family at once. Throws `std::invalid_argument` for a theta that is not square or not
/// finite, for a mask that allows no tree, and for more than 4096 words.
class projective_tree_family
    : public detail::dependency_family<detail::all_projective_trees, projective_tree> {
  public:
    /// Throws `std::invalid_argument` for an option that is not one of `roots`.
    explicit projective_tree_family(const projective_tree_options& options = {})
        : dependency_family(options) {}

    /// True if the options are equal.
    friend bool operator==(const projective_tree_family& a, const projective_tree_family& b) noexcept {
        return a.options().roots == b.options().roots;
    }
};

}  // namespace imle::inline IMLE_ABI
