#include <imle/estimators/score_function_layer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/families/k_subset_family.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/testing/gibbs_family.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/spanning_trees.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "testing/finite_differences.hpp"

using imle::baseline;
using imle::k_subset_family;
using imle::random_key;
using imle::score_function_layer;
using imle::testing::gibbs_family;
using vector = std::vector<double>;
using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;

namespace {

tensor batch_of(const vector& theta, Eigen::Index batch) {
    tensor result(batch, static_cast<Eigen::Index>(theta.size()));
    for (Eigen::Index b = 0; b < batch; ++b)
        std::copy(theta.begin(), theta.end(), result.data() + b * static_cast<Eigen::Index>(theta.size()));
    return result;
}

// f of each sample.
template <class PassT, class LossT>
tensor losses_of(const PassT& pass, LossT&& loss) {
    const Eigen::Index batch = pass.theta().dimension(0), n = pass.theta().dimension(1);
    tensor losses(batch, pass.sample_count());
    for (Eigen::Index item = 0; item < losses.size(); ++item)
        losses.data()[item] =
            loss(std::span<const double>(pass.samples().data() + item * n, static_cast<std::size_t>(n)));
    return losses;
}

// The mean of a gradient's rows, which are independent estimates, with the standard errors and the summed
// variance of one.
struct statistics {
    vector mean, error;
    double variance = 0;
};
statistics rows_of(const tensor& gradient) {
    const auto rows = static_cast<std::size_t>(gradient.dimension(0)),
               n = static_cast<std::size_t>(gradient.dimension(1));
    statistics found{vector(n, 0), vector(n, 0), 0};
    for (std::size_t b = 0; b < rows; ++b)
        for (std::size_t i = 0; i < n; ++i)
            found.mean[i] += gradient.data()[b * n + i] / static_cast<double>(rows);
    for (std::size_t i = 0; i < n; ++i) {
        double squares = 0;
        for (std::size_t b = 0; b < rows; ++b)
            squares += std::pow(gradient.data()[b * n + i] - found.mean[i], 2);
        const double variance = squares / static_cast<double>(rows - 1);
        found.variance += variance;
        found.error[i] = std::sqrt(variance / static_cast<double>(rows));
    }
    return found;
}

// Within 6.5 standard errors: false alarm about 1e-10 a coordinate, by the central limit theorem.
void check_mean(const statistics& found, const vector& exact) {
    for (std::size_t i = 0; i < exact.size(); ++i) {
        INFO("coordinate " << i << ": " << found.mean[i] << ", exactly " << exact[i] << ", standard error "
                           << found.error[i]);
        CHECK(std::abs(found.mean[i] - exact[i]) < 6.5 * found.error[i] + 1e-12);
    }
}

// A loss that is not linear.
double crooked(std::span<const double> z) {
    double sum = 0.5, power = 1;
    for (std::size_t i = 0; i < z.size(); ++i) sum += (power *= -1.3) * z[i] + (i > 0 ? z[i] * z[i - 1] : 0);
    return sum * sum * 0.1 + 3;
}

}  // namespace

TEST_CASE("the score function is unbiased for any loss and baseline", "[estimators][score_function][draws]") {
    const imle::testing::k_subsets subsets(5, 2);
    const vector theta{0.5, -0.3, 1, 0, -1};
    const vector exact = subsets.gibbs_expected_gradient(theta, 1, crooked);
    const tensor batch = batch_of(theta, 4000);
    double variance_none = 0;
    for (const baseline kind : {baseline::none, baseline::leave_one_out}) {
        for (const Eigen::Index samples : {2, 5}) {
            const score_function_layer layer{gibbs_family{subsets}, {.samples = samples, .baseline = kind}};
            const auto pass = layer.forward(batch, random_key{1});
            const auto found = rows_of(layer.gradient(pass, losses_of(pass, crooked)));
            check_mean(found, exact);
            if (samples == 5 && kind == baseline::none) variance_none = found.variance;
            // The loss is about 3 + something: most of the variance is the constant's. Measured: a factor 4.
            if (samples == 5 && kind == baseline::leave_one_out) CHECK(found.variance < 0.5 * variance_none);
        }
    }
    // A baseline of the caller's, right or wrong, does not move the mean.
    const score_function_layer layer{k_subset_family{2}, {.samples = 1}};
    const auto pass = layer.forward(batch, random_key{2});
    Eigen::Tensor<double, 1, Eigen::RowMajor> own(batch.dimension(0));
    own.setConstant(subsets.gibbs_expected(theta, 1, crooked));
    const auto good = rows_of(layer.gradient(pass, losses_of(pass, crooked), own));
    own.setConstant(-5);
    const auto bad = rows_of(layer.gradient(pass, losses_of(pass, crooked), own));
    check_mean(good, exact);
    check_mean(bad, exact);
    CHECK(good.variance < 0.5 * bad.variance);
}

