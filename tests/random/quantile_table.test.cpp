#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/detail/exponential_function.hpp>
#include <imle/random/quantile_table.hpp>

#include "support/catch.hpp"

namespace {

/// Exponential(1): the lower bound is the density's largest value, and p itself for small p.
struct exponential_law {
    double quantile(double u) const { return -std::log1p(-u); }
    double survival_quantile(double p) const { return -std::log(p); }
    double lower_bound() const { return 0; }
    double cdf(double x) const { return -std::expm1(-x); }
    double survival(double x) const { return std::exp(-x); }
};

/// Weibull, F(x) = 1 - exp(-x^(1/4)): x is u^4 near 0, so that the table must take logarithms.
struct weibull_law {
    double quantile(double u) const { return std::pow(-std::log1p(-u), 4); }
    double survival_quantile(double p) const { return std::pow(-std::log(p), 4); }
    double lower_bound() const { return 0; }
    double cdf(double x) const { return -std::expm1(-std::pow(x, 0.25)); }
    double survival(double x) const { return std::exp(-std::pow(x, 0.25)); }
};

struct errors {
    double absolute = 0;
    double relative = 0;
};

/// The probability of the word's tail, and the error of F at what the table makes of it, over words that
/// reach every binade: half of them are shifted.
template <class LawT>
errors float_errors(const LawT& law, const imle::quantile_table<float>& table) {
    std::vector<std::uint32_t> words(1 << 16);
    imle::random_words(imle::random_key(3), 0, words);
    errors worst;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::uint32_t word = words[i];
        if (i % 2 == 1) word = ((word >> (i / 2 % 31)) & ~1u) | (word & 1);
        const double p = ((word >> 1) + 0.5) * 0x1p-32;
        const double x = static_cast<double>(table(word));
        const double error = std::abs((word & 1 ? law.survival(x) : law.cdf(x)) - p);
        worst.absolute = std::max(worst.absolute, error);
        if (p > 0x1p-31) worst.relative = std::max(worst.relative, error / p);
    }
    return worst;
}

template <class LawT>
errors double_errors(const LawT& law, const imle::quantile_table<double>& table) {
    std::vector<std::uint32_t> words(1 << 16);
    imle::random_words(imle::random_key(4), 0, words);
    errors worst;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        std::uint64_t word = (std::uint64_t{words[i + 1]} << 32) | words[i];
        if (i % 4 == 2) word = ((word >> (i / 4 % 52)) & ~std::uint64_t{1}) | (word & 1);
        const double p = (static_cast<double>(word >> 12) + 0.5) * 0x1p-53;
        const double x = table(static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32));
        const double error = std::abs((word & 1 ? law.survival(x) : law.cdf(x)) - p);
        worst.absolute = std::max(worst.absolute, error);
        worst.relative = std::max(worst.relative, error / p);
    }
    return worst;
}

template <class LawT>
void check_errors(const LawT& law, bool logarithmic) {
    const imle::quantile_table<float> floats(law);
    const imle::quantile_table<double> doubles(law);
    const errors of_floats = float_errors(law, floats), of_doubles = double_errors(law, doubles);
    INFO("float " << of_floats.absolute << " " << of_floats.relative << ", double " << of_doubles.absolute
                  << " " << of_doubles.relative);
    CHECK(of_floats.absolute < 2e-7);
    CHECK(of_floats.relative < 1e-3);
    CHECK(of_doubles.absolute < 1e-12);
    CHECK(of_doubles.relative < 1e-11);
    CHECK(floats.interpolation_error() < 1e-6);
    CHECK(floats.logarithmic() == logarithmic);
}

template <class LawT>
int differences_from_scalar(const LawT& law) {
    const imle::quantile_table<float> floats(law);
    const imle::quantile_table<double> doubles(law);
    std::vector<float> f(5000);
    std::vector<double> d(5000);
    floats.fill(imle::random_key(9), 0, f);
    doubles.fill(imle::random_key(9), 0, d);
    std::vector<std::uint32_t> words(10000);
    imle::random_words(imle::random_key(9), 0, words);
    int wrong = 0;
    for (std::size_t i = 0; i < f.size(); ++i)
        wrong += f[i] != floats(words[i]) || d[i] != doubles(words[2 * i], words[2 * i + 1]);
    return wrong;
}

}  // namespace

