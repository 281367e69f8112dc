#pragma once

/// @file
/// What the laws have in common: checks of their arguments, and all of `location + scale * X`.

#include <cstdint>
#include <span>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/quantile/quantile_source.hpp>
#include <imle/random/quantile_table.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Returns x; throws `std::invalid_argument` unless it is finite.
inline double finite_parameter(const char* argument, double x) {
    if (!is_finite(x)) throw_invalid(argument, x, "a finite number");
    return x;
}

/// Returns x; throws `std::invalid_argument` unless it is finite and above 0.
inline double positive_parameter(const char* argument, double x) {
    if (!is_finite(x) || !(x > 0)) throw_invalid(argument, x, "a finite number above 0");
    return x;
}

/// Returns u; throws `std::invalid_argument` unless it is a probability. NaN is none.
inline double probability(const char* argument, double u) {
    if (!(u >= 0 && u <= 1)) throw_invalid(argument, u, "a probability: from 0 to 1");
    return u;
}

template <class StandardLaw>
concept HasScore = requires(double z) {
    StandardLaw::score(z);
};

/// The law of `location + scale * X`: draws from the one table of X that the whole program shares, and the
/// functions of the law from those of X.
///
/// `StandardLaw` is an empty class with static members: the functions `cdf`, `survival` (accurate where it is
/// small), `pdf`, `quantile` and `survival_quantile` (of which the table is made), the constants `mean` and
/// `variance`, and, if the law is bounded below, the function `lower_bound`; `score` = -d/dz log pdf(z) where
/// the density has no jump.
///
/// A law with parameters of its own derives from it, checks them, and says what they are called.
template <class StandardLaw>
class location_scale_law {
  public:
    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()), after
    /// the table is made at the first call. Any number of threads may call it.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        standard_table<StandardLaw, float>().fill(key, first, out, location_, scale_);
    }
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        standard_table<StandardLaw, double>().fill(key, first, out, location_, scale_);
    }

    /// P(X <= x).
    [[nodiscard]] double cdf(double x) const noexcept { return StandardLaw::cdf(standard(x)); }
    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const noexcept { return StandardLaw::survival(standard(x)); }
    /// The density.
    [[nodiscard]] double pdf(double x) const noexcept { return StandardLaw::pdf(standard(x)) / scale_; }
    /// The x with cdf(x) = u; the law's ends at 0 and 1. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double quantile(double u) const {
        return location_ + scale_ * StandardLaw::quantile(probability("u", u));
    }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        return location_ + scale_ * StandardLaw::survival_quantile(probability("p", p));
    }
    /// -d/dx log pdf(x), for `ScoredNoise`. Only laws whose density is smooth have it.
    [[nodiscard]] double score(double x) const noexcept requires HasScore<StandardLaw> {
        return StandardLaw::score(standard(x)) / scale_;
    }
    [[nodiscard]] double mean() const noexcept { return location_ + scale_ * StandardLaw::mean; }
    [[nodiscard]] double variance() const noexcept { return StandardLaw::variance * scale_ * scale_; }
    /// No number is below it. Only laws that are bounded have it.
    [[nodiscard]] double lower_bound() const noexcept requires HasLowerBound<StandardLaw> {
        return location_ + scale_ * StandardLaw::lower_bound();
    }

    friend bool operator==(const location_scale_law&, const location_scale_law&) noexcept = default;

  protected:
    /// Takes what the deriving law has checked: both finite, scale > 0.
    location_scale_law(double location, double scale) noexcept : location_(location), scale_(scale) {}

    [[nodiscard]] double location() const noexcept { return location_; }
    [[nodiscard]] double scale() const noexcept { return scale_; }

  private:
    [[nodiscard]] double standard(double x) const noexcept { return (x - location_) / scale_; }

    double location_;
    double scale_;
};

}  // namespace imle::inline IMLE_ABI::detail
