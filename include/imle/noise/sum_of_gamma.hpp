#pragma once

/// @file
/// Sum-of-gamma noise, by the inverse of its distribution function.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <imle/core/elementary.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/noise/detail/law.hpp>
#include <imle/noise/detail/sum_of_gamma_law.hpp>

namespace imle::inline IMLE_ABI {

/// SoG(k, terms) of Niepert, Minervini and Franceschi (NeurIPS 2021):
///
///     eps = ( sum_{i=1..terms} Gamma(shape 1/k, rate i/k) - log(terms) ) / k
///
/// The sum over k coordinates is nearly Gumbel(0, 1). In the limit of infinitely many terms (`exact`) it is
/// exactly that: the law is then the k-th convolution root of Gumbel(0, 1). k is the number of ones in a
/// solution z.
///
/// The literal sum draws `terms` gamma numbers for each number. This class inverts the law once, when the
/// first number is drawn (a few milliseconds; copies share the table). A number then takes one random word
/// (two for a double) and one table look-up, for any k and any number of terms. `sum_of_gamma_series` is the
/// literal sum.
class sum_of_gamma : public detail::shared_law<detail::sum_of_gamma_law> {
  public:
    /// k: from 1e-6 to 1e6, not necessarily an integer; terms: at least 1. Throws `std::invalid_argument`
    /// outside these ranges; within them the inversion is tested to its stated accuracy.
    explicit sum_of_gamma(double k, std::uint64_t terms = 10)
        : sum_of_gamma(detail::sum_of_gamma_law(checked_k(k), checked_terms(terms))) {}

    /// Infinitely many terms: the sum of k independent copies is exactly Gumbel(0, 1). Throws
    /// `std::invalid_argument` unless k is from 1e-6 to 1e6.
    [[nodiscard]] static sum_of_gamma exact(double k) {
        return sum_of_gamma(detail::sum_of_gamma_law(checked_k(k), 0));
    }

    /// The parameter `k`.
    [[nodiscard]] double k() const noexcept { return law().k(); }
    /// The number of terms; 0 for `exact`, which has infinitely many.
    [[nodiscard]] std::uint64_t terms() const noexcept { return law().terms(); }
    /// -log(terms) / k; -infinity for `exact`.
    using shared_law::lower_bound;

    /// P(X <= x), with a relative accuracy of 1e-10 down to 1e-12 and beyond. About 20 microseconds, as for
    /// `survival` and `pdf`.
    [[nodiscard]] double cdf(double x) const { return probability_of(detail::tail::lower, x); }
    /// P(X > x), with the same accuracy in the upper tail.
    [[nodiscard]] double survival(double x) const { return probability_of(detail::tail::upper, x); }
    /// The density. At the lower bound it is 0, its finite limit or infinity if terms / k is above, at or
    /// below 1.
    [[nodiscard]] double pdf(double x) const {
        const double shape = terms() == 0 ? 2 : static_cast<double>(terms()) / k();
        if (std::isnan(x)) return x;
        if (x < lower_bound() || std::isinf(x)) return 0;
        if (x == lower_bound() || law().place(x) == -std::numeric_limits<double>::infinity()) {
            if (shape > 1) return 0;
            if (shape < 1) return std::numeric_limits<double>::infinity();
            // terms = k: C y^(shape - 1) with C = (terms!)^(1 / k).
            return detail::elementary::exp(detail::elementary::log_gamma(static_cast<double>(terms()) + 1) /
                                           k());
        }
        const double place = law().place(x);
        double log_p, log_density;
        law().log_tail(law().better_side(x), {&place, 1}, {&log_p, 1}, {&log_density, 1});
        return detail::elementary::exp(log_density);
    }

    /// survival(x) and pdf(x) of several x that are close to one another: for `conditional_layer`, which
    /// makes a table of them. In a table's intervals, this takes about as long as for one x.
    void write_tail(std::span<const double> x, std::span<double> survivals,
                    std::span<double> densities) const {
        std::vector<double> places, log_p(x.size()), log_density(x.size());
        for (const double each : x) places.push_back(law().place(each));
        const detail::tail side = law().better_side(x.front());
        bool together = true;
        for (const double place : places) together = together && detail::is_finite(place);
        if (together) {
            law().log_tail(side, places, log_p, log_density);
            // One contour serves a limited range of probabilities.
            const auto [least, most] = std::minmax_element(log_p.begin(), log_p.end());
            together = *most - *least < 2 || *most == -std::numeric_limits<double>::infinity();
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double p = detail::elementary::exp(log_p[i]);
            survivals[i] = !together ? survival(x[i]) : side == detail::tail::upper ? p : 1 - p;
            densities[i] = together ? detail::elementary::exp(log_density[i]) : pdf(x[i]);
        }
    }

    /// (H_terms - log(terms)) / k, where H_n is the n-th harmonic number. Euler's constant / k for `exact`.
    [[nodiscard]] double mean() const { return law().mean(); }
    /// The sum of i^-2 for i = 1..terms, divided by k.
    [[nodiscard]] double variance() const { return law().variance(); }
    /// The n-th cumulant: the mean for n = 1; for n > 1, (n - 1)! times the sum of i^-n for i = 1..terms,
    /// divided by k. Throws `std::invalid_argument` unless 1 <= n <= 170.
    [[nodiscard]] double cumulant(int n) const {
        if (n < 1 || n > 170) detail::throw_invalid("n of cumulant", n, "1 to 170");
        return law().cumulant(n);
    }

    /// True if the parameters are equal.
    friend bool operator==(const sum_of_gamma& a, const sum_of_gamma& b) noexcept {
        return a.k() == b.k() && a.terms() == b.terms();
    }

  private:
    explicit sum_of_gamma(const detail::sum_of_gamma_law& the_law) : shared_law{1, the_law} {}

    static double checked_k(double k) {
        if (!(k >= 1e-6 && k <= 1e6)) detail::throw_invalid("k of sum_of_gamma", k, "1e-6 to 1e6");
        return k;
    }
    static std::uint64_t checked_terms(std::uint64_t terms) {
        if (terms < 1)
            detail::throw_invalid("terms of sum_of_gamma", terms,
                                  "at least 1 (sum_of_gamma::exact has infinitely many)");
        return terms;
    }

    [[nodiscard]] double probability_of(detail::tail side, double x) const {
        using detail::tail;
        if (std::isnan(x)) return x;
        if (x <= lower_bound()) return side == tail::lower ? 0 : 1;
        if (x == std::numeric_limits<double>::infinity()) return side == tail::lower ? 1 : 0;
        const double place = law().place(x);
        if (place == -std::numeric_limits<double>::infinity()) return side == tail::lower ? 0 : 1;
        const tail smaller = law().better_side(x);
        const double p = detail::elementary::exp(law().log_tail(smaller, place).log_probability);
        return side == smaller ? p : 1 - p;
    }
};

namespace detail {
template <>
inline constexpr bool draws_by_words<sum_of_gamma> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