TEST_CASE("the score function of a linear loss is unbiased by each baseline",
          "[estimators][score_function][draws]") {
    const imle::testing::spanning_trees trees(4);
    const vector theta{0.5, -0.3, 1, 0, -1, 0.2}, w{3, 2.5, 4, 3.5, 2, 3};
    const vector exact = trees.gibbs_marginals_vjp(theta, 1, w);
    const tensor batch = batch_of(theta, 2500), dz = batch_of(w, 2500);
    std::vector<double> variances;
    for (const baseline kind : {baseline::none, baseline::leave_one_out, baseline::exact_marginals}) {
        const score_function_layer layer{gibbs_family{trees}, {.samples = 4, .baseline = kind}};
        const auto found = rows_of(layer.vjp(layer.forward(batch, random_key{3}), dz));
        check_mean(found, exact);
        variances.push_back(found.variance);
    }
    // Without a baseline; with the others' mean, itself noisy; with the exact mean.
    CHECK(variances[1] < 0.2 * variances[0]);
    CHECK(variances[2] < variances[1]);
}

TEST_CASE("the score function is the formula, sample by sample", "[estimators][score_function]") {
    std::mt19937 random(4);
    const Eigen::Index batch = 3, samples = 4;
    const vector numbers = reference::normal_numbers(15, random),
                 cotangents = reference::normal_numbers(60, random);
    Eigen::Tensor<double, 2, Eigen::ColMajor> theta(5, batch), losses(samples, batch);
    Eigen::Tensor<double, 3, Eigen::ColMajor> dz(5, samples, batch);
    std::copy(numbers.begin(), numbers.end(), theta.data());
    std::copy(cotangents.begin(), cotangents.end(), dz.data());
    for (const baseline kind : {baseline::none, baseline::leave_one_out, baseline::exact_marginals}) {
        const score_function_layer layer{k_subset_family{2}, {.samples = samples, .baseline = kind}};
        const auto pass = layer.forward(theta, random_key{5}, 2);
        Eigen::Tensor<double, 2, Eigen::ColMajor> expected(5, batch);
        expected.setZero();
        for (Eigen::Index b = 0; b < batch; ++b) {
            const vector mu = reference::marginals(k_subset_family{2},
                                                   vector(theta.data() + b * 5, theta.data() + b * 5 + 5));
            double total = 0;
            for (Eigen::Index s = 0; s < samples; ++s) {
                losses(s, b) = 0;
                for (Eigen::Index i = 0; i < 5; ++i) losses(s, b) += dz(i, s, b) * pass.samples()(i, s, b);
                total += losses(s, b);
            }
            for (Eigen::Index s = 0; s < samples; ++s) {
                double level = 0;
                if (kind == baseline::leave_one_out) level = (total - losses(s, b)) / (samples - 1);
                if (kind == baseline::exact_marginals)
                    for (Eigen::Index i = 0; i < 5; ++i)
                        level += dz(i, s, b) * mu[static_cast<std::size_t>(i)];
                for (Eigen::Index i = 0; i < 5; ++i)
                    expected(i, b) += (losses(s, b) - level) *
                                      (pass.samples()(i, s, b) - mu[static_cast<std::size_t>(i)]) / samples;
            }
        }
        const auto from_dz = layer.vjp(pass, dz);
        for (Eigen::Index i = 0; i < 15; ++i)
            CHECK(from_dz.data()[i] == Approx(expected.data()[i]).margin(1e-14));
        if (kind == baseline::exact_marginals) continue;
        const auto from_losses = layer.gradient(pass, losses);
        for (Eigen::Index i = 0; i < 15; ++i)
            CHECK(from_losses.data()[i] == Approx(expected.data()[i]).margin(1e-14));
    }
}

