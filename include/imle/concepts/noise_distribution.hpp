#pragma once

/// @file
/// The concept of a noise distribution, and of one whose density has a known slope.

#include <concepts>
#include <cstdint>
#include <span>

#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// Independent numbers of one law, as a pure function of a key and an index.
///
/// Syntax: `noise.fill(key, first, out)` on a const object, `out` a `std::span<Scalar>`.
///
/// Laws, which no compiler can check (`imle::testing::check_noise` does):
/// - Random access: element i of `out` is element `first + i` of one infinite sequence that the key
///   determines. Filling a range in any pieces, in any order, from any thread gives the same bits. This is
///   what lets the layer replay the noise of the forward pass in the backward pass instead of storing it,
///   and what makes shards and thread counts invisible.
/// - Every number is finite; the layer throws `imle::noise_error` otherwise.
/// - Keys that differ give independent sequences.
///
/// A weaker concept (an engine to advance) was rejected: a state that moves cannot be split over threads
/// without changing the numbers.
///
/// Optional: `static constexpr bool is_zero = true` says that every number is 0, and the layer never asks.
/// `static constexpr bool multiplies_theta = true` says that the numbers are standard normal and that the
/// layer perturbs theta * exp(T * xi - T^2 / 2) with them instead of theta + T * eps: see `multiplicative`.
template <class N, class Scalar>
concept NoiseDistribution = std::copy_constructible<N> && std::floating_point<Scalar> &&
    requires(const N& noise, random_key key, std::uint64_t first, std::span<Scalar> out) {
    noise.fill(key, first, out);
};

/// A noise distribution for float, for double or for both: what the layer's class can ask for before the
/// scalar is known.
template <class N>
concept NoiseDistributionOfSomeScalar = NoiseDistribution<N, float> || NoiseDistribution<N, double>;

/// True if N says that all its numbers are 0.
template <class N>
inline constexpr bool is_zero_noise = requires {
    requires static_cast<bool>(N::is_zero);
};

/// True if N says that theta is multiplied by exp(T * xi - T^2 / 2).
template <class N>
inline constexpr bool is_multiplicative_noise = requires {
    requires static_cast<bool>(N::multiplies_theta);
};

/// A noise of one fixed law with a density f that says its score, -d/dx log f(x).
///
/// Syntax: `noise.score(x)` on a const object, for a double x that `fill` may give; a number that converts to
/// double.
///
/// Laws, which no compiler can check:
/// - f is absolutely continuous on the whole line (it vanishes at the ends of its support), so that
///   d/dt E g(t + eps) = E g(t + eps) score(eps) for any bounded g, by integration by parts; its mean is 0;
/// - the variance of score(eps) is finite, or averages would not settle.
///
/// `normal`, `gumbel` and `gamma` of shape above 2 have it, and `multiplicative` noise has that of its
/// standard normal numbers. `sum_of_gamma` has none: its density is known only as an integral. Nor have
/// `exponential` and `uniform`, whose densities jump.
template <class N>
concept ScoredNoise = NoiseDistributionOfSomeScalar<N> && requires(const N& noise, double x) {
    { noise.score(x) } -> std::convertible_to<double>;
};

}  // namespace imle::inline IMLE_ABI
