#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/k_subsets.hpp>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using namespace fixtures;
using imle::fenchel_young_loss;
using imle::random_key;
using support::numbers_of;
using support::rows_of;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

template <class Scalar, int Layout, bool Minimizes>
struct setting {
    using scalar = Scalar;
    static constexpr int layout = Layout;
    static constexpr bool minimizes = Minimizes;
};

// The sample's mean and variance.
struct sample_mean {
    double sum = 0, squares = 0, count = 0;
    void add(double x) {
        sum += x;
        squares += x * x;
        ++count;
    }
    [[nodiscard]] double mean() const { return sum / count; }
    [[nodiscard]] double error() const {
        return std::sqrt(std::max(0.0, squares / count - mean() * mean()) / count);
    }
};

}  // namespace

TEMPLATE_TEST_CASE("fenchel_young_loss: values and gradient are the definition's", "[losses]",
                   (setting<float, Eigen::RowMajor, false>), (setting<float, Eigen::ColMajor, true>),
                   (setting<double, Eigen::RowMajor, true>), (setting<double, Eigen::ColMajor, false>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    constexpr bool row_major = layout == Eigen::RowMajor;
    constexpr bool minimizes = TestType::minimizes;
    using tensor = Eigen::Tensor<Scalar, 3, layout>;
    const random_key key{5};
    const double temperature = 0.75;
    const auto solver = [] {
        if constexpr (minimizes)
            return minimal_cube_solver{};
        else
            return cube_solver;
    }();

    // The last ones do not fit one block of noise.
    struct size {
        Eigen::Index batch, samples, rows, columns;
    };
    for (const auto& [batch, samples, rows, columns] :
         {size{3, 1, 2, 3}, {2, 7, 2, 3}, {2, 30, 20, 15}, {1, 3, 100, 60}}) {
        for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1000}}) {
            const std::array<Eigen::Index, 3> dimensions{row_major ? batch : rows, row_major ? rows : columns,
                                                         row_major ? columns : batch};
            const tensor theta = numbers<tensor>(dimensions, 3), y = numbers<tensor>(dimensions, 4);
            const auto n = static_cast<std::uint64_t>(rows * columns);
            const auto S = static_cast<std::uint64_t>(samples);
            const hashed_noise noise{(first + static_cast<std::uint64_t>(batch)) * S * n};
            const fenchel_young_loss loss(solver, noise, {.samples = samples, .temperature = temperature});
            const auto [values, gradient] = loss(theta, y, key, first);
            const auto maximum = loss.perturbed_maximum(theta, key, first);
            REQUIRE(values.dimension(0) == batch);
            REQUIRE(maximum.dimension(0) == batch);
            REQUIRE(imle::detail::dimensions_of(gradient) == imle::detail::dimensions_of(theta));

            support::tally wrong;
            // Copied, since clang 14 cannot capture a structured binding by reference.
            const auto compare = [&, samples = samples](const char* what, std::uint64_t b, double expected,
                                                        Scalar found, double scale) {
                wrong.expect(std::abs(expected - static_cast<double>(found)) / scale < 1e-6, what,
                             " of instance ", b, ", first ", first, ", ", samples, " samples: ", found,
                             ", not ", expected);
            };
            for (std::uint64_t b = 0; b < static_cast<std::uint64_t>(batch); ++b) {
                std::vector<double> mean(n, 0.0);
                double value = 0, best = 0;
                for (std::uint64_t s = 0; s < S; ++s)
                    for (std::uint64_t i = 0; i < n; ++i) {
                        const double t = static_cast<double>(theta.data()[b * n + i]);
                        const double eps = temperature * hashed(key, ((first + b) * S + s) * n + i);
                        const double perturbed = minimizes ? t - eps : t + eps;
                        const double z = (minimizes ? perturbed < 0 : perturbed > 0) ? 1 : 0;
                        const double apart = z - static_cast<double>(y.data()[b * n + i]);
                        value += (minimizes ? -1 : 1) * perturbed * apart / static_cast<double>(S);
                        best += perturbed * z / static_cast<double>(S);
                        mean[i] += apart / static_cast<double>(S);
                    }
                compare("value", b, value, values(static_cast<Eigen::Index>(b)), static_cast<double>(n));
                compare("maximum", b, best, maximum(static_cast<Eigen::Index>(b)), static_cast<double>(n));
                for (std::uint64_t i = 0; i < n; ++i)
                    compare("gradient", b, minimizes ? -mean[i] : mean[i], gradient.data()[b * n + i], 1);
            }
            CHECK(wrong == 0);
        }
    }
}

