#pragma once

// How far drawn numbers are from their law.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace imle_benchmarks {

/// P(X <= x) or P(X > x) of a law.
using probability_function = std::function<double(double x)>;

/// The distance that `numbers` independent draws of the right law exceed with a probability of at most 1e-6
/// (the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart).
[[nodiscard]] double distance_bound(std::size_t numbers);

/// The largest difference between the share of `numbers` up to x and `cdf(x)`, over 2,048 of the numbers: the
/// distribution functions of some laws take microseconds. Sorts the numbers. A number stands for all that
/// round to it. NaN if one of them is.
template <class Scalar>
[[nodiscard]] double kolmogorov_distance(std::vector<Scalar>& numbers, const probability_function& cdf);

/// The key whose numbers `largest_word_error` is given, from its first on.
inline constexpr std::uint64_t word_error_seed = 31;

/// The largest |F(x) - u| over the first numbers of a key's sequence, up to the rounding of x: the distance
/// of u from the range of F over all that rounds to x. Without that, a law whose density is infinite at its
/// lower bound would show how finely `Scalar` tells numbers there, not how well they are drawn.
///
/// u is as `imle::quantile_table` documents it: the lowest bit of the word chooses the tail, the others are
/// its probability.
template <class Scalar>
[[nodiscard]] double largest_word_error(std::span<const Scalar> numbers, const probability_function& cdf,
                                        const probability_function& survival);

}  // namespace imle_benchmarks
