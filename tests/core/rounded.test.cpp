#include <imle/core/rounded.hpp>

#include <cmath>
#include <cstdint>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

using imle::detail::portable_double;
using imle::detail::rounded;

// x (1 + e) with (1 + e)^2 = 1 + 2 e + e^2: the last term is lost where a product is rounded, and left where
// it is fused with the difference.
template <class Scalar>
constexpr Scalar epsilon = sizeof(Scalar) == 4 ? Scalar(0x1p-12) : Scalar(0x1p-27);

// x, of which the compiler knows nothing. What it knows it works out itself, without fusing; a - b == 0 it
// asks as a == b; and one product that is used in two places it may keep.
template <class Scalar>
Scalar unknown(Scalar x) {
    volatile Scalar kept = x;
    return kept;
}

TEMPLATE_TEST_CASE("a rounded product is not fused with the sum that it feeds", "[core]", float, double) {
    support::tally wrong;
    for (int i = 0; i < 64; ++i) {
        const TestType x = (1 + epsilon<TestType>)*std::ldexp(TestType(1), i % 8);
        const TestType square = std::ldexp(1 + 2 * epsilon<TestType>, 2 * (i % 8));
        const TestType first = unknown(x), second = unknown(x), known = unknown(square);
        wrong.expect(unknown(rounded(first * first) - known) == 0, "sum, ", i);
        wrong.expect(unknown(known - rounded(second * second)) == 0, "difference, ", i);
    }
    CHECK(wrong == 0);
}

TEST_CASE("portable_double rounds each operation", "[core]") {
    support::tally wrong;
    for (int i = 0; i < 64; ++i) {
        const double x = (1 + epsilon<double>)*std::ldexp(1., i % 8);
        const portable_double square = unknown(std::ldexp(1 + 2 * epsilon<double>, 2 * (i % 8)));
        const auto rest = [&](auto of) {
            const portable_double a = unknown(x), b = unknown(x);
            return unknown(of(a, b).value());
        };
        wrong.expect(rest([&](auto a, auto b) { return a * b - square; }) == 0, "a * b - square");
        wrong.expect(rest([&](auto a, auto b) { return square - a * b; }) == 0, "square - a * b");
        wrong.expect(rest([&](auto a, auto b) { return -(a * b) + square; }) == 0, "-(a * b) + square");
        wrong.expect(rest([&](auto a, auto b) { return (a *= b) -= square; }) == 0, "(a *= b) -= square");
    }
    CHECK(wrong == 0);
}

TEST_CASE("rounded and portable_double are constant expressions", "[core]") {
    STATIC_REQUIRE(rounded(1.5f) == 1.5f);
    constexpr portable_double x = 3;
    STATIC_REQUIRE((x * x + 1 - x / 2).value() == 8.5);
    STATIC_REQUIRE(-x < x);
    STATIC_REQUIRE(static_cast<double>(+x) == 3);
    STATIC_REQUIRE(imle::detail::horner(x, 1, 2, 3) == 34);
}

TEST_CASE("exact sums and products have the rest in their low part", "[core]") {
    using imle::detail::double_double;
    const double_double sum = imle::detail::exact_sum(1e-20, 1);
    CHECK(sum.high.value() == 1);
    CHECK(sum.low.value() == 1e-20);
    const double_double product = imle::detail::exact_product(1 + 0x1p-40, 1 - 0x1p-30);
    CHECK(product.high.value() == 1 - 0x1p-30 + 0x1p-40);
    CHECK(product.low.value() == -0x1p-70);
    support::tally wrong;
    std::uint64_t state = 1;
    for (int i = 0; i < 1000; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double a = static_cast<double>(state >> 11), b = static_cast<double>((state * 77) >> 11);
        const double_double ab = imle::detail::exact_product(a, b);
        wrong.expect(ab.low.value() == std::fma(a, b, -ab.high.value()), a, " * ", b);
    }
    CHECK(wrong == 0);
}

}  // namespace
