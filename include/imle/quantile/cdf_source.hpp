#pragma once

/// @file
/// Quantiles for a table, from any distribution function and density.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>

#include <imle/core/backports.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/quantile/newton.hpp>
#include <imle/quantile/quantile_source.hpp>

namespace imle::inline IMLE_ABI::detail {

template <class LawT>
concept HasDensity = requires(const LawT& law, double x) {
    { law.cdf(x) } -> std::convertible_to<double>;
    { law.pdf(x) } -> std::convertible_to<double>;
};

template <class LawT>
concept HasSurvival = requires(const LawT& law, double x) {
    { law.survival(x) } -> std::convertible_to<double>;
};
template <class LawT>
concept HasUpperBound = requires(const LawT& law) {
    { law.upper_bound() } -> std::convertible_to<double>;
};

/// The doubles numbered upwards, 0 for 0. Bisection over these counts finds any double in 64 steps.
[[nodiscard]] inline std::int64_t count_of(double x) noexcept {
    const auto bits = bit_cast<std::int64_t>(x);
    return bits >= 0 ? bits : std::numeric_limits<std::int64_t>::min() - bits;
}
[[nodiscard]] inline double counted(std::int64_t count) noexcept {
    return bit_cast<double>(count >= 0 ? count : std::numeric_limits<std::int64_t>::min() - count);
}

/// A `QuantileSource` for a law with `cdf(x)` and `pdf(x)`, and optionally `survival(x)`, `lower_bound()` and
/// `upper_bound()`.
///
/// A place is y = x - origin(); the origin is the lower bound or 0. A quantile is found by Newton's method on
/// log p (over log y if there is a lower bound, near which p is like a power of y). The search starts at the
/// last quantile and keeps a bracket. It ends after a few hundred steps whatever the functions return, and
/// throws if they contradict a distribution on the way. Unlike `panel_source`, this class assumes nothing
/// about the smoothness or precision of the functions, but they should be fast: it calls them about three
/// times per quantile.
template <HasDensity LawT>
class cdf_source {
  public:
    explicit cdf_source(const LawT& law) : law_(law) {
        if constexpr (HasLowerBound<LawT>) {
            const double bound = law.lower_bound();
            if (std::isnan(bound)) refuse("its lower bound is not a number");
            if (is_finite(bound)) {
                positive_ = true;
                origin_ = bound;
                lowest_ = 0;
            }
        }
        if constexpr (HasUpperBound<LawT>) {
            const double bound = law.upper_bound();
            if (!(bound - origin_ > lowest_)) refuse(message("its upper bound is ", bound));
            highest_ = std::min(bound - origin_, highest_);
        }
        last_[0] = last_[1] = start();
        check_density();
    }

    [[nodiscard]] double origin() const noexcept { return origin_; }
    [[nodiscard]] bool positive() const noexcept { return positive_; }
    [[nodiscard]] double offset(tail side, double p) const { return place(side, p); }
    [[nodiscard]] double log_offset(tail side, double p) const { return std::log(place(side, p)); }

    /// The probability within which two places cannot be told apart, because of the rounding of the
    /// functions' results and of x.
    [[nodiscard]] double resolution(tail side, double p) const {
        const double x = origin_ + place(side, p), density = density_at(x);
        const double own = side == tail::upper && !HasSurvival<LawT> ? 1e-14 : finest;
        return is_finite(density) ? own + 2 * density * spacing(x) : 1;
    }

  private:
    static constexpr double largest = std::numeric_limits<double>::max();
    /// Smaller differences of probabilities say nothing about a law.
    static constexpr double noise = 1e-13;
    /// 1 - cdf(x) is no finer than this, and some functions come no closer to 0.
    static constexpr double finest = 0x1p-51;

    /// The distance from x to the next double, or a little more.
    [[nodiscard]] static double spacing(double x) noexcept {
        return std::max(std::abs(x) * 0x1p-52, std::numeric_limits<double>::denorm_min());
    }
    [[noreturn]] static void refuse(const std::string& what) {
        throw_invalid("the law of a quantile_table", "not a law: " + what,
                      "a distribution function that rises from 0 to 1 without a jump, and its density");
    }

    // -- The law's functions, checked --------------------------------------------------------------------

    [[nodiscard]] static double checked(const char* name, double p, double x) {
        if (!(p >= -noise && p <= 1 + noise)) refuse(message("its ", name, " is ", p, " at ", x));
        return std::clamp(p, 0.0, 1.0);
    }
    [[nodiscard]] double probability(tail side, double y) const {
        const double x = origin_ + y;
        if constexpr (HasSurvival<LawT>) {
            if (side == tail::upper) return checked("survival function", law_.survival(x), x);
        }
        const double p = checked("distribution function", law_.cdf(x), x);
        return side == tail::lower ? p : 1 - p;
    }
    [[nodiscard]] double density_at(double x) const {
        const double density = law_.pdf(x);
        if (!(density >= 0)) refuse(message("its density is ", density, " at ", x));
        return density;
    }

