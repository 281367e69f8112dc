#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/testing/check_noise.hpp>

#include "noise/fixed_laws.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

static_assert(imle::NoiseDistribution<imle::gamma, float> && imle::NoiseDistribution<imle::gamma, double>);

TEST_CASE("gamma: the laws of a noise, for singular, exponential and nearly normal shapes",
          "[gamma][noise][draws]") {
    const imle::testing::check_noise_options options{.numbers = 1 << 14};
    for (const double shape : {1e-3, 0.05, 0.5, 1.0, 2.5, 30.0, 1e3}) {
        const auto floats = imle::testing::check_noise<float>(imle::gamma{shape, 2}, options);
        INFO("shape " << shape << ": " << floats);
        CHECK(floats.passed());
        const auto doubles = imle::testing::check_noise<double>(imle::gamma{shape, 2}, options);
        INFO("shape " << shape << ": " << doubles);
        CHECK(doubles.passed());
    }
}

TEST_CASE("gamma: its functions", "[gamma][noise][draws]") {
    for (const double shape : {0.01, 0.05, 0.5, 1.0, 2.5, 30.0, 300.0})
        noise_tests::check_functions(imle::gamma{shape, 2}, 1e-11, 1e-290);
    noise_tests::check_moments(imle::gamma{2.5, 3}, 1e-5);
    noise_tests::check_ends(imle::gamma{2.5, 3}, 0);
    CHECK(imle::gamma{2, 3}.cumulant(1) == Approx(6));
    CHECK(imle::gamma{2, 3}.cumulant(4) == Approx(6 * 2 * 81));
}

TEST_CASE("gamma: shapes with an elementary distribution function", "[gamma][noise]") {
    support::tally wrong;
    for (double x = 1e-8; x < 30; x *= 1.3) {
        const auto expect = [&](double found, double truth, const char* what) {
            wrong.expect(std::abs(found / truth - 1) < 1e-13, what, " at ", x, ": ", found, ", not ", truth);
        };
        expect(imle::gamma{1, 1}.cdf(x), -std::expm1(-x), "cdf of shape 1");
        expect(imle::gamma{0.5, 1}.cdf(x), std::erf(std::sqrt(x)), "cdf of shape 1/2");
        expect(imle::gamma{0.5, 1}.survival(x), std::erfc(std::sqrt(x)), "survival of shape 1/2");
        expect(imle::gamma{3, 1}.survival(x), std::exp(-x) * (1 + x + x * x / 2), "survival of shape 3");
    }
    CHECK(wrong == 0);
}

TEST_CASE("gamma: far tails, against mpmath", "[gamma][noise]") {
    // gammainc(shape, 0, x, regularized=True), or from x to infinity for the upper tail, and the density.
    struct point {
        double shape, x, tail, density;
        bool upper = false;
    };
    const point points[] = {
        {50, 0x1p-10, 1.0034864113778584166e-215, 5.1377520452701398718e-211},
        {100, 2, 1.8753891139878188215e-129, 9.191300226354658942e-128},
        {20, 0x1p-40, 6.1642302437749764735e-260, 1.3555285658637560277e-246},
        {1000, 500, 3.2982727970670996485e-86, 3.3048302555026836094e-86},
        {3000, 1500, 3.27200814721022951e-254, 3.2741851416029404121e-254},
        {10000, 7500, 3.558653636574358353e-166, 1.1876373805601763355e-166},
        {2, 700, 6.9116332571755993706e-302, 6.9017735806318395997e-302, true},
        {20, 600, 1.3710104166399113396e-225, 1.3276695477544789348e-225, true},
        {50, 400, 1.1366407840501794237e-109, 9.9779642973072314011e-110, true},
        {1000, 1800, 1.0801622506932696946e-94, 4.8141647680548283503e-95, true},
        {10000, 13000, 4.7123471774856430596e-166, 1.0890315280710916392e-166, true},
    };
    for (const point& at : points) {
        const imle::gamma law(at.shape, 1);
        INFO("shape " << at.shape << " at " << at.x);
        CHECK((at.upper ? law.survival(at.x) : law.cdf(at.x)) == Approx(at.tail).epsilon(3e-13));
        CHECK(law.pdf(at.x) == Approx(at.density).epsilon(3e-13));
    }
    CHECK(imle::gamma(1e-6, 1).survival(1) == Approx(2.1938415887050923221e-7).epsilon(1e-13));
}

