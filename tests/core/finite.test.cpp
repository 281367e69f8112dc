#include <imle/core/finite.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

TEST_CASE("is_finite agrees with the standard on every exponent and on float's edge patterns", "[core]") {
    support::tally wrong;
    for (std::uint32_t top = 0; top < (1u << 16); ++top) {
        for (const std::uint32_t low : {0x0000u, 0x0001u, 0xffffu}) {
            const float x = std::bit_cast<float>((top << 16) | low);
            wrong.expect(imle::detail::is_finite(x) == std::isfinite(x), "float of bits ", (top << 16) | low,
                         ": ", x);
        }
        const double y = std::bit_cast<double>((static_cast<std::uint64_t>(top) << 48) | 1u);
        wrong.expect(imle::detail::is_finite(y) == std::isfinite(y), "double of top bits ", top, ": ", y);
    }
    CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("all_finite and first_not_finite find one bad value at any place", "[core]", float,
                   double) {
    using limits = std::numeric_limits<TestType>;
    const TestType good[] = {TestType(0), -TestType(0), limits::max(), limits::lowest(),
                             limits::denorm_min()};
    support::tally wrong;
    for (std::size_t size = 0; size < 40; ++size) {
        std::vector<TestType> values(size);
        for (std::size_t i = 0; i < size; ++i) values[i] = good[i % 5];
        const std::span<const TestType> view(values);
        wrong.expect(imle::detail::all_finite(view), size, " finite values");
        wrong.expect(imle::detail::first_not_finite(view) == size, size, " finite values: first_not_finite");
        for (std::size_t i = 0; i < size; ++i) {
            const TestType kept = values[i];
            for (const TestType bad : {limits::infinity(), -limits::infinity(), limits::quiet_NaN(),
                                       -limits::quiet_NaN(), limits::signaling_NaN()}) {
                values[i] = bad;
                wrong.expect(!imle::detail::all_finite(view), bad, " at ", i, " of ", size);
                wrong.expect(imle::detail::first_not_finite(view) == i, bad, " at ", i, " of ", size,
                             ": first_not_finite");
            }
            values[i] = kept;
        }
    }
    CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("the mark of an unwritten cell is a NaN", "[core]", float, double) {
    CHECK(std::isnan(imle::detail::unwritten<TestType>()));
    CHECK_FALSE(imle::detail::is_finite(imle::detail::unwritten<TestType>()));
}

}  // namespace
