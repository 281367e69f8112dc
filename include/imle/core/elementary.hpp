#pragma once

/// @file
/// Exponentials and logarithms with the same bits on every machine.
///
/// The bits of std::exp and its relatives depend on the C library, on its version and on the processor at run
/// time. Noise tables are made with these functions instead. They use only sums, rounded products, quotients
/// and integer operations, in an order that no compiler may change. Each function takes and returns a double
/// or a portable_double. Special values are the same as in std. The error bounds were measured against mpmath
/// (tests/core/elementary.test.cpp). They are in units in the last place of the true result.

#include <cstddef>
#include <cstdint>
#include <limits>

#include <imle/core/backports.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail::elementary {

/// The constant form of a `double_double`, for tables.
struct stored_pair {
    double high, low;
};

/// 2^(i/32).
inline constexpr stored_pair exponentials[32] = {{0x1p0, 0x0p0},
                                                 {0x1.059b0d3158574p0, 0x1.d73e2a475b465p-55},
                                                 {0x1.0b5586cf9890fp0, 0x1.8a62e4adc610bp-54},
                                                 {0x1.11301d0125b51p0, -0x1.6c51039449b3ap-54},
                                                 {0x1.172b83c7d517bp0, -0x1.19041b9d78a76p-55},
                                                 {0x1.1d4873168b9aap0, 0x1.e016e00a2643cp-54},
                                                 {0x1.2387a6e756238p0, 0x1.9b07eb6c70573p-54},
                                                 {0x1.29e9df51fdee1p0, 0x1.612e8afad1255p-55},
                                                 {0x1.306fe0a31b715p0, 0x1.6f46ad23182e4p-55},
                                                 {0x1.371a7373aa9cbp0, -0x1.63aeabf42eae2p-54},
                                                 {0x1.3dea64c123422p0, 0x1.ada0911f09ebcp-55},
                                                 {0x1.44e086061892dp0, 0x1.89b7a04ef80dp-59},
                                                 {0x1.4bfdad5362a27p0, 0x1.d4397afec42e2p-56},
                                                 {0x1.5342b569d4f82p0, -0x1.07abe1db13cadp-55},
                                                 {0x1.5ab07dd485429p0, 0x1.6324c054647adp-54},
                                                 {0x1.6247eb03a5585p0, -0x1.383c17e40b497p-54},
                                                 {0x1.6a09e667f3bcdp0, -0x1.bdd3413b26456p-54},
                                                 {0x1.71f75e8ec5f74p0, -0x1.16e4786887a99p-55},
                                                 {0x1.7a11473eb0187p0, -0x1.41577ee04992fp-55},
                                                 {0x1.82589994cce13p0, -0x1.d4c1dd41532d8p-54},
                                                 {0x1.8ace5422aa0dbp0, 0x1.6e9f156864b27p-54},
                                                 {0x1.93737b0cdc5e5p0, -0x1.75fc781b57ebcp-57},
                                                 {0x1.9c49182a3f09p0, 0x1.c7c46b071f2bep-56},
                                                 {0x1.a5503b23e255dp0, -0x1.d2f6edb8d41e1p-54},
                                                 {0x1.ae89f995ad3adp0, 0x1.7a1cd345dcc81p-54},
                                                 {0x1.b7f76f2fb5e47p0, -0x1.5584f7e54ac3bp-56},
                                                 {0x1.c199bdd85529cp0, 0x1.11065895048ddp-55},
                                                 {0x1.cb720dcef9069p0, 0x1.503cbd1e949dbp-56},
                                                 {0x1.d5818dcfba487p0, 0x1.2ed02d75b3707p-55},
                                                 {0x1.dfc97337b9b5fp0, -0x1.1a5cd4f184b5cp-54},
                                                 {0x1.ea4afa2a490dap0, -0x1.e9c23179c2893p-54},
                                                 {0x1.f50765b6e454p0, 0x1.9d3e12dd8a18bp-54}};

