#pragma once

/// @file
/// Draws from any fixed one-dimensional law, each at the cost of a table look-up and a short polynomial.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <imle/core/shared_object.hpp>
#include <imle/quantile/cdf_source.hpp>
#include <imle/quantile/quantile_polynomials.hpp>
#include <imle/quantile/quantile_source.hpp>
#include <imle/random/detail/table_lookup.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/reaching_words.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class LawT>
concept TabulatedLaw = HasQuantile<LawT> || HasDensity<LawT> || QuantileSource<LawT>;

/// The law of `location + scale * X` as a function of random words: element i of a sequence is drawn from
/// word i (of as many bits as Scalar has) and from nothing else.
template <class Scalar>
struct law_of_words {
    table_draws<Scalar> draws;
    const reaching_words<Scalar>& reaching;  // X
    double location, scale;
};

/// Whether a noise draws all its numbers by `by_words`. True for exact types alone: a class that derives from
/// such a noise may have a `fill` of its own.
template <class NoiseT>
inline constexpr bool draws_by_words = false;

}  // namespace detail

/// The quantile function of one law as piecewise polynomials, ready to draw from.
///
/// A random word is a point u of (0, 1). Its lowest bit chooses a tail; the other bits are the probability p
/// < 1/2 of that tail. Each binade of p is divided into 16 (float) or 8 (double) intervals, so that both
/// tails keep their relative accuracy to the last bit of the word. The bits of p contain the index of the
/// interval, and one load brings its coefficients.
///
/// - float: one word, u in steps of 2^-32, cubics, 16 KiB. |F(x) - u| < 2e-7, and < 1e-3 of the tail's
///   probability down to 2^-31.
/// - double: two words, 53 bits, polynomials of degree 7, 53 KiB. |F(x) - u| < 1e-12, relative to the tail.
///
/// Both bounds hold up to the rounding of the output to its type, and of the median to that type. A law that
/// comes close to its lower bound, or close to 0 without passing it, is as fine there as the type allows. If
/// the lower end is singular, the quantile function is like a high power of u there (gamma with a small
/// shape). The table can then hold the logarithm of the distance to that end. The constructor finds the
/// better of the two forms by trying.
///
/// The bounds assume a quantile function that is smooth between the knots, as it is for a density without
/// corners. `interpolation_error` returns the measured error. The constructor refuses a law that would miss
/// the bound of the tails anywhere, such as one with a gap in the middle.
///
/// A law is any object of one of two kinds. All its functions are const and in double:
///
/// - `quantile(u)` for 0 < u < 1, and optionally `lower_bound()` and `survival_quantile(p)`, the quantile of
///   1 - p without the loss of 1 - p for small p. Without the latter, a double's upper tail is only as fine
///   as 2^-53.
/// - `cdf(x)` = P(X <= x) and its derivative `pdf(x)`, and optionally `lower_bound()`, `upper_bound()` and
///   `survival(x)` = P(X > x), accurate where it is small. Without `survival`, the upper tail is only as fine
///   as 1 - cdf(x): the bounds above still hold, except the one relative to the tail in double. x may be any
///   finite number between the bounds. A law must have `lower_bound()` if its density near that bound is
///   infinite or a power of the distance, and it must have a bound at every end beyond which its functions
///   make no sense. A law of both kinds is used as the first kind.
///
/// Copies share one table, which never changes. Copying is cheap, and any number of threads may draw.
template <detail::FloatOrDouble Scalar>
class quantile_table {
  public:
    /// Makes the table. Calls `law.quantile` about 4,000 (float) or 7,000 (double) times, twice as often if
    /// the logarithm is tried too. Calls `law.cdf` and `law.pdf` three times as often, and more if they are
    /// too coarse to be inverted to the last digit. Throws `std::invalid_argument` if the law's quantiles are
    /// not finite, do not increase or are too rough for a table, or if its functions are not a distribution
    /// function and density.
    template <detail::TabulatedLaw LawT>
    explicit quantile_table(const LawT& law) {
        if constexpr (detail::QuantileSource<LawT>)
            polynomials_ = detail::make_shared_object<const polynomials>(law);
        else if constexpr (detail::HasQuantile<LawT>)
            polynomials_ = detail::make_shared_object<const polynomials>(detail::law_source<LawT>(law));
        else
            polynomials_ = detail::make_shared_object<const polynomials>(detail::cdf_source<LawT>(law));
        reaching_ = detail::make_shared_object<const detail::reaching_words<Scalar>>(
            polynomials_->coefficients(), polynomials_->logarithmic(), polynomials_->location(),
            polynomials_->scale());
    }

