#include <imle/core/elementary.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include <imle/core/circular.hpp>
#include <imle/core/error_function.hpp>
#include <imle/core/gamma_function.hpp>

#include "core/elementary_hashes.hpp"
#include "core/elementary_values.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

namespace elementary = imle::detail::elementary;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double subnormal = std::numeric_limits<double>::denorm_min();

struct named_function {
    std::string_view name;
    double (*of)(double, double);
    // Units in the last place between a result and the correctly rounded value.
    double allowed;
};

constexpr named_function functions[] = {
    {"exp", [](double x, double) { return elementary::exp(x); }, 1},
    {"expm1", [](double x, double) { return elementary::expm1(x); }, 1},
    {"log", [](double x, double) { return elementary::log(x); }, 1},
    {"log1p", [](double x, double) { return elementary::log1p(x); }, 1},
    {"pow", [](double x, double y) { return elementary::pow(x, y); }, 1},
    {"sin", [](double x, double) { return elementary::sin(x); }, 1},
    {"cos", [](double x, double) { return elementary::cos(x); }, 1},
    {"cos_pi", [](double x, double) { return elementary::cos_pi(x); }, 1},
    {"atan2", [](double y, double x) { return elementary::atan2(y, x); }, 1},
    {"log_gamma", [](double x, double) { return elementary::log_gamma(x); }, 5},
    {"gamma_function", [](double x, double) { return elementary::gamma_function(x); }, 3},
    {"erfc", [](double x, double) { return elementary::erfc(x); }, 3},
};

double last_place(double x) {
    return std::nextafter(std::abs(x), infinity) - std::abs(x);
}

TEST_CASE("the elementary functions have mpmath's values", "[core]") {
    for (const named_function& function : functions) {
        support::tally wrong;
        int seen = 0;
        for (const support::elementary_value& value : support::elementary_values) {
            if (value.function != function.name) continue;
            ++seen;
            const double found = function.of(value.x, value.y);
            // erfc's own bound is that of a normal number.
            const double place =
                last_place(function.name == "erfc" ? std::max(value.value, 0x1p-1022) : value.value);
            wrong.expect(std::abs(found - value.value) <= function.allowed * place, function.name, "(",
                         value.x, ", ", value.y, ") = ", found, ", not ", value.value);
        }
        CAPTURE(function.name);
        CHECK(seen > 20);
        CHECK(wrong == 0);
    }
}

// Equal, a NaN to a NaN, and a zero to a zero of the same sign.
bool same(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return a == b && std::signbit(a) == std::signbit(b);
}

TEST_CASE("the elementary functions' special values are the standard library's", "[core]") {
    support::tally wrong;
    const double special[] = {0.,        -0., 1.,    -1.,    2.,     -2.,     0.5,       infinity,
                              -infinity, nan, 1e308, -1e308, 1e-308, -1e-308, subnormal, -subnormal};
    for (const double x : special) {
        wrong.expect(
            same(elementary::exp(x), std::exp(x)) || std::abs(x) == 1 || std::abs(x) == 2 || x == 0.5, "exp ",
            x);
        wrong.expect(same(elementary::expm1(x), std::expm1(x)) || (std::abs(x) >= 0.5 && std::abs(x) <= 2),
                     "expm1 ", x);
        wrong.expect(
            same(elementary::log1p(x), std::log1p(x)) || (std::abs(x) >= 0.5 && std::abs(x) < infinity),
            "log1p ", x);
        if (x == 0 || x == 1 || !std::isfinite(x)) {
            wrong.expect(same(elementary::log(x), std::log(x)), "log ", x);
            wrong.expect(same(elementary::erfc(x), std::erfc(x)) || x == 1, "erfc ", x);
            wrong.expect(same(elementary::sin(x), std::sin(x)) || x == 1, "sin ", x);
            wrong.expect(same(elementary::cos(x), std::cos(x)) || x == 1, "cos ", x);
        }
        for (const double y : special)
            wrong.expect(std::abs(elementary::atan2(x, y) - std::atan2(x, y)) < 1e-15
                             ? std::signbit(elementary::atan2(x, y)) == std::signbit(std::atan2(x, y))
                             : same(elementary::atan2(x, y), std::atan2(x, y)),
                         "atan2 ", x, " ", y);
    }
    for (const double x : {0., 1., 0.5, 2., infinity, nan})
        for (const double y : {0., -0., 1., -1., infinity, -infinity, nan, subnormal, 1e300, -1e300})
            wrong.expect(same(elementary::pow(x, y), std::pow(x, y)), x, " ^ ", y, " = ",
                         elementary::pow(x, y));
    CHECK(wrong == 0);

    CHECK(same(elementary::log(-1), nan));
    CHECK(same(elementary::log1p(-2), nan));
    CHECK(same(elementary::pow(-1, 2), nan));
    for (double x = 709.8; x < 800; x += 0.25) CHECK(elementary::exp(x) == infinity);
    for (double x = -745.25; x > -800; x -= 0.25) CHECK(elementary::exp(x) == 0);
    CHECK(same(elementary::exp(-746), 0));
    CHECK(elementary::exp(-745) == subnormal);
    CHECK(same(elementary::log_gamma(1), 0));
    CHECK(same(elementary::log_gamma(2), 0));
    CHECK(elementary::log_gamma(0) == infinity);
    CHECK(elementary::log_gamma(infinity) == infinity);
    CHECK(elementary::log_gamma(1e308) == infinity);
    CHECK(same(elementary::log_gamma(nan), nan));
    CHECK(elementary::gamma_function(0) == infinity);
    CHECK(elementary::gamma_function(subnormal) == infinity);
    CHECK(elementary::gamma_function(171.7) == infinity);
    CHECK(elementary::gamma_function(infinity) == infinity);
    CHECK(same(elementary::gamma_function(nan), nan));
    CHECK(same(elementary::cos_pi(nan), nan));
    CHECK(same(elementary::gamma_function(-0.0), -infinity));
    CHECK(same(elementary::cos_pi(0.5), 0));
    CHECK(elementary::cos_pi(1) == -1);
    double factorial = 1;
    for (int n = 1; n < 23; ++n) {
        CHECK(elementary::gamma_function(n) == factorial);
        factorial *= n;
    }
}

