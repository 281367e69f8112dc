#include <imle/estimators/detail/directional_difference.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <imle/estimators/perturbed_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

using namespace estimator_tests;
using namespace fixtures;
using imle::perturbed_estimate;
using imle::perturbed_layer;
using imle::random_key;

namespace {

constexpr double root_of_two_pi = 2.50662827463100050242;

imle::perturbed_options directional(Eigen::Index samples, double temperature = 1) {
    return {.samples = samples, .temperature = temperature, .estimate = perturbed_estimate::directional};
}

// Hashed numbers that call themselves normal: what the layer does with them can be worked out by hand.
struct linear_noise : hashed_noise {
    static double mean() { return 0.25; }
    static double stddev() { return 1.5; }
    static double score(double x) { return (x - mean()) / stddev() / stddev(); }
};
// The same with a score that is not linear.
struct crooked_noise : linear_noise {
    static double score(double x) { return linear_noise::score(x) + 1e-3 * std::sin(x); }
};

// Counts solves, of all its copies.
struct counting_solver {
    std::shared_ptr<int> solves = std::make_shared<int>(0);
    template <class Theta, class Z>
    void operator()(const Theta& theta, Z& z) const {
        ++*solves;
        cube_solver(theta, z);
    }
};

// b of item `item` of a call, from the sequence that the layer's own key is folded into.
double radius_of(random_key key, std::uint64_t item) {
    double u = 0;
    imle::uniforms(key.fold_in(0x5261796c65696768), item, std::span<double>(&u, 1));
    return std::sqrt(-2 * std::log(u));
}

// P(coordinate i is among the k largest of theta + T * normal noise of this deviation), by the trapezoidal
// rule, whose error here is below 1e-12: the integrand is smooth and vanishes at both ends.
vector marginals_of_top_k(const vector& theta, std::size_t k, double scale) {
    const imle::normal law(0, scale);
    vector mu(theta.size(), 0);
    const double width = scale / 10;
    for (std::size_t i = 0; i < theta.size(); ++i)
        for (double x = -9 * scale; x < 9 * scale; x += width) {
            // The law of how many others are above.
            vector above{1};
            for (std::size_t j = 0; j < theta.size(); ++j) {
                if (j == i) continue;
                const double p = law.survival(theta[i] + x - theta[j]);
                above.push_back(0);
                for (std::size_t m = above.size(); m-- > 0;)
                    above[m] = above[m] * (1 - p) + (m > 0 ? above[m - 1] * p : 0);
            }
            for (std::size_t m = 0; m < k; ++m) mu[i] += above[m] * law.pdf(x) * width;
        }
    return mu;
}

// The gradient of <dmu, mu(theta)>, by central differences of a fourth order: exact to about 1e-9.
vector gradient_of_top_k(const vector& theta, std::size_t k, double scale, const vector& dmu) {
    vector gradient;
    const double h = 0.01 * scale;
    for (std::size_t j = 0; j < theta.size(); ++j) {
        const auto at = [&](double step) {
            vector moved = theta;
            moved[j] += step;
            const vector mu = marginals_of_top_k(moved, k, scale);
            double sum = 0;
            for (std::size_t i = 0; i < mu.size(); ++i) sum += dmu[i] * mu[i];
            return sum;
        };
        gradient.push_back((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
    }
    return gradient;
}

template <class SolverT>
matrix gradients(SolverT solver, imle::normal noise, const vector& theta, const vector& dmu,
                 imle::perturbed_options options, Eigen::Index rows, std::uint64_t seed) {
    const perturbed_layer layer{std::move(solver), noise, options};
    return layer.vjp(layer.forward(rows_of(theta, rows), random_key{seed}), rows_of(dmu, rows));
}

}  // namespace

TEST_CASE("directional: which noise is normal", "[estimators][perturbed]") {
    using imle::detail::normal_law;
    for (const double mean : {0.0, -2.5, 1e9})
        for (const double stddev : {1.0, 1e-3, 1e6}) {
            const auto law = normal_law(imle::normal(mean, stddev));
            REQUIRE(law);
            CHECK(law->mean == mean);
            CHECK(law->stddev == stddev);
        }
    CHECK(normal_law(linear_noise{}));
    CHECK(!normal_law(crooked_noise{}));
    CHECK(!normal_law(imle::gumbel{}));
    CHECK(!normal_law(imle::multiplicative{}));
}

TEST_CASE("directional: b has the Rayleigh law and random access", "[estimators][perturbed]") {
    // A call of 3 rows of 1,000 samples.
    const imle::detail::layer_call<float, 1, Eigen::RowMajor> call{
        {}, 1000, nullptr, random_key{4}, {.first_instance = 5}};
    std::vector<Eigen::Index> items(3000);
    for (std::size_t j = 0; j < items.size(); ++j) items[j] = static_cast<Eigen::Index>(j);
    const std::vector<double> all = imle::detail::rayleigh_numbers(call, items);
    const std::vector<Eigen::Index> some{0, 1, 7, 8, 9, 500, 2998, 2999};
    const std::vector<double> part = imle::detail::rayleigh_numbers(call, some);
    for (std::size_t j = 0; j < some.size(); ++j) {
        CHECK(part[j] == all[static_cast<std::size_t>(some[j])]);
        CHECK(part[j] == Approx(radius_of(call.key, 5000 + static_cast<std::uint64_t>(some[j]))));
    }
    // P(b <= x) = 1 - exp(-x^2 / 2), by Kolmogorov and Smirnov: 3000 numbers, a false alarm in 1e7 tests.
    std::vector<double> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    double furthest_share = 0;
    for (std::size_t j = 0; j < sorted.size(); ++j) {
        const double share = 1 - std::exp(-sorted[j] * sorted[j] / 2);
        furthest_share = std::max({furthest_share, std::abs(share - static_cast<double>(j) / 3000),
                                   std::abs(share - static_cast<double>(j + 1) / 3000)});
    }
    CHECK(furthest_share * std::sqrt(3000.0) < 2.9);
}

TEMPLATE_TEST_CASE("directional: the gradient is the definition's", "[estimators][perturbed]",
                   (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<float, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    using tensor = Eigen::Tensor<Scalar, 3, layout>;
    const double T = 0.5;
    const random_key key{11};
    const bool minimizes = GENERATE(false, true);
    for (const Eigen::Index samples : {1, 5, 300}) {
        const std::uint64_t first = 7;
        const std::array<Eigen::Index, 3> dimensions = layout == Eigen::RowMajor
                                                           ? std::array<Eigen::Index, 3>{3, 2, 2}
                                                           : std::array<Eigen::Index, 3>{2, 2, 3};
        const auto theta = numbers<tensor>(dimensions, 1);
        auto dmu = numbers<tensor>(dimensions, 2);
        // The second row's cotangent is 0.
        std::fill_n(dmu.data() + 4, 4, Scalar(0));
        linear_noise noise;
        noise.end = (first + 3) * static_cast<std::uint64_t>(samples) * 4;
        const auto check = [&](const auto& layer) {
            const auto pass = layer.forward(theta, key, first);
            const tensor gradient = layer.vjp(pass, dmu);
            support::tally wrong;
            for (std::size_t b = 0; b < 3; ++b) {
                double length = 0;
                for (std::size_t i = 0; i < 4; ++i)
                    length += std::pow(static_cast<double>(dmu.data()[b * 4 + i]), 2);
                length = std::sqrt(length);
                std::array<double, 4> d{}, expected{};
                for (std::size_t i = 0; i < 4; ++i)
                    d[i] = length == 0 ? 0 : static_cast<double>(dmu.data()[b * 4 + i]) / length;
                for (std::uint64_t s = 0; s < static_cast<std::uint64_t>(samples); ++s) {
                    const std::uint64_t item = (first + b) * static_cast<std::uint64_t>(samples) + s;
                    const double step = 1.5 * radius_of(key, item);
                    double along = 0;
                    for (std::size_t i = 0; i < 4; ++i) along += d[i] * (hashed(key, item * 4 + i) - 0.25);
                    for (std::size_t i = 0; i < 4; ++i) {
                        const double t = static_cast<double>(theta.data()[b * 4 + i]);
                        const double across = hashed(key, item * 4 + i) - along * d[i];
                        const auto solved = [&](double eps) {
                            return (minimizes ? t - T * eps < 0 : t + T * eps > 0) ? 1.0 : 0.0;
                        };
                        expected[i] += solved(across + step * d[i]) - solved(across - step * d[i]);
                    }
                }
                for (std::size_t i = 0; i < 4; ++i) {
                    const double share = length / (T * 1.5 * root_of_two_pi * static_cast<double>(samples));
                    const double value = (minimizes ? -1 : 1) * share * expected[i];
                    const double found = static_cast<double>(gradient.data()[b * 4 + i]);
                    wrong.expect(std::abs(found - value) < (std::is_same_v<Scalar, float> ? 1e-6 : 1e-12),
                                 samples, " samples, instance ", b, ", element ", i, ": ", found, ", not ",
                                 value);
                }
            }
            CHECK(wrong == 0);
            // A pass of marginals has all that is needed.
            CHECK(same_bits(tensor(layer.vjp(layer.marginals(theta, key, first), dmu)), gradient));
        };
        if (minimizes)
            check(perturbed_layer{minimal_cube_solver{}, noise, directional(samples, T)});
        else
            check(perturbed_layer{cube_solver, noise, directional(samples, T)});
    }
}

TEST_CASE("directional: the mean over keys is the exact gradient", "[estimators][perturbed][draws]") {
    // Of one of two, in closed form: P(z_0 = 1) = Phi((theta_0 - theta_1) / (T stddev sqrt 2)).
    const double width = 0.7 * 2 * std::sqrt(2.0);
    const double slope = 2.5 * imle::normal{}.pdf(0.5 / width) / width;
    for (const Eigen::Index samples : {1, 8})
        check_mean(gradients(imle::categorical{}, imle::normal{3, 2}, {0.3, -0.2}, {1.5, -1},
                             directional(samples, 0.7), 8000 / samples, 5),
                   {slope, -slope});
    // Costs.
    check_mean(gradients(imle::minimizing(argmin_solver), imle::normal{3, 2}, {0.3, -0.2}, {1.5, -1},
                         directional(4, 0.7), 2500, 6),
               {-slope, slope});
    // An assignment of two to two: two states that differ in all four numbers.
    const double four = 0.5 * 2;
    const double sums = 1.1 - 0.4, difference = imle::normal{}.pdf(sums / four) / four;
    const vector theta{0.6, 0.3, 0.1, 0.5}, dmu{1, -1, 0.5, 2};  // [2, 2]
    using planes = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    planes thetas(3000, 2, 2), cotangents(3000, 2, 2);
    for (Eigen::Index b = 0; b < 3000; ++b)
        for (std::size_t i = 0; i < 4; ++i) {
            thetas.data()[static_cast<std::size_t>(b) * 4 + i] = theta[i];
            cotangents.data()[static_cast<std::size_t>(b) * 4 + i] = dmu[i];
        }
    const perturbed_layer layer{imle::assignment{}, imle::normal{}, directional(3, 0.5)};
    const planes found = layer.vjp(layer.forward(thetas, random_key{7}), cotangents);
    // <dmu, z> of the first less that of the second.
    const double gain = (1 + 2 - (-1 + 0.5)) * difference;
    check_mean(found.reshape(std::array<Eigen::Index, 2>{3000, 4}), {gain, -gain, -gain, gain});
}

TEST_CASE("directional and symmetrized: two of five under normal noise, by quadrature",
          "[estimators][perturbed][draws]") {
    const vector theta{0.5, -0.3, 1.1, 0.0, -1.0}, dmu{1.0, -0.5, 0.25, 2.0, -1.0};
    const double T = 0.5, stddev = 1.6;
    const vector exact = gradient_of_top_k(theta, 2, T * stddev, dmu);
    for (const auto estimate :
         {perturbed_estimate::score, perturbed_estimate::symmetrized, perturbed_estimate::directional})
        check_mean(gradients(imle::top_k{2}, imle::normal{-1, stddev}, theta, dmu,
                             {.samples = 10, .temperature = T, .estimate = estimate}, 1500, 8),
                   exact, 0.1);
    // A cotangent along one axis, whose direction takes out one coordinate's noise alone.
    const vector axis{0, 0, 0, 1, 0};
    check_mean(gradients(imle::top_k{2}, imle::normal{}, theta, axis, directional(10, T), 1000, 9),
               gradient_of_top_k(theta, 2, T, axis), 0.1);
}

TEST_CASE("directional: what is not solved", "[estimators][perturbed]") {
    const counting_solver solver;
    const perturbed_layer layer{solver, imle::normal{}, directional(6)};
    const auto theta = numbers<matrix>({5, 3}, 1);
    auto dmu = numbers<matrix>({5, 3}, 2);
    for (Eigen::Index i = 0; i < 3; ++i) dmu(1, i) = dmu(4, i) = 0;
    const auto pass = layer.forward(theta, random_key{3});
    *solver.solves = 0;
    const matrix gradient = layer.vjp(pass, dmu);
    CHECK(*solver.solves == 3 * 6 * 2);
    CHECK(row_is_zero(gradient, 1));
    CHECK(row_is_zero(gradient, 4));
    CHECK(!row_is_zero(gradient, 0));
    // A row that failed.
    const imle::sampled_pass<double, 2, Eigen::RowMajor> failed(theta, pass.samples(), random_key{3}, 0, {2});
    *solver.solves = 0;
    const matrix without = layer.vjp(failed, dmu);
    CHECK(*solver.solves == 2 * 6 * 2);
    CHECK(row_is_zero(without, 2));
    for (Eigen::Index i = 0; i < 3; ++i) CHECK(without(0, i) == gradient(0, i));
    dmu.setZero();
    *solver.solves = 0;
    CHECK(furthest(layer.vjp(pass, dmu), std::vector<double>(15, 0.0)) == 0);
    CHECK(*solver.solves == 0);
    const matrix empty(0, 3);
    CHECK(layer.vjp(layer.forward(empty, random_key{1}), empty).size() == 0);
}

TEST_CASE("directional: shards, threads, shared thetas, masks and cotangents per sample",
          "[estimators][perturbed]") {
    using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const auto theta = numbers<tensor>({6, 5}, 1), dmu = numbers<tensor>({6, 5}, 2);
    const perturbed_layer layer{imle::top_k{2}, imle::normal{1, 2}, directional(40)};
    imle::perturbed_options options = directional(40);
    options.threads = 3;
    const perturbed_layer threaded{imle::top_k{2}, imle::normal{1, 2}, options, eager_threads()};
    const auto pass = layer.forward(theta, random_key{3}, 10);
    const tensor whole = layer.vjp(pass, dmu);
    CHECK(same_bits(tensor(threaded.vjp(pass, dmu)), whole));
    for (Eigen::Index b = 0; b < 6; ++b) {
        const std::array<Eigen::Index, 2> from{b, 0}, one{1, 5};
        const tensor part = layer.vjp(
            layer.forward(tensor(theta.slice(from, one)), random_key{3}, 10 + static_cast<std::uint64_t>(b)),
            tensor(dmu.slice(from, one)));
        CHECK(std::equal(part.data(), part.data() + 5, whole.data() + 5 * b));
    }
    // One theta for six rows: the sum of the rows' gradients.
    Eigen::Tensor<float, 1, Eigen::RowMajor> single(5);
    std::copy_n(theta.data(), 5, single.data());
    tensor repeated(6, 5);
    for (Eigen::Index i = 0; i < 30; ++i) repeated.data()[i] = single.data()[i % 5];
    const tensor rows = layer.vjp(layer.forward(repeated, random_key{3}), dmu);
    std::vector<double> sum(5, 0);
    for (std::size_t i = 0; i < 30; ++i) sum[i % 5] += static_cast<double>(rows.data()[i]);
    CHECK(furthest(layer.vjp(layer.forward(imle::shared(single, 6), random_key{3}), dmu), sum) < 1e-5);
    // Column-major, with the batch first.
    const Eigen::Tensor<float, 2> first = dmu.swap_layout().shuffle(std::array<int, 2>{1, 0});
    const Eigen::Tensor<float, 2> columns = theta.swap_layout().shuffle(std::array<int, 2>{1, 0});
    const auto other = layer.forward(imle::batch_first(columns), random_key{3}, 10);
    const Eigen::Tensor<float, 2> same = layer.vjp(other, first);
    CHECK(same(4, 3) == whole(4, 3));

    // The mean of the samples' cotangents is what counts.
    Eigen::Tensor<float, 3, Eigen::RowMajor> dz(6, 40, 5);
    for (Eigen::Index b = 0; b < 6; ++b)
        for (Eigen::Index s = 0; s < 40; ++s)
            for (Eigen::Index i = 0; i < 5; ++i) dz(b, s, i) = dmu(b, i) + (s % 2 == 0 ? 0.25F : -0.25F);
    CHECK(furthest(layer.vjp(pass, dz), whole) < 1e-5);

    // What the mask forbids is no part of the direction: the other numbers there change nothing, and the
    // gradient is that of an instance without them, up to its noise.
    const bool mask[] = {true, true, false, true, true};
    const auto masked_gradient = [&](float forbidden) {
        tensor own = dmu;
        for (Eigen::Index b = 0; b < 6; ++b) own(b, 2) = forbidden;
        return tensor(layer.vjp(layer.forward(theta, random_key{3}, {.mask = mask}), own));
    };
    const tensor masked = masked_gradient(0);
    CHECK(same_bits(masked_gradient(1e30F), masked));
    for (Eigen::Index b = 0; b < 6; ++b) {
        CHECK(masked(b, 2) == 0);
        CHECK(!row_is_zero(masked, b));
    }
}

TEST_CASE("directional: a mask leaves the others' exact gradient", "[estimators][perturbed][draws]") {
    const double width = 0.7 * std::sqrt(2.0), slope = 2.5 * imle::normal{}.pdf(0.5 / width) / width;
    const bool mask[] = {true, false, true};
    const perturbed_layer layer{imle::categorical{}, imle::normal{2, 1}, directional(4, 0.7)};
    const auto pass = layer.forward(rows_of({0.3, 5, -0.2}, 2500), random_key{3}, {.mask = mask});
    check_mean(layer.vjp(pass, rows_of({1.5, 9, -1}, 2500)), {slope, 0, -slope});
}

TEST_CASE("directional: numbers of any size", "[estimators][perturbed]") {
    // The length of the cotangent neither overflows nor vanishes on the way.
    const auto theta = numbers<matrix>({4, 3}, 1), dmu = numbers<matrix>({4, 3}, 2);
    const perturbed_layer layer{imle::top_k{1}, imle::normal{}, directional(10, 0.5)};
    const auto pass = layer.forward(theta, random_key{3});
    const matrix expected = layer.vjp(pass, dmu);
    for (const double factor : {0x1p-1000, 0x1p1000, -1.0}) {
        const matrix scaled = layer.vjp(pass, matrix(dmu * factor));
        // -dmu exchanges the two solutions.
        CHECK(furthest(matrix(scaled * (1 / factor)), expected) < 1e-12);
    }
    // At a temperature of 0, so to speak, the two solutions are equal.
    const perturbed_layer cold{imle::top_k{1}, imle::normal{}, directional(10, 1e-300)};
    CHECK(furthest(cold.vjp(cold.forward(theta, random_key{3}), dmu), std::vector<double>(12, 0.0)) == 0);
    matrix huge = dmu;
    huge.setConstant(1e308);
    huge(0, 0) = -1e308;
    const perturbed_layer cool{imle::top_k{1}, imle::normal{}, directional(10, 1e-3)};
    CHECK(support::says(support::message_of<std::invalid_argument>([&] {
                            matrix zero(4, 3);
                            zero.setZero();
                            (void)cool.vjp(cool.forward(zero, random_key{3}), huge);
                        }),
                        {"the gradient is", "larger temperature"}));
}

TEST_CASE("directional: what is refused", "[estimators][perturbed]") {
    const auto refused = [](auto noise) {
        return support::message_of<std::invalid_argument>(
            [&] { perturbed_layer layer(imle::top_k{1}, noise, directional(4)); });
    };
    for (const std::string& message :
         {refused(imle::gumbel{}), refused(imle::multiplicative{}), refused(crooked_noise{})})
        CHECK(support::says(message, {"perturbed_options::estimate", "not normal", "stddev()", "score"}));
    CHECK(refused(imle::normal{}).empty());
}
