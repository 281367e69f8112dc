// simd: vectors of numbers, how their lanes change places, and the exponential on them.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>
#include <imle/simd/exponential.hpp>
#include <imle/simd/lanes.hpp>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

/// Numbers of all sizes, zeros, halves and neighbours of whole numbers among them.
template <class Scalar>
std::vector<Scalar> inputs(std::uint64_t seed) {
    std::vector<std::uint32_t> words(3 * 4096);
    imle::random_words(imle::random_key(seed), 0, words);
    std::vector<Scalar> out;
    for (std::size_t i = 0; i + 2 < words.size(); i += 3) {
        const double fraction = static_cast<double>(words[i]) * 0x1p-31 - 1;
        const int exponent = static_cast<int>(words[i + 1] % 60) - 30;
        double x = std::ldexp(fraction, exponent);
        if (words[i + 2] % 8 == 0) x = std::nearbyint(x) + 0.5;
        if (words[i + 2] % 32 == 1) x = 0;
        out.push_back(static_cast<Scalar>(x));
    }
    return out;
}

template <class Scalar>
bool same(Scalar a, Scalar b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

/// Compares the results of `operation` on whole vectors with those on single numbers, up to the first that
/// differs.
template <class Lanes, class Operation>
void check_operation(const char* name, const Operation& operation) {
    using scalar = typename Lanes::scalar;
    using one = imle::detail::scalar_lanes<scalar>;
    const std::vector<scalar> a = inputs<scalar>(1), b = inputs<scalar>(2), c = inputs<scalar>(3);
    INFO(name << " of vectors of " << Lanes::size);
    for (std::size_t i = 0; i + Lanes::size <= a.size(); i += Lanes::size) {
        scalar out[Lanes::size];
        operation(Lanes::load(&a[i]), Lanes::load(&b[i]), Lanes::load(&c[i])).store(out);
        for (std::size_t j = 0; j < Lanes::size; ++j) {
            const scalar expected = operation(one(a[i + j]), one(b[i + j]), one(c[i + j])).v;
            if (same(out[j], expected)) continue;
            CAPTURE(a[i + j], b[i + j], c[i + j], out[j], expected);
            FAIL_CHECK("not one number's bits");
            return;
        }
    }
}

/// 2^y; not checked where y is below `deepest`.
template <class Lanes>
Lanes exp2_of(Lanes y) {
    const auto parts =
        imle::detail::split_exp2(y, imle::detail::exp2_constants<typename Lanes::scalar>::deepest);
    return parts.fraction * parts.half * parts.rest;
}

template <class Lanes>
void check_lanes() {
    using scalar = typename Lanes::scalar;
    check_operation<Lanes>("+", [](auto a, auto b, auto) { return a + b; });
    check_operation<Lanes>("-", [](auto a, auto b, auto) { return a - b; });
    check_operation<Lanes>("*", [](auto a, auto b, auto) { return a * b; });
    check_operation<Lanes>("/", [](auto a, auto b, auto) { return a / b; });
    check_operation<Lanes>("multiply_add", [](auto a, auto b, auto c) { return multiply_add(a, b, c); });
    check_operation<Lanes>("square_root", [](auto a, auto, auto) { return square_root(a * a); });
    check_operation<Lanes>("minimum", [](auto a, auto b, auto) { return minimum(a, b); });
    check_operation<Lanes>("maximum", [](auto a, auto b, auto) { return maximum(a, b); });
    // + 0: the sign of a zero does not matter.
    check_operation<Lanes>("nearest", [](auto a, auto, auto) { return nearest(a) + decltype(a)(0); });
    check_operation<Lanes>("select", [](auto a, auto b, auto c) { return select(less(a, b), c, a); });
    check_operation<Lanes>("broadcast", [](auto a, auto, auto) { return decltype(a)(scalar(-0.0)); });
    check_operation<Lanes>("power_of_two", [](auto a, auto, auto) {
        using vector = decltype(a);
        return power_of_two(nearest(minimum(maximum(a, vector(-126)), vector(127))));
    });
    check_operation<Lanes>("exp2", [](auto a, auto, auto) { return exp2_of(a); });
    check_operation<Lanes>("exp", [](auto a, auto, auto) { return exp_of(a); });
    check_operation<Lanes>("product", [](auto a, auto b, auto c) { return product(a, b) + c; });

    std::uint32_t words[Lanes::size];
    scalar upper[Lanes::size], zeros[Lanes::size] = {};
    for (std::size_t i = 0; i < Lanes::size; ++i)
        words[i] = 0xffffffffu - 0x01234567u * static_cast<std::uint32_t>(i);
    Lanes::upper_bits(words).store(upper);
    for (std::size_t i = 0; i < Lanes::size; ++i) {
        CHECK(upper[i] == static_cast<scalar>(words[i] >> 8));
        // One lane of -1 after the other: the bit is the lane's.
        zeros[i] = -1;
        CHECK(Lanes::bits(less(Lanes::load(zeros), Lanes(0))) == std::uint32_t{1} << i);
        zeros[i] = 0;
    }
    CHECK(Lanes::bits(less(Lanes(-1), Lanes(0))) == (std::uint64_t{1} << Lanes::size) - 1);
}

}  // namespace

