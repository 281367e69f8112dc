#include <imle/estimators/conditional_layer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/k_of_groups.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/per_instance.hpp>
#include <imle/solvers/top_k.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/messages.hpp"

using namespace fixtures;
using imle::conditional_layer;
using imle::conditional_options;
using imle::random_key;

namespace {

using vector = std::vector<double>;
using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;

// Chooses the larger of each pair of neighbours.
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

}  // namespace

TEST_CASE("conditional_layer: the gradient is the derivative of the samples for this key",
          "[estimators][conditional]") {
    // Of any function of samples(): here sum over s and i of w_si m_si^2 / 2. Differences, noise fixed. A
    // threshold that another coordinate takes over within the step is a kink; with this step none is near.
    const double h = 1e-6;
    const auto check = [&](const auto& layer, double tolerance) {
        const auto theta = numbers<matrix>({2, 7}, 1);
        const auto weights = numbers<cube>({2, layer.sample_count(), 7}, 2);
        const random_key key{5};
        const auto loss = [&](const matrix& at) {
            const cube m = layer.forward(at, key).samples();
            double sum = 0;
            for (Eigen::Index i = 0; i < m.size(); ++i)
                sum += weights.data()[i] * m.data()[i] * m.data()[i] / 2;
            return sum;
        };
        const auto [m, pullback] = layer.value_and_pullback(theta, key);
        const matrix gradient = pullback(cube(weights * m));
        for (Eigen::Index i = 0; i < theta.size(); ++i) {
            matrix above = theta, below = theta;
            above.data()[i] += h;
            below.data()[i] -= h;
            const double slope = (loss(above) - loss(below)) / (2 * h);
            CHECK(std::abs(gradient.data()[i] - slope) < tolerance);
        }
    };
    check(conditional_layer{imle::top_k{3}, imle::gumbel{}, {.samples = 5, .temperature = 0.8}}, 1e-7);
    check(conditional_layer{imle::minimizing(imle::top_k{2}), imle::gumbel{}, {.samples = 4}}, 1e-7);
    check(conditional_layer{imle::k_of_groups{2, {3, 4}}, imle::exponential{}, {.samples = 4}}, 1e-7);
}

TEST_CASE("conditional_layer: all, none and one", "[estimators][conditional]") {
    const auto theta = numbers<matrix>({3, 4}, 1), dmu = numbers<matrix>({3, 4}, 2);
    const auto check = [&](const auto& layer, double expected) {
        const auto pass = layer.forward(theta, random_key{1});
        for (Eigen::Index i = 0; i < pass.samples().size(); ++i) CHECK(pass.samples().data()[i] == expected);
        const matrix gradient = layer.vjp(pass, dmu);
        for (Eigen::Index i = 0; i < gradient.size(); ++i) CHECK(gradient.data()[i] == 0);
    };
    check(conditional_layer{imle::top_k{0}, imle::gumbel{}, {.samples = 3}}, 0);
    check(conditional_layer{imle::top_k{4}, imle::gumbel{}, {.samples = 3}}, 1);
    check(conditional_layer{imle::k_of_groups{1, {1, 1, 1, 1}}, imle::exponential{}, {.samples = 3}}, 1);
    // One coordinate.
    matrix one(2, 1);
    one.setValues({{0.3}, {-0.4}});
    const conditional_layer layer{imle::categorical{}, imle::gumbel{}};
    const auto pass = layer.forward(one, random_key{1});
    CHECK(pass.samples()(1, 0, 0) == 1);
    CHECK(matrix(layer.vjp(pass, one))(0, 0) == 0);
    // No instance at all.
    const matrix empty(0, 3);
    CHECK(layer.vjp(layer.forward(empty, random_key{1}), empty).size() == 0);
}

TEST_CASE("conditional_layer: equal numbers", "[estimators][conditional]") {
    // At this size a step of float is far larger than the noise, so that perturbed numbers tie in each
    // sample: the threshold is their common value, and m = P(eps > 0) for the two that tie.
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 3);
    theta.setValues({{1e9F, 1e9F, -1e9F}});
    const conditional_layer layer{imle::top_k{1}, imle::gumbel{}, {.samples = 4}};
    const auto pass = layer.forward(theta, random_key{1});
    const float half = 1 - std::exp(-1.0F);
    for (Eigen::Index s = 0; s < 4; ++s) {
        CHECK(std::abs(pass.samples()(0, s, 0) - half) < 1e-6F);
        CHECK(std::abs(pass.samples()(0, s, 1) - half) < 1e-6F);
        CHECK(pass.samples()(0, s, 2) == 0);
    }
    Eigen::Tensor<float, 2, Eigen::RowMajor> dmu(1, 3);
    dmu.setValues({{1, 0, 0}});
    const Eigen::Tensor<float, 2, Eigen::RowMajor> gradient = layer.vjp(pass, dmu);
    const float slope = std::exp(-1.0F);
    CHECK(std::abs(gradient(0, 0) - slope) < 1e-5F);
    CHECK(std::abs(gradient(0, 1) + slope) < 1e-5F);
    CHECK(gradient(0, 2) == 0);
}