    /// Element i of `out` is element `first + i` of the key's sequence of draws of `location + scale * X`.
    /// Random access: filling in any pieces, in any order, gives the same bits. O(out.size()).
    void fill(const random_key& key, std::uint64_t first, std::span<Scalar> out, double location = 0,
              double scale = 1) const noexcept {
        constexpr std::size_t group_size = detail::group_places<Scalar>::count;
        if (out.empty()) return;
        detail::drawn_groups<Scalar> draws(draws_of(location, scale), key,
                                           (first + (out.size() - 1)) / group_size);
        const auto skip = static_cast<std::size_t>(first % group_size);
        if (skip + out.size() < group_size) {
            // Of a small request, only the vectors that are needed.
            alignas(64) Scalar numbers[group_size];
            draws.draw_part(first / group_size, skip, skip + out.size(), numbers);
            detail::copy_by_halves<group_size / 2>(numbers + skip, out.size(), out.data());
            return;
        }
        detail::fill_in_groups<group_size>(first, out, draws);
    }

    /// Writes the quantiles of `location + scale * X` for words of B = 32 (float) or 64 (double) bits: out[i]
    /// is the quantile at u = (words[i] + 1/2) / 2^B, of which a float uses all bits and a double 53. Equal
    /// words give equal bits, wherever they are. `words` and `out` have one size. O(out.size()).
    void fill_quantiles(std::span<const word_of<Scalar>> words, std::span<Scalar> out, double location = 0,
                        double scale = 1) const noexcept {
        using ordered = detail::ordered_words<word_of<Scalar>>;
        const detail::table_draws<Scalar> draws = draws_of(location, scale);
        constexpr std::size_t group = detail::group_places<Scalar>::count;
        std::size_t i = 0;
        for (; out.size() - i >= group; i += group) draws.draw(ordered{words.data() + i}, out.data() + i);
        if (i == out.size()) return;
        alignas(64) word_of<Scalar> last[group] = {};
        alignas(64) Scalar numbers[group];
        std::copy_n(words.data() + i, out.size() - i, last);
        draws.draw(ordered{last}, numbers);
        std::copy_n(numbers, out.size() - i, out.data() + i);
    }

    /// `fill` for a caller who draws the words, and wants the numbers of some of them. Valid as long as the
    /// table.
    [[nodiscard]] detail::law_of_words<Scalar> by_words(double location = 0,
                                                        double scale = 1) const noexcept {
        return {draws_of(location, scale), *reaching_, location, scale};
    }

    /// The draw for one word (float).
    [[nodiscard]] Scalar operator()(std::uint32_t word) const noexcept requires std::same_as<Scalar, float> {
        return draw(word);
    }
    /// The draw for two words (double).
    [[nodiscard]] Scalar operator()(std::uint32_t low,
                                    std::uint32_t high) const noexcept requires std::same_as<Scalar, double> {
        return draw(static_cast<typename layout::word>((std::uint64_t{high} << 32) | low));
    }

    /// The largest error of the polynomials that was seen while they were made, relative to the tail's
    /// probability: |F(x) - u| / min(u, 1 - u). The rounding of the output adds to it.
    [[nodiscard]] double interpolation_error() const noexcept { return polynomials_->interpolation_error(); }
    /// True if the table holds the logarithm of the distance to the law's lower bound.
    [[nodiscard]] bool logarithmic() const noexcept { return polynomials_->logarithmic(); }

  private:
    using layout = detail::table_layout<Scalar>;
    using polynomials = detail::quantile_polynomials<Scalar, layout>;

    /// Maps the table's values to values of `location + scale * X`.
    [[nodiscard]] detail::affine<Scalar> map(double location, double scale) const noexcept {
        return detail::affine<Scalar>(detail::multiply_add(scale, polynomials_->location(), location),
                                      detail::rounded(scale * polynomials_->scale()));
    }
    [[nodiscard]] detail::table_draws<Scalar> draws_of(double location, double scale) const noexcept {
        return {polynomials_->coefficients(), polynomials_->logarithmic(), map(location, scale)};
    }
    /// The draw for one word: the scalar reference.
    [[nodiscard]] Scalar draw(typename layout::word word) const noexcept {
        using one = detail::scalar_lanes<Scalar>;
        const one y(detail::lookup_one<Scalar>(polynomials_->coefficients(), word));
        const detail::affine<Scalar> to_law = map(0, 1);
        return (logarithmic() ? detail::affine_power(y, to_law) : to_law(y, one(to_law.scale))).v;
    }

    std::shared_ptr<const polynomials> polynomials_;
    std::shared_ptr<const detail::reaching_words<Scalar>> reaching_;
};

namespace detail {

/// The table of a law without parameters, shared by the whole program. The first call makes it, in whichever
/// thread that is.
template <class StandardLaw, class Scalar>
[[nodiscard]] const quantile_table<Scalar>& standard_table() {
    static const quantile_table<Scalar> table{StandardLaw{}};
    return table;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
