#pragma once

/// @file
/// The place where a tail of a law has a given probability.

#include <algorithm>
#include <cmath>
#include <limits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The logarithm of a tail's probability at a place, and its derivative with respect to the place.
struct tail_point {
    double log_probability;
    double slope;
};

/// Newton's method on log p, which is concave in the place or nearly, within a bracket that it finds itself.
/// `log_tail(v)` is the `tail_point` at v; `v` the start; `reach` how far the first step may go; `most` a
/// place that is never passed.
template <class LogTail>
[[nodiscard]] double newton_place(const LogTail& log_tail, double log_p, double v, double reach,
                                  double most) {
    double low = -std::numeric_limits<double>::infinity(), high = most;
    v = std::min(v, most);
    for (int i = 0; i < 300; ++i) {
        const tail_point at = log_tail(v);
        const double step = -(at.log_probability - log_p) / at.slope;
        // Newton's method doubles the digits: after a step as small as this v is as good as it gets.
        if (std::abs(step * at.slope) < 1e-8) return v + step;
        const bool too_far = at.slope > 0 ? at.log_probability > log_p : !(at.log_probability > log_p);
        if (too_far)
            high = std::min(high, v);
        else
            low = std::max(low, v);
        double next = v + step;
        if (!(std::abs(step) <= reach)) {
            next = v + (too_far ? -reach : reach);
            reach *= 2;
        }
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (next == v) break;
        v = next;
    }
    return v;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
