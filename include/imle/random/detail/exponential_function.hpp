#pragma once

/// @file
/// exp(y) in plain arithmetic, the same operations in the same order for a scalar and for a vector.
///
/// A quantile table that holds the logarithm of its law needs exp at the end of every number. The standard's
/// exp is a call, and a vector library's would give other bits than the scalar that tests compare it with.

#include <bit>
#include <cmath>
#include <cstdint>

#include <imle/core/config.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/random/detail/instruction_set.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// y = n log 2 + r with |r| <= log(2) / 2; exp(y) = 2^n exp(r), the latter by its Taylor polynomial, which at
/// these degrees is within 2e-8 (float) and 2e-17 (double) of exp(r).
template <class Scalar>
struct exp_constants;

template <>
struct exp_constants<float> {
    static constexpr float lowest = -110.0f;  // exp is 0 below, even as a subnormal
    static constexpr float highest = 88.7f;   // exp overflows above
    static constexpr float log2_e = 1.44269504f;
    static constexpr float log2_high = 0.693359375f;  // 9 bits: n * log2_high is exact
    static constexpr float log2_low = -2.12194440e-4f;
    static constexpr int degree = 7;
    static constexpr float coefficients[degree + 1] = {1,        1,         0.5f,      1.f / 6,
                                                       1.f / 24, 1.f / 120, 1.f / 720, 1.f / 5040};
};

template <>
struct exp_constants<double> {
    static constexpr double lowest = -760.0;
    static constexpr double highest = 709.7;
    static constexpr double log2_e = 1.4426950408889634;
    static constexpr double log2_high = 0.693145751953125;  // 17 bits
    static constexpr double log2_low = 1.4286068203094172e-6;
    static constexpr int degree = 13;
    static constexpr double coefficients[degree + 1] = {
        1,         1,          1. / 2,      1. / 6,       1. / 24,       1. / 120,       1. / 720,
        1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
};

/// 2^n for n in the range of normal numbers.
[[nodiscard]] inline float power_of_two(std::int32_t n, float) noexcept {
    return std::bit_cast<float>((n + 127) << 23);
}
[[nodiscard]] inline double power_of_two(std::int32_t n, double) noexcept {
    return std::bit_cast<double>(static_cast<std::int64_t>(n + 1023) << 52);
}

/// exp(y) within one or two units in the last place, gradually underflowing to 0. NaN must not come in.
template <class Scalar>
[[nodiscard]] inline Scalar exp_of(Scalar y) noexcept {
    using constants = exp_constants<Scalar>;
    y = y > constants::lowest ? y : constants::lowest;
    y = y < constants::highest ? y : constants::highest;
    const Scalar n = std::nearbyint(y * constants::log2_e);
    Scalar r = multiply_add(n, -constants::log2_high, y);
    r = multiply_add(n, -constants::log2_low, r);
    Scalar sum = constants::coefficients[constants::degree];
    for (int i = constants::degree; i-- > 0;) sum = multiply_add(sum, r, constants::coefficients[i]);
    // In two steps, since 2^n itself may be subnormal.
    const std::int32_t exponent = static_cast<std::int32_t>(n);
    const std::int32_t half = exponent >> 1;
    return sum * power_of_two(half, Scalar{}) * power_of_two(exponent - half, Scalar{});
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
