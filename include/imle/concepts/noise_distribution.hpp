#pragma once

/// @file
/// The concepts of a noise distribution, of one with a known density, and of a density with a known score.

#include <concepts>
#include <cstdint>
#include <span>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {

/// Independent numbers of one law, as a pure function of a key and an index.
///
/// Syntax: `noise.fill(key, first, out)` on a const object; `out` is a `std::span<Scalar>`.
///
/// Laws, which no compiler can check (`imle::testing::check_noise` does):
/// - Random access: element i of `out` is element `first + i` of one infinite sequence that the key
///   determines. A range can be filled in any pieces, in any order, from any thread, with the same bits. So
///   the layer can replay the noise of the forward pass in the backward pass instead of storing it, and
///   shards and thread counts do not affect results.
/// - Every number is finite; otherwise the layer throws `imle::noise_error`.
/// - Different keys give independent sequences.
///
/// A weaker concept (an engine with a state that advances) was rejected: its sequence could not be split over
/// threads without changing the numbers.
///
/// Optional: `static constexpr bool is_zero = true` says that every number is 0; the layer then never calls
/// `fill`. `static constexpr bool multiplies_theta = true` says that the numbers are standard normal and that
/// the layer perturbs to theta * exp(T * xi - T^2 / 2) instead of theta + T * eps: see `multiplicative`.
/// `fill_quantiles`, for stratified samples: see `QuantileNoise`.
template <class N, class Scalar>
concept NoiseDistribution = std::copy_constructible<N> && std::floating_point<Scalar> &&
    requires(const N& noise, random_key key, std::uint64_t first, std::span<Scalar> out) {
    noise.fill(key, first, out);
};

/// A noise distribution for float, double or both. The layer's class can require this before the scalar is
/// known.
template <class N>
concept NoiseDistributionOfSomeScalar = NoiseDistribution<N, float> || NoiseDistribution<N, double>;

/// True if N declares that all its numbers are 0.
template <class N>
inline constexpr bool is_zero_noise = requires {
    requires static_cast<bool>(N::is_zero);
};

/// True if N declares that it multiplies theta by exp(T * xi - T^2 / 2).
template <class N>
inline constexpr bool is_multiplicative_noise = requires {
    requires static_cast<bool>(N::multiplies_theta);
};

/// A noise of one fixed law that can be drawn at given points of its distribution function, as stratified
/// samples need (`sampling::latin`).
///
/// Syntax: `noise.fill_quantiles(words, out)` on a const object; `words` is a `std::span<const
/// word_of<Scalar>>` (32 bits for float, 64 for double) and as long as `out`, a `std::span<Scalar>`.
///
/// Laws, which no compiler can check (`imle::testing::check_noise` does):
/// - out[i] is the law's quantile at u = (words[i] + 1/2) / 2^bits, to the accuracy of `fill`: a larger word
///   never gives a smaller number, and uniform words give numbers with the law of `fill`'s;
/// - it depends on words[i] alone, bit for bit, and is finite.
///
/// All built-in noises that draw from a table have it. `gamma_sampler`, `sum_of_gamma_series` and `std_noise`
/// do not: they use several words a number, or an unknown number of them.
///
/// A function of u in floating point was rejected: near 1 it could not tell the words apart.
template <class N, class Scalar>
concept QuantileNoise = NoiseDistribution<N, Scalar> && detail::FloatOrDouble<Scalar> &&
    requires(const N& noise, std::span<const word_of<Scalar>> words, std::span<Scalar> out) {
    noise.fill_quantiles(words, out);
};

/// A noise of one fixed law with a density f and a known score, -d/dx log f(x).
///
/// Syntax: `noise.score(x)` on a const object, for any double x that `fill` may produce. The result converts
/// to double.
///
/// Laws, which no compiler can check:
/// - f is absolutely continuous on the whole line (it vanishes at the ends of its support), so that d/dt E
///   g(t + eps) = E g(t + eps) score(eps) for any bounded g, by integration by parts; the score's mean is 0;
/// - the variance of score(eps) is finite, or averages would not converge.
///
/// `normal`, `gumbel` and `gamma` of shape above 2 have a score; `multiplicative` noise has the score of its
/// standard normal numbers. `sum_of_gamma` has none, because its density is known only as an integral.
/// `exponential` and `uniform` have none, because their densities jump.
template <class N>
concept ScoredNoise = NoiseDistributionOfSomeScalar<N> && requires(const N& noise, double x) {
    { noise.score(x) } -> std::convertible_to<double>;
};

/// A noise of one fixed law with a known distribution function and density.
///
/// Syntax: `noise.cdf(x)` and `noise.pdf(x)` on a const object, for any finite double x. Both results convert
/// to double. Optional: `survival(x)` = 1 - cdf(x), accurate where it is small; `quantile(u)`;
/// `lower_bound()` and `upper_bound()`, beyond which the density is 0.
///
/// Laws, which no compiler can check:
/// - cdf(x) is the probability that a number of `fill` is at most x, and pdf is its derivative;
/// - the density is finite, and smooth between the bounds except for a kink at the median;
/// - where it jumps at an end of the law, there is `lower_bound()` or `upper_bound()`.
///
/// `conditional_layer` needs it. All built-in laws have both functions but `no_noise`, `gamma_sampler`,
/// `std_noise` and `multiplicative`.
template <class N>
concept ContinuousNoise = NoiseDistributionOfSomeScalar<N> && requires(const N& noise, double x) {
    { noise.cdf(x) } -> std::convertible_to<double>;
    { noise.pdf(x) } -> std::convertible_to<double>;
};

}  // namespace imle::inline IMLE_ABI