TEST_CASE("lanes: every operation gives the scalar operation's bits", "[lanes]") {
    check_lanes<imle::detail::scalar_lanes<float>>();
    check_lanes<imle::detail::scalar_lanes<double>>();
    check_lanes<imle::detail::widest_lanes<float>>();
    check_lanes<imle::detail::widest_lanes<double>>();
#if IMLE_VECTOR_BYTES >= 16
    check_lanes<imle::detail::vector_lanes<float, 4>>();
    check_lanes<imle::detail::vector_lanes<double, 2>>();
#endif
#if IMLE_VECTOR_BYTES >= 32
    check_lanes<imle::detail::vector_lanes<float, 8>>();
    check_lanes<imle::detail::vector_lanes<double, 4>>();
#endif
}

namespace {

/// look_up in rows of so many columns; each number encodes its row and its column.
template <class Lanes, std::size_t Columns>
void check_look_up() {
    using scalar = typename Lanes::scalar;
    alignas(64) scalar table[64][Columns];
    for (std::size_t row = 0; row < 64; ++row)
        for (std::size_t column = 0; column < Columns; ++column)
            table[row][column] = static_cast<scalar>(100 * row + column);
    const auto row_of = [](std::size_t lane) { return (lane * 37 + 11) % 64; };
    typename Lanes::vector columns[Columns];
    imle::detail::look_up<Lanes>([&](std::size_t lane) -> const scalar* { return table[row_of(lane)]; },
                                 columns);
    for (std::size_t column = 0; column < Columns; ++column) {
        scalar out[Lanes::size];
        Lanes::of(columns[column]).store(out);
        for (std::size_t lane = 0; lane < Lanes::size; ++lane) {
            INFO("column " << column << " of lane " << lane);
            CHECK(out[lane] == table[row_of(lane)][column]);
        }
    }
}

template <class Lanes>
void check_neighbours() {
    using scalar = typename Lanes::scalar;
    scalar numbers[2 * Lanes::size];
    for (std::size_t i = 0; i < 2 * Lanes::size; ++i) numbers[i] = static_cast<scalar>(i);
    const Lanes first = Lanes::load(numbers), second = Lanes::load(numbers + Lanes::size);
    scalar before[Lanes::size], after[Lanes::size];
    one_before(first, second).store(before);
    one_after(first, second).store(after);
    for (std::size_t i = 0; i < Lanes::size; ++i) {
        INFO("lane " << i);
        CHECK(before[i] == numbers[Lanes::size - 1 + i]);
        CHECK(after[i] == numbers[1 + i]);
    }
}

template <class Lanes>
void check_compressed() {
    if constexpr (imle::detail::Compresses<Lanes>) {
        using scalar = typename Lanes::scalar;
        scalar numbers[Lanes::size], found[Lanes::size];
        for (std::size_t i = 0; i < Lanes::size; ++i) numbers[i] = static_cast<scalar>(i + 1);
        support::tally wrong;
        for (std::uint32_t which = 0; which < std::uint32_t{1} << Lanes::size; which += 1 + which / 64) {
            compressed(which, Lanes::load(numbers)).store(found);
            std::size_t count = 0;
            for (std::size_t i = 0; i < Lanes::size; ++i)
                if ((which >> i & 1) != 0) wrong.expect(found[count++] == numbers[i], "lanes ", which);
        }
        CHECK(wrong == 0);
    }
}

}  // namespace