    // -- One quantile ------------------------------------------------------------------------------------

    // Steps and bisections count doubles, so that a law may have any location and scale.

    [[nodiscard]] static bool closed(const bracket& around) noexcept {
        return count_of(around.low) + 1 >= count_of(around.high);
    }
    [[nodiscard]] static double middle(const bracket& around) noexcept {
        const std::int64_t a = count_of(around.low), b = count_of(around.high);
        return counted(a / 2 + b / 2 + (a % 2 + b % 2) / 2);
    }
    /// Half of the width: the whole may overflow an integer.
    [[nodiscard]] static std::int64_t width(const bracket& around) noexcept {
        return count_of(around.high) / 2 - count_of(around.low) / 2;
    }
    /// A place beyond the known end of the bracket; each call goes twice as many doubles away.
    [[nodiscard]] static double further(const bracket& around, bool upwards, std::int64_t& reach) noexcept {
        const std::int64_t from = count_of(upwards ? around.low : around.high), half = width(around);
        const std::int64_t step = std::max(std::int64_t{1}, std::min(reach, half));
        if (reach < std::int64_t{1} << 61) reach *= 2;
        return counted(upwards ? from + step : from - step);
    }

    [[nodiscard]] double place(tail side, double p) const {
        double& y = last_[side == tail::upper];
        return y = solve(side, p, y);
    }

    /// The y at which the tail's probability is p. `start` is a place near it.
    [[nodiscard]] double solve(tail side, double p, double start) const {
        const double sign = side == tail::lower ? 1 : -1;
        std::int64_t reach = std::int64_t{1} << 52;  // a factor of 2
        bracket whole{lowest_, highest_};
        std::int64_t last_width = width(whole);
        int slow = 0;
        bool low = false;
        const auto step = [&](bracket& around, double y) -> newton_step {
            const double now = probability(side, y);
            check_monotone(side, around, y, now);
            low = sign * (now - p) < 0;
            around.narrow(low, y, now);
            if (now == p) return {y, true};
            if (closed(around)) return {last_place(side, p, y, around), true};

            const double distance = std::log(now / p);
            const double slope = sign * density_at(origin_ + y) / now * (positive_ ? y : 1);
            const double change = -distance / slope;
            const double next = positive_ ? y * std::exp(change) : y + change;
            // Newton's method doubles the digits, and with a slightly wrong density it still gains two. The
            // search also ends if the next place is the same double, or no better.
            const double x = origin_ + y, change_of_x = positive_ ? y * change : change;
            const bool same =
                std::abs(change_of_x) <= spacing(x) && std::abs(distance) < 0.1 && is_finite(slope);
            const bool blurred = side == tail::upper && !HasSurvival<LawT> && std::abs(now - p) <= 0x1p-53;
            if (blurred) return {y, true};
            if (std::abs(distance) < 1e-10 || same) return {std::clamp(next, around.low, around.high), true};

            const std::int64_t now_wide = width(around);
            slow = now_wide > last_width / 2 ? slow + 1 : 0;
            if (slow == 0) last_width = now_wide;
            return {slow > 5 ? std::numeric_limits<double>::quiet_NaN() : next};
        };
        const auto instead = [&](const bracket& around) {
            slow = std::min(slow, 4);
            const bool open = std::isnan(low ? around.at_high : around.at_low);
            return open ? further(around, low, reach) : middle(around);
        };
        const newton_step last = newton_in_bracket(whole, start, 1000, step, instead);
        if (!last.found) refuse(message("no place was found at which a tail's probability is ", p));
        return last.next;
    }

    /// The place for a bracket without a double inside. Evaluates the law at an end that is not known yet.
    [[nodiscard]] double last_place(tail side, double p, double y, bracket around) const {
        const bool at_low = std::isnan(around.at_low);
        if (at_low || std::isnan(around.at_high)) {
            const double end = at_low ? around.low : around.high;
            const double value = probability(side, end);
            (at_low ? around.at_low : around.at_high) = value;
            const double sign = side == tail::lower ? 1 : -1;
            if ((sign * (value - p) > 0) == at_low && value != p) {
                if (p < finest) return solve(side, finest, y);
                unreached(side, p, end, value);
            }
        }
        return closed_place(around);
    }

