#include <imle/quantile/cdf_source.hpp>

#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

#include <imle/random/quantile_table.hpp>

#include "random/table_errors.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan_value = std::numeric_limits<double>::quiet_NaN();

// -- Laws, each accurate in both tails
// -----------------------------------------------------------------------

struct normal {
    double cdf(double x) const { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
    double survival(double x) const { return cdf(-x); }
    double pdf(double x) const { return std::exp(-0.5 * x * x) / std::sqrt(2 * 3.14159265358979323846); }
};

struct gumbel {
    double cdf(double x) const { return std::exp(-std::exp(-x)); }
    double survival(double x) const { return -std::expm1(-std::exp(-x)); }
    double pdf(double x) const { return std::exp(-x - std::exp(-x)); }
};

struct logistic {
    double cdf(double x) const { return 1 / (1 + std::exp(-x)); }
    double survival(double x) const { return cdf(-x); }
    double pdf(double x) const { return cdf(x) * cdf(-x); }
};

/// Three degrees of freedom: F = (a - sin a) / 2 pi with x = -sqrt(3) cot(a / 2).
struct student_t {
    double cdf(double x) const {
        const double a = 2 * std::atan2(std::sqrt(3.0), -x);
        double difference = a - std::sin(a);
        if (a < 0.1) {
            const double w = a * a;
            difference = a * w / 6 * (1 - w / 20 * (1 - w / 42 * (1 - w / 72 * (1 - w / 110))));
        }
        return difference / (2 * 3.14159265358979323846);
    }
    double survival(double x) const { return cdf(-x); }
    double pdf(double x) const {
        const double w = 1 + x * x / 3;
        return 2 / (3.14159265358979323846 * std::sqrt(3.0) * w * w);
    }
};

/// Pareto's law counted from its bound, P(X > x) = (1 + x)^-index.
struct lomax {
    double index;
    double cdf(double x) const { return -std::expm1(-index * std::log1p(x)); }
    double survival(double x) const { return std::exp(-index * std::log1p(x)); }
    double pdf(double x) const { return index * std::exp(-(index + 1) * std::log1p(x)); }
    double lower_bound() const { return 0; }
};

/// x^shape near 0, where the density is infinite.
struct weibull {
    double shape;
    double cdf(double x) const { return -std::expm1(-std::pow(x, shape)); }
    double survival(double x) const { return std::exp(-std::pow(x, shape)); }
    double pdf(double x) const { return shape * std::pow(x, shape - 1) * survival(x); }
    double lower_bound() const { return 0; }
};

/// Beta(2, 5), whose formulas are meaningless outside [0, 1].
struct beta {
    double cdf(double x) const {
        if (!(x >= 0 && x <= 1)) return nan_value;
        return x * x * (15 - x * (40 - x * (45 - x * (24 - 5 * x))));
    }
    double survival(double x) const {
        if (!(x >= 0 && x <= 1)) return nan_value;
        return std::pow(1 - x, 5) * (1 + 5 * x);
    }
    double pdf(double x) const { return 30 * x * std::pow(1 - x, 4); }
    double lower_bound() const { return 0; }
    double upper_bound() const { return 1; }
};

/// Two normal laws, `weight` of the one at -apart.
struct mixture {
    double apart;
    double weight;
    normal one{};
    double cdf(double x) const { return weight * one.cdf(x + apart) + (1 - weight) * one.cdf(x - apart); }
    double survival(double x) const {
        return weight * one.cdf(-x - apart) + (1 - weight) * one.cdf(apart - x);
    }
    double pdf(double x) const { return weight * one.pdf(x + apart) + (1 - weight) * one.pdf(x - apart); }
};

template <class LawT>
struct moved {
    double location;
    double scale;
    LawT law{};
    double cdf(double x) const { return law.cdf((x - location) / scale); }
    double survival(double x) const { return law.survival((x - location) / scale); }
    double pdf(double x) const { return law.pdf((x - location) / scale) / scale; }
};

template <class LawT>
struct without_survival {
    LawT law{};
    double cdf(double x) const { return law.cdf(x); }
    double pdf(double x) const { return law.pdf(x); }
};

struct no_density {
    double cdf(double x) const { return normal{}.cdf(x); }
};

/// The function of a user who does not think of tails.
struct rough_normal {
    double cdf(double x) const { return 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }
    double pdf(double x) const { return normal{}.pdf(x); }
};

/// The promised bounds, for a table of `law` compared with a true law that knows its upper tail.
template <class LawT, class TruthT>
void check_bounds(const char* name, const LawT& law, const TruthT& truth, bool fine_tails = true) {
    const auto of_floats = table_tests::errors_of(truth, imle::quantile_table<float>(law), 1 << 13);
    const auto of_doubles = table_tests::errors_of(truth, imle::quantile_table<double>(law), 1 << 13);
    INFO(name << ": float " << of_floats.absolute << " " << of_floats.relative << ", double "
              << of_doubles.absolute << " " << of_doubles.relative);
    CHECK(of_floats.absolute < 2e-7);
    CHECK(of_floats.relative < 1e-3);
    CHECK(of_doubles.absolute < 1e-12);
    if (fine_tails) CHECK(of_doubles.relative < 1e-11);
}
template <class LawT>
void check_bounds(const char* name, const LawT& law) {
    check_bounds(name, law, law);
}

// -- What is no law
// ----------------------------------------------------------------------------------------------

/// Functions put together, and how often they were called.
struct functions {
    std::function<double(double)> f;
    std::function<double(double)> density;
    double low = -infinity, high = infinity;
    mutable int calls = 0;

