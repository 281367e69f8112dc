#pragma once

/// @file
/// One attempt of Marsaglia and Tsang's rejection method, on vectors and alone.

#include <cmath>
#include <cstdint>
#include <numbers>

#include <imle/core/config.hpp>
#include <imle/random/detail/scalar_lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// What the method needs of a shape. Shapes below 1 are drawn as those of shape + 1, to be boosted.
template <class Lanes>
struct gamma_constants {
    Lanes d;  ///< shape - 1/3
    Lanes c;  ///< 1 / sqrt(9 d)

    explicit gamma_constants(Lanes shape) noexcept {
        const Lanes one(1), zero(0), third(typename Lanes::scalar(1) / 3);
        d = shape + select(less(shape, one), one - third, zero - third);
        c = third / square_root(d);
    }
};

/// The exponent of 2 by which an exponential number is multiplied to boost a number of shape + 1 to shape:
/// X U^(1/shape) = X exp(-E / shape). 0 for shapes from 1 on. In logarithms, since for shape 1/20 the power
/// of a uniform number is below the smallest float half of the time.
template <class Lanes>
[[nodiscard]] inline Lanes gamma_boost(Lanes shape) noexcept {
    const Lanes rate = Lanes(typename Lanes::scalar(-std::numbers::log2e)) / shape;
    return select(less(shape, Lanes(1)), rate, Lanes(0));
}

/// A normal number's proposal: d w^3 with w = 1 + c z.
template <class Lanes>
struct gamma_proposal {
    Lanes w;
    Lanes x;

    gamma_proposal(Lanes z, Lanes d, Lanes c) noexcept
        : w(multiply_add(c, z, Lanes(1))), x(d * (w * w * w)) {}
};

/// True only where `gamma_accepts` says so for every number whose upper bits are `upper` (24 of them, as a
/// whole number). It needs no logarithm and leaves little else than rejections.
///
/// The proposal is taken with probability exp(h), h = 3 d (log(1 + y) - y + y^2 / 2 - y^3 / 3), y = c z. The
/// bracket's series begins with -y^4 / 4; for y > 0 that bounds it, for y < 0 the terms that follow are
/// smaller than a geometric series, and -y^4 / 4 / (1 + y) does. With d c^2 = 1 / 9 then exp(h) >= 1 + h >=
/// 1 - z^4 c^2 / (12 min(w, 1)). The margins are many times what rounding does.
template <class Lanes>
[[nodiscard]] inline typename Lanes::mask gamma_surely_accepts(Lanes z, Lanes c, Lanes w,
                                                               Lanes upper) noexcept {
    using scalar = typename Lanes::scalar;
    const Lanes square = z * z;
    const Lanes bound = square * square * (c * c) * Lanes(scalar(1.00001 / 12));
    // 1 - u for the largest u with these upper bits; negative or 0 times a negative w is below the bound too.
    const Lanes rest = multiply_add(upper, Lanes(scalar(-0x1p-24)), Lanes(scalar(1 - 0x1p-24 - 1e-6)));
    return less(bound, rest * minimum(w, Lanes(1)));
}

/// log(1 + y) - y + y^2 / 2 - y^3 / 3 for y > -1.
[[nodiscard]] inline double log1p_beyond_cube(double y) noexcept {
    if (std::abs(y) > 0.1) return std::log1p(y) - y * (1 - y * (0.5 - y / 3));
    double sum = 0;
    for (int n = 18; n >= 4; --n) sum = 1.0 / n - y * sum;
    return -sum * (y * y) * (y * y);
}

/// Whether the proposal of a normal number z is taken: u < exp(h), with u = (high + low() / 2^32) / 2^32 and
/// h as above. `low` is asked for where `high` alone cannot tell, once in 2^32 times.
template <class Low>
[[nodiscard]] inline bool gamma_accepts(double z, double d, std::uint32_t high, const Low& low) noexcept {
    const double y = z / (3 * std::sqrt(d));
    if (!(1 + y > 0)) return false;
    const double u = high * 0x1p-32;
    // Most that come here are rejected, and seen to be without a logarithm: h <= -a with the first one or two
    // terms of its series, exp(-a) <= 1 - a + a^2 / 2.
    const double a = 3 * d * (y * y) * (y * y) * (y < 0 ? 0.25 : 0.25 - 0.2 * y);
    if (a > 0 && u > 1.0000001 - a * (1 - 0.5 * a)) return false;
    const double rest = (std::exp(3 * d * log1p_beyond_cube(y)) - u) * 0x1p32;
    if (rest >= 1) return true;
    return rest > 0 && low() * 0x1p-32 < rest;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
