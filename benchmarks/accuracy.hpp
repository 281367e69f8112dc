#pragma once

// The distance of drawn numbers from their law.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace imle_benchmarks {

/// P(X <= x) or P(X > x) of a law.
using probability_function = std::function<double(double x)>;

/// The distance that `numbers` independent draws from the right law exceed with a probability of at most 1e-6
/// (the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart).
[[nodiscard]] double distance_bound(std::size_t numbers);

/// The largest difference between the fraction of `numbers` up to x and `cdf(x)`. It is computed at 2,048 of
/// the numbers, because the distribution functions of some laws take microseconds. Sorts the numbers. A
/// number counts as all the numbers that round to it. NaN if one of the numbers is NaN.
template <class Scalar>
[[nodiscard]] double kolmogorov_distance(std::vector<Scalar>& numbers, const probability_function& cdf);

/// The seed of the key from which `largest_word_error` expects its numbers, from the first one on.
inline constexpr std::uint64_t word_error_seed = 31;

/// The largest |F(x) - u| over the first numbers of a key's sequence, up to the rounding of x: the distance
/// of u from the range of F over all numbers that round to x. Without this range, a law whose density is
/// infinite at its lower bound would show the resolution of `Scalar` there, not the quality of the draws.
///
/// u is as `imle::quantile_table` documents it: the lowest bit of the word chooses the tail, the other bits
/// are its probability.
template <class Scalar>
[[nodiscard]] double largest_word_error(std::span<const Scalar> numbers, const probability_function& cdf,
                                        const probability_function& survival);

}  // namespace imle_benchmarks
