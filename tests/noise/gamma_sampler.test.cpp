#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"

static_assert(imle::NoiseDistribution<imle::gamma_sampler, float>);
static_assert(imle::NoiseDistribution<imle::gamma_sampler, double>);

namespace {

/// Numbers of the sampler, with the distribution function of the same law.
struct sampler_with_law : imle::gamma {
    sampler_with_law(double shape, double scale) : imle::gamma(shape, scale), sampler(shape, scale) {}
    template <class Scalar>
    void fill(const imle::random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        sampler.fill(key, first, out);
    }
    imle::gamma_sampler sampler;
};

template <class Scalar>
void check_laws(double shape, std::size_t numbers) {
    const imle::testing::check_noise_options options{.numbers = numbers, .seed = 7, .places = 1000};
    const auto report = imle::testing::check_noise<Scalar>(sampler_with_law(shape, 2), options);
    INFO("shape " << shape << ": " << report);
    CHECK(report.passed());
}

/// Shapes spread evenly in logarithm over 1e-3 to 1e4, and scales over 1e-3 to 1e3.
template <class Scalar>
void make_parameters(std::vector<Scalar>& shapes, std::vector<Scalar>& scales) {
    std::vector<std::uint32_t> words(2 * shapes.size());
    imle::random_words(imle::random_key(41), 0, words);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        shapes[i] = static_cast<Scalar>(std::pow(10., -3 + 7 * static_cast<double>(words[2 * i]) * 0x1p-32));
        scales[i] =
            static_cast<Scalar>(std::pow(10., -3 + 6 * static_cast<double>(words[2 * i + 1]) * 0x1p-32));
    }
}

/// Element `index`, one number at a time and without the vectors' short cuts: all decisions are exact.
template <class Scalar>
Scalar reference(const imle::random_key& key, std::uint64_t index, Scalar shape, Scalar scale) {
    namespace detail = imle::detail;
    using one = detail::scalar_lanes<Scalar>;
    const detail::gamma_constants<one> constants{one(shape)};
    const auto& normals = detail::standard_table<detail::standard_normal, Scalar>();
    Scalar z, e;
    normals.fill(key.fold_in(0), index, std::span<Scalar>(&z, 1));
    std::uint32_t high;
    imle::random_words(key.fold_in(1), index, std::span<std::uint32_t>(&high, 1));
    imle::philox4x32_block words = key.fold_in(3).block(index);
    for (std::uint64_t attempt = 0;; ++attempt) {
        if (attempt > 0) {
            words = key.fold_in(3 + attempt).block(index);
            high = words[2];
            if constexpr (sizeof(Scalar) == 4)
                z = normals(words[0]);
            else
                z = normals(words[0], words[1]);
        }
        const double d = static_cast<double>(constants.d.v), y = static_cast<double>(z) / (3 * std::sqrt(d));
        if (!(1 + y > 0)) continue;
        const double u = (high + words[3] * 0x1p-32) * 0x1p-32;
        if (std::log(u) < 3 * d * detail::log1p_beyond_cube(y)) break;
    }
    const one number = detail::gamma_proposal<one>(one(z), constants.d, constants.c).x;
    if (shape >= 1) return (number * one(scale)).v;
    detail::standard_table<detail::standard_exponential, Scalar>().fill(key.fold_in(2), index,
                                                                        std::span<Scalar>(&e, 1));
    const auto power =
        detail::split_exp2(one(e) * detail::gamma_boost(one(shape)), detail::exp2_constants<Scalar>::deepest);
    return (number * power.fraction * power.half * one(scale) * power.rest).v;
}

}  // namespace

TEST_CASE("gamma_sampler: the laws of a noise", "[gamma][random][draws]") {
    for (const double shape : {1e-3, 0.05, 0.5, 0.999, 1.0, 2.5, 30.0, 1e5}) {
        check_laws<float>(shape, 1 << 14);
        check_laws<double>(shape, 1 << 14);
    }
}

TEST_CASE("gamma_sampler: the laws of a noise, a quarter of a million numbers", "[gamma][random][slow]") {
    // Of a sample's distribution function a distance of 0.0053 is seen, by a false alarm of 1e-6. Four times
    // as many numbers would halve the distance, and take a minute.
    for (const double shape : {0.05, 1.0, 2.5}) check_laws<float>(shape, 1 << 18);
    for (const double shape : {0.5, 1.7, 100.0}) check_laws<double>(shape, 1 << 18);
}