TEST_CASE("equal losses give no gradient by leave_one_out", "[estimators][score_function]") {
    const tensor theta = batch_of({0.1, 0.2, 0.3}, 4);
    const score_function_layer layer{imle::softmax_family{}, {.samples = 3}};
    const auto pass = layer.forward(theta, random_key{6});
    const auto gradient = layer.gradient(pass, losses_of(pass, [](auto) { return 1e9 / 3; }));
    for (Eigen::Index i = 0; i < gradient.size(); ++i) CHECK(gradient.data()[i] == 0);
}

TEST_CASE("the score function's pullback follows the chain rule", "[estimators][score_function]") {
    const Eigen::Tensor<float, 2, Eigen::RowMajor> theta = batch_of({0.5, -0.25, 1, 0}, 2).cast<float>();
    const score_function_layer layer{k_subset_family{2}, {.samples = 8}};
    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{7}, 3);
    const auto pass = layer.forward(theta, random_key{7}, 3);
    Eigen::Tensor<float, 3, Eigen::RowMajor> dz(2, 8, 4);
    for (Eigen::Index i = 0; i < dz.size(); ++i) dz.data()[i] = static_cast<float>(i % 7) - 3;
    const Eigen::Tensor<float, 3, Eigen::RowMajor> share = dz / 8.0f;  // of a mean over samples: exact
    const auto pulled = pullback(share), expected = layer.vjp(pass, dz);
    CHECK(std::equal(pulled.data(), pulled.data() + pulled.size(), expected.data()));
    CHECK(std::equal(value.data(), value.data() + value.size(), pass.samples().data()));
    CHECK(layer.family() == k_subset_family{2});
}

TEST_CASE("the score function of huge losses and cotangents", "[estimators][score_function]") {
    using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    constexpr double most = std::numeric_limits<double>::max();
    const tensor theta = batch_of({0.5, -0.25, 0, 1, 0.75, -1}, 2);
    // The first row's sums overflow, its gradient does not; the second row is as it would be alone. A power
    // of two changes no bit.
    const auto check = [](const tensor& found, const tensor& small) {
        for (Eigen::Index i = 0; i < 6; ++i) {
            INFO("coordinate " << i);
            CHECK(found(0, i) == small(0, i) * 0x1p800);
            CHECK(found(1, i) == small(1, i));
        }
    };
    for (const baseline kind : {baseline::none, baseline::leave_one_out, baseline::exact_marginals}) {
        const score_function_layer layer{k_subset_family{3}, {.samples = 4, .baseline = kind}};
        const auto pass = layer.forward(theta, random_key{18});
        cube dz(2, 4, 6);
        dz.setConstant(1e-200);
        for (Eigen::Index i = 0; i < 24; ++i) {
            const double along = pass.samples().data()[i] == 1 ? most / 2 : -most / 2;
            dz.data()[i] = i < 6 ? along : i < 12 ? -along : 0;
        }
        cube small = dz;
        for (Eigen::Index i = 0; i < 24; ++i) small.data()[i] *= 0x1p-800;
        check(layer.vjp(pass, dz), layer.vjp(pass, small));
    }
    const score_function_layer layer{k_subset_family{3}, {.samples = 4}};
    const auto pass = layer.forward(theta, random_key{18});
    tensor losses(2, 4);
    losses.setValues({{most, -most, most, -most}, {1e-200, 2e-200, 0, 3e-200}});
    tensor small = losses;
    for (Eigen::Index i = 0; i < 4; ++i) small.data()[i] *= 0x1p-800;
    check(layer.gradient(pass, losses), layer.gradient(pass, small));
    Eigen::Tensor<double, 1, Eigen::RowMajor> own(2), small_own(2);
    own.setValues({-most, 1e-200});
    small_own.setValues({-most * 0x1p-800, 1e-200});
    for (Eigen::Index i = 0; i < 4; ++i) {
        losses.data()[i] /= 4;
        small.data()[i] /= 4;
    }
    check(layer.gradient(pass, losses, own), layer.gradient(pass, small, small_own));
}

