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
        for (std::size_t i = 0; i < n; ++i) {
            wrong.expect(one[i] == rounded(a * x[i]) + y[i], "a x + y, place ", i, " of ", n);
            wrong.expect(two[i] == rounded(a * x[i]) + rounded(b * y[i]), "a x + b y, place ", i, " of ", n);
        }
        wrong.expect(in_x == one && in_y == two, "in place, ", n);
    }
    CHECK(wrong == 0);
}

namespace {

/// out = x + y by `write_repeated`, for rows with the same y; returns whether the check found only finite
/// numbers.
template <bool Negated, class Scalar>
bool write_sums(const std::vector<Scalar>& x, const std::vector<Scalar>& y, std::vector<Scalar>& out) {
    const std::size_t n = y.size(), rows = n == 0 ? 3 : x.size() / n;
    return imle::detail::write_repeated<Negated>(y.data(), n, rows, out.data(),
                                                 imle::detail::finite_check<Scalar>(),
                                                 [&]<class Lanes>(const Lanes& repeated, std::size_t i) {
                                                     return Lanes::load(x.data() + i) + repeated;
                                                 })
        .all_finite();
}

}  // namespace

TEMPLATE_TEST_CASE("write_repeated sets the same numbers beside those of each row, and checks what it writes",
                   "[lanes]", float, double) {
    support::tally wrong;
    for (std::size_t n = 0; n < 70; ++n)
        for (const std::size_t rows : {1u, 2u, 3u, 10u, 33u}) {
            const auto x = numbers_between_0_and_1<TestType>(3, rows * n);
            const auto y = numbers_between_0_and_1<TestType>(4, n);
            std::vector<TestType> sums(rows * n), negated(rows * n);
            const bool finite = write_sums<false>(x, y, sums) && write_sums<true>(x, y, negated);
            wrong.expect(finite, "finite, ", n, " by ", rows);
            for (std::size_t i = 0; i < sums.size(); ++i) {
                const TestType sum = x[i] + y[i % n];
                wrong.expect(sums[i] == sum && negated[i] == -sum, "place ", i, ", ", n, " by ", rows);
            }
            // One number of any row, or one that all rows share.
            for (std::size_t i = 0; i < sums.size(); i += 1 + i / 16) {
                auto bad = x;
                bad[i] = std::numeric_limits<TestType>::infinity();
                wrong.expect(!write_sums<true>(bad, y, sums), "infinite at ", i, ", ", n, " by ", rows);
            }
            if (n == 0) continue;
            auto bad = y;
            bad[n / 2] = std::numeric_limits<TestType>::quiet_NaN();
            wrong.expect(!write_sums<false>(x, bad, sums), "NaN beside, ", n, " by ", rows);
        }
    CHECK(wrong == 0);
}