    double cdf(double x) const { return ++calls, f(x); }
    double pdf(double x) const { return density(x); }
    double lower_bound() const { return low; }
    double upper_bound() const { return high; }
};

/// Both tables refuse the law, with `part` in the message, after few evaluations.
void check_refused(const char* name, const functions& law, const std::string& part) {
    const std::string floats =
        support::message_of<std::invalid_argument>([&] { imle::quantile_table<float>{law}; });
    const std::string doubles =
        support::message_of<std::invalid_argument>([&] { imle::quantile_table<double>{law}; });
    INFO(name << ": " << floats << " | " << doubles);
    CHECK(floats.find("the law of a quantile_table") != std::string::npos);
    CHECK(floats.find(part) != std::string::npos);
    CHECK(doubles.find(part) != std::string::npos);
    CHECK(law.calls < 1000000);
}

double bell(double x) {
    return normal{}.pdf(x);
}
double bulge(double x) {
    return normal{}.cdf(x);
}

}  // namespace

static_assert(std::constructible_from<imle::quantile_table<float>, normal>);
static_assert(std::constructible_from<imle::quantile_table<double>, without_survival<normal>>);
static_assert(!std::constructible_from<imle::quantile_table<float>, no_density>);

TEST_CASE("cdf_source: the promised bounds from a distribution function and a density", "[quantile_table]") {
    check_bounds("normal", normal{});
    check_bounds("gumbel", gumbel{});
    check_bounds("logistic", logistic{});
    check_bounds("student_t", student_t{});
    check_bounds("lomax 2", lomax{2});
    check_bounds("lomax 1/2", lomax{0.5});
    check_bounds("weibull 1/4", weibull{0.25});
    check_bounds("beta", beta{});
    check_bounds("mixture", mixture{1.2, 0.3});
}

TEST_CASE("cdf_source: laws at any location and scale, without a hint", "[quantile_table]") {
    for (const double location : {-1e6, 1e6})
        for (const double scale : {1.0, 1e-6}) check_bounds("moved normal", moved<normal>{location, scale});
    check_bounds("narrow normal", moved<normal>{0, 1e-6});
    check_bounds("tiny normal", moved<normal>{1e-30, 1e-31});
    check_bounds("huge normal", moved<normal>{-1e30, 1e28});
    check_bounds("huge and near 0", moved<gumbel>{1, 1e30});
    check_bounds("tiny student_t", moved<student_t>{-1e-30, 1e-30});
    const moved<normal> far{1e150, 1e149};
    CHECK(table_tests::errors_of(far, imle::quantile_table<double>(far), 1000).absolute < 1e-12);
    CHECK_THROWS_WITH(imle::quantile_table<float>(far), mentions("too wide"));
}

TEST_CASE("cdf_source: without a survival function", "[quantile_table]") {
    check_bounds("normal", without_survival<normal>{}, normal{}, false);
    check_bounds("gumbel", without_survival<gumbel>{}, gumbel{}, false);
    check_bounds("student_t", without_survival<student_t>{}, student_t{}, false);
    check_bounds("rough normal", rough_normal{}, normal{}, false);
}

TEST_CASE("cdf_source: a table says how far it is from a law that bends too much", "[quantile_table]") {
    for (const double apart : {1.5, 2.0, 2.5}) {
        const mixture law{apart, 0.5};
        const imle::quantile_table<float> floats(law);
        const imle::quantile_table<double> doubles(law);
        INFO("apart " << apart);
        CHECK(table_tests::errors_of(law, floats).relative < 2 * floats.interpolation_error() + 1e-5);
        CHECK(table_tests::errors_of(law, doubles).relative < 2 * doubles.interpolation_error() + 1e-12);
    }
    for (const double apart : {4.0, 20.0, 1e6}) {
        CHECK_THROWS_WITH(imle::quantile_table<float>(mixture{apart, 0.3}), mentions("too rough"));
        CHECK_THROWS_WITH(imle::quantile_table<double>(mixture{apart, 0.5}), mentions("too rough"));
    }
}