TEST_CASE("fenchel_young_loss: the gradient is the values' slope under the same noise", "[losses]") {
    const std::vector<double> theta{0.3, -0.2, 0.9, 0.1, -1.1, 0.4};
    const matrix y = rows_of({1, 0, 1, 0, 0, 1});
    const auto check = [&](const auto& loss, const random_key key) {
        const auto slopes = reference::gradient(
            theta, [&](const std::vector<double>& t) { return loss(rows_of(t), y, key).values(0); });
        CHECK(support::furthest(slopes, numbers_of(loss(rows_of(theta), y, key).gradient)) < 1e-8);
    };
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const imle::fenchel_young_options options{.samples = 20, .temperature = 0.5};
        const random_key key{seed};
        check(fenchel_young_loss(imle::top_k{3}, imle::normal{}, options), key);
        check(fenchel_young_loss(minimal_cube_solver{}, imle::gumbel{}, options), key);
        check(fenchel_young_loss(imle::top_k{3}, imle::multiplicative{}, options), key);
        check(fenchel_young_loss(minimal_cube_solver{}, imle::multiplicative{}, options), key);
        check(fenchel_young_loss(imle::top_k{3}, imle::no_noise{}, options), key);
    }
}

TEST_CASE("fenchel_young_loss: the perturbed maximum's slope is the samples' mean", "[losses]") {
    const std::vector<double> theta{0.3, -0.2, 0.9, 0.1, -1.1, 0.4};
    const random_key key{3};
    const auto check = [&](const auto& solver, const auto& noise) {
        const fenchel_young_loss loss(solver, noise, {.samples = 50, .temperature = 0.5});
        const auto slopes = reference::gradient(
            theta, [&](const std::vector<double>& t) { return loss.perturbed_maximum(rows_of(t), key)(0); });
        const imle::imle_layer layer(solver, noise, imle::perturbation_target{},
                                     {.samples = 50, .input_temperature = 0.5});
        CHECK(support::furthest(slopes, numbers_of(layer.marginals(rows_of(theta), key).marginals())) < 1e-8);
    };
    check(imle::top_k{2}, imle::normal{});
    check(imle::categorical{}, imle::gumbel{});
    check(imle::minimizing{argmin_solver}, imle::gumbel{});
}

TEST_CASE("fenchel_young_loss: Gumbel noise and categories give logsumexp and softmax", "[losses][draws]") {
    // Bounds of 6.5 standard errors: a false alarm once in 10^10 comparisons, of which there are 60.
    const std::vector<double> theta{0.5, -0.3, 1.2, 0.0};
    const imle::testing::categories family(4);
    for (const double temperature : {0.5, 1.0, 2.0}) {
        const fenchel_young_loss loss(imle::categorical{}, imle::gumbel{}, {.temperature = temperature});
        const fenchel_young_loss costs(imle::minimizing{argmin_solver}, imle::gumbel{},
                                       {.temperature = temperature});
        sample_mean maximum, minimum, value;
        std::array<sample_mean, 4> slope;
        const Eigen::Index rows = 200000;
        matrix thetas(rows, 4), negated(rows, 4), y(rows, 4);
        y.setZero();
        for (Eigen::Index b = 0; b < rows; ++b)
            for (Eigen::Index i = 0; i < 4; ++i) {
                thetas(b, i) = theta[static_cast<std::size_t>(i)];
                negated(b, i) = -thetas(b, i);
                y(b, 1) = 1;
            }
        const auto found = loss(thetas, y, random_key{11});
        const auto maxima = loss.perturbed_maximum(thetas, random_key{12});
        const auto minima = costs.perturbed_maximum(negated, random_key{13});
        for (Eigen::Index b = 0; b < rows; ++b) {
            maximum.add(maxima(b));
            minimum.add(minima(b));
            value.add(found.values(b));
            for (Eigen::Index i = 0; i < 4; ++i) slope[static_cast<std::size_t>(i)].add(found.gradient(b, i));
        }
        const double log_sum = family.gibbs_log_partition(theta, temperature);
        const double expected = log_sum + temperature * std::numbers::egamma;
        CHECK(std::abs(maximum.mean() - expected) < 6.5 * maximum.error());
        // For a minimising solver the noise is subtracted from the costs; otherwise the constant would have
        // the wrong sign.
        CHECK(std::abs(minimum.mean() + expected) < 6.5 * minimum.error());
        CHECK(std::abs(value.mean() - (log_sum - theta[1])) < 6.5 * value.error());
        const auto softmax = family.softmax(theta, temperature);
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(std::abs(slope[i].mean() - (softmax[i] - (i == 1 ? 1 : 0))) < 6.5 * slope[i].error());
    }
}