TEST_CASE("quantile_table: F of every number is u, for laws of all kinds", "[quantile_table]") {
    check_errors(imle::normal{}, false);
    check_errors(imle::gumbel{}, false);
    check_errors(exponential_law{}, false);
    check_errors(weibull_law{}, true);
}

TEST_CASE("quantile_table: the vector path gives the scalar's bits", "[quantile_table]") {
    CHECK(differences_from_scalar(imle::gumbel{}) == 0);
    CHECK(differences_from_scalar(exponential_law{}) == 0);
    CHECK(differences_from_scalar(weibull_law{}) == 0);
}

TEST_CASE("quantile_table: the first and the last word", "[quantile_table]") {
    const imle::quantile_table<float> table(imle::normal{});
    CHECK(static_cast<double>(table(0)) == Approx(imle::normal{}.quantile(0x1p-33)).epsilon(1e-6));
    CHECK(static_cast<double>(table(1)) == Approx(-imle::normal{}.quantile(0x1p-33)).epsilon(1e-6));
    CHECK(std::abs(table(0xffffffffu)) < 1e-6f);
    CHECK(std::abs(table(0xfffffffeu)) < 1e-6f);
    const imle::quantile_table<double> doubles(imle::normal{});
    CHECK(doubles(0, 0) == Approx(imle::normal{}.quantile(0x1p-54)).epsilon(1e-13));
    CHECK(std::abs(doubles(0xffffffffu, 0xffffffffu)) < 1e-15);
}

TEST_CASE("quantile_table: copies share and agree", "[quantile_table]") {
    const imle::quantile_table<float> table(imle::gumbel{});
    const imle::quantile_table<float> copy = table;
    std::vector<float> a(100), b(100);
    table.fill(imle::random_key(1), 5, a, 10, 2);
    copy.fill(imle::random_key(1), 5, b, 10, 2);
    CHECK(a == b);
}

TEST_CASE("quantile_table: what is no law is refused", "[quantile_table]") {
    struct falling {
        double quantile(double u) const { return -u; }
    };
    struct infinite {
        double quantile(double u) const { return u > 0.7 ? std::numeric_limits<double>::infinity() : u; }
    };
    struct constant {
        double quantile(double) const { return 3; }
    };
    struct not_a_number {
        double quantile(double u) const { return u < 1e-6 ? std::numeric_limits<double>::quiet_NaN() : u; }
    };
    struct dented {
        double quantile(double u) const { return u > 0.6 && u < 0.61 ? 0.1 : u; }
    };
    CHECK_THROWS_AS(imle::quantile_table<float>(falling{}), std::invalid_argument);
    CHECK_THROWS_AS(imle::quantile_table<float>(infinite{}), std::invalid_argument);
    CHECK_THROWS_AS(imle::quantile_table<double>(constant{}), std::invalid_argument);
    CHECK_THROWS_AS(imle::quantile_table<double>(not_a_number{}), std::invalid_argument);
    CHECK_THROWS_AS(imle::quantile_table<float>(dented{}), std::invalid_argument);
    try {
        imle::quantile_table<float> table(falling{});
        FAIL("no exception");
    } catch (const std::invalid_argument& error) {
        CHECK(std::string(error.what()).find("law of a quantile_table") != std::string::npos);
    }
}

TEMPLATE_TEST_CASE("exp_of is exp, down to its underflow", "[exponential_function]", float, double) {
    const double unit = static_cast<double>(std::numeric_limits<TestType>::epsilon());
    const double lowest = sizeof(TestType) == 4 ? -87 : -708, highest = sizeof(TestType) == 4 ? 88 : 709;
    double worst = 0;
    for (int i = 0; i <= 20000; ++i) {
        const TestType y = static_cast<TestType>(lowest + (highest - lowest) * i / 20000);
        const double truth = std::exp(static_cast<double>(y));
        worst = std::max(worst, std::abs(static_cast<double>(imle::detail::exp_of(y)) / truth - 1));
    }
    CHECK(worst < 1.5 * unit);
    CHECK(imle::detail::exp_of(TestType(0)) == TestType(1));
    CHECK(imle::detail::exp_of(TestType(-1e30)) == TestType(0));
    CHECK(imle::detail::exp_of(TestType(lowest - 4)) > TestType(0));  // subnormal
}
