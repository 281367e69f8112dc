#pragma once

/// @file
/// Gamma noise.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/core/elementary.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/detail/incomplete_gamma.hpp>
#include <imle/noise/detail/law.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Gamma(shape, 1) for `panel_source`. A place is log x, or x for shapes above 64.
class standard_gamma_law {
  public:
    explicit standard_gamma_law(double shape) : shape_(shape) {}

    [[nodiscard]] double shape() const noexcept { return shape_; }
    [[nodiscard]] bool logarithmic() const noexcept { return shape_ <= 64; }
    [[nodiscard]] bool positive() const noexcept { return logarithmic(); }
    [[nodiscard]] double origin() const noexcept { return logarithmic() ? 0 : shape_; }
    [[nodiscard]] double lower_bound() const noexcept { return 0; }
    [[nodiscard]] double value(double place) const noexcept {
        return logarithmic() ? elementary::exp(place) : place;
    }

    [[nodiscard]] incomplete_gamma_logs logs(double place) const noexcept {
        if (!logarithmic() && !(place > 0)) {
            constexpr double infinity = std::numeric_limits<double>::infinity();
            return {-infinity, 0, -infinity};
        }
        const double log_x = logarithmic() ? place : elementary::log(place);
        return incomplete_gamma(shape_, elementary::exp(log_x), log_x);
    }
    void log_tail(tail side, std::span<const double> places, std::span<double> log_p,
                  std::span<double>) const {
        for (std::size_t i = 0; i < places.size(); ++i) {
            const incomplete_gamma_logs at = logs(places[i]);
            log_p[i] = (side == tail::lower ? at.lower : at.upper).value();
        }
    }
    /// The upper tail is like exp(-x). It is negligible beyond x = exp(7), where the continued fraction would
    /// take very long.
    [[nodiscard]] double panel_step(double start, double step) const noexcept {
        return logarithmic() ? std::min(step, largest_log - start) : step;
    }
    [[nodiscard]] tail_point log_tail(tail side, double place) const {
        const incomplete_gamma_logs at = logs(place);
        const portable_double log_p = side == tail::lower ? at.lower : at.upper;
        const double slope =
            (elementary::exp(at.log_density_times_x - log_p) / (logarithmic() ? 1 : place)).value();
        return {log_p.value(), side == tail::lower ? slope : -slope};
    }
    [[nodiscard]] double tail_place(tail side, double p) const {
        const double log_p = elementary::log(p);
        portable_double v;
        if (shape_ >= 1) {
            // Wilson and Hilferty: the cube root of x / shape is nearly normal.
            const double size =
                std::sqrt(std::max(0.0, rounded(-2 * elementary::log(std::min(p, 0.5))) - 1.386));
            const double z = side == tail::lower ? -size : size;
            const double root = std::max(1 - 1 / (9 * shape_) + z / (3 * std::sqrt(shape_)), 0.01);
            v = elementary::log(shape_) + 3 * portable_double(elementary::log(root));
        } else {
            const double log_lower = side == tail::lower ? log_p : elementary::log1p(-p);
            v = std::min((log_lower + elementary::log_gamma(1 + shape_)) / shape_,
                         elementary::log(1 - log_p));
        }
        const double most = logarithmic() ? largest_log : std::numeric_limits<double>::infinity();
        return newton_place([&](double place) { return log_tail(side, place); }, log_p,
                            (logarithmic() ? v : elementary::exp(v)).value(),
                            logarithmic() ? 1 : std::sqrt(shape_), most);
    }

  private:
    static constexpr double largest_log = 7;

    double shape_;
};

}  // namespace detail

/// Gamma(shape, scale): density x^(shape - 1) exp(-x / scale) / (Gamma(shape) scale^shape).
///
/// The shape is fixed, so a draw is one look-up in a table of the inverse law. The first draw makes the table
/// (some milliseconds), and copies share it. For every shape this is faster than the rejection of
/// `gamma_sampler`, which is for shapes that differ from number to number. For small shapes most draws are
/// below the smallest float; those are 0.
///
/// On some systems `math.h` declares a function of this name. After `using namespace imle`, write
/// `imle::gamma`.
class gamma : public detail::shared_law<detail::standard_gamma_law> {
  public:
    /// shape: from 1e-6 to 1e6; scale: finite and above 0. Throws `std::invalid_argument` otherwise.
    gamma(double shape, double scale)
        : shared_law{detail::positive_parameter("scale of gamma", scale),
                     detail::standard_gamma_law(checked_shape(shape))} {}

