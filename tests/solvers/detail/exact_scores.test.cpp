#include <imle/solvers/detail/exact_scores.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace exact_scores_tests {

using imle::detail::half;
using imle::detail::wide_integer;

namespace {

// Long carries and borrows: words of all ones, all zeros, and random ones.
template <std::size_t Words>
wide_integer<Words> random_number(std::mt19937_64& random) {
    using number = wide_integer<Words>;
    number result = 0;
    for (unsigned word = 0; word + 1 < Words; ++word) {
        const std::uint64_t kinds[] = {0, ~std::uint64_t{0}, 1, random()};
        result = result + number::shifted(kinds[random() % 4], 64 * word);
    }
    return random() % 2 == 0 ? result : number(0) - result;
}

template <std::size_t Words>
support::tally broken_laws(int trials) {
    using number = wide_integer<Words>;
    std::mt19937_64 random(Words);
    support::tally wrong;
    const auto order = [](const number& a, const number& b) { return a < b ? -1 : b < a ? 1 : 0; };
    for (int i = 0; i < support::repeats(trials); ++i) {
        const number a = random_number<Words>(random), b = random_number<Words>(random);
        wrong.expect((a + b) - b == a && a + b == b + a && a - a == number(0), "sums, number ", i);
        wrong.expect(order(a, b) == order(a - b, number(0)) && order(a, b) == -order(b, a) &&
                         (order(a, b) == 0) == (a == b),
                     "order, number ", i);
        wrong.expect(half(a + a) == a, "half, number ", i);
        wrong.expect(a < number::largest() && number(0) - number::largest() < a, "largest, number ", i);
        const auto small = static_cast<std::int64_t>(random() % 2000) - 1000;
        wrong.expect(
            number(small) + number(1) == number(small + 1) && (number(small) < number(0)) == (small < 0),
            "small, ", small);
        const std::uint64_t digits = random() >> 11;
        const auto shift = static_cast<unsigned>(random() % (64 * Words - 55));
        number doubled = number::shifted(digits, 0);
        for (unsigned s = 0; s < shift; ++s) doubled = doubled + doubled;
        wrong.expect(number::shifted(digits, shift) == doubled, "shifted by ", shift);
    }
    return wrong;
}

// Numbers of a few bits from 2^lowest on: their whole numbers have to be the same, but for the unit.
template <class Scalar>
support::tally lost_digits(int lowest, std::uint32_t seed) {
    using score = imle::detail::binary_number<Scalar>;
    using range = imle::detail::binary_range<Scalar>;
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < 1000; ++i) {
        std::array<Scalar, 4> numbers;
        numbers[0] = std::ldexp(Scalar(1), lowest);  // fixes the unit, if it is raised
        typename score::word least = score(numbers[0]).magnitude, most = least;
        for (std::size_t k = 1; k < numbers.size(); ++k) {
            const auto digits = static_cast<Scalar>(static_cast<int>(random() % 2001) - 1000);
            numbers[k] = std::ldexp(digits, lowest + static_cast<int>(random() % 40U));
            const auto magnitude = score(numbers[k]).magnitude;
            if (magnitude != 0) least = std::min(least, magnitude);
            most = std::max(most, magnitude);
        }
        range of(least, most);
        int lowest_bit = std::numeric_limits<int>::max();
        for (const Scalar x : numbers)
            if (x != 0) lowest_bit = std::min(lowest_bit, range::lowest_bit(score(x).magnitude));
        wrong.expect(lowest_bit == lowest, "lowest bit ", lowest_bit, " of ", numbers);
        of.raise(lowest_bit);
        for (const Scalar x : numbers) {
            const auto whole = of.template even<std::int64_t>(score(x));
            wrong.expect(static_cast<Scalar>(whole) == std::ldexp(x, 1 - lowest), x, " is ", whole,
                         " halves of 2^", lowest);
            wrong.expect(std::abs(whole) < std::int64_t{2} << of.bits(), x, " has more than ", of.bits(),
                         " bits");
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("wide integers obey the laws of integers", "[solvers][matching]") {
    CHECK(broken_laws<2>(2000) == 0);
    CHECK(broken_laws<5>(1000) == 0);
    CHECK(broken_laws<35>(300) == 0);
}

TEST_CASE("scores as whole numbers lose no digit", "[solvers][matching]") {
    for (const int lowest : {-149, -120, -20, 0, 70}) CHECK(lost_digits<float>(lowest, 1) == 0);
    for (const int lowest : {-1074, -1040, -20, 0, 960}) CHECK(lost_digits<double>(lowest, 2) == 0);
    using imle::detail::binary_number;
    using imle::detail::binary_range;
    const auto all = [](auto least, auto most) {
        using scalar = decltype(least);
        return binary_range<scalar>(binary_number<scalar>(least).magnitude,
                                    binary_number<scalar>(most).magnitude)
            .bits();
    };
    using f = std::numeric_limits<float>;
    using d = std::numeric_limits<double>;
    CHECK(all(f::denorm_min(), f::max()) == 277);
    CHECK(all(d::denorm_min(), d::max()) == 2098);
    CHECK(all(1.0F, 1.0F) == 24);
    CHECK(all(0.0, 0.0) == 0);
}

}  // namespace exact_scores_tests
