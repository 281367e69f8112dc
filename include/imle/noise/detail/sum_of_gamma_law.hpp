#pragma once

/// @file
/// The distribution function of the sum-of-gamma law, by inversion of its transform on a contour.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include <imle/core/elementary.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/core/portable_complex.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/detail/sum_of_gamma_contour.hpp>
#include <imle/noise/detail/sum_of_gamma_transform.hpp>
#include <imle/quantile/newton.hpp>
#include <imle/quantile/quantile_source.hpp>

namespace imle::inline IMLE_ABI::detail {

/// SoG(k, m). m = 0 means infinitely many terms.
///
///     F(x) = 1 / (2 pi i) * integral of exp(K(q) + q x) / q dq,       K(q) = log E exp(-q eps)
///
/// along a contour that crosses the real axis at q > 0. With a crossing at -1 < q < 0 the same integral is
/// F(x) - 1. Both contours go through the saddle point of the integrand. Nothing cancels then, and the
/// smaller of the two tails has its full relative accuracy (Daniels, "Saddlepoint approximations in
/// statistics", 1954; the hyperbolic contour is from Weideman and Trefethen, Math. Comp. 76, 2007).
///
/// If the density is singular, or nearly so, at the lower bound -log(m) / k, a place is v = log(x + log(m) /
/// k), and `logarithmic()` is true. Otherwise v = x.
class sum_of_gamma_law {
  public:
    sum_of_gamma_law(double k, std::uint64_t terms)
        : transform_(terms),
          k_(k),
          m_(static_cast<double>(terms)),
          shape_(m_ / k_),
          logarithmic_(terms != 0 && shape_ <= 64) {}

    /// True if places are logarithms of distances from the lower bound.
    [[nodiscard]] bool logarithmic() const noexcept { return logarithmic_; }
    [[nodiscard]] double k() const noexcept { return k_.value(); }
    [[nodiscard]] std::uint64_t terms() const noexcept { return transform_.terms(); }
    [[nodiscard]] double lower_bound() const noexcept {
        return terms() == 0 ? -std::numeric_limits<double>::infinity()
                            : (-transform_.log_terms() / k_).value();
    }
    [[nodiscard]] double mean() const { return (transform_.sum(1) / k_).value(); }
    [[nodiscard]] double variance() const { return (transform_.sum(2) / k_).value(); }
    /// (n - 1)! * sum of i^-n / k.
    [[nodiscard]] double cumulant(int n) const {
        const portable_double factorial = elementary::gamma_function(n);
        return (factorial * transform_.sum(static_cast<std::size_t>(n)) / k_).value();
    }

    /// The place of x: x, or log(x - lower bound), which is -infinity at the bound and NaN below it.
    [[nodiscard]] double place(double x) const noexcept {
        return logarithmic_ ? elementary::log(x + transform_.log_terms() / k_).value() : x;
    }
    [[nodiscard]] double value(double place) const noexcept {
        return logarithmic_ ? elementary::exp(place) + lower_bound() : place;
    }

    /// log P(X <= x) or log P(X > x) at each place and, if `log_density` is not empty, the logarithm of the
    /// density with respect to x. One contour serves all places, so they must be close to one another (within
    /// a factor of about e in probability). O(nodes * (transform + places)), about 100 nodes.
    void log_tail(tail side, std::span<const double> places, std::span<double> log_probability,
                  std::span<double> log_density) const {
        const portable_double middle = 0.5 * portable_double(places.front() + places.back());
        if (logarithmic_ && near_bound(std::max(places.front(), places.back()))) {
            for (std::size_t i = 0; i < places.size(); ++i) {
                const double log_lower = log_near_bound(places[i]).value();
                log_probability[i] = side == tail::lower ? log_lower : log_complement(log_lower);
                if (!log_density.empty()) log_density[i] = log_density_near_bound(places[i]).value();
            }
            return;
        }
        const bool by_survival = side == tail::upper && has_survival_transform(middle);
        if (side == tail::upper && !by_survival &&
            value(places.front()) < mean() + 2 * sqrt(portable_double(variance()))) {
            // While the upper tail is not small, compute it as the complement of the lower one. Its own
            // contour would start between 0 and the saddle point of the bulk, and meet growth on its way to
            // the left.
            log_tail(tail::lower, places, log_probability, log_density);
            if (*std::max_element(log_probability.begin(), log_probability.end()) < log_complement_limit) {
                for (double& log_p : log_probability) log_p = log_complement(log_p);
                return;
            }
        }
        // On a contour, x is counted from the bound if places are logarithms.
        std::vector<double> x(places.begin(), places.end());
        if (logarithmic_)
            for (double& v : x) v = elementary::exp(v);
        const portable_double x0 = logarithmic_ ? elementary::exp(middle) : middle;
        if (by_survival)
            integrate_survival(x, x0, log_probability, log_density);
        else
            integrate(side, x, x0, log_probability, log_density);
    }

