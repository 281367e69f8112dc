#include <imle/quantile/interpolation.hpp>

#include <cmath>

#include "support/catch.hpp"

using imle::detail::chebyshev_places;
using imle::detail::interpolate;
using imle::detail::polynomial_numbers;

TEST_CASE("interpolation: the nodes of Chebyshev, from end to end", "[quantile]") {
    const auto places = chebyshev_places<3>(0);
    const double expected[] = {0, 0.25, 0.75, 1};
    for (std::size_t j = 0; j < 4; ++j) CHECK(std::abs(places[j].value() - expected[j]) < 1e-15);
    // Between the nodes.
    const auto between = chebyshev_places<3>(0.5);
    for (std::size_t j = 0; j < 3; ++j) {
        CHECK(between[j] > places[j]);
        CHECK(between[j] < places[j + 1]);
    }
}

TEST_CASE("interpolation: a polynomial of the degree is found again", "[quantile]") {
    const auto t = chebyshev_places<7>(0);
    const double coefficients[] = {3, -1, 0.5, 0.25, -2, 1, 0.125, -0.75};
    polynomial_numbers<7> y;
    for (std::size_t j = 0; j < 8; ++j) {
        y[j] = 0;
        for (std::size_t i = 8; i-- > 0;) y[j] = y[j] * t[j] + coefficients[i];
    }
    const auto found = interpolate(t, y);
    for (std::size_t i = 0; i < 8; ++i) CHECK(std::abs(found[i].value() - coefficients[i]) < 1e-10);
}
