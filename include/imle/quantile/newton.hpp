#pragma once

/// @file
/// Finds the place where a tail of a law has a given probability: Newton's method in a bracket.

#include <algorithm>
#include <cmath>
#include <limits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The state of a search for a quantile: a place that is too low, a place that is too high, and the tail's
/// probability at each; NaN if it was not evaluated there.
struct bracket {
    double low, high;
    double at_low = std::numeric_limits<double>::quiet_NaN(), at_high = at_low;

    void narrow(bool too_low, double place, double probability) noexcept {
        (too_low ? low : high) = place;
        (too_low ? at_low : at_high) = probability;
    }
};

/// A place, and whether it is the quantile or only the next place to try. NaN if no place is known.
struct newton_step {
    double next;
    bool found = false;
};

/// Tries `place` and those that follow, at most `most` places. `step(around, place)` evaluates the law there,
/// narrows the bracket and returns the next place by Newton's method. If that is not inside the bracket,
/// `instead(around)` is tried. Returns the quantile, or the last place with `found` false.
template <class Step, class Instead>
[[nodiscard]] newton_step newton_in_bracket(bracket around, double place, int most, const Step& step,
                                            const Instead& instead) {
    for (int i = 0; i < most; ++i) {
        const newton_step now = step(around, place);
        if (now.found) return now;
        const double next = now.next > around.low && now.next < around.high ? now.next : instead(around);
        if (next == place) break;
        place = next;
    }
    return {place};
}

/// The logarithm of a tail's probability at a place, and its derivative with respect to the place.
struct tail_point {
    double log_probability;
    double slope;
};

/// Newton's method on log p, which is concave in the place or nearly so, for a law with reliable functions.
/// `log_tail(v)` is the `tail_point` at v; `v` is the start; `reach` is the longest first step; `most` is a
/// place that is never passed.
template <class LogTail>
[[nodiscard]] double newton_place(const LogTail& log_tail, double log_p, double v, double reach,
                                  double most) {
    const auto step = [&](bracket& around, double place) -> newton_step {
        const tail_point at = log_tail(place);
        const double change = -(at.log_probability - log_p) / at.slope;
        // Newton's method doubles the digits: after so small a step the place is as good as it gets.
        if (std::abs(change * at.slope) < 1e-8) return {place + change, true};
        const bool too_low = at.slope > 0 ? !(at.log_probability > log_p) : at.log_probability > log_p;
        around.narrow(too_low, place, at.log_probability);
        if (std::abs(change) <= reach) return {place + change};
        const double furthest = place + (too_low ? reach : -reach);
        reach *= 2;
        return {furthest};
    };
    const auto middle = [](const bracket& around) { return 0.5 * (around.low + around.high); };
    return newton_in_bracket({-std::numeric_limits<double>::infinity(), most}, std::min(v, most), 300, step,
                             middle)
        .next;
}

}  // namespace imle::inline IMLE_ABI::detail
