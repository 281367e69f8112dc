#pragma once

/// @file
/// What the laws share: checks of their arguments, and the functions of `location + scale * X` and `scale *
/// X`.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include <imle/core/each_of.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/quantile/panel_source.hpp>
#include <imle/random/quantile_table.hpp>

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

/// Returns u; throws `std::invalid_argument` unless it is a probability. NaN is not.
inline double probability(const char* argument, double u) {
    if (!(u >= 0 && u <= 1)) throw_invalid(argument, u, "a probability: from 0 to 1");
    return u;
}

template <class StandardLaw>
concept HasScore = requires(double z) {
    StandardLaw::score(z);
};

/// The law of `location + scale * X`. It draws from the table of X, which the whole program shares, and
/// computes its functions from those of X.
///
/// `StandardLaw` is an empty class with static members: the functions `cdf`, `survival` (accurate where it is
/// small), `pdf`, `quantile` and `survival_quantile` (from which the table is made); the constants `mean` and
/// `variance`; the function `lower_bound` if the law is bounded below; and `score` = -d/dz log pdf(z) if the
/// density has no jump.
///
/// Each law derives from this class, checks its parameters and names them.
template <class StandardLaw>
class location_scale_law {
  public:
    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()), after
    /// the first call has made the table. Any number of threads may call it.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        standard_table<StandardLaw, float>().fill(key, first, out, location_, scale_);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        standard_table<StandardLaw, double>().fill(key, first, out, location_, scale_);
    }
    /// out[i] is the quantile at u = (words[i] + 1/2) / 2^32, for `QuantileNoise`. Cost as of `fill`.
    void fill_quantiles(std::span<const std::uint32_t> words, std::span<float> out) const {
        standard_table<StandardLaw, float>().fill_quantiles(words, out, location_, scale_);
    }
    /// The same in double, with u = (words[i] + 1/2) / 2^64.
    void fill_quantiles(std::span<const std::uint64_t> words, std::span<double> out) const {
        standard_table<StandardLaw, double>().fill_quantiles(words, out, location_, scale_);
    }

    /// For the layers (see `detail::draws_by_words`).
    template <FloatOrDouble Scalar>
    [[nodiscard]] law_of_words<Scalar> by_words() const {
        return standard_table<StandardLaw, Scalar>().by_words(location_, scale_);
    }

    /// P(X <= x).
    [[nodiscard]] double cdf(double x) const noexcept { return StandardLaw::cdf(standard(x)); }
    /// P(X > x), accurate where it is small.
    [[nodiscard]] double survival(double x) const noexcept { return StandardLaw::survival(standard(x)); }
    /// The density.
    [[nodiscard]] double pdf(double x) const noexcept { return StandardLaw::pdf(standard(x)) / scale_; }
    /// The x with cdf(x) = u; the law's ends for 0 and 1. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double quantile(double u) const { return at(StandardLaw::quantile(probability("u", u))); }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        return at(StandardLaw::survival_quantile(probability("p", p)));
    }
    /// -d/dx log pdf(x), for `ScoredNoise`. Only laws with a smooth density have it.
    [[nodiscard]] double score(double x) const noexcept requires HasScore<StandardLaw> {
        return StandardLaw::score(standard(x)) / scale_;
    }
    /// The expected value.
    [[nodiscard]] double mean() const noexcept { return at(StandardLaw::mean); }
    /// The variance.
    [[nodiscard]] double variance() const noexcept { return StandardLaw::variance * scale_ * scale_; }
    /// The lower bound of all draws. Only laws that are bounded below have it.
    [[nodiscard]] double lower_bound() const noexcept requires HasLowerBound<StandardLaw> {
        return at(StandardLaw::lower_bound());
    }

    /// True if the parameters are equal.
    friend bool operator==(const location_scale_law&, const location_scale_law&) noexcept = default;

  protected:
    /// The derived class has checked both: finite, scale > 0.
    location_scale_law(double location, double scale) noexcept : location_(location), scale_(scale) {}

    /// The parameter `location`.
    [[nodiscard]] double location() const noexcept { return location_; }
    /// The parameter `scale`.
    [[nodiscard]] double scale() const noexcept { return scale_; }

  private:
    [[nodiscard]] double standard(double x) const noexcept { return (x - location_) / scale_; }
    [[nodiscard]] double at(double z) const noexcept { return multiply_add(scale_, z, location_); }

    double location_;
    double scale_;
};

/// The law of `scale * X`, for an X with parameters of its own. `LawT` is X in the form for `panel_source`.
/// Copies share it and its two tables, one of floats and one of doubles. The first use of a table makes it,
/// in whichever thread that is. A layer uses one scalar; making the table of the other too would double its
/// cost.
template <class LawT>
class shared_law {
  public:
    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()), after
    /// the first call has made the table. Any number of threads may call it.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        table<float>().fill(key, first, out, 0, scale_);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        table<double>().fill(key, first, out, 0, scale_);
    }
    /// out[i] is the quantile at u = (words[i] + 1/2) / 2^32, for `QuantileNoise`. Cost as of `fill`.
    void fill_quantiles(std::span<const std::uint32_t> words, std::span<float> out) const {
        table<float>().fill_quantiles(words, out, 0, scale_);
    }
    /// The same in double, with u = (words[i] + 1/2) / 2^64.
    void fill_quantiles(std::span<const std::uint64_t> words, std::span<double> out) const {
        table<double>().fill_quantiles(words, out, 0, scale_);
    }
    /// For the layers (see `detail::draws_by_words`).
    template <FloatOrDouble Scalar>
    [[nodiscard]] law_of_words<Scalar> by_words() const {
        return table<Scalar>().by_words(0, scale_);
    }
    /// The lower bound of all draws.
    [[nodiscard]] double lower_bound() const noexcept { return scale_ * law().lower_bound(); }
    /// The x with cdf(x) = u: the lower bound for 0, infinity for 1. Throws `std::invalid_argument` outside
    /// [0, 1].
    [[nodiscard]] double quantile(double u) const {
        return scale_ * quantile_of(law(), tail::lower, probability("u", u));
    }
    /// The x with survival(x) = p. Throws `std::invalid_argument` outside [0, 1].
    [[nodiscard]] double survival_quantile(double p) const {
        return scale_ * quantile_of(law(), tail::upper, probability("p", p));
    }

  protected:
    shared_law(double scale, const LawT& law)
        : scale_(scale), state_(detail::make_shared_object<state>(law)) {}

    [[nodiscard]] const LawT& law() const noexcept { return state_->law; }
    /// The parameter `scale`.
    [[nodiscard]] double scale() const noexcept { return scale_; }

  private:
    template <class Scalar>
    struct slot {
        std::once_flag once;
        std::optional<quantile_table<Scalar>> table;
    };
    struct state {
        explicit state(const LawT& the_law) : law(the_law) {}
        const LawT law;
        each_of<slot<float>, slot<double>> slots;
    };

    template <class Scalar>
    [[nodiscard]] const quantile_table<Scalar>& table() const {
        slot<Scalar>& mine = state_->slots;
        std::call_once(mine.once, [&] { mine.table.emplace(panel_source(law())); });
        return *mine.table;
    }

    double scale_;
    std::shared_ptr<state> state_;
};

}  // namespace imle::inline IMLE_ABI::detail
