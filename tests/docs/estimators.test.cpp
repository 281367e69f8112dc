// The code of docs/estimators.md.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <imle/imle.hpp>

#include "support/catch.hpp"

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // [batch, n]

// [one_interface]
// A step of descent on |mean of z - wanted|^2 / 2 through any of them.
template <class LayerT>
void descend(LayerT& layer, matrix& theta, const matrix& wanted, imle::random_key key) {
    const auto pass = layer.forward(theta, key);
    theta -= layer.vjp(pass, pass.marginals() - wanted);
}
// [/one_interface]

// [own_family]
// Any subset of n: a coin for each coordinate.
struct coins {
    template <class Scalar>
    void sample(std::span<const Scalar> theta, imle::random_key key, std::uint64_t item,
                std::span<Scalar> z) const {
        // Element item * n + i of the key's sequence decides coordinate i.
        imle::uniforms(key, item * theta.size(), z);
        for (std::size_t i = 0; i < z.size(); ++i) z[i] = z[i] < chance(theta[i]) ? 1 : 0;
    }
    template <class Scalar>
    void marginals(std::span<const Scalar> theta, std::span<Scalar> mu) const {
        for (std::size_t i = 0; i < mu.size(); ++i) mu[i] = chance(theta[i]);
    }
    // Optional: for `exact_layer`.
    template <class Scalar>
    void marginals_vjp(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                       std::span<Scalar> gradient) const {
        for (std::size_t i = 0; i < gradient.size(); ++i)
            gradient[i] = dmu[i] * chance(theta[i]) * (1 - chance(theta[i]));
    }
    template <class Scalar>
    static Scalar chance(Scalar theta) {
        return 1 / (1 + std::exp(-theta));
    }
};
// [/own_family]

// [own_groups]
// The larger of each pair of neighbours.
struct larger_of_pairs {
    void operator()(const auto& theta, auto& z) const {
        for (Eigen::Index i = 0; i + 1 < theta.size(); i += 2) {
            z.data()[i] = theta.data()[i] >= theta.data()[i + 1] ? 1 : 0;
            z.data()[i + 1] = 1 - z.data()[i];
        }
    }
    void for_each_group(const auto& theta, const imle::solve_context&, auto&& f) const {
        for (Eigen::Index i = 0; i + 1 < theta.size(); i += 2) f(i, Eigen::Index{2});
    }
};
// [/own_groups]

matrix row_of(std::initializer_list<float> values) {
    matrix row(1, static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), row.data());
    return row;
}

double distance(const matrix& a, const matrix& b) {
    double sum = 0;
    for (Eigen::Index i = 0; i < a.size(); ++i) sum += std::pow(a.data()[i] - b.data()[i], 2);
    return std::sqrt(sum);
}

template <class LayerT>
void check_descends(LayerT layer) {
    matrix theta = row_of({0.5F, 2.0F, 1.0F, -1.0F, 0.8F});
    const matrix wanted = row_of({1, 0, 0, 1, 0});
    for (std::uint64_t step = 0; step < 300; ++step)
        descend(layer, theta, wanted, imle::random_key{1}.fold_in(step));
    const matrix found = layer.forward(theta, imle::random_key{2}).marginals();
    CHECK(distance(found, wanted) < 0.4);
}

}  // namespace

TEST_CASE("docs/estimators.md: one interface", "[docs]") {
    // [layers]
    imle::imle_layer implicit{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 100}};
    imle::imle_layer adaptive{
        imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{{.target_norm = 4}}, {.samples = 100}};
    imle::straight_through_layer straight{imle::top_k{2}, imle::gumbel{}, {.samples = 100}};
    imle::perturbed_layer perturbed{imle::top_k{2}, imle::normal{}, {.samples = 100}};
    imle::conditional_layer conditional{imle::top_k{2}, imle::gumbel{}, {.samples = 100}};
    imle::score_function_layer score{imle::k_subset_family{2}, {.samples = 100}};
    auto simple = imle::simple_layer(2, {.samples = 100});
    auto blackbox = imle::blackbox(imle::top_k{2}, 10);
    imle::negative_identity_layer identity{imle::top_k{2}, {.projection = imle::projection::standardize}};
    // [/layers]
    check_descends(implicit);
    check_descends(adaptive);
    check_descends(straight);
    check_descends(perturbed);
    check_descends(conditional);
    check_descends(score);
    check_descends(simple);
    check_descends(blackbox);
    check_descends(identity);
}