    /// log P(X <= x) or log P(X > x) at one place, and its derivative with respect to the place.
    [[nodiscard]] tail_point log_tail(tail side, double place) const {
        double log_probability, log_density;
        log_tail(side, {&place, 1}, {&log_probability, 1}, {&log_density, 1});
        const double slope = is_finite(log_probability)
                                 ? elementary::exp(log_density - log_probability + (logarithmic_ ? place : 0))
                                 : 1e300;
        return {log_probability, side == tail::lower ? slope : -slope};
    }

    /// For `panel_source`: counted from the lower bound if the law comes near it, otherwise from the mean.
    [[nodiscard]] bool positive() const noexcept { return logarithmic_; }
    [[nodiscard]] double origin() const { return logarithmic_ ? lower_bound() : mean(); }

    /// As much of a step as one contour can serve: the contour's scale is like 1 / y, y = exp(place). Close
    /// to the bound no contour is used.
    [[nodiscard]] double panel_step(double start, double step) const noexcept {
        if (!logarithmic_ || near_bound(std::max(start, start + step))) return step;
        constexpr double most = 1.5;
        const double to_contours = (nearest_without_contour() - start).value();
        if (step > 0) return std::min(step, to_contours > 0.1 ? to_contours - 0.05 : most);
        return std::max(step, -most);
    }

    /// The side with the smaller probability, or with one that is not much larger.
    [[nodiscard]] tail better_side(double x) const { return x <= mean() ? tail::lower : tail::upper; }

    /// The place where a tail has probability p, 0 < p < 1, by Newton's method in a bracket.
    [[nodiscard]] double tail_place(tail side, double p) const {
        // The upper tail is like exp(-y): 1e-300 is at y = exp(v) = 700.
        const double most = logarithmic_ ? 7 : std::numeric_limits<double>::infinity();
        const double reach = logarithmic_ ? 1 : sqrt(portable_double(variance())).value();
        return newton_place([&](double v) { return log_tail(side, v); }, elementary::log(p),
                            first_place(side, p).value(), reach, most);
    }

  private:
    static constexpr double log_complement_limit = -0.02;

    /// log(1 - p) from log p.
    [[nodiscard]] static double log_complement(double log_p) noexcept {
        return elementary::log(-elementary::expm1(log_p));
    }

    /// K(q) + q x, where x is counted from 0 or, if logarithmic, from the lower bound.
    [[nodiscard]] complex exponent(complex q, portable_double x) const noexcept {
        if (logarithmic_) return q * x - transform_.logarithms(q) / k_;
        return q * x + transform_.cumulants(q) / k_;
    }

    /// The contour: its crossing of the real axis is the saddle point of the integrand, which also gives its
    /// scale. For the upper tail the integrand is divided by 1 + q here. With k > 1 the branch point at -1 is
    /// weaker than a pole, so the true saddle point comes arbitrarily close to it, and the trapezoidal rule
    /// needs distance.
    [[nodiscard]] contour make_contour(tail side, portable_double x) const {
        const portable_double shift = logarithmic_ ? transform_.log_terms() : 0;
        const auto slope = [&](portable_double q) {
            const portable_double own = x - (transform_.slope(q) + shift) / k_ - 1 / q;
            return side == tail::lower ? own : own - 1 / (1 + q);
        };
        // The slope increases from -infinity to a positive value or to infinity. Bisect on a logarithmic
        // scale, to about 2 per cent: any crossing near it is as good.
        portable_double crossing;
        if (side == tail::lower) {
            portable_double low = 1, high = 1;
            while (low > 1e-150 && slope(low) > 0) low /= 4;
            while (high < 1e150 && slope(high) < 0) high *= 4;
            for (int i = 0; i < 100 && high > low * 1.02; ++i) {
                const portable_double q = sqrt(low * high);
                (slope(q) > 0 ? high : low) = q;
            }
            crossing = low;
        } else {
            // Between -1 and 0, on the scale of log(-q / (1 + q)).
            portable_double low = -700, high = 700;
            const auto at = [](portable_double s) { return -1 / (1 + elementary::exp(-s)); };
            while (high - low > 0.02) {
                const portable_double s = 0.5 * (low + high);
                (slope(at(s)) > 0 ? low : high) = s;
            }
            crossing = at(low);
        }
        const portable_double own = transform_.curvature(crossing) / k_;
        portable_double curvature = own + 1 / (crossing * crossing);
        if (side == tail::upper) curvature += 1 / ((1 + crossing) * (1 + crossing));
        // If the law is close to normal, exp(K(q)) neither grows nor falls along 45 degrees: stay closer to
        // the vertical.
        return {crossing, 1 / sqrt(curvature), own > 0.4 * curvature ? 0.6 : 1};
    }