TEMPLATE_TEST_CASE("gamma_sampler: every lane is the scalar reference", "[gamma][random]", float, double) {
    constexpr std::size_t count = support::repeats(std::size_t{20000});
    std::vector<TestType> shapes(count), scales(count), out(count);
    make_parameters(shapes, scales);
    // Near 1 the first attempt fails most often.
    for (std::size_t i = 0; i < count; i += 2) shapes[i] = 1 + shapes[i] * TestType(1e-3);
    const imle::random_key key(5);
    constexpr std::uint64_t first = (std::uint64_t{1} << 33) + 11;
    imle::gamma_sampler::fill(key, first, shapes, scales, out);
    int wrong = 0;
    for (std::size_t i = 0; i < count; ++i)
        wrong += out[i] != reference(key, first + i, shapes[i], scales[i]);
    CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("gamma_sampler: a number depends on its own shape and scale alone", "[gamma][random]",
                   float, double) {
    constexpr std::size_t count = 300;
    std::vector<TestType> shapes(count), scales(count), out(count), piece(count, TestType(-1));
    make_parameters(shapes, scales);
    const imle::random_key key(6);
    imle::gamma_sampler::fill(key, 77, shapes, scales, out);
    int wrong = 0;
    for (std::size_t i = 0; i < count; ++i) {
        TestType alone;
        const imle::gamma_sampler sampler(static_cast<double>(shapes[i]), static_cast<double>(scales[i]));
        sampler.fill(key, 77 + i, std::span<TestType>(&alone, 1));
        wrong += alone != out[i];
    }
    CHECK(wrong == 0);
    for (std::size_t begin = 0, size = 1; begin < count; begin += size, size = size % 61 * 2 + 1) {
        size = std::min(size, count - begin);
        imle::gamma_sampler::fill(key, 77 + begin, std::span<const TestType>(shapes).subspan(begin, size),
                                  std::span<const TestType>(scales).subspan(begin, size),
                                  std::span<TestType>(piece).subspan(begin, size));
    }
    CHECK(piece == out);
    // In place, and up to the last possible index.
    std::vector<TestType> in_place = shapes;
    imle::gamma_sampler::fill(key, 77, in_place, scales, in_place);
    CHECK(in_place == out);
    constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    imle::gamma_sampler::fill(key, last - count + 1, shapes, scales, out);
    TestType final_number;
    imle::gamma_sampler::fill(key, last, std::span<const TestType>(&shapes[count - 1], 1),
                              std::span<const TestType>(&scales[count - 1], 1),
                              std::span<TestType>(&final_number, 1));
    CHECK(final_number == out[count - 1]);
}

TEMPLATE_TEST_CASE("gamma_sampler: F of each number by its own law is uniform", "[gamma][random]", float,
                   double) {
    constexpr std::size_t count = 1 << 13;
    std::vector<TestType> shapes(count), scales(count), out(count);
    make_parameters(shapes, scales);
    imle::gamma_sampler::fill(imle::random_key(8), 0, shapes, scales, out);
    std::vector<double> u;
    for (std::size_t i = 0; i < count; ++i) {
        // Below shape 0.05 a third of the numbers and more underflow in float.
        if (shapes[i] < TestType(0.05)) continue;
        const imle::gamma law(static_cast<double>(shapes[i]), static_cast<double>(scales[i]));
        u.push_back(law.cdf(static_cast<double>(out[i])));
    }
    std::sort(u.begin(), u.end());
    const double n = static_cast<double>(u.size());
    REQUIRE(n > 5000);
    double distance = 0;
    for (std::size_t i = 0; i < u.size(); ++i)
        distance = std::max(distance, std::abs(u[i] - (static_cast<double>(i) + 0.5) / n));
    // False alarm 1e-6 (Dvoretzky, Kiefer, Wolfowitz, Massart), and half a step for the middle of a step.
    CHECK(distance < std::sqrt(std::log(2e6) / (2 * n)) + 0.5 / n);
}

TEMPLATE_TEST_CASE("gamma_sampler: shapes and scales at the ends of the type", "[gamma][random]", float,
                   double) {
    using limits = std::numeric_limits<TestType>;
    const std::vector<TestType> ends{limits::denorm_min(), limits::min(), TestType(1e-6),
                                     TestType(1),          TestType(1e6), std::sqrt(limits::max()),
                                     limits::max()};
    constexpr std::size_t count = 200;
    for (const TestType shape : ends) {
        for (const TestType scale : ends) {
            std::vector<TestType> out(count);
            const std::vector<TestType> shapes(count, shape), scales(count, scale);
            imle::gamma_sampler::fill(imle::random_key(2), 0, shapes, scales, out);
            int bad = 0;
            const double bound =
                (static_cast<double>(shape) + 12 * std::sqrt(static_cast<double>(shape)) + 40) *
                static_cast<double>(scale);
            for (const TestType x : out) {
                bad += !(x >= 0);
                if (bound < static_cast<double>(limits::max())) bad += !(static_cast<double>(x) <= bound);
            }
            INFO("shape " << shape << ", scale " << scale);
            CHECK(bad == 0);
        }
    }
    // A tiny power times a huge scale: P(X > 0) would be near 1/2 if the power underflowed by itself.
    std::vector<TestType> out(4000);
    const TestType shape = sizeof(TestType) == 4 ? TestType(0.01) : TestType(0.001);
    const std::vector<TestType> shapes(out.size(), shape), ones(out.size(), TestType(1)),
        huge(out.size(), std::ldexp(TestType(1), limits::max_exponent - 8));
    std::vector<TestType> plain(out.size());
    imle::gamma_sampler::fill(imle::random_key(3), 0, shapes, huge, out);
    imle::gamma_sampler::fill(imle::random_key(3), 0, shapes, ones, plain);
    const auto positive = [](const std::vector<TestType>& x) {
        return std::count_if(x.begin(), x.end(), [](TestType y) { return y > 0; });
    };
    CHECK(positive(out) > positive(plain) + 500);
    // A large shape is nearly normal: mean and variance, false alarm 1e-9 each.
    const imle::gamma_sampler large(1e10, 1);
    std::vector<double> numbers(1 << 14);
    large.fill(imle::random_key(4), 0, numbers);
    double mean = 0, square = 0;
    for (const double x : numbers) {
        const double z = (x - 1e10) / 1e5;
        mean += z / static_cast<double>(numbers.size());
        square += z * z / static_cast<double>(numbers.size());
    }
    const double error = 6.1 / std::sqrt(static_cast<double>(numbers.size()));
    CHECK(std::abs(mean) < error);
    CHECK(std::abs(square - 1) < error * std::sqrt(2.));
}

TEST_CASE("gamma_sampler: the exponent of an acceptance is accurate", "[gamma][random]") {
    double worst = 0;
    for (double y = -0.999; y < 4; y += 0.00137) {
        if (std::abs(y) < 0.01) continue;
        const long double x = y, truth = std::log1p(x) - x + x * x / 2 - x * x * x / 3;
        worst = std::max(
            worst, std::abs(imle::detail::log1p_beyond_cube(y).value() / static_cast<double>(truth) - 1));
    }
    CHECK(worst < 1e-9);
    for (const double y : {1e-3, -1e-3, 1e-5})
        CHECK(imle::detail::log1p_beyond_cube(y).value() ==
              Approx(-y * y * y * y / 4 * (1 - 0.8 * y)).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("gamma_sampler: the odds in lanes are close enough to decide", "[gamma][random]", float,
                   double) {
    namespace detail = imle::detail;
    using one = detail::scalar_lanes<TestType>;
    using wide = detail::scalar_lanes<double>;
    double worst = 0;
    int wrong = 0, undecided = 0;
    for (double exponent = -3; exponent < 13; exponent += 0.21) {
        const detail::gamma_constants<one> constants{one(static_cast<TestType>(std::pow(10., exponent)))};
        const double d = static_cast<double>(constants.d.v), c = static_cast<double>(constants.c.v);
        for (double z = -8.5; z < 8.5; z += 0.13) {
            const double y = z / (3 * std::sqrt(d));
            const double odds = detail::gamma_odds(wide(z * c), wide(d), wide(0.)).v;
            if (d >= 1e9)
                undecided += odds != 0;
            else if (1 + y <= 0)
                wrong += !(odds <= 0);
            else
                worst =
                    std::max(worst, std::abs(odds - std::exp(3 * d * detail::log1p_beyond_cube(y).value())));
        }
    }
    CHECK(worst < 1e-6);
    CHECK(wrong == 0);
    CHECK(undecided == 0);
}

TEST_CASE("gamma_sampler: bad arguments, before anything is written", "[gamma][random]") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {0., -1., std::nan(""), infinity, 1e39, 1e-46}) {
        CHECK_THROWS_AS(imle::gamma_sampler(bad), std::invalid_argument);
        CHECK_THROWS_AS(imle::gamma_sampler(1, bad), std::invalid_argument);
    }
    CHECK_THROWS_WITH(imle::gamma_sampler(-2), mentions("shape of gamma_sampler is -2"));

    const imle::random_key key(1);
    std::vector<double> out(100, -7), shapes(100, 1), scales(100, 1);
    for (const double bad : {0., -0., -1., std::nan(""), infinity, -infinity}) {
        for (const std::size_t place : {std::size_t{0}, std::size_t{64}, std::size_t{99}}) {
            std::vector<double> wrong = shapes;
            wrong[place] = bad;
            CHECK_THROWS_AS(imle::gamma_sampler::fill(key, 0, wrong, scales, out), std::invalid_argument);
            CHECK_THROWS_AS(imle::gamma_sampler::fill(key, 0, shapes, wrong, out), std::invalid_argument);
        }
    }
    shapes[3] = -4;
    CHECK_THROWS_WITH(imle::gamma_sampler::fill(key, 0, shapes, scales, out), mentions("shapes[3]"));
    shapes.pop_back();
    CHECK_THROWS_WITH(imle::gamma_sampler::fill(key, 0, shapes, scales, out),
                      mentions("number of shapes") && mentions("99"));
    CHECK(std::count(out.begin(), out.end(), -7) == 100);
}
