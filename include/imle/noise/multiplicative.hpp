#pragma once

/// @file
/// Noise that multiplies theta.

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/errors.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// A layer with this noise perturbs theta to theta * exp(T * xi - T^2 / 2), coordinate by coordinate, instead
/// of to theta + T * eps (Dalle, Baty, Bouvier, Parmentier, "Learning with combinatorial optimization layers:
/// a probabilistic approach", 2022, on multiplicative perturbation). xi is standard normal, so the factor's
/// mean is 1. Some implementations omit the T^2 / 2; their theta grows by exp(T^2 / 2).
///
///     imle::imle_layer layer{solver, imle::multiplicative{}, target};
///
/// Each theta keeps its sign, and 0 stays 0. Use this noise for solvers that need costs of one sign, and for
/// thetas of different sizes: each is perturbed relative to itself.
///
/// The temperature is the standard deviation of log(theta). Above about 8 (float) or 30 (double), factors may
/// underflow. The layer then throws `std::invalid_argument` rather than lose a theta.
template <class NoiseT = normal>
class multiplicative {
    static_assert(
        requires(const NoiseT& noise, double x) {
            static_cast<double>(noise.mean());
            static_cast<double>(noise.variance());
            static_cast<double>(noise.cdf(x));
        },
        "imle::multiplicative: the noise within is standard normal and says so by mean(), variance() and "
        "cdf(x). See docs/concepts/noise_distribution.md");

  public:
    /// Tells the layer to multiply theta by exp(T * xi - T^2 / 2).
    static constexpr bool multiplies_theta = true;

    /// noise: the source of the standard normal numbers. Throws `std::invalid_argument` unless its law is the
    /// standard normal one: mean 0, variance 1, and the normal distribution function.
    explicit multiplicative(NoiseT noise = NoiseT()) : noise_(std::move(noise)) {
        if (static_cast<double>(noise_.mean()) != 0) refuse(detail::message("a law of mean ", noise_.mean()));
        if (static_cast<double>(noise_.variance()) != 1)
            refuse(detail::message("a law of variance ", noise_.variance()));
        for (const double x : {-2.5, -1.0, 0.0, 0.5, 1.5})
            if (!(std::abs(noise_.cdf(x) - detail::standard_normal::cdf(x)) < 1e-6))
                refuse(detail::message("a law of which a share of ", noise_.cdf(x), " is below ", x));
    }

    /// xi: element i of `out` is element `first + i` of the key's sequence of the inner noise.
    template <class Scalar>
    requires NoiseDistribution<NoiseT, Scalar>
    void fill(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        noise_.fill(key, first, out);
    }
    /// The inner noise's quantiles, if it has them.
    template <class Scalar>
    requires QuantileNoise<NoiseT, Scalar>
    void fill_quantiles(std::span<const word_of<Scalar>> words, std::span<Scalar> out) const {
        noise_.fill_quantiles(words, out);
    }

    /// The inner noise, which draws xi.
    [[nodiscard]] const NoiseT& base() const noexcept { return noise_; }

    /// -d/dx log pdf(x) for the law of xi, which is x.
    [[nodiscard]] static double score(double xi) noexcept { return detail::standard_normal::score(xi); }

    /// True if the inner noises are equal.
    friend bool operator==(const multiplicative&, const multiplicative&) = default;

  private:
    template <class Was>
    [[noreturn]] static void refuse(const Was& was) {
        detail::throw_invalid(
            "the noise within multiplicative", was,
            "a standard normal law: mean 0, deviation 1 (the layer's temperature scales it)");
    }

    NoiseT noise_;
};

multiplicative()->multiplicative<normal>;
template <class NoiseT>
multiplicative(NoiseT) -> multiplicative<NoiseT>;

}  // namespace imle::inline IMLE_ABI
