#include <imle/families/arborescence_family.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <Eigen/LU>

#include <imle/concepts/exponential_family.hpp>
#include <imle/solvers/arborescence.hpp>
#include <imle/testing/arborescences.hpp>

#include "families/family_fixtures.hpp"
#include "families/tree_family_checks.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

using imle::arborescence_family;
using imle::random_key;
using imle::roots;
using imle::testing::arborescences;
using reference::normal_numbers;

namespace arborescence_family_tests {

namespace {

using vector = std::vector<double>;

}  // namespace

TEST_CASE("arborescence_family has the results of the enumeration", "[families][arborescence]") {
    for (const roots wanted : {roots::single, roots::any})
        for (std::size_t words = 1; words <= 5; ++words) {
            INFO(words << " words");
            CHECK(reference::wrong_results(arborescence_family{{.roots = wanted}},
                                           arborescences(words, wanted),
                                           static_cast<std::uint32_t>(words)) == 0);
        }
}

TEST_CASE("arborescence_family under masks, in both layouts", "[families][arborescence]") {
    for (const roots wanted : {roots::single, roots::any})
        CHECK(reference::wrong_under_masks(
                  arborescence_family{{.roots = wanted}},
                  [&](std::size_t words) { return arborescences(words, wanted).states(); },
                  support::repeats(300), 2) == 0);
    CHECK(reference::padding_differences(arborescence_family{}, 3) == 0);
}

TEST_CASE("arborescence_family's samples follow the law", "[families][arborescence][draws]") {
    std::mt19937 random(3);
    for (const roots wanted : {roots::single, roots::any})
        for (const std::size_t words : {1u, 2u, 3u, 4u})
            for (const double scale : {0.0, 2.0})
                reference::check_draws(arborescence_family{{.roots = wanted}}, arborescences(words, wanted),
                                       normal_numbers(words * words, random, scale),
                                       support::repeats(std::size_t{3000}));
}

TEST_CASE("arborescence_family of numbers far apart draws by the same law",
          "[families][arborescence][draws]") {
    // Words 0 and 1 in a cycle that scores far more than all trees; one of its arcs is in nearly every tree.
    const vector near{0.5, 1, -1, 0, 2, 0, 1, 1, -0.5, 1, 0, 1, 0, 0.25, 1, 0};
    vector far = near;
    for (std::size_t i = 0; i < 4; ++i) far[i * 4] += 3e5, far[i * 4 + 3] -= 8e5;  // whole columns
    far[0 * 4 + 1] += 1e6;
    far[1 * 4 + 0] += 1e6;
    for (const roots wanted : {roots::single, roots::any}) {
        const arborescence_family family{{.roots = wanted}};
        reference::check_draws(family, arborescences(4, wanted), far, support::repeats(std::size_t{3000}));
    }
}

TEST_CASE("arborescence_family against finite differences", "[families][arborescence]") {
    std::mt19937 random(4);
    for (const roots wanted : {roots::single, roots::any})
        for (const std::size_t words : {3u, 8u})
            reference::check_differences(arborescence_family{{.roots = wanted}},
                                         normal_numbers(words * words, random),
                                         normal_numbers(words * words, random));
}

TEST_CASE("arborescence_family computes in double for float", "[families][arborescence]") {
    std::mt19937 random(5);
    reference::check_floats(arborescence_family{}, normal_numbers(36, random, 3), normal_numbers(36, random));
    reference::check_floats(arborescence_family{}, normal_numbers(36, random, 1e5),
                            normal_numbers(36, random));
}

TEST_CASE("arborescence_family: the marginals of a word add up to 1, of roots to 1",
          "[families][arborescence]") {
    CHECK(reference::wrong_sums(arborescence_family{}, 1) == 0);
}

TEST_CASE("arborescence_family of scores of 8e5", "[families][arborescence]") {
    // Two words: the trees 0 -> 1 and 1 -> 0 (and two roots).
    const std::vector<float> theta{807687.0625F, 807680.0F, 807687.0F, 807680.0F};
    const auto mu = reference::marginals(arborescence_family{}, theta);
    // exp of the difference: 807687.0625 + 807680 against 807687 + 807680.
    const double first = 1 / (1 + std::exp(-0.0625));
    CHECK(mu[0] == Approx(first).epsilon(1e-6));
    CHECK(mu[1] == Approx(first).epsilon(1e-6));
    CHECK(mu[2] == Approx(1 - first).epsilon(1e-6));
    CHECK(reference::log_partition(arborescence_family{}, theta) ==
          Approx(807687.0625 + 807680 + std::log1p(std::exp(-0.0625))).epsilon(1e-15));
    // A cycle that outweighs all trees: either arc of it is in the tree, and one word hangs from the third.
    vector cycle(9, 0);
    cycle[0 * 3 + 1] = 8e5;
    cycle[1 * 3 + 0] = 8e5 + 1;
    cycle[2 * 3 + 0] = 0.5;
    const arborescence_family any{{.roots = roots::any}};
    const vector expected = arborescences(3, roots::any).gibbs_marginals(cycle);
    CHECK(support::furthest(reference::marginals(any, cycle), expected) < 1e-9);
    // Rare trees have all digits, too.
    vector rare(4, 0);
    rare[0] = -300;  // word 0 as the root
    const double p = std::exp(-300.0);
    CHECK(reference::marginals(arborescence_family{}, rare)[0] == Approx(p).epsilon(1e-13));
    CHECK(reference::marginals_vjp(arborescence_family{}, rare, vector{1, 0, 0, 0})[0] ==
          Approx(p).epsilon(1e-13));
    CHECK(reference::marginals_vjp(arborescence_family{}, rare, vector{1, 0, 0, 0})[2] ==
          Approx(-p).epsilon(1e-13));
}

TEST_CASE("arborescence_family: the derivative of a marginal near 1 has all digits",
          "[families][arborescence]") {
    vector theta(9, 0.0), dmu(9, 0.0);
    theta[0 * 3 + 0] = theta[2 * 3 + 0] = -300;  // word 0 hangs from word 1, nearly always
    dmu[0 * 3 + 1] = dmu[2 * 3 + 2] = 1;
    for (const roots wanted : {roots::single, roots::any}) {
        const vector gradient = reference::marginals_vjp(arborescence_family{{.roots = wanted}}, theta, dmu);
        CHECK(std::abs(gradient[0]) > 1e-132);
        CHECK(gradient[3] == Approx(-(gradient[0] + gradient[6])).epsilon(1e-12));
    }
}

TEST_CASE("arborescence_family of a long sentence agrees with its sampled frequencies",
          "[families][arborescence][draws]") {
    std::mt19937 random(7);
    const std::size_t n = 12, draws = support::repeats(std::size_t{1200});
    const vector theta = normal_numbers(n * n, random, 2);
    for (const roots wanted : {roots::single, roots::any}) {
        const arborescence_family family{{.roots = wanted}};
        const vector mu = reference::marginals(family, theta);
        const vector zs = reference::sample_several(family, theta, random_key{8}, 0, draws);
        vector frequency(n * n, 0);
        for (std::size_t i = 0; i < zs.size(); ++i)
            frequency[i % (n * n)] += zs[i] / static_cast<double>(draws);
        support::tally wrong;
        for (std::size_t i = 0; i < n * n; ++i)  // false alarm: 288 * 1e-10
            wrong.expect(std::abs(frequency[i] - mu[i]) <
                             reference::frequency_bound(mu[i], static_cast<double>(draws)),
                         "number ", i, ": ", frequency[i], ", not ", mu[i]);
        CHECK(wrong == 0);
    }
}

TEST_CASE("docs: the example of arborescence_family", "[families][arborescence][docs]") {
    // [law]
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(2, 2), mu(2, 2);
    theta.setValues({{1, 0}, {0, 0}});  // word 0 as the root scores 1
    const imle::arborescence_family family;
    family.marginals(theta, mu);  // e / (e + 1) for word 0 as the root of word 1, 1 / (e + 1) for the reverse
    const double log_z = family.log_partition(theta);  // log(e + 1)
    const double nats = family.entropy(theta);
    // [/law]
    CHECK(mu(0, 0) == Approx(0.731059).epsilon(1e-5));
    CHECK(mu(0, 1) == mu(0, 0));
    CHECK(mu(1, 1) == Approx(0.268941).epsilon(1e-5));
    CHECK(log_z == Approx(std::log(std::exp(1.0) + 1)));
    CHECK(nats == Approx(0.582203).epsilon(1e-5));
}

TEST_CASE("arborescence_family of 25 words agrees with the matrix-tree theorem", "[families][arborescence]") {
    // By determinants and an inverse in long double (Koo et al. 2007).
    using wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
    std::mt19937 random(9);
    const std::size_t n = 25;
    const vector theta = normal_numbers(n * n, random, 2);
    const auto at = [](std::size_t i) { return static_cast<Eigen::Index>(i); };
    wide laplacian = wide::Zero(at(n), at(n)), single;
    const auto weight = [&](std::size_t i, std::size_t j) {
        return std::exp(static_cast<long double>(theta[i * n + j]));
    };
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = 0; i < n; ++i)
            if (i != j) {
                laplacian(at(i), at(j)) -= weight(i, j);
                laplacian(at(j), at(j)) += weight(i, j);
            }
    single = laplacian;
    for (std::size_t j = 0; j < n; ++j) {
        single(0, at(j)) = weight(j, j);
        laplacian(at(j), at(j)) += weight(j, j);
    }
    CHECK(reference::log_partition(arborescence_family{}, theta) ==
          Approx(static_cast<double>(std::log(single.determinant()))).epsilon(1e-14));
    const arborescence_family any{{.roots = roots::any}};
    CHECK(reference::log_partition(any, theta) ==
          Approx(static_cast<double>(std::log(laplacian.determinant()))).epsilon(1e-14));
    const wide inverse = laplacian.inverse();
    const vector mu = reference::marginals(any, theta);
    support::tally wrong;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            const long double expected =
                weight(i, j) *
                (i == j ? inverse(at(j), at(j)) : inverse(at(j), at(j)) - inverse(at(j), at(i)));
            wrong.expect(std::abs(static_cast<double>(mu[i * n + j] / expected - 1)) < 1e-12, "(", i, ", ", j,
                         "): ", mu[i * n + j]);
        }
    CHECK(wrong == 0);
}

