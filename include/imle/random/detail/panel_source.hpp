#pragma once

/// @file
/// Quantiles for a table from a law's distribution function.

#include <cmath>
#include <span>

#include <imle/core/config.hpp>
#include <imle/random/detail/inverse_tail.hpp>
#include <imle/random/detail/quantile_source.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A `QuantileSource` of a law that knows the logarithms of its tails:
///
/// - `logarithmic()`: a place is log(x - origin()), x otherwise; `positive()`: origin() is the lower bound;
/// - `log_tail(side, places, log_p, {})` and `log_tail(side, place)`, a `tail_point`;
/// - `tail_place(side, p)`: a quantile, slowly;
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
        return law_.logarithmic() ? std::exp(place) : place - origin();
    }
    [[nodiscard]] double log_offset(tail side, double p) const {
        const double place = (side == tail::lower ? lower_ : upper_).place(p);
        return law_.logarithmic() ? place : std::log(place - origin());
    }

  private:
    [[nodiscard]] inverse_tail make(tail side) const {
        // From a little inside of the median to the last bit of a double's 53.
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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
