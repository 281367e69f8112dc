#pragma once

/// @file
/// Many quantiles of a smooth law from few evaluations of its distribution function.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <imle/core/circular.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/rounded.hpp>
#include <imle/quantile/newton.hpp>
#include <imle/quantile/quantile_source.hpp>

namespace imle::inline IMLE_ABI::detail {

/// One tail of a law, from about its median outwards. log p is a Chebyshev polynomial in the place on each of
/// several panels; Newton's method inverts it. A distribution function that takes 20 microseconds is
/// evaluated at some 600 places. A quantile then takes a fraction of a microsecond.
class inverse_tail {
  public:
    /// `log_tail(places, log_p)` writes the logarithm of the tail's probability at each of a panel's places.
    /// `limit(start, step)` returns the step, or a shorter one if `log_tail` cannot take so long a panel. The
    /// panels go from `start` in steps like `first_step` (either sign, away from the median) until log p is
    /// below `lowest`. Throws `std::invalid_argument` if log p is not finite or does not decrease, or if it
    /// takes more than 4,000 attempts at panels.
    template <class LogTail, class Limit>
    inverse_tail(const LogTail& log_tail, const Limit& limit, double start, double first_step,
                 double lowest) {
        portable_double step = first_step;
        double log_p = 0, last_rest = std::numeric_limits<double>::infinity();
        for (int tries = 0; panels_.empty() || log_p > lowest;) {
            if (++tries > 4000)
                throw_invalid("the law of a quantile_table", "too steep or too flat for its panels",
                              "a smooth distribution function");
            step = limit(start, step.value());
            panel next;
            next.start = start;
            next.step = step.value();
            std::array<double, nodes> places, values;
            for (std::size_t j = 0; j < nodes; ++j)
                places[j] = (start + step * (0.5 - 0.5 * cosine(j))).value();
            log_tail(std::span<const double>(places), std::span<double>(values));
            const double fall = values[0] - values[nodes - 1];
            if (!is_finite(fall) || fall > 2.5) {
                step *= is_finite(fall) ? std::max(0.1, 1.8 / fall) : 0.1;
                continue;
            }
            if (!(fall > 0))
                throw_invalid("the law of a quantile_table",
                              message("not a law: a tail's probability does not fall from ", start, " to ",
                                      start + next.step),
                              "a distribution function that increases");
            next.fit(values);
            const double rest = next.rest();
            if (rest > tolerance && !(rest < noise && rest > 0.25 * last_rest)) {
                // A shorter panel helps (0.6^13 is a thousandth), unless the rest is the noise of log p.
                last_rest = rest;
                step *= 0.6;
                continue;
            }
            last_rest = std::numeric_limits<double>::infinity();
            panels_.push_back(next);
            log_p = values[nodes - 1];
            start += next.step;
            step *= std::clamp(1.6 / fall, 0.4, 2.5);
        }
    }

    /// The place where the tail's probability is p, for log p from its value at `start` down to `lowest`.
    [[nodiscard]] double place(double p) const {
        const double log_p = elementary::log(p);
        const auto next = std::upper_bound(panels_.begin() + 1, panels_.end(), log_p,
                                           [](double value, const panel& x) { return value > x.at_start; });
        return (next - 1)->solve(log_p);
    }

    [[nodiscard]] std::size_t panels() const noexcept { return panels_.size(); }

  private:
    static constexpr std::size_t nodes = 16;
    static constexpr double tolerance = 1e-13;
    static constexpr double noise = 1e-9;

    /// cos(pi j / 15). Every panel needs hundreds of these.
    static portable_double cosine(std::size_t j) {
        static const auto cosines = [] {
            std::array<portable_double, 2 * (nodes - 1)> values;
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] = elementary::cos_pi(static_cast<double>(i) / (nodes - 1));
            return values;
        }();
        return cosines[j];
    }

    /// log p = sum of c[n] T_n(u), where u goes from -1 to 1 on [start, start + step].
    struct panel {
        double start;
        double step;
        std::array<portable_double, nodes> c;
        double at_start;