TEST_CASE("conditional_layer: its z are those of a perturbed_sampler", "[estimators][conditional]") {
    // The mean over many keys of m given the others is what z is drawn from; for one key they are not equal,
    // but the map is, and a coordinate with m above 1/2 far out is chosen.
    const auto theta = numbers<matrix>({4, 6}, 3);
    const conditional_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 3, .temperature = 1e-6}};
    const imle::perturbed_sampler sampler{
        imle::top_k{2}, imle::gumbel{}, {.samples = 3, .input_temperature = 1e-6}};
    CHECK(same_bits(layer.map(theta), sampler.map(theta)));
    // Next to no noise: m is z.
    const auto pass = layer.forward(theta, random_key{1});
    const matrix z = layer.map(theta);
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index s = 0; s < 3; ++s)
            for (Eigen::Index i = 0; i < 6; ++i) CHECK(pass.samples()(b, s, i) == z(b, i));
    const matrix gradient = layer.vjp(pass, theta);
    for (Eigen::Index i = 0; i < gradient.size(); ++i) CHECK(gradient.data()[i] == 0);
}

TEST_CASE("conditional_layer: k by id, masks of different sizes", "[estimators][conditional]") {
    const auto theta = numbers<matrix>({3, 8}, 1), dmu = numbers<matrix>({3, 8}, 2);
    const std::vector<std::uint64_t> ids{2, 0, 1};
    const imle::per_instance solver([](std::uint64_t id) { return imle::top_k{id + 1}; });
    const imle::per_instance table(std::vector{imle::top_k{1}, imle::top_k{2}, imle::top_k{3}});
    const conditional_options options{.samples = 6};
    const auto check = [&](const auto& layer) {
        const auto pass = layer.marginals(theta, random_key{4}, imle::call_options{.ids = ids});
        const matrix gradient = layer.vjp(pass, dmu);
        for (std::size_t b = 0; b < 3; ++b) {
            const auto row = static_cast<Eigen::Index>(b);
            const std::array<Eigen::Index, 2> from{row, 0}, size{1, 8};
            const conditional_layer own{imle::top_k{ids[b] + 1}, imle::gumbel{}, options};
            const auto one = own.marginals(theta.slice(from, size), random_key{4}, b);
            CHECK(furthest(matrix(pass.marginals().slice(from, size)), one.marginals()) < 1e-15);
            CHECK(furthest(matrix(gradient.slice(from, size)), own.vjp(one, dmu.slice(from, size))) < 1e-15);
        }
    };
    check(conditional_layer{solver, imle::gumbel{}, options});
    check(conditional_layer{table, imle::gumbel{}, options});

    // Too few are allowed: the status of top_k.
    support::mask mask(8, false);
    mask[3] = true;
    const conditional_layer layer{imle::top_k{2}, imle::gumbel{}};
    CHECK_THROWS_AS(layer.marginals(theta, random_key{1}, imle::call_options{.mask = mask.span()}),
                    imle::solve_failure);
    mask[5] = true;
    const auto pass = layer.forward(theta, random_key{1}, imle::call_options{.mask = mask.span()});
    for (Eigen::Index b = 0; b < 3; ++b)
        for (Eigen::Index i = 0; i < 8; ++i) CHECK(pass.samples()(b, 0, i) == (i == 3 || i == 5 ? 1 : 0));
}

