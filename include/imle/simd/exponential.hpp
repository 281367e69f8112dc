#pragma once

/// @file
/// 2^y in plain arithmetic: the same operations in the same order for a scalar and for a vector.
///
/// A quantile table that holds the logarithm of its law ends each draw with an exponential. So does a gamma
/// draw of small shape. The standard library's exponential is a function call, and the bits of a vector
/// library's would differ from those of the scalar reference in the tests. Base 2 needs no constants to split
/// y.

#include <cstddef>

#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// 2^r for |r| <= 1/2 as a polynomial through the Chebyshev nodes, with 2^0 = 1 exactly. It is within 2.6e-9
/// (float) and 8.5e-18 (double) of 2^r, before rounding.
template <class Scalar>
struct exp2_constants;

template <>
struct exp2_constants<float> {
    static constexpr float least_normal = -126.0f;
    static constexpr float deepest = -250.0f;  // `half` is a normal number from here on
    static constexpr float highest = 127.99f;  // 2^y overflows above
    static constexpr float log_2_high = 0x1.62e4p-1f, log_2_low = 1.42860682e-06f;
    static constexpr std::size_t degree = 6;
    static constexpr float coefficients[degree + 1] = {
        1, 0.693147207f, 0.240226509f, 0.0555032723f, 0.00961805668f, 0.00134004282f, 0.000154614447f};
};

template <>
struct exp2_constants<double> {
    static constexpr double least_normal = -1022.0;
    static constexpr double deepest = -2000.0;
    static constexpr double highest = 1023.99;
    static constexpr double log_2_high = 0x1.62e42feep-1, log_2_low = 1.9082149292705877e-10;
    static constexpr std::size_t degree = 11;
    static constexpr double coefficients[] = {
        1.0000000000000000,     0.69314718055994529,    0.24022650695910158,    0.055504108664821625,
        0.0096181291075872564,  0.0013333558146406471,  0.00015403530463724353, 1.5252733841556773e-05,
        1.3215432535912375e-06, 1.0178057087733941e-07, 7.0741942972885211e-09, 4.4558179083360645e-10};
};

/// 2^y = fraction * half * rest, where half and rest are powers of two of about the same size. A single power
/// of two could be subnormal although its product with another factor is not. Multiply in this order, and by
/// the other factor before `rest`: the product then underflows gradually and is rounded at most once more.
template <class Lanes>
struct exp2_parts {
    Lanes fraction;
    Lanes half;
    Lanes rest;
};

/// x times a power of two. Adding 0 changes no bit, fused or not. It is there because on AMD processors a
/// plain product with a subnormal result takes many times as long as others; a product fused with an addition
/// does not.
template <class Lanes>
[[nodiscard, gnu::always_inline]] inline Lanes times_power_of_two(Lanes x, Lanes power) noexcept {
#if defined(IMLE_HAS_FMA)
    const typename Lanes::vector zero =
        rounded(typename Lanes::vector{});  // or the compiler would leave it out
    return Lanes::of(x.v * power.v + zero);
#else
    return x * power;
#endif
}

/// The parts of 2^(n + r), for an integer n and |r| <= 1/2.
template <class Lanes>
[[nodiscard]] inline exp2_parts<Lanes> exp2_of_parts(Lanes n, Lanes r) noexcept {
    using constants = exp2_constants<typename Lanes::scalar>;
    const Lanes sum =
        polynomial<constants::degree>(r, [](std::size_t i) { return Lanes(constants::coefficients[i]); });
    const Lanes half = nearest(n * Lanes(0.5));
    return {sum, power_of_two(half), power_of_two(n - half)};
}

/// The parts of 2^max(y, lowest), where `lowest` is at least `deepest`. y must not be NaN.
template <class Lanes>
[[nodiscard]] inline exp2_parts<Lanes> split_exp2(Lanes y, typename Lanes::scalar lowest) noexcept {
    y = minimum(maximum(y, Lanes(lowest)), Lanes(exp2_constants<typename Lanes::scalar>::highest));
    const Lanes n = nearest(y);
    return exp2_of_parts(n, y - n);
}

/// exp(x), to a few units in the last place: 2^n exp(r) with r = x - n log(2). log(2) is in two parts, so
/// that n times the first part is exact. (2^(x log2(e)) directly would lose x times the last place.)
template <class Lanes>
[[nodiscard]] inline Lanes exp_of(Lanes x) noexcept {
    using scalar = typename Lanes::scalar;
    using constants = exp2_constants<scalar>;
    const Lanes log2_e(scalar(1.4426950408889634));
    // The result is 0 or infinite beyond either limit. The order of the arguments keeps NaN.
    const Lanes furthest(constants::deepest * scalar(0.69));
    x = minimum(Lanes(0) - furthest, maximum(furthest, x));
    const Lanes n = nearest(x * log2_e);
    const Lanes r =
        multiply_add(n, Lanes(-constants::log_2_low), multiply_add(n, Lanes(-constants::log_2_high), x));
    const exp2_parts<Lanes> parts = exp2_of_parts(n, r * log2_e);
    return times_power_of_two(parts.fraction * parts.half, parts.rest);
}

}  // namespace imle::inline IMLE_ABI::detail