TEST_CASE("fenchel_young_loss: skewed noise is subtracted from costs", "[losses][draws]") {
    // softmin of [0, 0.5, 1, 2]; with noise added to the costs it would be another law. 6.5 standard errors.
    const imle::testing::categories family(4);
    const auto softmin = family.softmax(std::vector<double>{0, -0.5, -1, -2});
    const Eigen::Index samples = 400000;
    const fenchel_young_loss loss(imle::minimizing{argmin_solver}, imle::gumbel{}, {.samples = samples});
    const matrix y = rows_of({0, 1, 0, 0});
    const auto gradient = loss(rows_of({0, 0.5, 1, 2}), y, random_key{2}).gradient;
    for (std::size_t i = 0; i < 4; ++i) {
        const double error = std::sqrt(softmin[i] * (1 - softmin[i]) / static_cast<double>(samples));
        CHECK(std::abs(gradient.data()[i] - (y.data()[i] - softmin[i])) < 6.5 * error);
    }
}

TEST_CASE("fenchel_young_loss: the gradient's mean is the exact marginals less y", "[losses][draws]") {
    // 6.5 standard errors; a mean of 0/1 numbers has at most the variance 1/4.
    const imle::testing::k_subsets family(6, 2);
    const std::vector<double> theta{0.3, -0.2, 0.9, 0.1, -1.1, 0.4};
    const Eigen::Index samples = 200000;
    const fenchel_young_loss loss(imle::top_k{2}, imle::gumbel{}, {.samples = samples, .temperature = 0.8});
    const auto gradient = loss(rows_of(theta), rows_of({0.5, 0.5, 0.5, 0.5, 0, 0}), random_key{4}).gradient;
    const auto marginals = family.gumbel_marginals(theta, 0.8);
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(std::abs(gradient.data()[i] - (marginals[i] - (i < 4 ? 0.5 : 0))) <
              6.5 * 0.5 / std::sqrt(static_cast<double>(samples)));
}

