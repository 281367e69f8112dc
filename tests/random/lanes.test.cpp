// random/detail: vectors of numbers, and the exponential on them.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <imle/random/detail/exponential_function.hpp>
#include <imle/random/detail/widest_lanes.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

#include "support/catch.hpp"

namespace {

/// Numbers of all sizes, zeros, halves and neighbours of whole numbers among them.
template <class Scalar>
std::vector<Scalar> inputs(std::uint64_t seed) {
    std::vector<std::uint32_t> words(3 * 4096);
    imle::random_words(imle::random_key(seed), 0, words);
    std::vector<Scalar> out;
    for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
        const double fraction = static_cast<double>(words[i]) * 0x1p-31 - 1;
        const int exponent = static_cast<int>(words[i + 1] % 60) - 30;
        double x = std::ldexp(fraction, exponent);
        if (words[i + 2] % 8 == 0) x = std::nearbyint(x) + 0.5;
        if (words[i + 2] % 32 == 1) x = 0;
        out.push_back(static_cast<Scalar>(x));
    }
    return out;
}

template <class Scalar>
bool same(Scalar a, Scalar b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

/// How many results of `operation` on whole vectors differ from those on single numbers.
template <class Lanes, class Operation>
int differences(const Operation& operation) {
    using scalar = typename Lanes::scalar;
    using one = imle::detail::scalar_lanes<scalar>;
    const std::vector<scalar> a = inputs<scalar>(1), b = inputs<scalar>(2), c = inputs<scalar>(3);
    int wrong = 0;
    for (std::size_t i = 0; i + Lanes::size <= a.size(); i += Lanes::size) {
        scalar out[Lanes::size];
        operation(Lanes::load(&a[i]), Lanes::load(&b[i]), Lanes::load(&c[i])).store(out);
        for (std::size_t j = 0; j < Lanes::size; ++j)
            wrong += !same(out[j], operation(one(a[i + j]), one(b[i + j]), one(c[i + j])).v);
    }
    return wrong;
}

/// 2^y, and nothing where y is below `deepest`.
template <class Lanes>
Lanes exp2_of(Lanes y) {
    const auto parts =
        imle::detail::split_exp2(y, imle::detail::exp2_constants<typename Lanes::scalar>::deepest);
    return parts.fraction * parts.half * parts.rest;
}

template <class Lanes>
void check_lanes() {
    using scalar = typename Lanes::scalar;
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return a + b; }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return a - b; }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return a * b; }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return a / b; }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto c) { return multiply_add(a, b, c); }) == 0);
    CHECK(differences<Lanes>([](auto a, auto, auto) { return square_root(a * a); }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return minimum(a, b); }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto) { return maximum(a, b); }) == 0);
    // + 0: a whole number's sign of zero is nobody's concern.
    CHECK(differences<Lanes>([](auto a, auto, auto) { return nearest(a) + decltype(a)(0); }) == 0);
    CHECK(differences<Lanes>([](auto a, auto b, auto c) { return select(less(a, b), c, a); }) == 0);
    CHECK(differences<Lanes>([](auto a, auto, auto) {
              using vector = decltype(a);
              return power_of_two(nearest(minimum(maximum(a, vector(-126)), vector(127))));
          }) == 0);
    CHECK(differences<Lanes>([](auto a, auto, auto) { return exp2_of(a); }) == 0);

    std::uint32_t words[Lanes::size];
    scalar upper[Lanes::size], zeros[Lanes::size] = {};
    for (std::size_t i = 0; i < Lanes::size; ++i)
        words[i] = 0xffffffffu - 0x01234567u * static_cast<std::uint32_t>(i);
    Lanes::upper_bits(words).store(upper);
    for (std::size_t i = 0; i < Lanes::size; ++i) {
        CHECK(upper[i] == static_cast<scalar>(words[i] >> 8));
        // One lane of -1 after the other: the bit is the lane's.
        zeros[i] = -1;
        CHECK(Lanes::bits(less(Lanes::load(zeros), Lanes(0))) == std::uint32_t{1} << i);
        zeros[i] = 0;
    }
    CHECK(Lanes::bits(less(Lanes(-1), Lanes(0))) == (std::uint64_t{1} << Lanes::size) - 1);
}

}  // namespace

TEST_CASE("lanes: every operation gives one number's bits", "[lanes]") {
    check_lanes<imle::detail::widest_lanes<float>>();
    check_lanes<imle::detail::widest_lanes<double>>();
#if defined(IMLE_USE_SSE2)
    check_lanes<imle::detail::sse2_floats>();
    check_lanes<imle::detail::sse2_doubles>();
#endif
#if defined(IMLE_USE_AVX2)
    check_lanes<imle::detail::avx2_floats>();
    check_lanes<imle::detail::avx2_doubles>();
#endif
}

TEMPLATE_TEST_CASE("split_exp2: the product is 2^y, down to its underflow", "[exponential_function]", float,
                   double) {
    using one = imle::detail::scalar_lanes<TestType>;
    const auto power = [](double y) { return exp2_of(one(static_cast<TestType>(y))).v; };
    const double unit = static_cast<double>(std::numeric_limits<TestType>::epsilon());
    const double lowest = sizeof(TestType) == 4 ? -125 : -1021,
                 highest = sizeof(TestType) == 4 ? 127.9 : 1023.9;
    double worst = 0;
    for (int i = 0; i <= 20000; ++i) {
        const TestType y = static_cast<TestType>(lowest + (highest - lowest) * i / 20000);
        const double truth = std::exp2(static_cast<double>(y));
        worst = std::max(worst, std::abs(static_cast<double>(power(static_cast<double>(y))) / truth - 1));
    }
    CHECK(worst < 1.5 * unit);
    CHECK(power(0) == TestType(1));
    CHECK(power(-3) == TestType(0.125));
    CHECK(power(-1e30) == TestType(0));
    CHECK(power(2 * lowest) == TestType(0));
    CHECK(power(lowest - 10) > TestType(0));  // subnormal
}
