#pragma once

/// @file
/// Draws from any fixed one-dimensional law at the cost of a table look-up and a short polynomial.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/random/detail/quantile_polynomials.hpp>
#include <imle/random/detail/quantile_source.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {

/// The quantile function of one law as piecewise polynomials, ready to be drawn from.
///
/// A random word is a point u of (0, 1): its lowest bit chooses a tail, the others are the probability p <
/// 1/2 of that tail. The knots are at the floating-point exponents of p and 16 (float) or 8 (double) steps
/// between, so that both tails keep their relative accuracy to the last bit of the word; the interval's
/// number is read off the bits of p, and one load brings its coefficients.
///
/// - float: one word, u in steps of 2^-32, cubics, 16 KiB. |F(x) - u| < 2e-7, and < 1e-3 of the tail's
///   probability down to 2^-31.
/// - double: two words, 53 bits, polynomials of degree 7, 53 KiB. |F(x) - u| < 1e-12, relative to the tail.
///
/// Both up to the rounding of the output's type. Where the law's lower end is singular, so that its quantile
/// function is like a high power of u (gamma with a small shape), the table holds the logarithm of the
/// distance to that end; which of the two is better is found by trying, when the table is made.
///
/// A law is any object with `double quantile(double u) const` for 0 < u < 1, and optionally with
/// `double survival_quantile(double p) const` (the quantile of 1 - p, without the loss of 1 - p for small p:
/// without it a double's upper tail is as coarse as 2^-53) and `double lower_bound() const`.
///
/// Copies share one table, which never changes: copying is cheap, and any number of threads may draw.
template <class Scalar>
requires(std::same_as<Scalar, float> || std::same_as<Scalar, double>) class quantile_table {
  public:
    /// Makes the table: about 3,000 (float) or 12,000 (double) calls of `law.quantile`.
    /// Throws `std::invalid_argument` if the law's quantiles are not finite or do not increase.
    template <class LawT>
    requires(detail::HasQuantile<LawT> ||
             detail::QuantileSource<LawT>) explicit quantile_table(const LawT& law) {
        if constexpr (detail::QuantileSource<LawT>)
            polynomials_ = std::make_shared<const detail::quantile_polynomials<Scalar>>(law);
        else
            polynomials_ =
                std::make_shared<const detail::quantile_polynomials<Scalar>>(detail::law_source<LawT>(law));
    }

    /// Element i of `out` is element `first + i` of the key's sequence of draws of `location + scale * X`.
    /// Random access: any pieces, in any order, give the same bits. O(out.size()).
    void fill(const random_key& key, std::uint64_t first, std::span<Scalar> out, double location = 0,
              double scale = 1) const noexcept {
        const detail::quantile_polynomials<Scalar>& table = *polynomials_;
        const detail::affine<Scalar> map = table.map(location, scale);
        detail::fill_in_groups<detail::words_per_group * sizeof(std::uint32_t) / sizeof(Scalar)>(
            first, out, [&](std::uint64_t group, Scalar* destination) {
                alignas(64) std::uint32_t words[detail::words_per_group];
                detail::word_group(key, group * detail::blocks_per_group, words);
                table.draw_group(words, map, destination);
            });
    }

    /// The draw that one word (float) gives.
    [[nodiscard]] Scalar operator()(std::uint32_t word) const noexcept requires std::same_as<Scalar, float> {
        return polynomials_->draw(word, polynomials_->map(0, 1));
    }
    /// The draw that two words (double) give.
    [[nodiscard]] Scalar operator()(std::uint32_t low,
                                    std::uint32_t high) const noexcept requires std::same_as<Scalar, double> {
        return polynomials_->draw((std::uint64_t{high} << 32) | low, polynomials_->map(0, 1));
    }

    /// The largest error of the polynomials that was seen while they were made, as a share of the tail's
    /// probability: |F(x) - u| / min(u, 1 - u). The rounding of the output comes on top.
    [[nodiscard]] double interpolation_error() const noexcept { return polynomials_->interpolation_error(); }
    /// True if the table holds the logarithm of the distance to the law's lower bound.
    [[nodiscard]] bool logarithmic() const noexcept { return polynomials_->logarithmic(); }

  private:
    std::shared_ptr<const detail::quantile_polynomials<Scalar>> polynomials_;
};

}  // namespace imle::inline IMLE_ABI
