#include <imle/layer/pass.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

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

// ---- passes that are used again ---------------------------------------------------------------------------

namespace {

/// Throws where theta holds the number 7777.
const auto refusing_solver = [](const auto& theta, auto& z) {
    cube_solver(theta, z);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        if (theta.data()[i] > 7000) throw std::domain_error("no answer");
};

template <class TensorT>
bool all_nan(const TensorT& tensor) {
    return std::all_of(tensor.data(), tensor.data() + tensor.size(), [](auto x) { return std::isnan(x); });
}

}  // namespace

TEST_CASE("pass: after a call that threw with another shape, a pass is consistent", "[layer]") {
    imle_layer layer{refusing_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    for (const Eigen::Index batch : {1, 4, 9}) {
        auto pass = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1});
        auto mean = layer.marginals(numbers<matrix>({4, 5}, 1), random_key{1});
        matrix theta = numbers<matrix>({batch, 6}, 2);
        theta(batch - 1, 3) = 7777.F;
        CHECK_THROWS_AS(layer.forward_into(theta, random_key{2}, pass, 5), std::domain_error);
        CHECK_THROWS_AS(layer.marginals_into(theta, random_key{2}, mean, 5), std::domain_error);
        CHECK(same_bits(pass.theta(), theta));
        CHECK(same_bits(mean.theta(), theta));
        CHECK(pass.first_instance() == 5);
        CHECK(pass.samples().size() == batch * 3 * 6);
        CHECK(all_nan(pass.samples()));
        CHECK(all_nan(pass.marginals()));
        CHECK(all_nan(mean.marginals()));
        // A vjp of this pass throws and returns no number.
        imle_layer calm{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
        const auto error = [&](const auto& of) {
            return message_of<std::invalid_argument>([&] { (void)calm.vjp(of, theta); });
        };
        CHECK(says(error(pass), {"the pass", "without finite values"}));
        CHECK(says(error(mean), {"the pass", "without finite values"}));
        // And it can be used again.
        layer.forward_into(numbers<matrix>({2, 5}, 3), random_key{3}, pass);
        CHECK(same_bits(pass.samples(), layer.forward(numbers<matrix>({2, 5}, 3), random_key{3}).samples()));
    }
}

TEST_CASE("pass: an invalid argument leaves it unchanged", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    auto pass = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1});
    const auto before = pass;
    matrix theta = numbers<matrix>({2, 6}, 2);
    theta(1, 1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(layer.forward_into(theta, random_key{2}, pass), std::invalid_argument);
    CHECK(same_bits(pass.samples(), before.samples()));
    CHECK(same_bits(pass.theta(), before.theta()));
    CHECK(pass.key() == before.key());
}

#if !defined(IMLE_TEST_SANITIZED)
// Sanitizers end the process where memory cannot be had.
TEST_CASE("pass: a failed allocation leaves it unchanged", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    auto pass = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1});
    const auto before = pass;
    imle_layer large{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = Eigen::Index{1} << 50}};
    CHECK_THROWS_AS(large.forward_into(numbers<matrix>({2, 6}, 2), random_key{2}, pass), std::bad_alloc);
    CHECK(same_bits(pass.theta(), before.theta()));
    CHECK(same_bits(layer.vjp(pass, pass.theta()), layer.vjp(before, before.theta())));
    imle_layer larger{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = Eigen::Index{1} << 60}};
    CHECK(says(message_of<std::invalid_argument>([&] {
                   larger.forward_into(numbers<matrix>({2, 6}, 2), random_key{2}, pass);
               }),
               {"the number of samples", "64 bits"}));
    CHECK(same_bits(pass.samples(), before.samples()));
}
#endif

TEST_CASE("pass: theta may lie in the pass that is written", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const auto original = layer.forward(numbers<matrix>({4, 5}, 1), random_key{1});
    const auto rewritten = [&](const auto& theta_of) {
        auto pass = original;
        matrix copy = theta_of(pass);
        const auto expected = layer.forward(copy, random_key{9});
        layer.forward_into(theta_of(pass), random_key{9}, pass);
        CHECK(same_bits(pass.theta(), copy));
        CHECK(same_bits(pass.samples(), expected.samples()));
    };
    using map = Eigen::TensorMap<const matrix>;
    rewritten([](const auto& pass) { return map(pass.theta().data(), 4, 5); });
    rewritten([](const auto& pass) { return map(pass.theta().data() + 5, 2, 5); });  // some of its rows
    rewritten([](const auto& pass) { return map(pass.samples().data(), 4, 5); });    // its samples
    rewritten([](const auto& pass) { return map(pass.samples().data() + 7, 3, 2); });
    rewritten([](const auto& pass) { return map(pass.samples().data(), 12, 5); });  // all of them
}

TEST_CASE("pass: a moved-from pass throws", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const matrix theta = numbers<matrix>({4, 5}, 1);
    const auto refused = [&](const auto& pass) {
        CHECK(says(message_of<std::logic_error>([&] { (void)layer.vjp(pass, theta); }), {"moved from"}));
        CHECK(says(message_of<std::logic_error>([&] { (void)layer.sums(pass, theta); }), {"moved from"}));
    };
    auto pass = layer.forward(theta, random_key{1});
    const auto taken = std::move(pass);
    refused(pass);
    CHECK(says(message_of<std::logic_error>([&] { (void)pass.marginals(); }), {"moved from"}));
    layer.forward_into(theta, random_key{1}, pass);
    CHECK(same_bits(layer.vjp(pass, theta), layer.vjp(taken, theta)));
    const auto samples = std::move(pass).samples();
    refused(pass);
    auto mean = layer.marginals(theta, random_key{1});
    const auto taken_mean = std::move(mean);
    refused(mean);
    mean = taken_mean;
    CHECK(same_bits(layer.vjp(mean, theta), layer.vjp(taken_mean, theta)));
    const auto marginals = std::move(mean).marginals();
    refused(mean);
}

TEST_CASE("pass: the last instance that 64 bits can name is refused by every layer", "[layer]") {
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
    const imle::sampled_pass<float, 2, Eigen::RowMajor> pass(numbers<matrix>({4, 5}, 1), cube(4, 3, 5),
                                                             random_key{1}, ~std::uint64_t{0});
    CHECK(says(message_of<std::invalid_argument>([&] { (void)layer.vjp(pass, pass.theta()); }),
               {"first_instance", "64 bits"}));
}
