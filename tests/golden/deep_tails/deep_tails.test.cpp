// The laws' functions against values of 20 digits, as far out as 1e-12: make.py in this folder computes them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>

#include "support/catch.hpp"

namespace {

struct row {
    std::string law;
    double a, b, x, cdf, survival, pdf;
};

std::vector<row> read_rows() {
    std::ifstream in(std::filesystem::path(IMLE_TEST_DATA_DIR) / "deep_tails" / "deep_tails.csv");
    REQUIRE(in);
    std::vector<row> rows;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream fields(line);
        row r;
        fields >> r.law >> r.a >> r.b >> r.x >> r.cdf >> r.survival >> r.pdf;
        REQUIRE(fields);
        rows.push_back(r);
    }
    return rows;
}

// The largest errors over a law's rows, in units of what is allowed.
struct worst_errors {
    double cdf = 0, survival = 0, pdf = 0, quantile = 0, survival_quantile = 0;
};

constexpr double tolerance = 1e-10;

// The allowed error is 1e-10, relative, plus the effect of rounding x and the lower bound to double: close to
// that bound the functions change fast.
template <class LawT>
void compare(const LawT& law, const row& r, worst_errors& worst) {
    double rounding = std::abs(r.x), steepness = std::max(r.pdf / r.cdf, r.pdf / r.survival);
    if constexpr (requires { law.lower_bound(); })
        if (std::isfinite(law.lower_bound())) {
            rounding = std::max(rounding, std::abs(law.lower_bound()));
            steepness += 1 / (r.x - law.lower_bound());
        }
    rounding *= std::numeric_limits<double>::epsilon();
    const auto note = [](double& so_far, double error, double allowed) {
        so_far = std::max(so_far, std::isnan(error) ? 1e300 : error / allowed);
    };
    note(worst.cdf, std::abs(law.cdf(r.x) / r.cdf - 1), tolerance + r.pdf / r.cdf * rounding);
    note(worst.survival, std::abs(law.survival(r.x) / r.survival - 1),
         tolerance + r.pdf / r.survival * rounding);
    note(worst.pdf, std::abs(law.pdf(r.x) / r.pdf - 1), tolerance + steepness * rounding);
    // If the probability is 1 up to the last digits, its quantile is not determined.
    if (r.cdf < 0.9)
        note(worst.quantile, std::abs(law.quantile(r.cdf) - r.x), tolerance * r.cdf / r.pdf + 4 * rounding);
    if (r.survival < 0.9)
        note(worst.survival_quantile, std::abs(law.survival_quantile(r.survival) - r.x),
             tolerance * r.survival / r.pdf + 4 * rounding);
}

void compare(const row& r, worst_errors& worst) {
    if (r.law == "sum_of_gamma")
        compare(r.b == 0 ? imle::sum_of_gamma::exact(r.a)
                         : imle::sum_of_gamma(r.a, static_cast<std::uint64_t>(r.b)),
                r, worst);
    else if (r.law == "gamma")
        compare(imle::gamma(r.a, r.b), r, worst);
    else if (r.law == "normal")
        compare(imle::normal(r.a, r.b), r, worst);
    else if (r.law == "gumbel")
        compare(imle::gumbel(r.a, r.b), r, worst);
    else
        FAIL("no such law: " << r.law);
}

}  // namespace

TEST_CASE("deep tails: cdf, survival, pdf and quantiles against mpmath", "[golden][noise][draws]") {
    const std::vector<row> rows = read_rows();
    std::size_t laws = 0, deep = 0;
    for (std::size_t i = 0; i < rows.size(); ++laws) {
        const row& first = rows[i];
        worst_errors worst;
        for (; i < rows.size() && rows[i].law == first.law && rows[i].a == first.a && rows[i].b == first.b;
             ++i) {
            compare(rows[i], worst);
            deep += std::min(rows[i].cdf, rows[i].survival) < 2e-12;
        }
        INFO(first.law << " " << first.a << " " << first.b << ": errors in units of what is allowed: cdf "
                       << worst.cdf << ", survival " << worst.survival << ", pdf " << worst.pdf
                       << ", quantile " << worst.quantile << ", survival_quantile "
                       << worst.survival_quantile);
        CHECK(worst.cdf < 1);
        CHECK(worst.survival < 1);
        CHECK(worst.pdf < 1);
        CHECK(worst.quantile < 1);
        CHECK(worst.survival_quantile < 1);
    }
    // The file was read whole: 14 laws of sum_of_gamma, 4 of gamma, normal and gumbel, and nearly all of both
    // tails down to 1e-12.
    CHECK(laws == 20);
    CHECK(deep >= 35);
}
