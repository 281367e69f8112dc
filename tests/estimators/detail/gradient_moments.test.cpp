#include <imle/estimators/detail/gradient_moments.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <imle/noise/normal.hpp>
#include <imle/random/random_key.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"

namespace {

using imle::detail::gradient_moments;
using vector = std::vector<double>;

gradient_moments of(const std::vector<vector>& repetitions, std::size_t block = 2) {
    gradient_moments moments(repetitions.front().size(), block, static_cast<Eigen::Index>(repetitions.size()),
                             1);
    for (const vector& each : repetitions) moments.add(each);
    return moments;
}

}  // namespace

TEST_CASE("Moments of a gradient: worked by hand", "[estimators][diagnose]") {
    // Means (1, 0) and (2, 1); squares 1 + 0 and 9 + 5.
    const gradient_moments two = of({{1, 0, 3, 2}, {1, 0, 1, 0}});
    CHECK(two.signal_squared() == Approx(1 + 3));
    CHECK(two.noise_squared() == Approx(0 + 4));
    CHECK(two.signal_error() == Approx(std::sqrt(2 * 16.0 / 2)));
    CHECK(two.cosine_of_halves() == Approx(4 / std::sqrt(14.0 * 2)));
    CHECK(two.signal_to_noise(1) == Approx(1));
    CHECK(two.signal_to_noise(4) == Approx(2));
    CHECK(two.expected_cosine(1) == Approx(std::sqrt(0.5)));
    CHECK(two.samples_for_halves(0.9) == Approx(18));
    // The blocks decide the error alone.
    CHECK(of({{1, 0, 3, 2}, {1, 0, 1, 0}}, 1).noise_squared() == Approx(4));
    CHECK(of({{1, 0, 3, 2}, {1, 0, 1, 0}}, 1).signal_error() == Approx(std::sqrt(2 * 8.0 / 2)));
}

TEST_CASE("Moments without noise, without a signal, of one repetition", "[estimators][diagnose]") {
    const gradient_moments equal = of({{0.1, 0.7}, {0.1, 0.7}, {0.1, 0.7}});
    CHECK(equal.noise_squared() == 0);
    CHECK(equal.signal_to_noise(3) == std::numeric_limits<double>::infinity());
    CHECK(equal.expected_cosine(3) == 1);
    CHECK(equal.cosine_of_halves() == Approx(1));
    CHECK(equal.samples_for_halves(0.9) == 0);
    const gradient_moments one = of({{3, 4}});
    CHECK(one.signal_squared() == 25);
    CHECK(one.noise_squared() == 0);
    CHECK(one.cosine_of_halves() == Approx(1));
    CHECK(cosine_of_means(one, of({{4, -3}})) == Approx(0).margin(1e-15));
    CHECK(cosine_of_means(one, of({{30, 40}})) == Approx(1));
    const gradient_moments none = of({{0, 0}, {0, 0}});
    CHECK(none.signal_to_noise(2) == 0);
    CHECK(none.expected_cosine(2) == 0);
    CHECK(std::isnan(none.cosine_of_halves()));
    CHECK(std::isnan(none.samples_for_halves(0.9)));
    CHECK(cosine_of_means(none, none) == 0);
    // Nothing in common: what rounding leaves is no signal.
    CHECK(of({{0.1, 0}, {0, 0.7}}).signal_squared() == 0);
}

TEST_CASE("Moments are unbiased, and the means' cosine is free of shared noise", "[estimators][diagnose]") {
    // g = mu + 2 eps in 6 dimensions, 5 repetitions; other = nu + 2 eps with the same eps.
    const int trials = support::repeats(4000);
    const vector mu{3, 0, 0, 0.5, 0, 0}, nu{0, 3, 0, 0.5, 0, 0};
    double signal = 0, noise = 0, signals_of_none = 0, errors = 0, product = 0;
    for (int t = 0; t < trials; ++t) {
        std::vector<vector> ones, others, nones;
        for (std::uint64_t r = 0; r < 5; ++r) {
            vector eps(6);
            imle::normal{}.fill(imle::random_key{9}.fold_in(static_cast<std::uint64_t>(t)), 6 * r,
                                std::span<double>(eps));
            vector one(6), other(6), none(6);
            for (std::size_t i = 0; i < 6; ++i) {
                none[i] = 2 * eps[i];
                one[i] = mu[i] + none[i];
                other[i] = nu[i] + none[i];
            }
            ones.push_back(one);
            others.push_back(other);
            nones.push_back(none);
        }
        const gradient_moments a = of(ones), b = of(others), none = of(nones);
        signal += a.signal_squared() / trials;
        noise += a.noise_squared() / trials;
        signals_of_none += none.signal_squared() * none.signal_squared() / trials;
        errors += none.signal_error() * none.signal_error() / trials;
        product += cosine_of_means(a, b) *
                   std::sqrt(std::max(0.0, a.signal_squared()) * std::max(0.0, b.signal_squared())) / trials;
    }
    // Deviations of a trial: about 6 and 8, so 0.1 and 0.13 of a mean of 4,000. Five deviations.
    CHECK(signal == Approx(9.25).margin(0.5 * std::sqrt(4000.0 / trials)));
    CHECK(noise == Approx(24).margin(1 * std::sqrt(4000.0 / trials)));
    // <mu, nu> = 0.25. The bounds of the cosine leave a bias of about 0.6; shared noise would add 24 / 5.
    CHECK(std::abs(product - 0.25) < 1.5);
    // The error is an upper bound: here it counts each block as if it had one direction.
    CHECK(std::sqrt(signals_of_none) < std::sqrt(errors));
    CHECK(std::sqrt(signals_of_none) > 0.4 * std::sqrt(errors));
}
