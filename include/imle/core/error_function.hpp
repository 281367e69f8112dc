#pragma once

/// @file
/// The complementary error function, with the same bits on every machine (see elementary.hpp).

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail::elementary {

/// erfc(x) = 1 - erf(x), to less than 4 units in the last place (of the smallest normal number if the result
/// is subnormal).
[[nodiscard]] inline double erfc(double argument) noexcept {
    const portable_double x = argument, size = abs(x);
    if (size < 0.5) {
        const portable_double s = x * x;
        return (1 - x * horner(s, 0x1.20dd750429b6dp0, -0x1.812746b0379e7p-2, 0x1.ce2f21a042be2p-4,
                               -0x1.b82ce31288b51p-6, 0x1.565bcd0e6a53fp-8, -0x1.c02db40040b86p-11,
                               0x1.f9a326f9b89b7p-14, -0x1.f4d25c3e0c2ebp-17, 0x1.b9e6c9dc651a3p-20,
                               -0x1.5f742ec43e71ap-23, 0x1.fcc5720624c1cp-27, -0x1.51d7181c5d36dp-30,
                               0x1.9e6ad5e55a73p-34, -0x1.d8453cb0c46eap-38))
            .value();
    }
    if (!(size < 28)) return x > 0 ? 0 : x < 0 ? 2 : argument;
    // erfc(x) exp(x^2) (1 + 2 x) is smooth in t = 1 - 7 / (x + 3) up to x = infinity, and t = -1 at x = 1/2.
    // The polynomial is its Chebyshev series in t.
    const portable_double t = 1 - 7 / (size + 3);
    const portable_double smooth =
        horner(t, 0x1.3ba5916e9fd7fp0, -0x1.f466eee541c77p-4, -0x1.ca3abf699ef74p-9, 0x1.7e31c1c8b9d95p-5,
               -0x1.567a9b821d81fp-5, 0x1.7595ade450f54p-6, -0x1.088e4c702c4p-7, 0x1.6ceba624396d9p-10,
               0x1.036bf16591978p-12, -0x1.9f0016f6ef683p-13, 0x1.2540227f7c24p-16, 0x1.3c78b9b776c43p-16,
               -0x1.332c1200215fp-18, -0x1.00d35a2b9ae6ep-19, 0x1.84910474c7fe8p-21, 0x1.028245a04b62ap-22,
               -0x1.c2b2b8ad8fc41p-24, -0x1.487c19823e0e1p-25, 0x1.eb34f1af8d53ap-27, 0x1.cf1ab1a3e9223p-28,
               -0x1.c3a83a0174746p-30, -0x1.1ddda61b260b7p-30, 0x1.fb7926e917c93p-34, 0x1.9d5a1138c42e6p-34);
    const double_double square = exact_product(size, size);
    const portable_double tail = smooth / (1 + 2 * size) * exp(-square.high, -square.low);
    return (x > 0 ? tail : 2 - tail).value();
}
[[nodiscard]] inline portable_double erfc(portable_double x) noexcept {
    return erfc(x.value());
}

}  // namespace imle::inline IMLE_ABI::detail::elementary
