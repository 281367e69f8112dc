// Laws with parameters drawn at random, from the whole range that they accept and from beyond; and what is
// cheap enough for sanitizers to see of each noise.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gamma_sampler.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/uniform.hpp>

#include "noise/law_checks.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace {

using support::message_of;

double between(std::mt19937_64& random, double low, double high) {
    return low + (high - low) * std::uniform_real_distribution<double>{}(random);
}

/// From 1e-6 to 1e6 by decades, the ends included.
double parameter(std::mt19937_64& random) {
    switch (random() % 8) {
        case 0:
            return 1e-6;
        case 1:
            return 1e6;
        case 2:
            return std::round(std::pow(10, between(random, 0, 6)));
        default:
            return std::pow(10, between(random, -6, 6));
    }
}

/// Any number of bits, so all magnitudes; 0 is left for `exact`.
std::uint64_t terms(std::mt19937_64& random) {
    return random() >> random() % 64;
}

template <class LawT>
const char* broken(const LawT& law, std::mt19937_64& random, bool floats, double scale = 1) {
    if (const char* by_functions = noise_tests::broken_by_functions(law, scale)) return by_functions;
    const imle::random_key key{random()};
    return floats ? noise_tests::broken_by_numbers<float>(law, key)
                  : noise_tests::broken_by_numbers<double>(law, key);
}

void check_sum_of_gamma(std::uint64_t seed, int laws) {
    std::mt19937_64 random(seed);
    support::tally wrong;
    for (int i = 0; i < laws; ++i) {
        const double k = parameter(random);
        const std::uint64_t m = terms(random);
        const auto law = m == 0 ? imle::sum_of_gamma::exact(k) : imle::sum_of_gamma(k, m);
        const char* const rule = broken(law, random, i % 2 == 0);
        wrong.expect(rule == nullptr, "k ", k, ", terms ", m, ": ", [&] { return rule; });
    }
    CHECK(wrong == 0);
}

void check_gamma(std::uint64_t seed, int laws) {
    std::mt19937_64 random(seed);
    support::tally wrong;
    for (int i = 0; i < laws; ++i) {
        const bool floats = i % 2 == 0;
        const double shape = parameter(random);
        const double scale =
            floats ? std::pow(10, between(random, -45, 30)) : std::pow(10, between(random, -323, 300));
        const char* const rule = broken(imle::gamma(shape, scale), random, floats, scale);
        wrong.expect(rule == nullptr, "shape ", shape, ", scale ", scale,
                     floats ? ", float: " : ", double: ", [&] { return rule; });
    }
    CHECK(wrong == 0);
}

/// Pieces of 1 to 37 numbers, in exact memory.
template <class Scalar, class NoiseT>
bool fills_in_pieces(const NoiseT& noise) {
    const imle::random_key key(6);
    constexpr std::uint64_t first = 5;
    std::vector<Scalar> whole(std::max(support::repeats(std::size_t{1000}), std::size_t{200}));
    noise.fill(key, first, std::span<Scalar>(whole));
    std::size_t at = 0;
    for (std::size_t length = 1; at < whole.size(); length = length % 37 + 1) {
        std::vector<Scalar> piece(std::min(length, whole.size() - at));
        noise.fill(key, first + at, std::span<Scalar>(piece));
        if (!std::equal(piece.begin(), piece.end(), whole.data() + at)) return false;
        at += piece.size();
    }
    return true;
}

}  // namespace

TEST_CASE("each noise fills in pieces what it fills at once", "[noise]") {
    const auto check = [](const auto&... noises) {
        const bool floats[] = {fills_in_pieces<float>(noises)...};
        const bool doubles[] = {fills_in_pieces<double>(noises)...};
        for (std::size_t i = 0; i < sizeof...(noises); ++i) {
            INFO("noise " << i);
            CHECK(floats[i]);
            CHECK(doubles[i]);
        }
    };
    check(imle::gumbel{}, imle::exponential{0.5}, imle::laplace{1, 2}, imle::logistic{1, 2},
          imle::uniform{1, 3}, imle::normal{}, imle::gamma{0.5, 2}, imle::gamma{20, 1},
          imle::gamma_sampler{1.7}, imle::sum_of_gamma{5, 10},
          imle::std_noise<std::exponential_distribution<double>>{});
}

TEST_CASE("sum_of_gamma: any parameters within the range", "[sum_of_gamma][noise][draws]") {
    check_sum_of_gamma(1, 24);
}
TEST_CASE("sum_of_gamma: many more parameters", "[sum_of_gamma][noise][slow]") {
    check_sum_of_gamma(2, 300);
}

TEST_CASE("gamma: any parameters within the range", "[gamma][noise][draws]") {
    check_gamma(3, 16);
}
TEST_CASE("gamma: many more parameters", "[gamma][noise][slow]") {
    check_gamma(4, 80);
}

TEST_CASE("sum_of_gamma and gamma: parameters beyond the range are named", "[noise]") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::mt19937_64 random(5);
    support::tally unnamed;
    const auto check = [&](const char* name, const std::string& said) {
        unnamed.expect(said.find(name) != std::string::npos, name, ": \"", said, '"');
    };
    const double least = std::numeric_limits<double>::denorm_min();
    std::vector<double> bad{0, -0.0, -1, least, -least, infinity, -infinity, std::nan(""), 9.99e-7, 1.001e6};
    for (int i = 0; i < 300; ++i) {
        bad.push_back(-parameter(random));
        bad.push_back(std::pow(10, between(random, -323, -6.01)));
        bad.push_back(std::pow(10, between(random, 6.01, 308)));
    }
    for (const double x : bad) {
        const double scale = parameter(random);
        check("k of sum_of_gamma", message_of<std::invalid_argument>([&] { imle::sum_of_gamma(x, 3); }));
        check("k of sum_of_gamma",
              message_of<std::invalid_argument>([&] { (void)imle::sum_of_gamma::exact(x); }));
        check("shape of gamma", message_of<std::invalid_argument>([&] { imle::gamma(x, scale); }));
        if (!(x > 0) || std::isinf(x))
            check("scale of gamma", message_of<std::invalid_argument>([&] { imle::gamma(scale, x); }));
        check("terms of sum_of_gamma",
              message_of<std::invalid_argument>([&] { imle::sum_of_gamma(scale, 0); }));
    }
    CHECK(unnamed == 0);
}