/// 1024/c, where c is in the middle of one of the 20 intervals that divide [0.6875, 1) or the 12 that divide
/// [1, 1.375). For the two intervals that meet at 1, c = 1, so that log is accurate there.
inline constexpr std::int16_t reciprocals[32] = {
    1473, 1440, 1409, 1380, 1351, 1324, 1298, 1273, 1248, 1225, 1202, 1181, 1160, 1140, 1120, 1101,
    1083, 1066, 1049, 1024, 1024, 978,  950,  923,  898,  874,  851,  830,  809,  790,  771,  753};

/// log c. The high parts are multiples of 2^-42, so that adding a multiple of log 2's high part is exact.
inline constexpr stored_pair logarithms[32] = {{-0x1.744f8633f2p-2, 0x1.91e9d1816c06cp-46},
                                               {-0x1.5d1bdbf581p-2, 0x1.8d6bdc9c7c238p-44},
                                               {-0x1.46d2d9c28p-2, -0x1.59b275f67f75ap-44},
                                               {-0x1.31871c9544p-2, -0x1.84fab94cecfd9p-46},
                                               {-0x1.1bc794fd1dp-2, 0x1.ccf0c747ba7bep-44},
                                               {-0x1.071b85fcd6p-2, 0x1.bcb8ba3e01a11p-44},
                                               {-0x1.e598ed5a88p-3, 0x1.d134bcf1e98a1p-47},
                                               {-0x1.bdc46ae344p-3, -0x1.625b4023d6505p-44},
                                               {-0x1.9525a9cf46p-3, 0x1.297137d9f158fp-44},
                                               {-0x1.6f0d28ae56p-3, -0x1.69737c93373dap-44},
                                               {-0x1.483bccce6ep-3, -0x1.eea52723f6369p-46},
                                               {-0x1.2423113ba6p-3, 0x1.e3a0078ee9d9cp-44},
                                               {-0x1.fec9131dcp-4, 0x1.54555d1ae6607p-44},
                                               {-0x1.b78c82bb1p-4, 0x1.25ef7bc3987e7p-44},
                                               {-0x1.6f0d28ae58p-4, 0x1.4b4641b664613p-44},
                                               {-0x1.28f83450ecp-4, -0x1.a8d75aa119769p-44},
                                               {-0x1.cae72fb96p-5, 0x1.efabf2025b1bep-44},
                                               {-0x1.494acc34d8p-5, -0x1.11c78a56fd247p-45},
                                               {-0x1.8b31facaap-6, 0x1.3fc78a96e4964p-44},
                                               {0x0p0, 0x0p0},
                                               {0x0p0, 0x0p0},
                                               {0x1.788595a358p-5, -0x1.08b0d083b3a4cp-46},
                                               {0x1.333d7f8184p-4, -0x1.692b6a81b8848p-49},
                                               {0x1.a956d3ecacp-4, 0x1.e63794c02c4afp-44},
                                               {0x1.0ce7ecdcccp-3, 0x1.4652dabff5447p-46},
                                               {0x1.4462b9dc9cp-3, -0x1.84858a711b062p-44},
                                               {0x1.7b00916516p-3, -0x1.ae75fcb067e57p-44},
                                               {0x1.ae2ca6f672p-3, 0x1.7a8d5ae54f55p-44},
                                               {0x1.e2a877a6b2p-3, 0x1.823817787081ap-44},
                                               {0x1.09aa572e6cp-2, 0x1.b50a1e1734342p-44},
                                               {0x1.22981fbef8p-2, -0x1.a1421609580dap-44},
                                               {0x1.3ac8ca38e6p-2, -0x1.d0befbc02be4ap-45}};

/// 2^n, if that is a normal number.
[[nodiscard]] inline portable_double power_of_two(int n) noexcept {
    return bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52);
}

/// x 2^n for x about 1, rounded once more if the result is subnormal.
[[nodiscard]] inline portable_double scaled(portable_double x, int n) noexcept {
    if (n < -1022) return x * power_of_two(n + 200) * power_of_two(-200);
    if (n > 1023) return x * power_of_two(1023) * power_of_two(n - 1023);
    return x * power_of_two(n);
}

