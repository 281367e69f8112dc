#pragma once

/// @file
/// The concept of a noise distribution whose density has a known slope.

#include <concepts>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

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