TEST_CASE("lanes: compressed keeps the order of the chosen lanes", "[lanes]") {
    check_compressed<imle::detail::widest_lanes<float>>();
    check_compressed<imle::detail::widest_lanes<double>>();
    STATIC_REQUIRE(imle::detail::Compresses<imle::detail::widest_lanes<float>> == (IMLE_VECTOR_BYTES == 64));
}

namespace {

// The numbers end where their memory does, so that the address sanitizer sees who reads more.
template <class Lanes>
support::tally wrong_first() {
    using scalar = typename Lanes::scalar;
    support::tally wrong;
    for (std::size_t count = 0; count < Lanes::size + 3; ++count) {
        std::vector<scalar> numbers(count), found(Lanes::size);
        for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<scalar>(i + 1);
        Lanes::load_first(numbers.data(), count, scalar(-7)).store(found.data());
        for (std::size_t i = 0; i < Lanes::size; ++i)
            wrong.expect(found[i] == (i < count ? static_cast<scalar>(i + 1) : scalar(-7)), "lane ", i,
                         " of ", count, ": ", found[i]);
    }
    return wrong;
}

}  // namespace

TEST_CASE("lanes: load_first fills the lanes after the numbers", "[lanes]") {
    CHECK(wrong_first<imle::detail::scalar_lanes<float>>() == 0);
    CHECK(wrong_first<imle::detail::widest_lanes<float>>() == 0);
    CHECK(wrong_first<imle::detail::widest_lanes<double>>() == 0);
}

TEST_CASE("lanes: look_up finds every lane's row", "[lanes]") {
    check_look_up<imle::detail::scalar_lanes<float>, 4>();
    check_look_up<imle::detail::scalar_lanes<double>, 8>();
    check_look_up<imle::detail::widest_lanes<float>, 4>();
    check_look_up<imle::detail::widest_lanes<double>, 8>();
}

namespace {

// Small whole numbers, so that several lanes often have the least one, at places that need not be in order.
template <class Lanes>
support::tally wrong_across() {
    using scalar = typename Lanes::scalar;
    const auto minimum_of = [](Lanes a, Lanes b) { return minimum(a, b); };
    const auto maximum_of = [](Lanes a, Lanes b) { return maximum(a, b); };
    support::tally wrong;
    std::vector<std::uint32_t> words(2 * Lanes::size);
    for (std::uint64_t trial = 0; trial < 200; ++trial) {
        imle::random_words(imle::random_key{9}, trial * words.size(), std::span<std::uint32_t>(words));
        std::vector<scalar> numbers(Lanes::size), places(Lanes::size);
        for (std::size_t i = 0; i < Lanes::size; ++i) {
            numbers[i] = static_cast<scalar>(words[2 * i] % 5) - scalar(2);
            places[i] = static_cast<scalar>(words[2 * i + 1] % 1000);
        }
        scalar least = numbers[0], most = numbers[0];
        for (const scalar x : numbers) least = std::min(least, x), most = std::max(most, x);
        int place = 1000;
        for (std::size_t i = 0; i < Lanes::size; ++i)
            if (numbers[i] == least) place = std::min(place, static_cast<int>(places[i]));
        const Lanes all = Lanes::load(numbers.data()), lowest = across(all, minimum_of);
        std::vector<scalar> leasts(Lanes::size), mosts(Lanes::size);
        lowest.store(leasts.data());
        across(all, maximum_of).store(mosts.data());
        const int found = lowest_place_of(lowest, all, Lanes::load(places.data()));
        wrong.expect(leasts == std::vector<scalar>(Lanes::size, least) && lowest.first() == least &&
                         mosts == std::vector<scalar>(Lanes::size, most) && found == place,
                     "numbers ", numbers, ", places ", places, ": ", leasts, mosts, found);
    }
    return wrong;
}

}  // namespace

