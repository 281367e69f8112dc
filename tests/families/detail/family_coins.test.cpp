#include <imle/families/detail/family_coins.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::detail::family_coins;

namespace {

// Whether coins have the odds of theta, all by one factor, and about k heads.
template <class Scalar>
void check_coins(const std::vector<Scalar>& theta, std::size_t k) {
    const family_coins coins(std::span<const Scalar>(theta), k);
    double mean = 0, variance = 0, level = 0;
    support::tally sums, odds;
    bool first = true;
    for (std::size_t i = 0; i < theta.size(); ++i) {
        const double p = coins.heads()[i], q = coins.tails()[i];
        mean += p;
        variance += p * q;
        sums.expect(std::abs(p + q - 1) < 1e-15, "coin ", i, ": ", p, " and ", q);
        if (p < 1e-290 || q < 1e-290) continue;
        const double here = std::log(p) - std::log(q) - static_cast<double>(theta[i]);
        if (first) level = here;
        first = false;
        odds.expect(std::abs(here - level) < 1e-11 * (1 + std::abs(level)), "coin ", i, ": ", here, ", not ",
                    level);
    }
    INFO("n = " << theta.size() << ", k = " << k);
    CHECK(sums == 0);
    CHECK(odds == 0);
    CHECK(std::abs(mean - static_cast<double>(k)) <= std::sqrt(variance + 1e-4) + 1e-9);
}

}  // namespace

TEST_CASE("coins have theta's odds and about k heads", "[estimators][k_subset]") {
    std::mt19937 random(1);
    for (const std::size_t n : {2u, 3u, 9u, 64u, 65u, 513u, 4000u})
        for (const double scale : {0.0, 0.1, 1.0, 10.0, 300.0, 1e4})
            for (const std::size_t k : {std::size_t{1}, n / 2, n - 1}) {
                const auto theta = reference::normal_numbers(n, random, scale);
                check_coins(theta, k);
                check_coins(reference::converted<float>(theta), k);
            }
    // Many far below a few: the place of c is decided by numbers, not by the largest.
    std::vector<double> theta(5000, 0);
    theta[7] = theta[8] = 3;
    for (const std::size_t k : {1u, 2u, 3u, 4000u}) check_coins(theta, k);
    // A gap so wide that any c within it will do.
    std::fill_n(theta.begin(), 2500, 1e5);
    check_coins(theta, 2500);
    check_coins(theta, 2499);
}
