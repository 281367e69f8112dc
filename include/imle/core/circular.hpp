#pragma once

/// @file
/// Sine, cosine and arctangent with the same bits on every machine (see elementary.hpp).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail::elementary {

/// pi / 2.
inline constexpr stored_pair half_pi = {0x1.921fb54442d18p0, 0x1.1a62633145c07p-54};

/// atan(i / 8).
inline constexpr stored_pair arc_tangents[9] = {{0x0p0, 0x0p0},
                                                {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
                                                {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
                                                {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
                                                {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
                                                {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
                                                {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
                                                {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
                                                {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55}};

/// A reduced angle: r + low in [-pi/4, pi/4], and the number of quarter turns that were removed, modulo 4.
struct reduced_angle {
    portable_double r, low;
    unsigned quarter;
};

/// The reduced angle of x: x minus the nearest multiple of pi / 2.
[[nodiscard]] inline reduced_angle reduce_angle(portable_double x) noexcept {
    if (abs(x) < 0.78) return {x, 0, 0};
    // Larger arguments are seldom meant to their last place. (fmod is exact.)
    if (!(abs(x) < 0x1p20)) x = std::fmod(x.value(), 4 * half_pi.high);
    if (x != x) return {x, x, 0};
    const portable_double shifter = 0x1.8p52;
    const portable_double multiple = (x * 0x1.45f306dc9c883p-1 + shifter) - shifter;
    // Parts of pi / 2 with at most 32 bits: their products with the 21 bits of the multiple are exact.
    const double_double first = exact_sum(x - multiple * 0x1.921fb544p0, -(multiple * 0x1.0b4611a6p-34));
    const double_double second = exact_sum(first.high, first.low - multiple * 0x1.3198a2ep-69);
    const double_double third =
        exact_sum_of_ordered(second.high, second.low - multiple * 0x1.b839a252049c1p-104);
    return {third.high, third.low, static_cast<unsigned>(static_cast<int>(multiple.value())) & 3};
}

/// sin(r + low) for |r| <= pi/4, by its Taylor series.
[[nodiscard]] inline portable_double sine_of_reduced(portable_double r, portable_double low) noexcept {
    const portable_double s = r * r;
    const portable_double rest = horner(s, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800,
                                        1. / 6227020800, -1. / 1307674368000, 1. / 355687428096000);
    return r + (low * (1 - 0.5 * s) + r * s * rest);
}

/// cos(r + low) for |r| <= pi/4, by its Taylor series.
[[nodiscard]] inline portable_double cosine_of_reduced(portable_double r, portable_double low) noexcept {
    const portable_double s = r * r, half = 0.5 * s, front = 1 - half;
    const portable_double rest = horner(s, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600,
                                        -1. / 87178291200, 1. / 20922789888000);
    return front + (((1 - front) - half) + (s * s * rest - r * low));
}

/// The sine of an angle plus `more` quarter turns.
[[nodiscard]] inline double sine_of(const reduced_angle& angle, unsigned more) noexcept {
    const unsigned quarter = angle.quarter + more;
    const portable_double size =
        (quarter & 1) != 0 ? cosine_of_reduced(angle.r, angle.low) : sine_of_reduced(angle.r, angle.low);
    return ((quarter & 2) != 0 ? -size : size).value();
}

/// sin(x), to less than 0.8 units in the last place for |x| < 2^20. A larger x is reduced modulo the double
/// nearest to 2 pi, with an error of up to |x| 2^-54.
[[nodiscard]] inline double sin(double x) noexcept {
    // (-0 keeps its sign, and a subnormal x its bits.)
    return abs(portable_double(x)) < 0x1p-27 ? x : sine_of(reduce_angle(x), 0);
}
[[nodiscard]] inline portable_double sin(portable_double x) noexcept {
    return sin(x.value());
}

/// cos(x), as accurate as `sin`.
[[nodiscard]] inline double cos(double x) noexcept {
    return sine_of(reduce_angle(x), 1);
}
[[nodiscard]] inline portable_double cos(portable_double x) noexcept {
    return cos(x.value());
}

struct sine_and_cosine {
    portable_double sine, cosine;
};

/// sin(x) and cos(x), from one reduction of the angle.
[[nodiscard]] inline sine_and_cosine sin_cos(portable_double x) noexcept {
    const reduced_angle angle = reduce_angle(x);
    return {abs(x) < 0x1p-27 ? x.value() : sine_of(angle, 0), sine_of(angle, 1)};
}

/// The reduced angle of pi x: pi (x - the nearest multiple of 1/2).
[[nodiscard]] inline reduced_angle reduce_half_turns(double x) noexcept {
    const portable_double turns = std::fmod(x, 2);
    if (turns != turns) return {turns, turns, 0};
    const portable_double quarters = std::floor((turns * 2 + 0.5).value());
    const portable_double rest = turns - quarters * 0.5;
    const double_double product = exact_product(rest, 2 * half_pi.high);
    const double_double angle = exact_sum_of_ordered(product.high, product.low + rest * (2 * half_pi.low));
    return {angle.high, angle.low, static_cast<unsigned>(static_cast<int>(quarters.value())) & 3};
}

/// cos(pi x), to less than 0.8 units in the last place; exact where x is a multiple of 1/2.
[[nodiscard]] inline double cos_pi(double x) noexcept {
    // Without the addition, half of the zeros would be negative.
    return sine_of(reduce_half_turns(x), 1) + 0.0;
}
[[nodiscard]] inline portable_double cos_pi(portable_double x) noexcept {
    return cos_pi(x.value());
}

/// atan(y / x) for 0 <= y <= x and x > 0. The products of x and y, and their `halves`, must be in range.
[[nodiscard]] inline double_double arc_tangent_of_ratio(portable_double y, portable_double x) noexcept {
    // atan(y/x) = atan(c) + atan((y - c x) / (x + c y)), c = i/8.
    const double i = std::floor((8 * (y / x) + 0.5).value());
    const portable_double c = i / 8;
    const double_double cx = exact_product(c, x), cy = exact_product(c, y);
    const double_double above = exact_sum(y, -cx.high), below = exact_sum_of_ordered(x, cy.high);
    const portable_double above_low = above.low - cx.low, below_low = below.low + cy.low;
    const portable_double ratio = above.high / below.high;
    const double_double back = exact_product(ratio, below.high);
    const portable_double ratio_low =
        (((above.high - back.high) - back.low) + (above_low - ratio * below_low)) / below.high;
    const portable_double s = ratio * ratio;
    const portable_double rest = horner(s, -1. / 3, 1. / 5, -1. / 7, 1. / 9, -1. / 11, 1. / 13, -1. / 15);
    const stored_pair base = arc_tangents[static_cast<std::size_t>(i)];
    const double_double sum = exact_sum_of_ordered(base.high, ratio);
    return exact_sum_of_ordered(sum.high, sum.low + (base.low + (ratio_low + ratio * s * rest)));
}

/// The angle of the point (x, y) in [-pi, pi], like `std::atan2`, to less than 0.6 units in the last place (1
/// if the result is subnormal).
[[nodiscard]] inline double atan2(double y, double x) noexcept {
    if (x != x || y != y) return std::numeric_limits<double>::quiet_NaN();
    const bool below = std::signbit(y), left = std::signbit(x);
    portable_double width = abs(portable_double(x)), height = abs(portable_double(y));
    const bool steep = height > width;
    if (steep) std::swap(width, height);
    double_double angle = {0, 0};
    if (height == std::numeric_limits<double>::infinity()) {
        angle = {half_pi.high / 2, half_pi.low / 2};
    } else if (height != 0 && width != std::numeric_limits<double>::infinity()) {
        if (width > 0x1p500) {
            width *= 0x1p-600;
            height *= 0x1p-600;
        } else if (width < 0x1p-400) {
            width *= 0x1p600;
            height *= 0x1p600;
        }
        // If the ratio is tiny, its cube is negligible, and the exact products would underflow.
        if (height < width * 0x1p-60)
            angle = {height / width, 0};
        else
            angle = arc_tangent_of_ratio(height, width);
    }
    // pi/2 - angle, then pi - angle.
    const auto from = [&angle](double high, double low) {
        const double_double sum = exact_sum_of_ordered(high, -angle.high);
        angle = exact_sum_of_ordered(sum.high, sum.low + (low - angle.low));
    };
    if (steep) from(half_pi.high, half_pi.low);
    if (left) from(2 * half_pi.high, 2 * half_pi.low);
    return (below ? -angle.high : angle.high).value();
}
[[nodiscard]] inline portable_double atan2(portable_double y, portable_double x) noexcept {
    return atan2(y.value(), x.value());
}

}  // namespace imle::inline IMLE_ABI::detail::elementary
