#include <imle/quantile/tail_table.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/uniform.hpp>

#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

using imle::detail::tail_table;

namespace {

/// Survival probabilities and densities at x, from the table.
template <class Scalar>
struct looked_up {
    std::vector<Scalar> survival, density;

    looked_up(const tail_table<Scalar>& table, const std::vector<Scalar>& x)
        : survival(x.size()), density(x.size()) {
        table.write_survivals(x.data(), survival.data(), x.size());
        table.write_densities(x.data(), density.data(), x.size());
    }
};

/// Compares a table with its law from one tail of 1e-12 to the other, at `count` places, and near the bounds.
/// The rounding of x to Scalar is not the table's error: the law is asked at the rounded x. But the table
/// rounds x - origin, by some units in the last place.
template <class Scalar, class LawT>
void check_table(const LawT& law, int count = 400, double lowest = 1e-12) {
    constexpr bool floats = std::is_same_v<Scalar, float>;
    const tail_table<Scalar> table(law);
    const double spread = law.quantile(0.75) - law.quantile(0.25);
    CHECK(table.survival_error() < (floats ? 4e-7 : 4e-11));
    CHECK(table.density_error() < (floats ? 2e-6 : 1e-9));
    std::vector<Scalar> x;
    const double from = std::log(lowest), step = -2 * from / count;
    for (int i = 0; i < count / 2; ++i) {
        const double p = std::exp(from + step * i) / 2;
        x.push_back(static_cast<Scalar>(law.quantile(p)));
        x.push_back(static_cast<Scalar>(law.survival_quantile(p)));
    }
    const looked_up<Scalar> found(table, x);
    const double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
    support::tally survivals, relative, densities;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double at = static_cast<double>(x[i]), p = law.survival(at), f = law.pdf(at);
        const double s = static_cast<double>(found.survival[i]), d = static_cast<double>(found.density[i]);
        const double blur = 4 * epsilon * (std::abs(at) + std::abs(law.quantile(0.5)) + spread);
        survivals.expect(std::abs(s - p) < (floats ? 1e-6 : 1e-10), at, ": ", s, ", not ", p);
        relative.expect(std::abs(s - p) <= (floats ? 2e-3 : 1e-5) * p + f * blur, at, ": ", s, ", not ", p);
        // A density that is like a power of the distance from the bound has no accuracy there.
        if constexpr (requires { law.lower_bound(); })
            if (at - law.lower_bound() < spread / 400) continue;
        densities.expect(std::abs(d - f) * spread < (floats ? 1e-5 : 1e-9), at, ": ", d, ", not ", f);
    }
    CHECK(survivals == 0);
    CHECK(relative == 0);
    CHECK(densities == 0);

    // Far out.
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity(),
                     most = std::numeric_limits<Scalar>::max();
    const looked_up<Scalar> ends(table, {-infinity, -most, most, infinity});
    CHECK(ends.survival == std::vector<Scalar>{1, 1, 0, 0});
    CHECK(ends.density == std::vector<Scalar>{0, 0, 0, 0});
}

/// A law from a distribution function and a density alone.
struct plain_logistic {
    double cdf(double x) const { return 1 / (1 + std::exp(-x)); }
    double pdf(double x) const { return cdf(x) * (1 - cdf(x)); }
};

struct wrong_density : plain_logistic {
    double pdf(double x) const { return 1.01 * plain_logistic::pdf(x); }
};

/// A jump of the density in the middle, where nobody says so.
struct two_blocks {
    double cdf(double x) const { return x < 0 ? 0 : x < 0.8 ? x : x < 2 ? 0.8 + (x - 0.8) / 6 : 1; }
    double pdf(double x) const { return x < 0 ? 0 : x < 0.8 ? 1 : x < 2 ? 1.0 / 6 : 0; }
    double quantile(double u) const { return u < 0.8 ? u : 0.8 + (u - 0.8) * 6; }
    double lower_bound() const { return 0; }
    double upper_bound() const { return 2; }
};

template <class LawT>
std::string refusal(const LawT& law) {
    return support::message_of<std::invalid_argument>([&] { const tail_table<double> table(law); });
}

}  // namespace

TEMPLATE_TEST_CASE("tail_table: the built-in laws", "[quantile][tail_table]", float, double) {
    check_table<TestType>(imle::gumbel{});
    check_table<TestType>(imle::gumbel{0.7, 1.3});
    check_table<TestType>(imle::normal{0.1, 0.9});
    check_table<TestType>(imle::logistic{});
    check_table<TestType>(imle::laplace{0.2, 3});
    check_table<TestType>(imle::exponential{0.7});
    check_table<TestType>(imle::uniform{-0.3, 1.1});
    check_table<TestType>(imle::gamma{1, 0.5});
    check_table<TestType>(imle::gamma{1.3, 1});
    check_table<TestType>(imle::gamma{3.7, 2});
    check_table<TestType>(imle::gamma{200, 0.01});
}