TEST_CASE("docs/concepts/exponential_family.md: your own family", "[docs]") {
    static_assert(imle::ExponentialFamily<coins, float> && imle::DifferentiableFamily<coins, double>);
    // [use_family]
    imle::score_function_layer score{coins{}, {.samples = 100}};
    imle::exact_layer exact{coins{}, {.samples = 100}};
    // [/use_family]
    check_descends(score);
    check_descends(exact);
    // The marginals and their derivative are the family's.
    const matrix theta = row_of({0.5F, 2, 1, -1, 0.8F}), one = row_of({0, 1, 0, 0, 0});
    const auto draws = imle::exact_layer{coins{}, {.samples = 100000}}.forward(theta, imle::random_key{3});
    for (Eigen::Index i = 0; i < 5; ++i) {
        const double mu = coins::chance(static_cast<double>(theta(0, i)));
        // 6 deviations: a false alarm in 1e8 tests.
        CHECK(std::abs(draws.marginals()(0, i) - mu) < 6 * std::sqrt(mu * (1 - mu) / 1e5));
    }
    const matrix slope = exact.vjp(exact.forward(theta, imle::random_key{3}), one);
    const double step = 1e-4;
    const double difference = (coins::chance(2 + step) - coins::chance(2 - step)) / (2 * step);
    CHECK(slope(0, 1) == Approx(difference).epsilon(1e-5));
    CHECK(slope(0, 0) == 0);
}

TEST_CASE("docs/estimators.md: conditioning", "[docs]") {
    const matrix theta = row_of({0.5F, 2.0F, 1.0F, -1.0F, 0.8F}), wanted = row_of({0, 1, 0, 0, 1});
    const imle::random_key key{1};
    // [conditional]
    imle::conditional_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 16, .temperature = 0.5}};
    const auto pass = layer.marginals(theta, key);
    const matrix mu = pass.marginals();                    // probabilities, from 16 samples
    const matrix gradient = layer.vjp(pass, mu - wanted);  // of |mu - wanted|^2 / 2
    // [/conditional]
    CHECK(distance(mu, layer.forward(theta, key).marginals()) < 1e-6);
    CHECK(gradient(0, 1) < 0);
    CHECK(gradient(0, 2) > 0);

    const matrix even = row_of({0.5F, 2.0F, 1.0F, -1.0F});
    const imle::conditional_layer own{larger_of_pairs{}, imle::gumbel{}, {.samples = 3}};
    const matrix chances = own.marginals(even, key).marginals();
    // Of two, each other's noise being known, one sample of one is not 1 minus that of the other.
    CHECK(chances(0, 0) + chances(0, 1) > 0.2F);
    CHECK(chances(0, 0) + chances(0, 1) < 1.8F);
}

TEST_CASE("docs/estimators.md: losses", "[docs]") {
    const matrix theta = row_of({0.5F, 2.0F, 1.0F, -1.0F, 0.8F}), wanted = row_of({1, 0, 0, 1, 0});
    const imle::random_key key{1};
    // [losses]
    // Learning from decisions that were observed: theta's gradient in one call, without a backward solve.
    imle::fenchel_young_loss fenchel_young{imle::top_k{2}, imle::gumbel{}, {.samples = 100}};
    const auto [values, gradient] = fenchel_young(theta, wanted, key);

    // Learning parameters whose true values are known, for the decisions that they lead to.
    const matrix true_theta = row_of({1, 0, 0, 2, 0.5F});
    imle::spo_plus_loss spo_plus{imle::top_k{2}};
    const auto bound = spo_plus(theta, true_theta);

    // How good the decisions are in the end.
    const double regret = imle::normalized_regret(imle::top_k{2}, theta, true_theta);
    // [/losses]
    CHECK(values(0) > 0);
    CHECK(gradient.size() == 5);
    CHECK(bound.values(0) >= imle::regret(imle::top_k{2}, theta, true_theta)(0));
    CHECK(regret == Approx((3 - 0) / 3.0));
}

TEST_CASE("docs/estimators.md: losses without a slope", "[docs]") {
    matrix theta = row_of({0.5F, 2.0F, 1.0F, -1.0F, 0.8F});
    // Whether one of the last three is chosen.
    const auto late = [](const float* z) { return z[2] + z[3] + z[4] >= 1 ? 1.0F : 0.0F; };
    for (std::uint64_t step = 0; step < 300; ++step) {
        const imle::random_key key = imle::random_key{1}.fold_in(step);
        // [values]
        imle::perturbed_layer layer{imle::top_k{2}, imle::normal{}, {.samples = 20}};
        const auto pass = layer.forward(theta, key);
        matrix losses(pass.samples().dimension(0), pass.samples().dimension(1));  // [batch, sample]
        for (Eigen::Index item = 0; item < losses.size(); ++item)
            losses.data()[item] = late(pass.samples().data() + item * theta.dimension(1));
        theta -= layer.gradient_of_values(pass, losses);
        // [/values]
    }
    // Descent has made an early pair all but certain.
    const imle::perturbed_layer layer{imle::top_k{2}, imle::normal{}, {.samples = 1000}};
    const matrix mu = layer.forward(theta, imle::random_key{2}).marginals();
    CHECK(mu(0, 0) + mu(0, 1) > 1.9F);
}
