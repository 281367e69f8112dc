#include <imle/quantile/panel_source.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <imle/noise/gamma.hpp>
#include <imle/quantile/newton.hpp>

#include "support/catch.hpp"

using imle::detail::tail;

TEST_CASE("panel_source: the quantiles of the law itself", "[quantile_table]") {
    for (const double shape : {0.01, 1.0, 30.0, 300.0}) {  // places are log x, or x
        const imle::detail::standard_gamma_law law(shape);
        const imle::detail::panel_source source(law);
        double worst = 0;
        for (const tail side : {tail::lower, tail::upper})
            for (double p = 0.5; p > 1e-16; p *= 0.7) {
                const double x = source.offset(side, p) + source.origin();
                const double expected = law.value(law.tail_place(side, p));
                worst = std::max(worst, std::abs(x / expected - 1) * std::min(1.0, shape));
                CHECK(imle::detail::quantile_of(law, side, p) == expected);
            }
        INFO("shape " << shape << ", " << worst);
        CHECK(worst < 1e-12);
    }
}

TEST_CASE("panel_source: the law's ends", "[quantile_table]") {
    const imle::detail::standard_gamma_law law(2);
    CHECK(imle::detail::quantile_of(law, tail::lower, 0) == 0);
    CHECK(imle::detail::quantile_of(law, tail::upper, 1) == 0);
    CHECK(std::isinf(imle::detail::quantile_of(law, tail::lower, 1)));
    CHECK(std::isinf(imle::detail::quantile_of(law, tail::upper, 0)));
}

TEST_CASE("newton_place: from anywhere, on either tail", "[quantile_table]") {
    // log p of the logistic law, whose quantiles are logs.
    const auto lower = [](double x) -> imle::detail::tail_point {
        return {-std::log1p(std::exp(-x)), 1 / (1 + std::exp(x))};
    };
    const auto upper = [&](double x) -> imle::detail::tail_point {
        const auto at = lower(-x);
        return {at.log_probability, -at.slope};
    };
    for (const double p : {1e-200, 1e-10, 0.3, 0.9})
        for (const double start : {-30.0, -1.0, 0.0, 2.0, 30.0}) {
            INFO(p << " from " << start);
            const double expected = std::log(p) - std::log1p(-p);
            CHECK(imle::detail::newton_place(lower, std::log(p), start, 1, 100) == Approx(expected));
            CHECK(imle::detail::newton_place(upper, std::log(p), -start, 1, 500) == Approx(-expected));
        }
}