TEST_CASE("gamma: arguments and scales whose ratio no double represents", "[gamma][noise]") {
    for (const double shape : {1e-3, 0.5, 1.0, 2.0, 19.0, 20.0, 100.0, 1e6}) {
        INFO("shape " << shape);
        const imle::gamma narrow(shape, 1e-300), wide(shape, 1e300);
        for (const double x : {1e10, 1e290, 1e308}) {
            CHECK(narrow.cdf(x) == 1);
            CHECK(narrow.survival(x) == 0);
            CHECK(narrow.pdf(x) == 0);
        }
        for (const double x : {5e-324, 1e-300, 1e-10}) {
            const double p = wide.cdf(x);
            CHECK((p >= 0 && p < 1));
            CHECK(wide.survival(x) == Approx(1 - p));
            CHECK(wide.pdf(x) >= 0);
        }
    }
    CHECK(imle::gamma(2, 1e-30).cdf(1e290) == 1);
    CHECK(imle::gamma(100, 1e-300).pdf(1e10) == 0);
    // 1 / scale and 2 / x both overflow.
    CHECK(imle::gamma(3, 1e-310).score(1e-310) == -std::numeric_limits<double>::infinity());
    CHECK(imle::gamma(3, 1e-310).score(1e-309) == std::numeric_limits<double>::infinity());
}

TEST_CASE("gamma and sum_of_gamma with one term are the same law by two ways", "[gamma][noise][draws]") {
    // An incomplete gamma function here, an integral along a contour there.
    for (const double shape : {0.05, 0.5, 1.0, 30.0, 300.0}) {
        const imle::gamma a(shape, 1);
        const imle::sum_of_gamma b(1 / shape, 1);
        support::tally wrong;
        for (double p = 1e-12; p < 0.9; p *= 3) {
            const double x = a.quantile(p), y = a.survival_quantile(p);
            const auto expect = [&](double one, double other, const char* what, double at) {
                wrong.expect(std::abs(one / other - 1) < 1e-11, what, " at ", at, ": ", one, " and ", other);
            };
            if (x > 1e-290) expect(a.cdf(x), b.cdf(x), "cdf", x);
            expect(a.survival(y), b.survival(y), "survival", y);
            expect(a.pdf(y), b.pdf(y), "pdf", y);
        }
        INFO("shape " << shape);
        CHECK(wrong == 0);
    }
}

TEST_CASE("gamma: its score, for shapes whose score has a variance", "[gamma][noise][draws]") {
    noise_tests::check_score(imle::gamma{2.5, 1});
    noise_tests::check_score(imle::gamma{3, 2});
    noise_tests::check_score(imle::gamma{100, 0.1});
    CHECK(imle::gamma{3, 2}.score(2) == -0.5);
    for (const double shape : {0.5, 1.0, 2.0}) {
        CHECK_THROWS_AS(imle::gamma(shape, 1).score(1), std::invalid_argument);
        CHECK_THROWS_WITH(imle::gamma(shape, 1).score(1), mentions("above 2"));
    }
    CHECK_THROWS_AS(imle::gamma(3, 1).score(0), std::invalid_argument);
    CHECK_THROWS_AS(imle::gamma(3, 1).score(-1), std::invalid_argument);
    CHECK_THROWS_AS(imle::gamma(3, 1).score(std::nan("")), std::invalid_argument);
}

TEST_CASE("gamma: bad arguments", "[gamma][noise]") {
    CHECK_THROWS_AS(imle::gamma(0, 1), std::invalid_argument);
    CHECK_THROWS_AS(imle::gamma(1, 0), std::invalid_argument);
    CHECK_THROWS_AS(imle::gamma(std::nan(""), 1), std::invalid_argument);
    CHECK_THROWS_AS(imle::gamma(1, std::numeric_limits<double>::infinity()), std::invalid_argument);
    CHECK_THROWS_WITH(imle::gamma(-2, 1), mentions("shape of gamma is -2"));
}