    /// The logarithms of a tail at places x near x0, counted as in `exponent`, by the integral of F.
    void integrate(tail side, std::vector<double>& x, portable_double x0, std::span<double> log_probability,
                   std::span<double> log_density) const {
        const contour path = make_contour(side, x0);
        // Chernoff's bound: log p <= K(q) + q x for every q of the side. Beyond exp(-5000) the tail is 0, and
        // the saddle point would be where nothing is accurate.
        if (!(exponent(std::min<portable_double>(path.crossing, 1e12), x0).real() > -5000))
            return nothing(log_probability, log_density);
        // The exponent at the crossing is factored out, so that far tails do not underflow.
        const portable_double top = exponent(path.crossing, x0).real();
        for (double& d : x) d -= x0.value();
        finish(
            path, [&](complex q) { return elementary::exp(exponent(q, x0) - top); }, side, top, x,
            log_probability, log_density);
    }

    /// For large k nearly all of the law is at one point. An upper tail is then a small part of it, which the
    /// integral of F would compute as the small difference of large terms. The transform of the upper tail
    /// itself,
    ///
    ///     integral over y > 0 of exp(-q y) P(X > c + y) dy = (1 - phi(q)) / q,      phi(q) = exp(K(q) + q c)
    ///
    /// has no pole at 0, so a contour may cross anywhere right of -1. c is the lower bound, or a point so far
    /// in the lower tail that the law may as well begin there.
    [[nodiscard]] portable_double log_begin() const noexcept {  // -k c
        return logarithmic_ ? transform_.log_terms() : elementary::log(100 * k_);
    }
    [[nodiscard]] bool has_survival_transform(portable_double place) const noexcept {
        // Without a lower bound, the upper tail begins at a distance of 50 / k from c.
        return k_ >= 16 && (logarithmic_ || k_ * place > 50 - log_begin());
    }
    /// K(q) + q c.
    [[nodiscard]] complex survival_exponent(complex q) const noexcept {
        if (logarithmic_) return -transform_.logarithms(q) / k_;
        return (transform_.cumulants(q) - q * log_begin()) / k_;
    }
    void integrate_survival(std::vector<double>& x, portable_double x0, std::span<double> log_probability,
                            std::span<double> log_density) const {
        const portable_double begin = logarithmic_ ? 0 : -log_begin() / k_;
        const portable_double y0 = x0 - begin;
        // The saddle point of exp(q y) (1 - phi(q)) / q, divided by 1 + q as in `make_contour`, on the scale
        // of log(1 + q). The exponent's slope increases from -infinity to y.
        const auto slope = [&](portable_double q) {
            const portable_double own = (transform_.slope(q) + log_begin()) / k_;
            return y0 + own / elementary::expm1(-survival_exponent(q).real()) - 1 / q - 1 / (1 + q);
        };
        portable_double low = -36, high = 59;
        while (high - low > 0.02) {
            const portable_double s = 0.5 * (low + high);
            (slope(elementary::expm1(s)) > 0 ? high : low) = s;
        }
        // At 0, (1 - phi(q)) / q would be 0 / 0.
        portable_double crossing = elementary::expm1(low);
        if (abs(crossing) < 1e-3) crossing = 1e-3;
        const portable_double near = 0.05 * (1 + crossing);
        const portable_double curvature = (slope(crossing + near) - slope(crossing - near)) / (2 * near);
        const contour path{crossing, 1 / sqrt(curvature), 1};

        const portable_double scale = abs(elementary::expm1(survival_exponent(crossing).real()));
        const portable_double top = elementary::log(scale) + crossing * y0;
        if (!(top > -5000)) return nothing(log_probability, log_density);
        for (double& d : x) d -= x0.value();
        finish(
            path,
            [&](complex q) {
                return elementary::expm1(survival_exponent(q)) * elementary::exp((q - crossing) * y0) / scale;
            },
            tail::upper, top, x, log_probability, log_density);
    }

