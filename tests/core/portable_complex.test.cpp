#include <imle/core/portable_complex.hpp>

#include <cmath>
#include <complex>

#include "core/elementary_hashes.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace {

using imle::detail::portable_complex;
namespace elementary = imle::detail::elementary;

using standard = std::complex<double>;

bool close(portable_complex a, standard b, double scale) {
    return std::abs(standard(a.real().value(), a.imag().value()) - b) <= 1e-15 * scale;
}

TEST_CASE("portable_complex computes as std::complex", "[core]") {
    support::tally wrong;
    support::arguments from;
    for (int i = 0; i < support::repeats(10000); ++i) {
        const double x = from.even(-3, 3), y = from.even(-3, 3), u = from.even(-3, 3), v = from.even(-3, 3);
        const portable_complex a(x, y), b(u, v);
        const standard c(x, y), d(u, v);
        const double size = 1 + std::abs(c) * std::abs(d);
        wrong.expect(close(a + b, c + d, size), "a + b");
        wrong.expect(close(a - b, c - d, size), "a - b");
        wrong.expect(close(a * b, c * d, size), "a * b");
        wrong.expect(close(a / b, c / d, std::abs(c / d)), "a / b");
        wrong.expect(close(a + u, c + u, size) && close(u + a, u + c, size), "a + u");
        wrong.expect(close(a - u, c - u, size) && close(u - a, u - c, size), "a - u");
        wrong.expect(close(a * u, c * u, size) && close(u * a, u * c, size), "a * u");
        wrong.expect(close(a / u, c / u, std::abs(c / u)) && close(u / a, u / c, std::abs(u / c)), "a / u");
        wrong.expect(close(-a, -c, 1), "-a");
        portable_complex z = a;
        ((z += b) -= 1.) *= b;
        z /= 2.;
        wrong.expect(close(z, (c + d - 1.) * d / 2., 10 + size), "assignments");
        wrong.expect(close(elementary::exp(a), std::exp(c), std::abs(std::exp(c))), "exp");
        wrong.expect(close(elementary::log(a), std::log(c), 1 + std::abs(std::log(c))), "log");
        wrong.expect(close(elementary::log1p(a), std::log(1. + c), 3 + 1 / std::abs(1. + c)), "log1p");
        wrong.expect(close(elementary::expm1(a), std::exp(c) - 1., 2 + std::abs(std::exp(c))), "expm1");
        // exp(log(1 + e)) = 1 + e, without a loss where e is small.
        const portable_complex small = a * 1e-10;
        const portable_complex back = elementary::expm1(elementary::log1p(small)) / small - 1.;
        wrong.expect(abs(back) < 1e-15, "small numbers: ", abs(back).value());
    }
    CHECK(wrong == 0);
}

// (Its bits: elementary_hashes.hpp.)

}  // namespace