TEST_CASE("arborescence_family is used by several threads", "[families][arborescence][threads]") {
    CHECK(reference::thread_differences(arborescence_family{}, 81, 11) == 0);
}

TEST_CASE("arborescence_family says what is wrong", "[families][arborescence][errors]") {
    const arborescence_family family;
    const vector theta{1, 2, 3, 4}, three{1, 2, 3}, nan{1, 2, std::nan(""), 4}, nine(9, 0.0);
    CHECK_THROWS_WITH(reference::marginals(family, three),
                      mentions("theta is of 3 numbers") && mentions("[words, words]"));
    CHECK(reference::marginals(family, vector{}).empty());
    CHECK(reference::log_partition(family, vector{}) == 0);
    CHECK_THROWS_WITH(reference::marginals(family, nan), mentions("theta is nan at element 2"));
    CHECK_THROWS_WITH(reference::marginals_vjp(family, theta, nan), mentions("dmu is nan"));
    CHECK_THROWS_WITH(reference::marginals_vjp(family, theta, three), mentions("dmu is of 3 numbers"));
    CHECK_THROWS_WITH(family.kl_divergence(std::span<const double>(theta), std::span<const double>(nine)),
                      mentions("other is of shape [3, 3]"));
    CHECK_THROWS_WITH(family.kl_divergence(std::span<const double>(theta), std::span<const double>(nan)),
                      mentions("other is nan"));
    vector wrong(6);
    CHECK_THROWS_WITH(
        family.sample_several(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
        mentions("a multiple of theta's size, 4"));
    CHECK_THROWS_AS(family.sample(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_AS((arborescence_family{{.roots = static_cast<roots>(9)}}), std::invalid_argument);
    STATIC_REQUIRE(imle::DifferentiableFamily<arborescence_family, float>);
    STATIC_REQUIRE(imle::DifferentiableFamily<arborescence_family, double>);
}

}  // namespace arborescence_family_tests
