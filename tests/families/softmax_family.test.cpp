#include <imle/families/softmax_family.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include <imle/estimators/exact_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using imle::random_key;
using imle::softmax_family;
using reference::normal_numbers;
using vector = std::vector<double>;

namespace {

// Whether exact samples are those of perturb-and-MAP, bit for bit: [batch, instance...] of 3 x 4 numbers.
template <class Scalar, int Layout>
bool same_as_perturbed() {
    std::mt19937 random(1);
    Eigen::Tensor<Scalar, 3, Layout> theta(3, 4, 3);
    const vector numbers = normal_numbers(36, random, 2);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = static_cast<Scalar>(numbers[static_cast<std::size_t>(i)]);
    const imle::imle_layer perturbed{
        imle::categorical{}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 7}};
    const imle::exact_layer exact{softmax_family{}, {.samples = 7}};
    const auto expected = perturbed.forward(theta, random_key{9}, 5),
               found = exact.forward(theta, random_key{9}, 5);
    return std::equal(expected.samples().data(), expected.samples().data() + expected.samples().size(),
                      found.samples().data());
}

}  // namespace

TEST_CASE("softmax samples are those of categorical under Gumbel noise", "[estimators][softmax]") {
    CHECK(same_as_perturbed<float, Eigen::RowMajor>());
    CHECK(same_as_perturbed<float, Eigen::ColMajor>());
    CHECK(same_as_perturbed<double, Eigen::RowMajor>());
    CHECK(same_as_perturbed<double, Eigen::ColMajor>());
}

TEST_CASE("softmax marginals, gradient and partition are the closed forms", "[estimators][softmax]") {
    std::mt19937 random(2);
    for (std::size_t n = 1; n <= 12; ++n)
        for (const double scale : {0.0, 1.0, 30.0, 1e4}) {
            const vector theta = normal_numbers(n, random, scale), dmu = normal_numbers(n, random);
            const imle::testing::categories exact(n);
            CHECK(support::furthest(reference::marginals(softmax_family{}, theta), exact.softmax(theta)) <
                  1e-12);
            CHECK(support::furthest(reference::marginals_vjp(softmax_family{}, theta, dmu),
                                    exact.gibbs_marginals_vjp(theta, 1, dmu)) < 1e-12);
            CHECK(reference::log_partition(softmax_family{}, theta) ==
                  Approx(exact.gibbs_log_partition(theta)).epsilon(1e-14).margin(1e-14));
        }
    const vector theta = normal_numbers(6, random), dmu = normal_numbers(6, random);
    const auto projected = [&](const vector& t) {
        return reference::dot(dmu, reference::marginals(softmax_family{}, t));
    };
    CHECK(support::furthest(reference::marginals_vjp(softmax_family{}, theta, dmu),
                            reference::gradient(theta, projected)) < 1e-9);
}

TEST_CASE("softmax samples follow the law", "[estimators][softmax]") {
    const vector theta{0.5, -1, 2, 0};
    const std::size_t draws = support::repeats(30000);
    vector frequency(4, 0);
    for (std::uint64_t item = 0; item < draws; ++item) {
        const vector z = reference::sample(softmax_family{}, theta, random_key{3}, item);
        for (std::size_t i = 0; i < 4; ++i) frequency[i] += z[i] / draws;
    }
    const vector p = reference::marginals(softmax_family{}, theta);
    for (std::size_t i = 0; i < 4; ++i)  // false alarm: 4 * 1e-10
        CHECK(std::abs(frequency[i] - p[i]) < reference::frequency_bound(p[i], draws));
}