TEST_CASE("lanes: across combines all lanes, and lowest_place_of finds the first of equal ones", "[lanes]") {
    CHECK(wrong_across<imle::detail::widest_lanes<float>>() == 0);
    CHECK(wrong_across<imle::detail::widest_lanes<double>>() == 0);
    CHECK(wrong_across<imle::detail::scalar_lanes<double>>() == 0);
}

TEST_CASE("lanes: one_before and one_after cross from one vector to the next", "[lanes]") {
    check_neighbours<imle::detail::scalar_lanes<double>>();
    check_neighbours<imle::detail::widest_lanes<double>>();
    check_neighbours<imle::detail::widest_lanes<float>>();
}

TEMPLATE_TEST_CASE("split_exp2: the product is 2^y, down to its underflow", "[exponential_function]", float,
                   double) {
    using one = imle::detail::scalar_lanes<TestType>;
    const auto power = [](double y) { return exp2_of(one(static_cast<TestType>(y))).v; };
    const double unit = static_cast<double>(std::numeric_limits<TestType>::epsilon());
    const double lowest = sizeof(TestType) == 4 ? -125 : -1021,
                 highest = sizeof(TestType) == 4 ? 127.9 : 1023.9;
    double worst = 0;
    for (int i = 0; i <= 20000; ++i) {
        const TestType y = static_cast<TestType>(lowest + (highest - lowest) * i / 20000);
        const double truth = std::exp2(static_cast<double>(y));
        worst = std::max(worst, std::abs(static_cast<double>(power(static_cast<double>(y))) / truth - 1));
    }
    CHECK(worst < 2.5 * unit);  // half a unit of it is the standard function's
    CHECK(power(0) == TestType(1));
    CHECK(power(-3) == TestType(0.125));
    CHECK(power(-1e30) == TestType(0));
    CHECK(power(2 * lowest) == TestType(0));
    CHECK(power(lowest - 10) > TestType(0));  // subnormal
    // power_of_two itself, whole range.
    for (int n = sizeof(TestType) == 4 ? -126 : -1022; n <= (sizeof(TestType) == 4 ? 127 : 1023); ++n) {
        CAPTURE(n);
        CHECK(power_of_two(one(static_cast<TestType>(n))).v == std::ldexp(TestType(1), n));
    }
}

TEMPLATE_TEST_CASE("exp_of: within three units in the last place, and all special values",
                   "[exponential_function]", float, double) {
    using one = imle::detail::scalar_lanes<TestType>;
    using limits = std::numeric_limits<TestType>;
    const auto exp_of = [](TestType x) { return imle::detail::exp_of(one(x)).v; };
    const double lowest = sizeof(TestType) == 4 ? -87 : -708, highest = sizeof(TestType) == 4 ? 88.7 : 709.7;
    support::tally wrong;
    for (int i = 0; i <= 20000; ++i) {
        const auto x = static_cast<TestType>(lowest + (highest - lowest) * i / 20000);
        const double error = static_cast<double>(exp_of(x)) / std::exp(static_cast<double>(x)) - 1;
        wrong.expect(std::abs(error) < 3 * static_cast<double>(limits::epsilon()), x, " is wrong by ", error);
    }
    CHECK(wrong == 0);
    CHECK(exp_of(0) == 1);
    CHECK(exp_of(static_cast<TestType>(highest + 1)) == limits::infinity());
    CHECK(exp_of(limits::max()) == limits::infinity());
    CHECK(exp_of(limits::infinity()) == limits::infinity());
    CHECK(exp_of(sizeof(TestType) == 4 ? TestType(-106) : TestType(-748)) == 0);
    CHECK(exp_of(limits::lowest()) == 0);
    CHECK(exp_of(-limits::infinity()) == 0);
    CHECK(std::isnan(exp_of(limits::quiet_NaN())));
}