TEST_CASE("tail_table: a sum of gammas", "[quantile][tail_table][draws]") {
    check_table<float>(imle::sum_of_gamma{7, 10}, 10);
}

TEMPLATE_TEST_CASE("tail_table: sums of gammas", "[quantile][tail_table][draws][slow]", float, double) {
    check_table<TestType>(imle::sum_of_gamma{10, 10}, 16);
    check_table<TestType>(imle::sum_of_gamma{20.8, 1000}, 16);
    check_table<TestType>(imle::sum_of_gamma::exact(1), 16);
    check_table<TestType>(imle::sum_of_gamma::exact(100), 16);
    if (std::is_same_v<TestType, float>) return;  // the same law, of which a float has half of the digits
    check_table<TestType>(imle::sum_of_gamma{5, 10}, 16);
    check_table<TestType>(imle::sum_of_gamma{7, 10}, 16);
    check_table<TestType>(imle::sum_of_gamma::exact(5), 16);
}

TEMPLATE_TEST_CASE("tail_table: ends of a law", "[quantile][tail_table]", float, double) {
    using numbers = std::vector<TestType>;
    const TestType tiny = std::numeric_limits<TestType>::min();
    const tail_table<TestType> uniform(imle::uniform{0, 1}), exponential(imle::exponential{});
    const numbers x{-1, -tiny, 0, TestType(0.25), TestType(0.5), TestType(1.25), 7};
    const looked_up<TestType> box(uniform, x), decay(exponential, x);
    CHECK(box.survival == numbers{1, 1, 1, TestType(0.75), TestType(0.5), 0, 0});
    CHECK(box.density == numbers{0, 0, 1, 1, 1, 0, 0});
    CHECK(decay.density[0] == 0);
    CHECK(decay.density[1] == 0);
    CHECK(decay.density[2] == 1);
    CHECK(decay.survival[1] == 1);
    CHECK(decay.survival[6] == Catch::Detail::Approx(std::exp(-7.0)));
}

TEMPLATE_TEST_CASE("tail_table: the bits of a number do not depend on its neighbours",
                   "[quantile][tail_table]", float, double) {
    const tail_table<TestType> table(imle::gumbel{});
    std::vector<TestType> x;
    for (int i = 0; i < 203; ++i) x.push_back(static_cast<TestType>(i * 0.13 - 4));
    const looked_up<TestType> all(table, x);
    for (const std::size_t count : {1U, 2U, 3U, 7U, 16U, 63U, 64U, 65U, 150U})
        for (const std::size_t first : {0U, 1U, 5U, 50U}) {
            const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
            const looked_up<TestType> some(table, {begin, begin + static_cast<std::ptrdiff_t>(count)});
            CHECK(std::equal(some.survival.begin(), some.survival.end(),
                             all.survival.begin() + static_cast<std::ptrdiff_t>(first)));
            CHECK(std::equal(some.density.begin(), some.density.end(),
                             all.density.begin() + static_cast<std::ptrdiff_t>(first)));
        }
    // In place.
    std::vector<TestType> same = x;
    table.write_survivals(same.data(), same.data(), same.size());
    CHECK(same == all.survival);
}

TEST_CASE("tail_table: a law from cdf and pdf alone", "[quantile][tail_table]") {
    const tail_table<double> table(plain_logistic{});
    const std::vector<double> x{-30, -3, -0.1, 0, 0.7, 2, 9};
    const looked_up<double> found(table, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(std::abs(found.survival[i] - imle::logistic{}.survival(x[i])) < 1e-10);
        CHECK(std::abs(found.density[i] - imle::logistic{}.pdf(x[i])) < 1e-10);
    }
}

TEST_CASE("tail_table: what is refused", "[quantile][tail_table]") {
    CHECK(support::says(refusal(imle::gamma{0.9, 1}), {"density inf", "at the lower bound", "shape 1"}));
    CHECK(support::says(refusal(imle::sum_of_gamma{20.8, 10}), {"at the lower bound", "at least k terms"}));
    CHECK(support::says(refusal(wrong_density{}), {"rises by", "pdf that is the derivative of the cdf"}));
    CHECK(support::says(refusal(two_blocks{}), {"rises by"}));
    CHECK(support::says(support::message_of<std::invalid_argument>([] {
                            tail_table<float> table(imle::gumbel{0, 1e-39});
                        }),
                        {"not usable", "quartiles"}));
}