TEST_CASE("the softmax MAP state is the first of the largest", "[estimators][softmax]") {
    std::mt19937 random(12);
    for (std::size_t n = 1; n <= 9; ++n) {
        const vector theta = normal_numbers(n, random);
        CHECK(reference::map_of(softmax_family{}, theta) == imle::testing::categories(n).map(theta));
    }
    CHECK(reference::map_of(softmax_family{}, std::vector<float>{1, 3, -3, 3}) ==
          std::vector<float>{0, 1, 0, 0});
    vector wrong(3);
    const vector two{1, 2};
    CHECK_THROWS_AS(softmax_family{}.map(std::span<const double>(two), std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_AS(reference::map_of(softmax_family{}, vector{}), std::invalid_argument);
}

TEST_CASE("softmax of the largest numbers", "[estimators][softmax]") {
    const double most = std::numeric_limits<double>::max();
    CHECK(reference::marginals(softmax_family{}, vector{most, -most, most}) == vector{0.5, 0, 0.5});
    CHECK(reference::sample(softmax_family{}, vector{-most, most, -most}, random_key{4}, 0) ==
          vector{0, 1, 0});
    CHECK(reference::marginals(softmax_family{}, std::vector<float>{-3e38f}) == std::vector<float>{1});
}

TEST_CASE("softmax says what is wrong", "[estimators][softmax][errors]") {
    const vector theta{1, 2, 3}, infinite{1, 2, std::numeric_limits<double>::infinity()}, two{1, 2};
    CHECK_THROWS_WITH(reference::marginals(softmax_family{}, vector{}), mentions("at least one category"));
    CHECK_THROWS_WITH(reference::sample(softmax_family{}, vector{}, random_key{}, 0),
                      mentions("theta is empty"));
    CHECK_THROWS_WITH(reference::marginals(softmax_family{}, infinite),
                      mentions("theta is inf at element 2"));
    CHECK_THROWS_WITH(reference::marginals_vjp(softmax_family{}, theta, infinite), mentions("dmu is inf"));
    CHECK_THROWS_WITH(reference::marginals_vjp(softmax_family{}, theta, two),
                      mentions("dmu is of 2 numbers"));
    vector wrong(4);
    CHECK_THROWS_AS(softmax_family{}.marginals(std::span<const double>(theta), std::span<double>(wrong)),
                    std::invalid_argument);
    CHECK_THROWS_AS(
        softmax_family{}.sample(std::span<const double>(theta), random_key{}, 0, std::span<double>(wrong)),
        std::invalid_argument);
}

TEST_CASE("the softmax gradient of huge cotangents", "[estimators][softmax]") {
    constexpr double most = std::numeric_limits<double>::max();
    const std::vector<double> theta{0.5, -0.25, 0};
    for (const auto& dmu : {std::vector<double>{most, -most, -most}, {most, most, most}, {-most, most, 0}}) {
        std::vector<double> small = dmu;
        for (double& d : small) d *= 0x1p-600;
        const auto gradient = reference::marginals_vjp(imle::softmax_family{}, theta, dmu);
        const auto expected = reference::marginals_vjp(imle::softmax_family{}, theta, small);
        for (std::size_t i = 0; i < 3; ++i) CHECK(gradient[i] == expected[i] * 0x1p600);
    }
}

TEST_CASE("softmax entropies and divergences are the closed forms", "[estimators][softmax]") {
    std::mt19937 random(6);
    for (std::size_t n = 1; n <= 9; ++n)
        for (const double scale : {0.0, 1.0, 30.0}) {
            const vector theta = normal_numbers(n, random, scale), other = normal_numbers(n, random, scale);
            const imle::testing::categories exact(n);
            const vector p = exact.softmax(theta), q = exact.softmax(other);
            double entropy = 0, divergence = 0;
            for (std::size_t i = 0; i < n; ++i) {
                if (p[i] == 0) continue;
                entropy -= p[i] * std::log(p[i]);
                divergence += p[i] * std::log(p[i] / q[i]);
            }
            CHECK(reference::entropy(softmax_family{}, theta) ==
                  Approx(entropy).epsilon(1e-12).margin(1e-14));
            CHECK(reference::kl_divergence(softmax_family{}, theta, other) ==
                  Approx(divergence).epsilon(1e-12).margin(1e-14));
            CHECK(reference::kl_divergence(softmax_family{}, theta, theta) == 0);
        }
    const std::vector<float> scores{807687.0625f, 807680, 0, -5, 807687};
    const double total = 1 + std::exp(-7.0625) + std::exp(-0.0625);
    CHECK(reference::entropy(softmax_family{}, scores) ==
          Approx(std::log(total) + (7.0625 * std::exp(-7.0625) + 0.0625 * std::exp(-0.0625)) / total)
              .epsilon(1e-14));
    const double most = std::numeric_limits<double>::max();
    CHECK(reference::entropy(softmax_family{}, vector{most, -most, most}) == Approx(std::log(2)));
    CHECK(reference::kl_divergence(softmax_family{}, vector{0, 0}, vector{0, -1e6}) ==
          Approx(5e5 - std::log(2)));
    const vector two{1, 2}, three{1, 2, 3};
    CHECK_THROWS_WITH(reference::kl_divergence(softmax_family{}, two, three),
                      mentions("other is of 3 numbers"));
}