TEST_CASE("cdf_source: a quantile function comes first", "[quantile_table]") {
    struct both {
        double quantile(double u) const { return u; }
        double cdf(double) const { return nan_value; }
        double pdf(double) const { return nan_value; }
    };
    CHECK(imle::quantile_table<double>(both{})(1, 0xffffffffu) == Approx(0.5));
}

TEST_CASE("cdf_source: functions that are no distribution function are refused", "[quantile_table]") {
    check_refused("falling", {[](double x) { return bulge(-x); }, bell}, "decreases");
    check_refused("a dent", {[](double x) { return x > 0.3 && x < 0.4 ? 0.4 : bulge(x); }, bell},
                  "not a law");
    check_refused("nan", {[](double) { return nan_value; }, bell}, "distribution function is nan");
    check_refused("nan in the middle",
                  {[](double x) { return x > 0.3 && x < 0.4 ? nan_value : bulge(x); }, bell},
                  "distribution function is nan");
    check_refused("above 1", {[](double x) { return 2 * bulge(x); }, bell}, "distribution function is 1.");
    check_refused("below 0", {[](double x) { return x; }, [](double) { return 1.0; }},
                  "distribution function is -");
    check_refused("never 0",
                  {[](double x) { return 0.1 + 0.9 * bulge(x); }, [](double x) { return 0.9 * bell(x); }},
                  "does not come down to");
    check_refused("never 1",
                  {[](double x) { return 0.9 * bulge(x); }, [](double x) { return 0.9 * bell(x); }},
                  "does not come up to 1 - ");
    for (const double constant : {0.0, 1.0, 0.5, 0.3})
        check_refused("constant", {[=](double) { return constant; }, [](double) { return 0.0; }},
                      "does not come");
    check_refused("a step", {[](double x) { return x < 3 ? 0.0 : 1.0; }, [](double) { return 0.0; }},
                  "jumps by 1 at 3");
    check_refused("a tiny step",
                  {[](double x) { return x < 3e-200 ? 0.0 : 1.0; }, [](double) { return 0.0; }},
                  "jumps by 1");
    check_refused("an atom",
                  {[](double x) { return 0.9 * bulge(x) + (x >= 0.5 ? 0.1 : 0); },
                   [](double x) { return 0.9 * bell(x); }},
                  "jumps by 0.1 at 0.5");
    check_refused(
        "half in an atom",
        {[](double x) { return x < 0 ? 0.0 : bulge(x); }, [](double x) { return x < 0 ? 0.0 : bell(x); }},
        "jumps by 0.5");
    check_refused(
        "whole numbers",
        {[](double x) { return x < 0 ? 0.0 : 1 - std::exp(-std::floor(x) - 1); }, [](double) { return 0.0; }},
        "jumps by");
}

TEST_CASE("cdf_source: the density of another law is refused", "[quantile_table]") {
    check_refused("twice", {bulge, [](double x) { return 2 * bell(x); }}, "its density is");
    check_refused("half", {bulge, [](double x) { return 0.5 * bell(x); }}, "its density is");
    check_refused("a tenth more", {bulge, [](double x) { return 1.1 * bell(x); }}, "its density is");
    check_refused("beside", {bulge, [](double x) { return bell(x - 1); }}, "its density is");
    check_refused("zero", {bulge, [](double) { return 0.0; }}, "its density is 0");
    check_refused("infinite", {bulge, [](double) { return infinity; }}, "its density is inf");
    check_refused("negative", {bulge, [](double x) { return -bell(x); }}, "its density is -0.");
    check_refused("nan", {bulge, [](double x) { return x > 1 ? nan_value : bell(x); }}, "its density is nan");
    struct other_survival : normal {
        double survival(double x) const { return cdf(0.5 - x); }
    };
    struct no_survival : normal {
        double survival(double x) const { return cdf(x); }
    };
    CHECK_THROWS_WITH(imle::quantile_table<float>(other_survival{}), mentions("not a law"));
    CHECK_THROWS_WITH(imle::quantile_table<float>(no_survival{}), mentions("decreases"));
}

TEST_CASE("cdf_source: wrong bounds are refused", "[quantile_table]") {
    check_refused("a lower bound inside", {bulge, bell, -1, infinity}, "does not come down to");
    check_refused("an upper bound inside", {bulge, bell, -infinity, 2}, "does not come up to 1 - ");
    check_refused("an atom at the bound", {bulge, bell, 0, infinity}, "does not come down to");
    check_refused("no bound", {bulge, bell, nan_value, infinity}, "lower bound is not a number");
    check_refused("no upper bound", {bulge, bell, -infinity, nan_value}, "upper bound is nan");
    check_refused("the wrong way round", {bulge, bell, 3, 2}, "upper bound is 2");
}