    /// The parameter `shape`.
    [[nodiscard]] double shape() const noexcept { return law().shape(); }
    using shared_law::scale;

    /// P(X <= x). O(1 + sqrt(shape)) steps near the mean.
    [[nodiscard]] double cdf(double x) const {
        if (!(x > 0)) return std::isnan(x) ? x : 0;
        if (std::isinf(x)) return 1;
        return detail::elementary::exp(logs(x).lower).value();
    }
    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const {
        if (!(x > 0)) return std::isnan(x) ? x : 1;
        if (std::isinf(x)) return 0;
        return detail::elementary::exp(logs(x).upper).value();
    }
    /// The density. At 0 it is 0, 1 / scale or infinity for a shape above, at or below 1.
    [[nodiscard]] double pdf(double x) const {
        if (std::isnan(x)) return x;
        if (x < 0 || std::isinf(x)) return 0;
        if (x == 0)
            return shape() > 1 ? 0 : shape() < 1 ? std::numeric_limits<double>::infinity() : 1 / scale();
        const standard_x at = standard(x);
        return detail::elementary::exp(detail::log_gamma_density_times_x(shape(), at.x, at.log_x) -
                                       detail::elementary::log(x))
            .value();
    }
    /// -d/dx log pdf(x) = 1 / scale - (shape - 1) / x, for `ScoredNoise`. Throws `std::invalid_argument`
    /// unless shape > 2 and x > 0. Up to shape 2 the variance of the score is infinite. Up to shape 1 the
    /// density jumps at 0 or is infinite there, so that the mean of score estimates is not the gradient.
    [[nodiscard]] double score(double x) const {
        if (!(shape() > 2))
            detail::throw_invalid("shape of gamma, whose score is asked for,", shape(),
                                  "a shape above 2, where the score has a finite variance");
        if (!(x > 0)) detail::throw_invalid("x of gamma's score", x, "a number above 0");
        const double slope = 1 / scale() - (shape() - 1) / x;
        // Both terms may overflow.
        return std::isnan(slope) ? (x / scale() - (shape() - 1)) / x : slope;
    }
    /// shape * scale.
    [[nodiscard]] double mean() const noexcept { return shape() * scale(); }
    /// shape * scale^2.
    [[nodiscard]] double variance() const noexcept { return shape() * scale() * scale(); }
    /// (n - 1)! * shape * scale^n. Throws `std::invalid_argument` unless 1 <= n <= 170.
    [[nodiscard]] double cumulant(int n) const {
        if (n < 1 || n > 170) detail::throw_invalid("n of cumulant", n, "1 to 170");
        return detail::elementary::gamma_function(n) * shape() * detail::elementary::pow(scale(), n);
    }

    /// True if the parameters are equal.
    friend bool operator==(const gamma& a, const gamma& b) noexcept {
        return a.shape() == b.shape() && a.scale() == b.scale();
    }

  private:
    static double checked_shape(double shape) {
        if (!(shape >= 1e-6 && shape <= 1e6)) detail::throw_invalid("shape of gamma", shape, "1e-6 to 1e6");
        return shape;
    }
    /// x / scale, with its logarithm for ratios that a double cannot hold.
    struct standard_x {
        double x;
        double log_x;
    };
    [[nodiscard]] standard_x standard(double x) const noexcept {
        const double ratio = x / scale();
        if (ratio > 1e-300 && ratio < 1e300) return {ratio, detail::elementary::log(ratio)};
        const double log_ratio = detail::elementary::log(x) - detail::elementary::log(scale());
        return {detail::elementary::exp(log_ratio), log_ratio};
    }
    [[nodiscard]] detail::incomplete_gamma_logs logs(double x) const noexcept {
        const standard_x at = standard(x);
        return detail::incomplete_gamma(shape(), at.x, at.log_x);
    }
};

namespace detail {
template <>
inline constexpr bool draws_by_words<gamma> = true;
}  // namespace detail

}  // namespace imle::inline IMLE_ABI
