// What the other tests rely on: tests/support.

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

namespace {

std::string text_of(const support::tally& tally) {
    std::ostringstream out;
    out << tally;
    return out.str();
}

}  // namespace

TEST_CASE("support: a tally counts, and describes the first trial that does not hold", "[support]") {
    support::tally wrong;
    CHECK(wrong == 0);
    CHECK(wrong.expect(true, "not this"));
    CHECK(wrong == 0);
    CHECK(text_of(wrong) == "0 of 1");
    int described = 0;
    const auto described_once = [&] {
        ++described;
        return "as asked";
    };
    Eigen::Tensor<float, 1> z(2);
    z.setValues({1, 0.1F});
    CHECK_FALSE(
        wrong.expect(false, "z ", z, ' ', std::vector<std::vector<int>>{{1}, {}}, ' ', described_once));
    CHECK_FALSE(wrong.expect(false, "nor this", described_once));
    CHECK_FALSE(wrong == 0);
    CHECK(wrong == 2);
    CHECK(described == 1);
    CHECK(text_of(wrong) == "2 of 3, first: z {1, 0.10000000149011612} {{1}, {}} as asked");
}

TEST_CASE("support: same_bits and furthest", "[support]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> two{1, 0.0};
    CHECK(support::same_bits(two, two));
    CHECK_FALSE(support::same_bits(two, std::vector<double>{1, -0.0}));
    CHECK_FALSE(support::same_bits(two, std::vector<double>{1}));
    CHECK(support::same_bits(std::vector<double>{nan}, std::vector<double>{nan}));
    CHECK(support::furthest(two, {1.5, -0.25}) == 0.5);
    CHECK(std::isnan(support::furthest(two, {1, nan})));
    CHECK(std::isnan(support::furthest(std::vector<double>{nan, 1}, {0, 3})));
    CHECK(std::isnan(support::furthest(two, {1})));
}
