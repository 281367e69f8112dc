#include <imle/layer/pass.hpp>

#include <imle/layer/imle_layer.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

using namespace fixtures;
using imle::difference;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using support::message_of;
using support::says;

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;

}  // namespace

TEST_CASE("sampled_pass: parts that do not fit are refused", "[layer]") {
    const auto error = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    using pass_type = imle::sampled_pass<float, 2, Eigen::RowMajor>;
    CHECK(says(error([] { pass_type(matrix(4, 5), cube(4, 3, 6), random_key{}, 0); }),
               {"[4, 3, 6]", "[4, 5]"}));
    CHECK(says(error([] { pass_type(matrix(4, 5), cube(4, 0, 5), random_key{}, 0); }), {"[4, 0, 5]"}));
}

TEST_CASE("sampled_pass: one made of saved parts is the one that was saved", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const matrix theta = numbers<matrix>({4, 5}, 1);
    const auto pass = layer.forward(theta, random_key{1}, 8);
    const imle::sampled_pass<float, 2, Eigen::RowMajor> restored(pass.theta(), pass.samples(), pass.key(),
                                                                 pass.first_instance());
    CHECK(same_bits(restored.theta(), theta));
    CHECK(same_bits(layer.vjp(restored, theta), layer.vjp(pass, theta)));
    CHECK(restored.sample_count() == 3);
    CHECK(restored.key() == random_key{1});
    CHECK(restored.first_instance() == 8);
}

TEST_CASE("sampled_pass: marginals are the mean of the samples", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 100}};
    const auto pass = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1});
    matrix mean(4, 5);
    mean = pass.samples().mean(Eigen::array<int, 1>{1});
    CHECK(furthest(pass.marginals(), mean) < 1e-6);
    cube taken = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1}).samples();
    CHECK(same_bits(taken, pass.samples()));
}

TEST_CASE("marginals_pass: a pass that kept no samples gives the same to rounding", "[layer]") {
    for (const auto kind : {difference::forward, difference::central}) {
        imle_layer layer{cube_solver,
                         hashed_noise{},
                         perturbation_target{.beta = 2, .scale_gradient = true},
                         {.samples = 50, .difference = kind}};
        imle_layer adaptive{
            cube_solver, hashed_noise{}, imle::adaptive_target{}, {.samples = 50, .difference = kind}};
        auto adaptive_from_mean = adaptive;
        const matrix theta = numbers<matrix>({6, 8}, 1);
        const matrix dmu = numbers<matrix>({6, 8}, 2);
        const auto pass = layer.forward(theta, random_key{1});
        const auto mean = layer.marginals(theta, random_key{1});
        CHECK(furthest(layer.vjp(pass, dmu), layer.vjp(mean, dmu)) < 1e-6);
        // The adaptive target counts nonzeros per sample: the same count from a pass without samples.
        CHECK(furthest(adaptive.vjp(pass, dmu), adaptive_from_mean.vjp(mean, dmu)) < 1e-6);
        CHECK(adaptive.target().state() == adaptive_from_mean.target().state());
        CHECK(adaptive.target().state().grad_norm != 1.0);
    }
}

TEST_CASE("marginals_pass: parts that do not fit are refused", "[layer]") {
    const auto error = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    using mean_type = imle::marginals_pass<float, 2, Eigen::RowMajor>;
    CHECK(
        says(error([] { mean_type(matrix(4, 5), matrix(4, 6), random_key{}, 0, 1); }), {"[4, 6]", "[4, 5]"}));
    CHECK(says(error([] { mean_type(matrix(4, 5), matrix(4, 5), random_key{}, 0, 0); }),
               {"sample_count", "0"}));
}
