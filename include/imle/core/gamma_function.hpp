#pragma once

/// @file
/// The gamma function and its logarithm, with the same bits on every machine (see elementary.hpp).

#include <cmath>
#include <limits>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail::elementary {

/// log Gamma(2 + z) for |z| <= 1/2, by its Taylor series z (1 - gamma) + sum of (zeta(k) - 1) (-z)^k / k.
[[nodiscard]] inline portable_double log_gamma_beside_two(portable_double z) noexcept {
    const portable_double s = z * z;
    const portable_double even =
        horner(s, 0x1.4a34cc4a60fa6p-2, 0x1.51322ac7d8483p-6, 0x1.7add6eadb6c3p-9, 0x1.0b36af86396e9p-11,
               0x1.a127b0f17d65ap-14, 0x1.580dcee66eb02p-16, 0x1.2597a39f34aacp-18, 0x1.0064cdeb22f0fp-20,
               0x1.c76bbb3f07a4dp-23, 0x1.99b93c2070b0fp-25, 0x1.7469daccfadcdp-27, 0x1.555a877ffd2c3p-29,
               0x1.3b15d2b2fc10cp-31);
    const portable_double odd =
        horner(s, -0x1.13e001a557607p-4, -0x1.e404fc218f5f2p-8, -0x1.38ac5c2bf8e08p-10,
               -0x1.d3fd4c76d2fc8p-13, -0x1.78de5bd7c81efp-15, -0x1.3cbc963ce2243p-17, -0x1.11b2eb7679541p-19,
               -0x1.e2600d93cfd2fp-22, -0x1.af5a6cbbf8a97p-24, -0x1.862c734df3eacp-26, -0x1.6434a8447aeadp-28,
               -0x1.47b1679258d0ep-30, -0x1.2f69a9fabe3ep-32);
    return z * 0x1.b0ee6072093cep-2 + (z * 0x1.6cb90701fbfabp-58 + s * (even + z * odd));
}

/// Stirling's series without its leading terms: log Gamma(x) - (x - 1/2) (log x - 1) - log(2 pi) / 2 + 1/2,
/// for x >= 8.
[[nodiscard]] inline portable_double stirling_series(portable_double x) noexcept {
    const portable_double inverse = 1 / x;
    return inverse * horner(inverse * inverse, 1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188,
                            -691. / 360360, 1. / 156, -3617. / 122400, 43867. / 244188, -174611. / 125400);
}

/// The leading term of Stirling's formula: (x - 1/2) (log x - 1), for 8 <= x < 2^900.
[[nodiscard]] inline double_double stirling_front(portable_double x) noexcept {
    const double_double logarithm = log_in_two_parts(x);
    const double_double less_one = exact_sum(logarithm.high, -1);
    const portable_double low = less_one.low + logarithm.low, factor = x - 0.5;
    const double_double product = exact_product(less_one.high, factor);
    return exact_sum_of_ordered(product.high, product.low + low * factor);
}

/// The product (x - 1) (x - 2) ... down to the last factor that is at least 1.5, and the rest: x minus the
/// number of factors, in [1.5, 2.5).
struct falling_product {
    portable_double product, rest;
};

[[nodiscard]] inline falling_product fall_beside_two(portable_double x) noexcept {
    portable_double product = 1;
    while (x >= 2.5) {
        x -= 1;
        product *= x;
    }
    return {product, x};
}

/// log Gamma(x) for x > 0, with an error below 1e-15 max(1, |log Gamma(x)|). Near its zeros 1 and 2 the
/// relative error is below 2e-15. Infinity at 0, NaN for x < 0.
[[nodiscard]] inline double log_gamma(double argument) noexcept {
    const portable_double x = argument;
    if (!(x > 0))
        return x == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    if (x < 0.5) return (log_gamma_beside_two(x) - log(x * (1 + x))).value();
    if (x < 1.5) {
        const portable_double z = x - 1;
        return (log_gamma_beside_two(z) - log1p(z)).value();
    }
    if (x < 8) {
        const falling_product fall = fall_beside_two(x);
        return (log_gamma_beside_two(fall.rest - 2) + log(fall.product)).value();
    }
    const portable_double front = (x - 0.5) * (log(x) - 1);
    // log(2 pi) / 2 - 1/2
    return (front + (0x1.acfe390c97d69p-2 + stirling_series(x))).value();
}
[[nodiscard]] inline portable_double log_gamma(portable_double x) noexcept {
    return log_gamma(x.value());
}

/// Gamma(x) for x > 0, to less than 4 units in the last place; exact for integers up to 23, infinite beyond
/// 171.62. NaN for x < 0.
[[nodiscard]] inline double gamma_function(double argument) noexcept {
    const portable_double x = argument;
    if (!(x > 0))
        return x == 0 ? std::copysign(std::numeric_limits<double>::infinity(), argument)
                      : std::numeric_limits<double>::quiet_NaN();
    if (x < 0.5) return (exp(log_gamma_beside_two(x)) / (x * (1 + x))).value();
    if (x < 1.5) return (exp(log_gamma_beside_two(x - 1)) / x).value();
    if (x < 12 || (x < 24 && x == std::floor(argument))) {
        const falling_product fall = fall_beside_two(x);
        return (fall.product * exp(log_gamma_beside_two(fall.rest - 2))).value();
    }
    if (x > 172) return std::numeric_limits<double>::infinity();
    const double_double front = stirling_front(x);
    const double_double sum = exact_sum_of_ordered(front.high, 0x1.acfe390c97d69p-2 + stirling_series(x));
    return exp(sum.high, sum.low + front.low).value();
}
[[nodiscard]] inline portable_double gamma_function(portable_double x) noexcept {
    return gamma_function(x.value());
}

}  // namespace imle::inline IMLE_ABI::detail::elementary