    /// Returns an end of a bracket without a double inside. Throws if the law jumps there. In this step the
    /// law may rise as its density says; near a bound, where it may be singular, it may rise by more.
    [[nodiscard]] double closed_place(const bracket& around) const {
        const double jump = std::abs(around.at_high - around.at_low);
        const bool at_bound =
            (positive_ && around.low == 0) || (highest_ < largest && around.high == highest_);
        const double x0 = origin_ + around.low, x1 = origin_ + around.high;
        if (!at_bound && jump > 1e-9) {
            const double density = std::max(density_at(x0), density_at(x1));
            const double way = std::max({x1 - x0, spacing(x0), spacing(x1)});
            if (!(jump < 8 * density * way)) refuse(message("it jumps by ", jump, " at ", x1));
        }
        return around.high == 0 ? around.low : around.high;
    }

    void check_monotone(tail side, const bracket& around, double y, double now) const {
        const double above = side == tail::lower ? around.at_high : around.at_low;
        const double below = side == tail::lower ? around.at_low : around.at_high;
        if (now > above + noise + 1e-9 * above || now < below - noise - 1e-9 * below)
            refuse(message("its distribution function decreases near ", origin_ + y));
    }
    [[noreturn]] void unreached(tail side, double p, double y, double value) const {
        const bool below = (side == tail::lower) == (value > p);
        const double cdf = side == tail::lower ? value : 1 - value;
        refuse(message("its distribution function does not come ", below ? "down to " : "up to ",
                       side == tail::lower ? "" : "1 - ", p, ": it is ", cdf, " at ", origin_ + y));
    }

    // -- Where to begin ----------------------------------------------------------------------------------

    /// A place between the quartiles, or as near to the median as doubles come. The search starts at 0, or at
    /// a distance of 1 from the lower bound. It multiplies by a factor that is squared each time, then
    /// bisects.
    [[nodiscard]] double start() const {
        double y = std::clamp(positive_ ? 1.0 : 0.0, lowest_, highest_);
        bracket around{lowest_, highest_};
        double power = 2;
        for (int i = 0; i < 200; ++i) {
            const double now = probability(tail::lower, y);
            check_monotone(tail::lower, around, y, now);
            if (now >= 0.25 && now <= 0.75) return y;
            const bool low = now < 0.5;
            around.narrow(low, y, now);
            if (closed(around)) {
                if (y == (low ? highest_ : lowest_)) unreached(tail::lower, 0.5, y, now);
                if (std::isnan(low ? around.at_high : around.at_low)) {
                    y = low ? around.high : around.low;
                    continue;
                }
                return closed_place(around);
            }
            const bool open = low ? std::isnan(around.at_high) : std::isnan(around.at_low);
            if (open && y == 0) {
                y = low ? 1 : -1;
            } else if (open) {
                y = (y > 0) == low ? y * power : y / power;
                power = std::min(power * power, 0x1p512);
            } else {
                y = middle(around);
            }
            y = std::clamp(y, lowest_, highest_);
        }
        refuse("its median was not found");
    }

    /// Compares the rise of the distribution function with the integral of the density by Simpson's rule,
    /// over short intervals in both tails. Throws if many of them differ; a single one may contain a corner.
    void check_density() const {
        int tried = 0, wrong = 0;
        double at = 0, wanted = 0, was = 0;
        for (const tail side : {tail::lower, tail::upper})
            for (int i = 1; i < 32; i += 2) {
                const double p = std::ldexp(1.0, -i);
                const double y0 = place(side, p), y1 = place(side, 0.99 * p);
                const double x0 = origin_ + y0, x1 = origin_ + y1, middle = origin_ + 0.5 * (y0 + y1);
                const double rise = probability(side, y0) - probability(side, y1);
                if (!(rise > 1e4 * finest && std::abs(x1 - x0) > 64 * spacing(x0))) continue;
                double integral;
                if (positive_) {
                    const double y = std::sqrt(y0 * y1);
                    integral = std::abs(std::log(y1 / y0)) *
                               (y0 * density_at(x0) + 4 * y * density_at(origin_ + y) + y1 * density_at(x1));
                } else {
                    integral = std::abs(x1 - x0) * (density_at(x0) + 4 * density_at(middle) + density_at(x1));
                }
                integral /= 6;
                ++tried;
                if (std::abs(integral / rise - 1) < 0.05) continue;
                if (wrong++ == 0) at = x0, wanted = rise / std::abs(x1 - x0), was = density_at(x0);
            }
        if (wrong > 2 && 4 * wrong > tried)
            refuse(message("its density is ", was, " at ", at, ", where its distribution function rises by ",
                           wanted));
    }

    const LawT& law_;
    bool positive_ = false;
    double origin_ = 0;
    double lowest_ = -largest;
    double highest_ = largest;
    mutable double last_[2];
};

}  // namespace imle::inline IMLE_ABI::detail