    /// Integrates along the path, and restores the factors exp(top) and exp(crossing * distance).
    template <class Factor>
    static void finish(const contour& path, const Factor& factor, tail side, portable_double top,
                       std::span<const double> distance, std::span<double> log_probability,
                       std::span<double> log_density) {
        std::vector<double> probability(distance.size()), density(distance.size());
        path.integrate(factor, distance, probability, density);
        const portable_double sign = side == tail::lower ? 1 : -1;
        for (std::size_t i = 0; i < distance.size(); ++i) {
            const portable_double base = top + path.crossing * distance[i];
            log_probability[i] = (base + elementary::log(sign * probability[i])).value();
            if (!log_density.empty()) log_density[i] = (base + elementary::log(density[i])).value();
        }
    }
    static void nothing(std::span<double> log_probability, std::span<double> log_density) {
        constexpr double zero = -std::numeric_limits<double>::infinity();
        std::fill(log_probability.begin(), log_probability.end(), zero);
        std::fill(log_density.begin(), log_density.end(), zero);
    }

    /// Close to the lower bound the law is C y^shape (1 - c y + ...), y = exp(v): the transform's expansion
    /// for large q, term by term. The neglected terms are of order (m y)^2.
    [[nodiscard]] portable_double nearest_without_contour() const noexcept {
        return -17 - elementary::log(m_);
    }
    [[nodiscard]] bool near_bound(portable_double v) const noexcept { return v < nearest_without_contour(); }
    [[nodiscard]] portable_double log_power_constant() const {
        return transform_.log_factorial() / k_ - elementary::log_gamma(shape_ + 1);
    }
    [[nodiscard]] portable_double log_near_bound(portable_double v) const {
        const portable_double c = 0.5 * m_ * (m_ + 1) / (k_ + m_);
        return shape_ * v + log_power_constant() + elementary::log1p(-c * elementary::exp(v));
    }
    [[nodiscard]] portable_double log_density_near_bound(portable_double v) const {
        const portable_double c = 0.5 * m_ * (m_ + 1) / (k_ + m_);
        return shape_ * v + log_power_constant() + elementary::log(shape_) - v +
               elementary::log1p(-c * (1 + 1 / shape_) * elementary::exp(v));
    }

    /// A start for Newton's method: the place where the saddle point approximation of the tail is p. Each q
    /// is the saddle point of one place, which has a closed form, so the search is over q alone.
    [[nodiscard]] portable_double first_place(tail side, portable_double p) const {
        // If an upper tail is not small, the approximation is poor: use the lower tail.
        if (side == tail::upper && p > 0.05) return first_place(tail::lower, 1 - p);
        const portable_double target = elementary::log(p);
        const portable_double shift = logarithmic_ ? transform_.log_terms() : 0;
        const auto saddle = [&](portable_double s) {  // on a scale of s on which p falls from 1 to 0
            return side == tail::lower ? elementary::exp(s) : -1 / (1 + elementary::exp(-s));
        };
        const auto distance = [&](portable_double q) { return (transform_.slope(q) + shift) / k_ + 1 / q; };
        if (logarithmic_) {
            const portable_double log_lower = side == tail::lower ? target : elementary::log1p(-p);
            const portable_double v = (log_lower - log_power_constant()) / shape_;
            if (near_bound(v)) return v;
        }
        // If x is counted from the bound, the exponent is exact for any q. Otherwise it cancels beyond q =
        // 1e12, where no probability above 1e-300 has its saddle point.
        portable_double low = -40, high = 40;
        if (side == tail::lower) high = logarithmic_ ? 300 : 27;
        while (high - low > 1e-3) {
            const portable_double s = 0.5 * (low + high), q = saddle(s);
            if (logarithmic_ && !(distance(q) > 0)) {  // no place at all: on the side of the bound
                (side == tail::lower ? high : low) = s;
                continue;
            }
            const portable_double curvature = transform_.curvature(q) / k_ + 1 / (q * q);
            const portable_double log_p = exponent(q, distance(q)).real() - elementary::log(abs(q)) -
                                          0.5 * elementary::log(2 * std::numbers::pi * curvature);
            (log_p > target ? low : high) = s;
        }
        const portable_double x = distance(saddle(low));
        return logarithmic_ ? elementary::log(std::max<portable_double>(x, 1e-300)) : x;
    }

    sum_of_gamma_transform transform_;
    portable_double k_;
    portable_double m_;
    portable_double shape_;
    bool logarithmic_;
};

}  // namespace imle::inline IMLE_ABI::detail