TEST_CASE("conditional_layer: threads, shards, shared theta and passes from parts",
          "[estimators][conditional]") {
    using tensor = Eigen::Tensor<float, 2>;
    const auto theta = numbers<tensor>({37, 6}, 1), dmu = numbers<tensor>({37, 6}, 2);
    const conditional_layer layer{imle::top_k{5}, imle::gumbel{}, {.samples = 40}};
    const conditional_layer threaded{
        imle::top_k{5}, imle::gumbel{}, {.samples = 40, .threads = 3}, eager_threads()};
    const random_key key{3};
    const auto pass = layer.forward(theta, key, 10);
    const auto mean = layer.marginals(theta, key, 10);
    const tensor whole = layer.vjp(pass, dmu);
    CHECK(same_bits(threaded.forward(theta, key, 10).samples(), pass.samples()));
    CHECK(same_bits(threaded.marginals(theta, key, 10).marginals(), mean.marginals()));
    CHECK(same_bits(tensor(threaded.vjp(pass, dmu)), whole));
    CHECK(same_bits(tensor(layer.vjp(mean, dmu)), whole));
    for (Eigen::Index b = 0; b < 6; ++b) {
        const std::array<Eigen::Index, 2> from{0, b}, size{37, 1};
        const tensor row = theta.slice(from, size), cotangent = dmu.slice(from, size);
        const auto part = layer.marginals(row, key, 10 + static_cast<std::uint64_t>(b));
        const tensor gradient = layer.vjp(part, cotangent);
        CHECK(std::equal(part.marginals().data(), part.marginals().data() + 37,
                         mean.marginals().data() + 37 * b));
        CHECK(std::equal(gradient.data(), gradient.data() + 37, whole.data() + 37 * b));
    }
    // A row that failed has no gradient.
    const imle::sampled_pass<float, 2, Eigen::ColMajor> failed(theta, pass.samples(), key, 10, {2});
    const tensor without = layer.vjp(failed, dmu);
    for (Eigen::Index b = 0; b < 6; ++b)
        for (Eigen::Index i = 0; i < 37; ++i) CHECK(without(i, b) == (b == 2 ? 0 : whole(i, b)));
    // One theta for all rows: the gradient is the sum.
    Eigen::Tensor<float, 1> one(37);
    std::copy_n(theta.data(), 37, one.data());
    tensor same(37, 6);
    for (Eigen::Index b = 0; b < 6; ++b) std::copy_n(one.data(), 37, same.data() + 37 * b);
    const auto shared = layer.marginals(imle::shared(one, 6), key);
    const auto rows = layer.marginals(same, key);
    CHECK(same_bits(shared.marginals(), rows.marginals()));
    const tensor each = layer.vjp(rows, dmu);
    const Eigen::Tensor<float, 1> sum = layer.vjp(shared, dmu);
    for (Eigen::Index i = 0; i < 37; ++i) {
        double expected = 0;
        for (Eigen::Index b = 0; b < 6; ++b) expected += static_cast<double>(each(i, b));
        CHECK(std::abs(static_cast<double>(sum(i)) - expected) < 1e-5);
    }
    // Into existing memory, with the same bits.
    auto again = layer.marginals(theta, key.fold_in(1));
    layer.marginals_into(theta, key, again, 10);
    CHECK(same_bits(again.marginals(), mean.marginals()));
    tensor gradient(37, 6);
    layer.vjp_into(again, dmu, gradient);
    CHECK(same_bits(gradient, whole));
    // Of the batch first.
    const auto first =
        layer.marginals(imle::batch_first(tensor(theta.shuffle(std::array<int, 2>{1, 0}))), key, 10);
    CHECK(same_bits(tensor(first.marginals().shuffle(std::array<int, 2>{1, 0})), mean.marginals()));
}

TEST_CASE("conditional_layer: stratified samples, threads and shards", "[estimators][conditional]") {
    using tensor = Eigen::Tensor<float, 2>;
    const auto theta = numbers<tensor>({37, 6}, 1), dmu = numbers<tensor>({37, 6}, 2);
    const conditional_options options{.samples = 40, .sampling = imle::sampling::latin};
    conditional_options with_threads = options;
    with_threads.threads = 3;
    const conditional_layer layer{imle::top_k{5}, imle::gumbel{}, options};
    const conditional_layer threaded{imle::top_k{5}, imle::gumbel{}, with_threads, eager_threads()};
    const auto mean = layer.marginals(theta, random_key{3}, 10);
    const tensor whole = layer.vjp(mean, dmu);
    CHECK(same_bits(threaded.marginals(theta, random_key{3}, 10).marginals(), mean.marginals()));
    CHECK(same_bits(tensor(threaded.vjp(mean, dmu)), whole));
    const std::array<Eigen::Index, 2> from{0, 4}, size{37, 1};
    const auto part = layer.marginals(tensor(theta.slice(from, size)), random_key{3}, 14);
    const tensor gradient = layer.vjp(part, tensor(dmu.slice(from, size)));
    CHECK(std::equal(gradient.data(), gradient.data() + 37, whole.data() + 4 * 37));
    // They are other samples than independent ones.
    const conditional_layer independent{imle::top_k{5}, imle::gumbel{}, {.samples = 40}};
    CHECK(furthest(independent.marginals(theta, random_key{3}, 10).marginals(), mean.marginals()) > 1e-4);
}