TEST_CASE("fenchel_young_loss: values are never negative, 0 where samples agree, and convex", "[losses]") {
    const imle::testing::k_subsets family(6, 3);
    const auto check = [&](const auto& loss) {
        support::tally negative, concave, wrong_zeros;
        int zeros = 0;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            const double scale = seed % 3 == 0 ? 1e4 : 1;
            matrix theta = numbers<matrix>({1, 6}, 2 * seed), other = numbers<matrix>({1, 6}, 2 * seed + 1);
            theta = theta * scale;
            const auto& states = family.states();
            const auto& one = states[seed % states.size()];
            const auto& two = states[seed * 7 % states.size()];
            matrix y(1, 6);  // within the hull
            for (Eigen::Index i = 0; i < 6; ++i)
                y(i) = seed % 2 == 0 ? one[static_cast<std::size_t>(i)]
                                     : 0.25 * one[static_cast<std::size_t>(i)] +
                                           0.75 * two[static_cast<std::size_t>(i)];
            const random_key key{seed};
            const auto found = loss(theta, y, key);
            negative.expect(found.values(0) >= -1e-15 * scale, "theta ", theta, ", y ", y, ": ",
                            found.values(0));
            // For its own state a large theta has a loss of 0.
            const auto& best = family.map(numbers_of(theta));
            const auto agreed = loss(theta, rows_of(best), key);
            const bool no_gradient = std::all_of(agreed.gradient.data(), agreed.gradient.data() + 6,
                                                 [](double g) { return g == 0; });
            wrong_zeros.expect((agreed.values(0) == 0) == no_gradient, "theta ", theta, ": value ",
                               agreed.values(0), ", gradient ", agreed.gradient);
            zeros += no_gradient;
            const matrix middle = (theta + other) * 0.5;
            const double chord = (found.values(0) + loss(other, y, key).values(0)) / 2;
            const double at_middle = loss(middle, y, key).values(0);
            concave.expect(at_middle <= chord + 1e-12 * scale, "between ", theta, " and ", other, ", y ", y,
                           ": ", at_middle, " over ", chord);
        }
        CHECK(negative == 0);
        CHECK(concave == 0);
        CHECK(wrong_zeros == 0);
        CHECK(zeros > 20);
    };
    check(fenchel_young_loss(imle::top_k{3}, imle::normal{}, {.samples = 5, .temperature = 0.5}));
    check(fenchel_young_loss(imle::top_k{3}, imle::gumbel{}, {.samples = 1, .temperature = 2}));
    check(fenchel_young_loss(imle::top_k{3}, imle::no_noise{}));
    check(fenchel_young_loss(imle::top_k{3}, imle::multiplicative{}, {.samples = 5, .temperature = 0.5}));
}

TEST_CASE("fenchel_young_loss: the 1/2 gives multiplicative noise the exact mean", "[losses][draws]") {
    // Over {0, 1} x {0, 1}, F(theta) = sum of theta_i^+ whatever the noise (its sign is theta's and its mean
    // 1), so L = sum of |theta_i| (z_i - y_i)^2. Without T^2 / 2 it would be 1.65 times that. 6.5 errors.
    const double temperature = 1;
    const fenchel_young_loss loss(cube_solver, imle::multiplicative{}, {.temperature = temperature});
    const Eigen::Index rows = 200000;
    matrix theta(rows, 3), y(rows, 3);
    for (Eigen::Index b = 0; b < rows; ++b)
        for (Eigen::Index i = 0; i < 3; ++i) {
            theta(b, i) = i == 0 ? 0.7 : i == 1 ? -1.3 : 0;
            y(b, i) = i == 1 ? 1 : 0;
        }
    const auto found = loss(theta, y, random_key{9});
    const auto maxima = loss.perturbed_maximum(theta, random_key{10});
    sample_mean value, maximum;
    std::array<sample_mean, 2> slope;
    support::tally sloped;
    for (Eigen::Index b = 0; b < rows; ++b) {
        value.add(found.values(b));
        maximum.add(maxima(b));
        slope[0].add(found.gradient(b, 0));
        slope[1].add(found.gradient(b, 1));
        sloped.expect(found.gradient(b, 2) == 0, "row ", b, ": ", found.gradient(b, 2));
    }
    CHECK(sloped == 0);  // a theta of 0 whose z is y has no gradient
    CHECK(std::abs(value.mean() - 2.0) < 6.5 * value.error());
    CHECK(std::abs(maximum.mean() - 0.7) < 6.5 * maximum.error());
    CHECK(std::abs(slope[0].mean() - 1.0) < 6.5 * slope[0].error());
    CHECK(std::abs(slope[1].mean() + 1.0) < 6.5 * slope[1].error());
}

