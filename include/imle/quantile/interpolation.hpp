#pragma once

/// @file
/// Polynomials through values at Chebyshev nodes: one interval of a table.

#include <array>
#include <cstddef>

#include <imle/core/circular.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// One number for each coefficient of a polynomial, or for each node.
template <std::size_t Degree>
using polynomial_numbers = std::array<portable_double, Degree + 1>;

/// The positions, from 0 to 1, of the Chebyshev nodes first, first + 1, ... of 0 .. Degree.
template <std::size_t Degree>
[[nodiscard]] inline polynomial_numbers<Degree> chebyshev_places(double first) noexcept {
    polynomial_numbers<Degree> places;
    for (std::size_t j = 0; j < places.size(); ++j)
        places[j] = 0.5 - 0.5 * elementary::cos_pi((portable_double(static_cast<double>(j)) + first) /
                                                   static_cast<double>(Degree));
    return places;
}

/// The coefficients of 1, t, t^2, ... of the polynomial through all (t, y): Newton's divided differences,
/// then expanded. y[0] is subtracted first, so that rounding is relative to the interval's rise.
template <std::size_t Count>
[[nodiscard]] inline std::array<portable_double, Count> interpolate(
    const std::array<portable_double, Count>& t, const std::array<portable_double, Count>& y) noexcept {
    constexpr std::size_t degree = Count - 1;
    std::array<portable_double, Count> d, c;
    for (std::size_t j = 0; j <= degree; ++j) d[j] = y[j] - y[0];
    for (std::size_t level = 1; level <= degree; ++level)
        for (std::size_t j = degree; j >= level; --j) d[j] = (d[j] - d[j - 1]) / (t[j] - t[j - level]);
    for (std::size_t j = degree + 1; j-- > 0;) {
        for (std::size_t i = degree; i > 0; --i) c[i] = c[i - 1] - t[j] * c[i];
        c[0] = d[j] - t[j] * c[0];
    }
    c[0] += y[0];
    return c;
}

}  // namespace imle::inline IMLE_ABI::detail