TEST_CASE("a score function's gradient that overflows throws std::invalid_argument",
          "[estimators][score_function][errors]") {
    // The case that was found: the sums fit double, the gradient does not fit float.
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 6);
    theta.setZero();
    const score_function_layer layer{k_subset_family{3}, {.samples = 2}};
    const auto pass = layer.forward(theta, random_key{18});
    Eigen::Tensor<float, 3, Eigen::RowMajor> dz(1, 2, 6);
    for (Eigen::Index i = 0; i < 12; ++i)
        dz.data()[i] = (pass.samples().data()[i] == 1) == (i < 6) ? 3e38F : -3e38F;
    CHECK_THROWS_AS(layer.vjp(pass, dz), std::invalid_argument);
    CHECK_THROWS_WITH(layer.vjp(pass, dz), mentions("the gradient is ") && mentions("a smaller cotangent"));

    // 2 (z - mu) times the largest number: just in range for one of two, not for one of three.
    constexpr double most = std::numeric_limits<double>::max();
    const score_function_layer one{imle::softmax_family{}};
    Eigen::Tensor<double, 1, Eigen::RowMajor> own(1);
    own.setConstant(-most);
    tensor loss(1, 1);
    loss.setConstant(most);
    const auto of_two = one.forward(batch_of({0, 0}, 1), random_key{1});
    CHECK(std::abs(one.gradient(of_two, loss, own)(0, 0)) == most);
    const auto of_three = one.forward(batch_of({0, 0, 0}, 1), random_key{1});
    CHECK_THROWS_AS(one.gradient(of_three, loss, own), std::invalid_argument);
}

TEST_CASE("the score function says what is wrong", "[estimators][score_function][errors]") {
    const tensor theta = batch_of({0.1, 0.2, 0.3}, 2);
    CHECK_THROWS_WITH((score_function_layer{k_subset_family{1}, {.samples = 0}}),
                      mentions("score_function_options::samples is 0"));
    CHECK_THROWS_WITH(
        (score_function_layer{k_subset_family{1}, {.samples = 2, .baseline = static_cast<baseline>(9)}}),
        mentions("score_function_options::baseline is 9"));
    const score_function_layer one{k_subset_family{1}};
    CHECK(one.options().baseline == baseline::leave_one_out);
    const auto single = one.forward(theta, random_key{1});
    CHECK_THROWS_WITH(one.vjp(single, theta),
                      mentions("number of samples is 1") && mentions("leave_one_out"));
    CHECK_THROWS_WITH(one.gradient(single, tensor(2, 1).setZero()), mentions("at least 2"));

    const score_function_layer layer{k_subset_family{1}, {.samples = 4}};
    const auto pass = layer.forward(theta, random_key{1});
    tensor losses(2, 4);
    losses.setZero();
    CHECK_THROWS_WITH(layer.gradient(pass, tensor(4, 2).setZero()), mentions("[4, 2]") && mentions("[2, 4]"));
    losses(1, 3) = std::nan("");
    CHECK_THROWS_WITH(layer.gradient(pass, losses), mentions("losses is nan in row 1, sample 3"));
    losses(1, 3) = 0;
    Eigen::Tensor<double, 1, Eigen::RowMajor> own(3);
    own.setZero();
    CHECK_THROWS_WITH(layer.gradient(pass, losses, own), mentions("baseline") && mentions("[2]"));
    Eigen::Tensor<double, 1, Eigen::RowMajor> nan(2);
    nan.setConstant(std::nan(""));
    CHECK_THROWS_WITH(layer.gradient(pass, losses, nan), mentions("baseline is nan"));
    const score_function_layer exact{k_subset_family{1},
                                     {.samples = 4, .baseline = baseline::exact_marginals}};
    CHECK_THROWS_WITH(exact.gradient(pass, losses), mentions("exact_marginals") && mentions("vjp"));
    CHECK_NOTHROW(exact.gradient(pass, losses, Eigen::Tensor<double, 1, Eigen::RowMajor>(2).setZero()));
    CHECK_THROWS_WITH(layer.vjp(pass, tensor(2, 4).setZero()), mentions("theta's shape"));
}
