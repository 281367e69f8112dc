#pragma once

/// @file
/// The regularised incomplete gamma functions, as logarithms.

#include <limits>
#include <numbers>

#include <imle/core/elementary.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// log P(a, x), log Q(a, x) with Q = 1 - P, and the logarithm of x times the density x^(a-1) exp(-x) /
/// Gamma(a).
struct incomplete_gamma_logs {
    portable_double lower;
    portable_double upper;
    portable_double log_density_times_x;
};

/// log(1 + z) - z for real z > -1, accurate for small z.
[[nodiscard]] inline portable_double log1p_minus_real(portable_double z) noexcept {
    if (abs(z) > 0.1) return elementary::log1p(z) - z;
    portable_double sum = 0;
    for (int n = 20; n >= 2; --n) sum = sum * z + (n % 2 == 0 ? -1.0 : 1.0) / n;
    return sum * z * z;
}

/// log(x / a) - (x - a) / a for x, a > 0: the same function of z = (x - a) / a, but accurate everywhere.
/// Between 0.2 and 3 times a it is small, and is computed from log(1 + z) = 2 atanh(z / (2 + z)), whose terms
/// never cancel.
[[nodiscard]] inline portable_double log_minus_distance(portable_double x, portable_double a) noexcept {
    const portable_double z = (x - a) / a;
    if (z < -0.8 || z > 2) return elementary::log(x / a) - z;
    const portable_double s = z / (2 + z), w = s * s;
    portable_double sum = 0, power = 1;
    for (int n = 3; power > 1e-18; n += 2, power *= w) sum += power / n;
    return s * (2 * w * sum - z);
}

/// log(x^a exp(-x) / Gamma(a)). log x is a parameter for the sake of an x that underflows or overflows. For
/// large a by Stirling's formula about x = a, where a log x - x - lnGamma(a) would cancel.
[[nodiscard]] inline portable_double log_gamma_density_times_x(portable_double a, portable_double x,
                                                               portable_double log_x) noexcept {
    if (!is_finite(x.value())) return -std::numeric_limits<double>::infinity();
    if (a < 20) return a * log_x - x - elementary::log_gamma(a);
    const portable_double w = 1 / (a * a);
    const portable_double stirling =
        (1. / 12 - w * (1. / 360 - w * (1. / 1260 - w * (1. / 1680 - w / 1188)))) / a;
    const portable_double near =
        a * log1p_minus_real((x - a) / a) + 0.5 * elementary::log(a / (2 * std::numbers::pi)) - stirling;
    if (near > -60) return near;
    // Far out, beyond all tables, the rounding of (x - a) / a would matter after multiplication by a.
    return a * log_minus_distance(x, a) + elementary::log(sqrt(a / (2 * std::numbers::pi))) - stirling;
}

/// lnGamma(1 + a) for a > 0. Below 1/1000 by its series, since 1 + a would round a.
[[nodiscard]] inline portable_double log_gamma1p_real(portable_double a) noexcept {
    if (a > 1e-3) return elementary::log_gamma(1 + a);
    // Euler's constant, then zeta(n) / n for n = 2..5.
    return a * (-std::numbers::egamma +
                a * (0.8224670334241132 +
                     a * (-0.4006856343865314 + a * (0.27058080842778454 - a * 0.2073855510286740))));
}

/// Both functions at a > 0 and x >= 0. log x is a parameter for the sake of an x that underflows. Computes
/// the smaller function: left of the bulk by its power series, right of it by its continued fraction. O(1 +
/// sqrt(a)) steps near x = a.
[[nodiscard]] inline incomplete_gamma_logs incomplete_gamma(portable_double a, portable_double x,
                                                            portable_double log_x) noexcept {
    const portable_double log_front = log_gamma_density_times_x(a, x, log_x);
    incomplete_gamma_logs result{0, 0, log_front};
    if (!is_finite(x.value())) {
        result.upper = log_front;
    } else if (a < 1 && (x < 1 || (a < 1e-3 && x < a + 1))) {
        // P = x^a / Gamma(1 + a) * (1 + a * sum). Q comes from expm1 of log P, which is accurate even if a is
        // so small that P is 1 except for the last digits.
        portable_double term = 1, sum = 0;
        for (int n = 1; n < 60; ++n) {
            term *= -x / n;
            sum += term / (a + n);
            if (abs(term) < 1e-18) break;
        }
        result.lower = a * log_x - log_gamma1p_real(a) + elementary::log1p(a * sum);
        result.upper = elementary::log(-elementary::expm1(result.lower));
    } else if (x < a + 1) {
        portable_double term = 1 / a, sum = term;
        for (double n = 1; n < 1e6; ++n) {
            term *= x / (a + n);
            sum += term;
            if (term < sum * 1e-17) break;
        }
        result.lower = log_front + elementary::log(sum);
        result.upper = elementary::log(-elementary::expm1(result.lower));
    } else {
        // Lentz's evaluation of 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - ...)).
        portable_double b = x + 1 - a, c = 1e300, d = 1 / b, fraction = d;
        for (double n = 1; n < 1e6; ++n) {
            const portable_double numerator = -n * (n - a);
            b += 2;
            d = numerator * d + b;
            if (abs(d) < 1e-300) d = 1e-300;
            c = b + numerator / c;
            if (abs(c) < 1e-300) c = 1e-300;
            d = 1 / d;
            const portable_double change = d * c;
            fraction *= change;
            if (abs(change - 1) < 1e-16) break;
        }
        result.upper = log_front + elementary::log(fraction);
        result.lower = elementary::log1p(-elementary::exp(result.upper));
    }
    return result;
}

}  // namespace imle::inline IMLE_ABI::detail
