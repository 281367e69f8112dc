#include <imle/estimators/detail/score_sums.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <imle/random/words.hpp>

#include "support/catch.hpp"

using imle::detail::dot;
using imle::detail::subtract_mean_of_others;
using imle::detail::write_products;

namespace {

std::vector<double> some_numbers(std::size_t count, std::uint64_t seed) {
    std::vector<double> numbers(count);
    imle::uniforms(imle::random_key{seed}, 0, std::span<double>(numbers));
    for (double& x : numbers) x -= 0.5;
    return numbers;
}

}  // namespace

TEST_CASE("dot: eight partial sums in one order", "[estimators]") {
    for (std::size_t n = 0; n < 70; ++n) {
        const auto x = some_numbers(n, 1), y = some_numbers(n, 2);
        double partial[8] = {};
        for (std::size_t i = 0; i < n; ++i) {
            const volatile double product = x[i] * y[i];  // rounded
            partial[i % 8] += product;
        }
        const double expected = ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
                                ((partial[1] + partial[5]) + (partial[3] + partial[7]));
        CHECK(dot(x.data(), y.data(), n) == expected);
    }
}

TEST_CASE("write_products: each sample from its first number to its last", "[estimators]") {
    const std::size_t n = 13;
    const auto x = some_numbers(n, 1);
    for (std::size_t samples = 0; samples < 12; ++samples) {
        std::vector<float> z(samples * n);
        imle::uniforms(imle::random_key{3}, 0, std::span<float>(z));
        std::vector<double> found(samples);
        write_products(x.data(), z.data(), n, std::span<double>(found));
        for (std::size_t s = 0; s < samples; ++s) {
            double expected = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const volatile double product = x[i] * static_cast<double>(z[s * n + i]);
                expected += product;
            }
            CHECK(found[s] == expected);
        }
    }
}

TEST_CASE("subtract_mean_of_others: leave one out, and exactly 0 for equal numbers", "[estimators]") {
    for (std::size_t count = 2; count < 40; ++count) {
        std::vector<double> values = some_numbers(count, 4), others(values);
        const double total = std::accumulate(values.begin(), values.end(), 0.0);
        subtract_mean_of_others(others);
        for (std::size_t s = 0; s < count; ++s)
            CHECK(others[s] ==
                  Approx(values[s] - (total - values[s]) / static_cast<double>(count - 1)).margin(1e-12));
        std::vector<double> equal(count, 0.1);
        subtract_mean_of_others(equal);
        CHECK(equal == std::vector<double>(count, 0.0));
    }
}
