#pragma once

/// @file
/// What a quantile table needs from a law while it is made.

#include <concepts>

#include <imle/core/elementary.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/function_ref.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The tail of a law from which a probability is counted.
enum class tail { lower, upper };

template <class LawT>
concept HasQuantile = requires(const LawT& law, double u) {
    { law.quantile(u) } -> std::convertible_to<double>;
};

/// Optional functions of a law.
template <class LawT>
concept HasSurvivalQuantile = requires(const LawT& law, double p) {
    { law.survival_quantile(p) } -> std::convertible_to<double>;
};
template <class LawT>
concept HasLowerBound = requires(const LawT& law) {
    { law.lower_bound() } -> std::convertible_to<double>;
};

/// A law as a table sees it: quantiles as distances from an origin. If the origin is the law's lower bound
/// (`positive()`), the distance and its logarithm keep their relative accuracy down to the bound; the
/// quantile itself cannot. A source may have `log_offset(side, p)`, if it has a better one than the logarithm
/// of `offset(side, p)`, and `resolution(side, p)`: the probability within which its quantiles cannot be told
/// apart. Errors below it are then not the table's.
///
/// There are three sources: `law_source` for a quantile function; `cdf_source` for any distribution function
/// and density, which it does not trust; `panel_source` for a smooth law that is accurate in its tails and
/// expensive.
template <class T>
concept QuantileSource = requires(const T& source, tail side, double p) {
    { source.origin() } -> std::convertible_to<double>;
    { source.positive() } -> std::convertible_to<bool>;
    { source.offset(side, p) } -> std::convertible_to<double>;
};

/// A source as a table uses it: a table is compiled once, for sources of all types.
struct quantile_source {
    using function = function_ref<double(tail side, double p)>;

    double origin;
    bool positive;
    function offset, resolution;
    bool has_log_offset;
    function log_offset;  // if it has one

    [[nodiscard]] portable_double log(tail side, double p) const {
        return has_log_offset ? log_offset(side, p) : elementary::log(offset(side, p));
    }
};

/// The source for a law with a quantile function.
template <HasQuantile LawT>
class law_source {
  public:
    explicit law_source(const LawT& law) : law_(law) {
        if constexpr (HasLowerBound<LawT>) {
            const double bound = law.lower_bound();
            if (is_finite(bound)) {
                positive_ = true;
                origin_ = bound;
            }
        }
    }
    [[nodiscard]] double origin() const noexcept { return origin_; }
    [[nodiscard]] bool positive() const noexcept { return positive_; }
    [[nodiscard]] double offset(tail side, double p) const {
        if (side == tail::lower) return law_.quantile(p) - origin_;
        if constexpr (HasSurvivalQuantile<LawT>)
            return law_.survival_quantile(p) - origin_;
        else
            return law_.quantile(1 - p) - origin_;
    }
    /// The rounding of 1 - p, if the law has no `survival_quantile`.
    [[nodiscard]] double resolution(tail side, double) const noexcept {
        return side == tail::upper && !HasSurvivalQuantile<LawT> ? 0x1p-53 : 0;
    }

  private:
    const LawT& law_;
    double origin_ = 0;
    bool positive_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