TEST_CASE("conditional_layer: the chain rule", "[estimators][conditional]") {
    const auto theta = numbers<matrix>({4, 5}, 1), dmu = numbers<matrix>({4, 5}, 2);
    const Eigen::Index samples = 6;
    const conditional_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = samples}};
    const auto pass = layer.forward(theta, random_key{3}, 2);
    const matrix expected = layer.vjp(pass, dmu);
    const auto [mean, mean_pullback] = layer.marginals_and_pullback(theta, random_key{3}, 2);
    CHECK(furthest(mean, pass.marginals()) < 1e-15);
    CHECK(furthest(mean_pullback(dmu), expected) < 1e-15);
    // The mean over samples, then dmu: each sample's cotangent is dmu / S.
    cube dz(4, samples, 5);
    for (Eigen::Index b = 0; b < 4; ++b)
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < 5; ++i) dz(b, s, i) = dmu(b, i) / static_cast<double>(samples);
    CHECK(furthest(layer.pull_back(pass, dz), expected) < 1e-14);
}

TEST_CASE("conditional_layer: a solver of your own", "[estimators][conditional]") {
    const auto theta = numbers<matrix>({3, 6}, 1), dmu = numbers<matrix>({3, 6}, 2);
    const conditional_layer own{larger_of_pairs{}, imle::exponential{}, {.samples = 7}};
    const conditional_layer built_in{imle::k_of_groups{1, {2, 2, 2}}, imle::exponential{}, {.samples = 7}};
    const auto pass = own.marginals(theta, random_key{1}), other = built_in.marginals(theta, random_key{1});
    CHECK(furthest(pass.marginals(), other.marginals()) < 1e-15);
    CHECK(furthest(own.vjp(pass, dmu), built_in.vjp(other, dmu)) < 1e-15);
}

TEST_CASE("conditional_layer: what is refused", "[estimators][conditional]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto message_of_options = [](conditional_options options) {
        return support::message_of<std::invalid_argument>(
            [&] { conditional_layer layer(imle::top_k{1}, imle::gumbel{}, options); });
    };
    CHECK(support::says(message_of_options({.samples = 0}),
                        {"conditional_options::samples is 0", "at least 1"}));
    for (const double T : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()})
        CHECK(support::says(message_of_options({.temperature = T}),
                            {"conditional_options::temperature is ", "above 0"}));
    CHECK(support::says(message_of_options({.threads = -1}), {"conditional_options::threads is -1"}));
    CHECK(support::says(message_of_options({.sampling = static_cast<imle::sampling>(7)}),
                        {"conditional_options::sampling is 7"}));

    const auto theta = numbers<matrix>({2, 3}, 1);
    const auto refused = [&](const auto& layer, const auto& at) {
        return support::message_of<std::invalid_argument>([&] { (void)layer.forward(at, random_key{1}); });
    };
    CHECK(support::says(refused(conditional_layer{imle::top_k{1}, imle::gamma{0.7, 1}}, theta),
                        {"density inf", "at the lower bound"}));
    const conditional_layer cold{imle::top_k{1}, imle::gumbel{}, {.temperature = 1e-40}};
    CHECK(support::says(refused(cold, Eigen::Tensor<float, 2>(theta.size(), 1).setZero().eval()),
                        {"conditional_options::temperature is 1e-40", "inverse"}));
    CHECK(refused(cold, theta).empty());
    CHECK(
        support::says(refused(conditional_layer{imle::top_k{4}, imle::gumbel{}}, theta), {"top_k's k is 4"}));

    const conditional_layer layer{imle::top_k{1}, imle::gumbel{}, {.samples = 3}};
    const auto pass = layer.forward(theta, random_key{1});
    CHECK_THROWS_AS(layer.vjp(pass, matrix(3, 2)), std::invalid_argument);
    CHECK_THROWS_AS(layer.vjp(pass, cube(2, 4, 3)), std::invalid_argument);
    matrix bad = theta;
    bad(1, 1) = nan;
    CHECK_THROWS_AS(layer.vjp(pass, bad), std::invalid_argument);
    CHECK_THROWS_AS(layer.forward(bad, random_key{1}), std::invalid_argument);
    // A gradient that overflows.
    const conditional_layer tiny{imle::top_k{1}, imle::gumbel{}, {.samples = 3, .temperature = 1e-300}};
    const matrix equal = matrix(2, 3).setZero().eval();
    matrix large(2, 3);
    large.setConstant(1e20);
    large(0, 0) = -1e20;
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [&] { (void)tiny.vjp(tiny.forward(equal, random_key{1}), large); }),
                        {"the gradient is", "larger temperature"}));
}