        void fit(const std::array<double, nodes>& values) {
            at_start = values[0];
            for (std::size_t n = 0; n < nodes; ++n) {
                portable_double sum = 0;
                for (std::size_t j = 0; j < nodes; ++j) {
                    // Node j is at u = -cos(pi j / 15).
                    const portable_double weight = j == 0 || j == nodes - 1 ? 0.5 : 1;
                    sum += weight * values[j] * cosine((nodes - 1 - j) * n % (2 * (nodes - 1)));
                }
                c[n] = sum * (n == 0 || n == nodes - 1 ? 1 : 2) / (nodes - 1);
            }
        }
        /// The contribution of the last terms of the series, relative to log p.
        [[nodiscard]] double rest() const {
            const portable_double last = abs(c[nodes - 1]) + abs(c[nodes - 2]) + abs(c[nodes - 3]);
            return (last / std::max<portable_double>(1, abs(c[0]))).value();
        }
        [[nodiscard]] double solve(double log_p) const {
            portable_double u = std::clamp<portable_double>((log_p - at_start) / c[1] - 1, -1, 1);
            for (int i = 0; i < 12; ++i) {
                // Clenshaw's recurrence for the value and its derivative.
                portable_double b1 = 0, b2 = 0, d1 = 0, d2 = 0;
                for (std::size_t n = nodes - 1; n > 0; --n) {
                    const portable_double d = 2 * u * d1 - d2 + 2 * b1;
                    const portable_double b = 2 * u * b1 - b2 + c[n];
                    d2 = d1, d1 = d;
                    b2 = b1, b1 = b;
                }
                const portable_double value = u * b1 - b2 + c[0], slope = u * d1 - d2 + b1;
                const portable_double change = (value - log_p) / slope;
                u -= change;
                if (abs(change) < 1e-9) break;
            }
            return (start + step * (0.5 + 0.5 * u)).value();
        }
    };

    std::vector<panel> panels_;
};

/// A `QuantileSource` for a law that provides the logarithms of its tails:
///
/// - `logarithmic()`: a place is log(x - origin()) if true, else x; `positive()`: origin() is the lower
///   bound;
/// - `log_tail(side, places, log_p, {})`, and `log_tail(side, place)`, which returns a `tail_point`;
/// - `tail_place(side, p)`: a quantile's place, slowly; `value(place)`: the x at a place; `lower_bound()`;
/// - `panel_step(start, step)`: the step, or as much of it as `log_tail` can take in one call.
template <class LawT>
class panel_source {
  public:
    explicit panel_source(const LawT& law)
        : law_(law), lower_(make(tail::lower)), upper_(make(tail::upper)) {}

    [[nodiscard]] double origin() const { return law_.origin(); }
    [[nodiscard]] bool positive() const noexcept { return law_.positive(); }
    [[nodiscard]] double offset(tail side, double p) const {
        const double place = (side == tail::lower ? lower_ : upper_).place(p);
        return law_.logarithmic() ? elementary::exp(place) : place - origin();
    }
    [[nodiscard]] double log_offset(tail side, double p) const {
        const double place = (side == tail::lower ? lower_ : upper_).place(p);
        return law_.logarithmic() ? place : elementary::log(place - origin());
    }

  private:
    [[nodiscard]] inverse_tail make(tail side) const {
        // From slightly inside the median to the last of a double's 53 bits.
        constexpr double first = 0.51, lowest = -38;
        const double start = law_.tail_place(side, first);
        const double step = (side == tail::lower ? -1 : 1) / std::abs(law_.log_tail(side, start).slope);
        return inverse_tail([&](std::span<const double> places,
                                std::span<double> log_p) { law_.log_tail(side, places, log_p, {}); },
                            [&](double from, double wanted) { return law_.panel_step(from, wanted); }, start,
                            step, lowest);
    }

    const LawT& law_;
    inverse_tail lower_;
    inverse_tail upper_;
};

/// The x at which a tail of such a law has the probability p. Returns the law's ends for p = 0 and p = 1.
template <class LawT>
[[nodiscard]] double quantile_of(const LawT& law, tail side, double p) {
    if (p > 0.5) {
        // 1 - p is exact, and the probability of the smaller tail.
        p = 1 - p;
        side = side == tail::lower ? tail::upper : tail::lower;
    }
    if (p == 0) return side == tail::lower ? law.lower_bound() : std::numeric_limits<double>::infinity();
    return law.value(law.tail_place(side, p));
}

}  // namespace imle::inline IMLE_ABI::detail
