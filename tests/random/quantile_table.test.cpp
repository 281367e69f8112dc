#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/quantile_table.hpp>

#include "random/table_errors.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

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

template <class LawT>
void check_errors(const LawT& law, bool logarithmic) {
    const imle::quantile_table<float> floats(law);
    const imle::quantile_table<double> doubles(law);
    const table_tests::errors of_floats = table_tests::errors_of(law, floats),
                              of_doubles = table_tests::errors_of(law, doubles);
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

TEST_CASE("quantile_table: a law that ends at 0 and does not declare it", "[quantile_table]") {
    struct power {
        double quantile(double u) const { return std::pow(u, 8); }
    };
    struct bounded_power : power {
        double lower_bound() const { return 0; }
    };
    const imle::quantile_table<float> table(power{}), told(bounded_power{});
    std::vector<float> x(100'000), y(x.size());
    table.fill(imle::random_key(1), 0, x);
    told.fill(imle::random_key(1), 0, y);
    const auto first_other = std::mismatch(x.begin(), x.end(), y.begin()).first - x.begin();
    CHECK(static_cast<std::size_t>(first_other) == x.size());
    // u^8 is below the smallest float for u < 2.4e-6.
    CHECK(std::count(x.begin(), x.end(), 0.0f) <= 2);

    struct from_below {
        double quantile(double u) const { return survival_quantile(1 - u); }
        double survival_quantile(double p) const { return -std::pow(p, 8); }
    };
    const imle::quantile_table<float> mirrored(from_below{});
    mirrored.fill(imle::random_key(1), 0, x);
    CHECK(std::count(x.begin(), x.end(), 0.0f) <= 20);
    double worst = 0;
    for (std::uint32_t word = 1; word < 0xfffff000u; word += 0x7ffff0u) {
        const double p = (static_cast<double>(word >> 1) + 0.5) * 0x1p-32;
        const double value = std::abs(static_cast<double>(mirrored(word)));
        if (p > 1e-4) worst = std::max(worst, std::abs(std::pow(value, 0.125) / p - 1));
    }
    CHECK(worst < 2 * mirrored.interpolation_error());
}

TEST_CASE("quantile_table: the vector path gives the scalar's bits", "[quantile_table]") {
    CHECK(differences_from_scalar(imle::gumbel{}) == 0);
    CHECK(differences_from_scalar(exponential_law{}) == 0);
    CHECK(differences_from_scalar(weibull_law{}) == 0);
}

namespace {

/// Numbers of any piece that differ from those of a longer one.
template <class Scalar, class LawT>
support::tally differences_of_pieces(const LawT& law, double location, double scale) {
    const imle::quantile_table<Scalar> table(law);
    const imle::random_key key(3);
    std::vector<Scalar> all(300);
    table.fill(key, 0, all, location, scale);
    support::tally wrong;
    for (std::size_t first = 0; first < 140; first += 1 + first % 3)
        for (std::size_t size = 1; size <= 140; size += 1 + size / 8) {
            std::vector<Scalar> piece(size + 1, Scalar(-7));
            table.fill(key, first, std::span<Scalar>(piece).first(size), location, scale);
            const auto expected = all.begin() + static_cast<std::ptrdiff_t>(first);
            wrong.expect(std::equal(piece.begin(), piece.end() - 1, expected) && piece.back() == Scalar(-7),
                         "from ", first, ", ", size, " numbers: ", piece);
        }
    return wrong;
}

}  // namespace

TEST_CASE("quantile_table: any first, any size", "[quantile_table]") {
    // A table of numbers, with and without a scale, and one of logarithms.
    CHECK(differences_of_pieces<float>(imle::gumbel{}, 0, 1) == 0);
    CHECK(differences_of_pieces<float>(imle::normal{}, 1, 3) == 0);
    CHECK(differences_of_pieces<float>(weibull_law{}, 1, 3) == 0);
    CHECK(differences_of_pieces<double>(imle::normal{}, 1, 3) == 0);
    CHECK(differences_of_pieces<double>(weibull_law{}, 0, 1) == 0);
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

TEST_CASE("quantile_table: functions that are no quantile function are refused", "[quantile_table]") {
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
    struct gap {
        double quantile(double u) const { return u < 0.4 ? u : u + 100; }
    };
    struct wide {
        double quantile(double u) const { return std::pow(u / (1 - u), 5); }
    };
    CHECK_THROWS_AS(imle::quantile_table<float>(falling{}), std::invalid_argument);
    CHECK_THROWS_WITH(imle::quantile_table<float>(gap{}), mentions("too rough"));
    CHECK_THROWS_WITH(imle::quantile_table<float>(wide{}), mentions("too wide"));
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