TEST_CASE("the elementary functions are monotone over steps of a few last places", "[core][draws]") {
    support::tally wrong;
    support::arguments from;
    const auto rises = [&wrong](const char* name, auto of, double x) {
        // (Two results may differ by the error of both, so the steps are eight places.)
        double before = of(x);
        for (int i = 0; i < 8; ++i) {
            x += 8 * last_place(x);
            const double now = of(x);
            wrong.expect(now >= before, name, " at ", x);
            before = now;
        }
    };
    for (int i = 0; i < 8000; ++i) {
        rises(
            "exp", [](double x) { return elementary::exp(x); }, from.even(-700, 700));
        rises(
            "expm1", [](double x) { return elementary::expm1(x); }, from.even(-3, 3));
        rises(
            "log", [](double x) { return elementary::log(x); }, from.wide(-300, 300));
        rises(
            "log", [](double x) { return elementary::log(x); }, from.even(0.5, 2));
        rises(
            "log1p", [](double x) { return elementary::log1p(x); }, from.even(-0.9, 3));
    }
    // Where the pieces meet.
    for (int i = -1000; i < 1000; ++i) {
        rises(
            "exp", [](double x) { return elementary::exp(x); },
            (i + 0.5) * 0x1.62e42fefa39efp-6 * (1 - 0x1p-48));
        rises(
            "expm1", [](double x) { return elementary::expm1(x); }, 0.25 + i * 0x1p-51);
        rises(
            "log", [](double x) { return elementary::log(x); },
            1 + i / 64. - 0x1p-48 > 0 ? 1 + i / 64. - 0x1p-48 : 1);
    }
    CHECK(wrong == 0);
}

TEST_CASE("sin_cos is sin and cos", "[core]") {
    support::tally wrong;
    support::arguments from;
    const auto compare = [&wrong](double x) {
        const elementary::sine_and_cosine both = elementary::sin_cos(x);
        wrong.expect(same(both.sine.value(), elementary::sin(x)), "sine of ", x);
        wrong.expect(same(both.cosine.value(), elementary::cos(x)), "cosine of ", x);
    };
    for (int i = 0; i < 10000; ++i) compare(i % 2 == 0 ? from.even(-10, 10) : from.wide(-60, 60));
    for (const double x : {0., -0., subnormal, infinity, nan}) compare(x);
    CHECK(wrong == 0);
}

TEST_CASE("the elementary functions have the same bits everywhere", "[core][draws]") {
    for (const support::hashed_function& function : support::hashed_elementary_functions()) {
        CAPTURE(function.name);
        CHECK(function.found == function.expected);
    }
}

}  // namespace
