#include <imle/simd/scaled_sum.hpp>

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

template <class Scalar>
std::vector<Scalar> numbers_between_0_and_1(std::uint64_t seed, std::size_t n) {
    std::vector<Scalar> numbers(n);
    imle::uniforms(imle::random_key{seed}, 0, std::span<Scalar>(numbers));
    return numbers;
}

}  // namespace

TEMPLATE_TEST_CASE("scaled_sum rounds each product, in vectors as in what is left over", "[lanes]", float,
                   double) {
    using imle::detail::rounded;
    using imle::detail::scaled_sum;
    const TestType a = TestType(1) / 3, b = TestType(-2) / 7;
    support::tally wrong;
    for (std::size_t n = 0; n < 70; ++n) {
        const auto x = numbers_between_0_and_1<TestType>(1, n), y = numbers_between_0_and_1<TestType>(2, n);
        std::vector<TestType> one(n), two(n), in_x = x, in_y = y;
        scaled_sum(a, x.data(), y.data(), one.data(), n);
        scaled_sum(a, x.data(), b, y.data(), two.data(), n);
        scaled_sum(a, in_x.data(), y.data(), in_x.data(), n);
        scaled_sum(a, x.data(), b, in_y.data(), in_y.data(), n);
        std::vector<TestType> checked(n), negated(n);
        imle::detail::finite_check<TestType> check;
        imle::detail::write_scaled_sum<false>(a, x.data(), y.data(), checked.data(), n, check);
        imle::detail::write_scaled_sum<true>(a, x.data(), y.data(), negated.data(), n, check);
        wrong.expect(check.all_finite(), "finite, ", n);
        for (std::size_t i = 0; i < n; ++i) {
            imle::detail::finite_check<TestType> other;
            auto bad = y;
            bad[i] = std::numeric_limits<TestType>::infinity();
            imle::detail::write_scaled_sum<true>(a, x.data(), bad.data(), bad.data(), n, other);
            wrong.expect(!other.all_finite(), "infinite at ", i, " of ", n);
        }
        for (std::size_t i = 0; i < n; ++i) {
            wrong.expect(one[i] == rounded(a * x[i]) + y[i], "a x + y, place ", i, " of ", n);
            wrong.expect(checked[i] == one[i] && negated[i] == -one[i], "checked, place ", i, " of ", n);
            wrong.expect(two[i] == rounded(a * x[i]) + rounded(b * y[i]), "a x + b y, place ", i, " of ", n);
        }
        wrong.expect(in_x == one && in_y == two, "in place, ", n);
    }
    CHECK(wrong == 0);
}
