// The large versions of the statistical laws of every built-in noise: fixed seeds, false alarm 1e-6 each.

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>
#include <imle/noise/uniform.hpp>
#include <imle/testing/check_noise.hpp>

#include "support/catch.hpp"

namespace {

template <class N>
void check_large(const N& noise, std::size_t numbers) {
    const imle::testing::check_noise_options options{.numbers = numbers, .seed = 99, .places = 2000};
    const auto floats = imle::testing::check_noise<float>(noise, options);
    INFO(floats);
    CHECK(floats.passed());
    const auto doubles = imle::testing::check_noise<double>(noise, options);
    INFO(doubles);
    CHECK(doubles.passed());
}

}  // namespace

TEST_CASE("two million numbers of the laws without parameters and of gamma", "[statistical][slow]") {
    constexpr std::size_t numbers = std::size_t{1} << 21;
    check_large(imle::gumbel{}, numbers);
    check_large(imle::normal{}, numbers);
    check_large(imle::logistic{}, numbers);
    check_large(imle::laplace{}, numbers);
    check_large(imle::exponential{}, numbers);
    check_large(imle::uniform{}, numbers);
    for (const double shape : {0.05, 0.5, 2.5, 100.0}) check_large(imle::gamma{shape, 1}, numbers);
}

TEST_CASE("two million numbers of sum_of_gamma", "[statistical][slow]") {
    constexpr std::size_t numbers = std::size_t{1} << 21;
    for (const double k : {0.5, 1.0, 5.0, 10.0, 20.8, 30.0, 300.0}) {
        for (const std::uint64_t terms : {1u, 2u, 10u, 100u, 10000u}) {
            INFO("k " << k << ", terms " << terms);
            check_large(imle::sum_of_gamma(k, terms), numbers);
        }
        check_large(imle::sum_of_gamma::exact(k), numbers);
    }
}

TEST_CASE("the literal sum, a hundred thousand numbers", "[statistical][slow]") {
    check_large(imle::sum_of_gamma_series(20.8, 100), 100000);
    check_large(imle::sum_of_gamma_series(0.5, 10), 100000);
}