TEST_CASE("fenchel_young_loss: threads and shards give the same bits", "[losses]") {
    const matrix theta = numbers<matrix>({40, 9}, 1), y = numbers<matrix>({40, 9}, 2);
    const random_key key{8};
    const imle::fenchel_young_options options{.samples = 20};
    const auto whole = fenchel_young_loss(imle::top_k{4}, imle::normal{}, options)(theta, y, key);
    imle::fenchel_young_options threaded = options;
    threaded.threads = 3;
    const auto same =
        fenchel_young_loss(imle::top_k{4}, imle::normal{}, threaded, eager_threads())(theta, y, key);
    CHECK(same_bits(whole.values, same.values));
    CHECK(same_bits(whole.gradient, same.gradient));

    // Rows of 700 numbers, so that there are several units of them; m_s, a theta for all rows, F alone.
    const matrix long_theta = numbers<matrix>({30, 50}, 3), long_y = numbers<matrix>({30, 50}, 4);
    const Eigen::Tensor<double, 1, Eigen::RowMajor> one = long_theta.chip<0>(0);
    const auto all = [&](int threads) {
        const fenchel_young_loss loss(imle::top_k{4}, imle::multiplicative{imle::normal{}},
                                      {.samples = 14, .threads = threads}, eager_threads());
        return std::tuple(loss(long_theta, long_y, key), loss(imle::shared(one, 30), long_y, key),
                          loss.perturbed_maximum(long_theta, key));
    };
    const auto [of_rows, of_one, maxima] = all(1);
    for (const int threads : {2, 3}) {
        const auto [rows, shared, largest] = all(threads);
        CHECK(same_bits(rows.values, of_rows.values));
        CHECK(same_bits(rows.gradient, of_rows.gradient));
        CHECK(same_bits(shared.values, of_one.values));
        CHECK(same_bits(shared.gradient, of_one.gradient));
        CHECK(same_bits(largest, maxima));
    }

    const Eigen::Index first = 25;
    const matrix theta_part =
        theta.slice(std::array<Eigen::Index, 2>{first, 0}, std::array<Eigen::Index, 2>{15, 9});
    const matrix y_part = y.slice(std::array<Eigen::Index, 2>{first, 0}, std::array<Eigen::Index, 2>{15, 9});
    const auto part =
        fenchel_young_loss(imle::top_k{4}, imle::normal{}, options)(theta_part, y_part, key, first);
    CHECK(std::equal(part.values.data(), part.values.data() + 15, whole.values.data() + first));
    CHECK(std::equal(part.gradient.data(), part.gradient.data() + 15 * 9, whole.gradient.data() + first * 9));
}

TEST_CASE("fenchel_young_loss: an empty batch has no losses", "[losses]") {
    const fenchel_young_loss loss(imle::top_k{1}, imle::normal{});
    const auto found = loss(matrix(0, 4), matrix(0, 4), random_key{1});
    CHECK(found.values.size() == 0);
    CHECK(found.gradient.dimension(1) == 4);
}

TEST_CASE("fenchel_young_loss: invalid input throws with a message", "[losses]") {
    using support::message_of;
    using support::says;
    const auto make = [](imle::fenchel_young_options options) {
        return message_of<std::invalid_argument>(
            [&] { fenchel_young_loss loss(imle::top_k{1}, imle::normal{}, options); });
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(says(make({.samples = 0}), {"fenchel_young_options::samples is 0", "at least 1"}));
    CHECK(says(make({.temperature = -1}), {"fenchel_young_options::temperature is -1"}));
    CHECK(says(make({.temperature = nan}), {"fenchel_young_options::temperature"}));
    CHECK(says(make({.threads = -2}), {"fenchel_young_options::threads is -2"}));
    CHECK(make({}).empty());

    const fenchel_young_loss loss(imle::top_k{1}, imle::normal{});
    const auto call = [&](const matrix& theta, const matrix& y) {
        return message_of<std::invalid_argument>([&] { (void)loss(theta, y, random_key{1}); });
    };
    const matrix good = numbers<matrix>({2, 3}, 1);
    matrix bad = good;
    bad(1, 2) = nan;
    CHECK(says(call(good, numbers<matrix>({2, 4}, 1)),
               {"y is a tensor of shape [2, 4]", "theta's shape [2, 3]"}));
    CHECK(says(call(good, bad), {"y is nan in row 1, coordinate 2"}));
    CHECK(says(call(bad, good), {"theta is nan in row 1, coordinate 2"}));
    CHECK(says(message_of<std::invalid_argument>([&] { (void)loss.perturbed_maximum(bad, random_key{1}); }),
               {"theta is nan"}));

    // Finite numbers whose products are not.
    matrix huge(1, 2);
    huge.setValues({{1e308, -1e308}});
    matrix far(1, 2);
    far.setValues({{-1.0, 2.0}});
    CHECK(says(call(huge, far), {"the Fenchel-Young loss is inf in row 0"}));
}