/// exp(x) = (1 + beyond) * base * 2^exponent, where base is in [1, 2) and |beyond| is at most about 0.01.
struct exponential_parts {
    stored_pair base;
    portable_double beyond;
    int exponent;
};

/// The parts of exp(x + low), for |x| < 760 and a low part that is small compared to 0.01.
[[nodiscard]] inline exponential_parts split_exponential(portable_double x, portable_double low) noexcept {
    // Rounds to the nearest integer: a double of size 2^52 has no room for a fraction. The first product
    // below is exact: 16 bits times the 36 bits of log 2's high part.
    const portable_double shifter = 0x1.8p52;
    const portable_double multiple = (x * 0x1.71547652b82fep5 + shifter) - shifter;
    const int k = static_cast<int>(multiple.value());
    const portable_double r = ((x - multiple * 0x1.62e42fefap-6) - multiple * 0x1.cf79abc9e3b3ap-45) + low;
    const portable_double beyond = r + r * r * horner(r, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720);
    return {exponentials[k & 31], beyond, k >> 5};
}

/// exp(x + low), for a low part below about 1e-10.
[[nodiscard]] inline portable_double exp(portable_double x, portable_double low) noexcept {
    if (!(abs(x) < 750)) {
        if (x > 0) return std::numeric_limits<double>::infinity();
        return x < 0 ? 0 : x;
    }
    const exponential_parts parts = split_exponential(x, low);
    const portable_double base = parts.base.high;
    return scaled(base + (parts.base.low + base * parts.beyond), parts.exponent);
}

/// exp(x), to less than 0.55 units in the last place.
[[nodiscard]] inline double exp(double x) noexcept {
    return exp(x, 0).value();
}
[[nodiscard]] inline portable_double exp(portable_double x) noexcept {
    return exp(x, 0);
}

/// exp(x) - 1, to less than 0.8 units in the last place.
[[nodiscard]] inline double expm1(double argument) noexcept {
    const portable_double x = argument;
    if (abs(x) < 0.25) {
        const portable_double square = x * x;
        const portable_double rest =
            horner(x, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800,
                   1. / 39916800, 1. / 479001600, 1. / 6227020800);
        // (x = -0 keeps its sign, and a subnormal x its bits.)
        return abs(x) < 0x1p-54 ? argument : (x + (0.5 * square + square * x * rest)).value();
    }
    if (!(x < 40)) return exp(argument);
    if (x < -40) return -1;
    const exponential_parts parts = split_exponential(x, 0);
    const portable_double size = power_of_two(parts.exponent), base = size * parts.base.high;
    const double_double whole = exact_sum(base, -1);
    return (whole.high + (whole.low + (size * parts.base.low + base * parts.beyond))).value();
}
[[nodiscard]] inline portable_double expm1(portable_double x) noexcept {
    return expm1(x.value());
}

/// log x = base + base_low + log(1 + r + r_low), where |r| <= 1/32.
struct reduced_logarithm {
    portable_double base, base_low, r, r_low;
};

/// The reduction of x + low, for a finite x > 0 and a low part of at most half a unit in its last place.
[[nodiscard]] inline reduced_logarithm reduce_logarithm(portable_double x, portable_double low) noexcept {
    int subnormal = 0;
    if (x < std::numeric_limits<double>::min()) {
        x *= 0x1p54;
        subnormal = 54;
    }
    const auto bits = bit_cast<std::uint64_t>(x.value());
    const std::uint64_t above = bits - 0x3fe6000000000000u;  // 0.6875
    const std::size_t i = static_cast<std::size_t>(above >> 47) & 31;
    const auto power = static_cast<int>(static_cast<std::int64_t>(above) >> 52);
    const portable_double z = bit_cast<double>(bits - (above & 0xfff0000000000000u));
    const portable_double z_high =
        bit_cast<double>(bit_cast<std::uint64_t>(z.value()) & ~std::uint64_t{0x7ffffff});

    // z / c = 1 + r. The products with the halves of z are exact, because 1/c has 11 bits. The sum is exact
    // too if the second product is the larger.
    const portable_double reciprocal = reciprocals[i] * 0x1p-10;
    double_double r = exact_sum_of_ordered(z_high * reciprocal - 1, (z - z_high) * reciprocal);
    if (low != 0) r = exact_sum_of_ordered(r.high, r.low + low * power_of_two(-power) * reciprocal);

    const portable_double exponent = power - subnormal;
    return {exponent * 0x1.62e42fefa38p-1 + logarithms[i].high,
            exponent * 0x1.ef35793c7673p-45 + logarithms[i].low, r.high, r.low};
}

