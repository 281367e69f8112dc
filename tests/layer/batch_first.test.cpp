#include <imle/layer/batch_first.hpp>

#include <imle/estimators/straight_through_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/losses/regret.hpp>
#include <imle/losses/spo_plus_loss.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::batch_first;
using imle::imle_layer;
using imle::random_key;

namespace batch_first_tests {

namespace {

// Column-major [batch, rows, cols] and [rows, cols, batch].
using tensor = Eigen::Tensor<double, 3>;
constexpr Eigen::Index batch = 2, rows = 3, cols = 4, samples = 5;

tensor batch_last(const tensor& t) {
    tensor result(rows, cols, batch);
    for (Eigen::Index b = 0; b < batch; ++b)
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < cols; ++j) result(i, j, b) = t(b, i, j);
    return result;
}

bool are_equal(const tensor& first, const tensor& last) {
    bool equal = first.dimension(0) == batch && last.dimension(2) == batch;
    for (Eigen::Index b = 0; equal && b < batch; ++b)
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < cols; ++j) equal = equal && first(b, i, j) == last(i, j, b);
    return equal;
}

const tensor theta = numbers<tensor>({batch, rows, cols}, 1);
const tensor wanted = numbers<tensor>({batch, rows, cols}, 2);

}  // namespace

TEST_CASE("batch_first: results have their batch first too", "[layer]") {
    imle_layer layer{
        imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 3}, {.samples = samples}};
    const auto pass = layer.forward(batch_first(theta), random_key{1}, 7);
    const auto expected = layer.forward(batch_last(theta), random_key{1}, 7);
    CHECK(same_bits(pass.theta(), theta));
    CHECK(pass.first_instance() == 7);
    CHECK(pass.sample_count() == samples);

    const Eigen::Tensor<double, 4> z = pass.samples();
    REQUIRE(z.dimension(0) == batch);
    REQUIRE(z.dimension(1) == samples);
    support::tally different;
    for (Eigen::Index b = 0; b < batch; ++b)
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < rows; ++i)
                for (Eigen::Index j = 0; j < cols; ++j)
                    different.expect(z(b, s, i, j) == expected.samples()(i, j, s, b), "instance ", b,
                                     ", sample ", s, ", ", i, ", ", j);
    CHECK(different == 0);
    CHECK(are_equal(pass.marginals(), expected.marginals()));

    const tensor slope = pass.marginals() - wanted;
    const tensor gradient = layer.vjp(pass, pass.marginals() - wanted);
    CHECK(are_equal(gradient, layer.vjp(expected, batch_last(slope))));
    CHECK(are_equal(layer.vjp(pass, z), layer.vjp(expected, expected.samples())));
    CHECK(are_equal(layer.pull_back(pass, z), layer.pull_back(expected, expected.samples())));

    const auto mean = layer.marginals(batch_first(theta), random_key{1}, 7);
    const auto expected_mean = layer.marginals(batch_last(theta), random_key{1}, 7);
    CHECK(are_equal(mean.marginals(), expected_mean.marginals()));
    CHECK(are_equal(layer.vjp(mean, slope), layer.vjp(expected_mean, batch_last(slope))));
    CHECK(are_equal(layer.map(batch_first(theta)), layer.map(batch_last(theta))));

    CHECK(layer.sums(pass, slope) == layer.sums(expected, batch_last(slope)));
    const auto [shard, counts] = layer.vjp_shard(pass, slope, layer.sums(pass, slope));
    CHECK(same_bits(shard, gradient));

    auto [value, pullback] = layer.value_and_pullback(batch_first(theta), random_key{1}, 7);
    CHECK(same_bits(value, z));
    CHECK(are_equal(pullback(value), layer.pull_back(expected, expected.samples())));
}

TEST_CASE("batch_first: a batch of vectors is not taken for its transpose", "[layer]") {
    // Two instances of four, as a user who comes from row-major arrays writes them.
    Eigen::Tensor<float, 2> scores(2, 4);
    scores.setValues({{1, 4, 2, 3}, {9, 5, 6, 7}});
    imle_layer layer{imle::top_k{1}, imle::gumbel{}, imle::perturbation_target{}};
    const Eigen::Tensor<float, 2> z = layer.map(batch_first(scores));
    CHECK(z(0, 1) == 1);
    CHECK(z(1, 0) == 1);
    CHECK(Eigen::Tensor<float, 0>(z.sum())() == 2);
}

TEST_CASE("batch_first: other layers and losses", "[layer]") {
    imle::straight_through_layer layer{imle::top_k{3}, imle::gumbel{}, {.samples = samples}};
    const auto pass = layer.forward(batch_first(theta), random_key{1});
    CHECK(same_bits(layer.vjp(pass, wanted), wanted));

    const imle::fenchel_young_loss fenchel_young{imle::top_k{3}, imle::gumbel{}, {.samples = samples}};
    const auto loss = fenchel_young(batch_first(theta), wanted, random_key{1});
    const auto expected = fenchel_young(batch_last(theta), batch_last(wanted), random_key{1});
    CHECK(same_bits(loss.values, expected.values));
    CHECK(are_equal(loss.gradient, expected.gradient));

    const imle::spo_plus_loss spo{imle::top_k{3}};
    CHECK(are_equal(spo(batch_first(theta), wanted).gradient,
                    spo(batch_last(theta), batch_last(wanted)).gradient));
    CHECK(same_bits(imle::regret(imle::top_k{3}, batch_first(theta), wanted),
                    imle::regret(imle::top_k{3}, batch_last(theta), batch_last(wanted))));
}

}  // namespace batch_first_tests
