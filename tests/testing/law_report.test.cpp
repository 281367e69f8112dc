#include <imle/testing/law_report.hpp>

#include <sstream>

#include "support/catch.hpp"

TEST_CASE("law_report: counts, first case, sum", "[law_report]") {
    imle::testing::law_report report("subject");
    CHECK_FALSE(report.passed());  // nothing was tried
    report.check("even", true);
    CHECK(report.passed());
    report.check("even", false, "three is ", 3);
    report.check("even", false, "five is ", 5);
    CHECK_FALSE(report.passed());
    REQUIRE(report.failures().size() == 1);
    CHECK(report.failures()[0] == "even: broken in 2 of 3 trials; first: three is 3");
    imle::testing::law_report other("other");
    other.check("odd", false);
    report += other;
    CHECK(report.broken("odd"));
    CHECK(report.failures().size() == 2);
    std::ostringstream out;
    out << report;
    CHECK(out.str().find("subject: FAILED") == 0);
}