/// base + r - r^2/2 + r^3 (1/3 - r/4 + ...), where square_low is r * r minus its rounded value (or 0).
[[nodiscard]] inline double_double finish_logarithm(const reduced_logarithm& of,
                                                    portable_double square_low) noexcept {
    const portable_double r = of.r, s = r * r;
    const portable_double rest = horner(s, 1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13) -
                                 r * horner(s, 1. / 4, 1. / 6, 1. / 8, 1. / 10, 1. / 12);
    const double_double front = exact_sum_of_ordered(r, -0.5 * s);
    const portable_double back = front.low + (of.r_low - 0.5 * square_low - r * of.r_low + r * s * rest);
    // (The base is either 0 or larger than r.)
    const double_double sum = exact_sum_of_ordered(of.base, front.high);
    return exact_sum_of_ordered(sum.high, sum.low + (back + of.base_low));
}

/// log(x) for a finite x > 0: high to half a unit in the last place, high + low to about 2^-62 of the result.
[[nodiscard]] inline double_double log_in_two_parts(portable_double x) noexcept {
    const reduced_logarithm of = reduce_logarithm(x, 0);
    return finish_logarithm(of, exact_product(of.r, of.r).low);
}

/// log(x), to less than 0.53 units in the last place.
[[nodiscard]] inline double log(double x) noexcept {
    if (x > 0 && x <= std::numeric_limits<double>::max())
        return finish_logarithm(reduce_logarithm(x, 0), 0).high.value();
    if (x == 0) return -std::numeric_limits<double>::infinity();
    return x < 0 ? std::numeric_limits<double>::quiet_NaN() : x;
}
[[nodiscard]] inline portable_double log(portable_double x) noexcept {
    return log(x.value());
}

/// log(1 + x), to less than 0.53 units in the last place.
[[nodiscard]] inline double log1p(double x) noexcept {
    if (!(x > -1) || x > 0x1p60) return x == -1 ? -std::numeric_limits<double>::infinity() : log(x);
    if (abs(portable_double(x)) < 0x1p-54) return x;
    const double_double sum = exact_sum(1, x);
    return finish_logarithm(reduce_logarithm(sum.high, sum.low), 0).high.value();
}
[[nodiscard]] inline portable_double log1p(portable_double x) noexcept {
    return log1p(x.value());
}

/// x^y for x >= 0, to less than 1 unit in the last place; NaN for x < 0.
[[nodiscard]] inline double pow(double x, double y) noexcept {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (y == 0 || x == 1) return 1;
    if (!(x >= 0) || y != y) return std::numeric_limits<double>::quiet_NaN();
    if (x == 0) return y > 0 ? 0 : infinity;
    if (x == infinity) return y > 0 ? infinity : 0;
    const double_double logarithm = log_in_two_parts(x);
    const portable_double power = logarithm.high * y;
    if (!(abs(power) < 750)) return exp(power).value();
    if (abs(portable_double(y)) < 0x1p-100) return 1;
    const double_double product = exact_product(logarithm.high, y);
    return exp(product.high, product.low + logarithm.low * y).value();
}
[[nodiscard]] inline portable_double pow(portable_double x, portable_double y) noexcept {
    return pow(x.value(), y.value());
}

}  // namespace imle::inline IMLE_ABI::detail::elementary
