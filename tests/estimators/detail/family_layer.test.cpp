// The common part of the layers around an exact family.

#include <imle/estimators/detail/family_layer.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/families/k_subset_family.hpp>
#include <imle/families/softmax_family.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using fixtures::same_bits;
using imle::exact_layer;
using imle::k_subset_family;
using imle::random_key;
using imle::score_function_layer;

namespace {

// Marginals as a pass: the exact mean, the call's data, and the backward pass.
template <class Scalar, int Layout, class LayerT>
void check_marginals_pass(const LayerT& layer) {
    using matrix = Eigen::Tensor<Scalar, 2, Layout>;
    const auto theta = fixtures::numbers<matrix>({3, 4}, 1), dmu = fixtures::numbers<matrix>({3, 4}, 2);
    const auto pass = layer.marginals(theta, random_key{5}, 7);
    CHECK(same_bits(pass.theta(), theta));
    CHECK(pass.key() == random_key{5});
    CHECK(pass.first_instance() == 7);
    CHECK(pass.sample_count() == layer.options().samples);
    CHECK(pass.failed_rows().empty());
    matrix expected(3, 4);
    const Eigen::Index n = Layout == Eigen::RowMajor ? 4 : 3;
    for (Eigen::Index b = 0; b < 12 / n; ++b) {
        const auto row = static_cast<std::size_t>(n);
        layer.family().marginals(std::span<const Scalar>(theta.data() + b * n, row),
                                 std::span<Scalar>(expected.data() + b * n, row));
    }
    CHECK(same_bits(pass.marginals(), expected));
    CHECK(same_bits(layer.marginals(theta, random_key{6}).marginals(), expected));  // nothing is random

    // The samples that a backward pass needs are those of forward.
    const auto sampled = layer.forward(theta, random_key{5}, 7);
    const auto gradient = layer.vjp(pass, dmu);
    CHECK(same_bits(gradient, layer.vjp(sampled, dmu)));
    const auto [value, pullback] = layer.marginals_and_pullback(theta, random_key{5}, 7);
    CHECK(same_bits(value, expected));
    CHECK(same_bits(pullback(dmu), gradient));
}

template <class LayerT>
void check_marginals_passes(const LayerT& layer) {
    check_marginals_pass<float, Eigen::RowMajor>(layer);
    check_marginals_pass<float, Eigen::ColMajor>(layer);
    check_marginals_pass<double, Eigen::RowMajor>(layer);
    check_marginals_pass<double, Eigen::ColMajor>(layer);
}

// Every call of one const layer, from several threads at once, against the same calls alone.
template <class LayerT>
void check_threads(const LayerT& layer) {
    using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    struct results {
        Eigen::Tensor<float, 3, Eigen::RowMajor> samples;
        matrix mean, gradient, mean_gradient, pulled;
    };
    const auto all = [&layer](unsigned call) {
        const auto theta = fixtures::numbers<matrix>({2, 40}, call);
        const auto dmu = fixtures::numbers<matrix>({2, 40}, call + 100);
        const auto pass = layer.forward(theta, random_key{call});
        const auto mean = layer.marginals(theta, random_key{call});
        const auto [value, pullback] = layer.value_and_pullback(theta, random_key{call});
        return results{pass.samples(), mean.marginals(), layer.vjp(pass, dmu), layer.vjp(mean, dmu),
                       pullback(value)};
    };
    constexpr unsigned threads = 4, calls = 25;
    std::vector<results> together(threads * calls);
    {
        std::atomic<unsigned> waiting = threads;
        std::vector<std::jthread> workers;  // joined before what they count goes
        for (unsigned t = 0; t < threads; ++t)
            workers.emplace_back([&, t] {
                --waiting;
                while (waiting != 0) std::this_thread::yield();
                for (unsigned c = 0; c < calls; ++c) together[t * calls + c] = all((t + c) % calls);
            });
    }
    for (unsigned t = 0; t < threads; ++t)
        for (unsigned c = 0; c < calls; ++c) {
            const results alone = all((t + c) % calls);
            const results& found = together[t * calls + c];
            INFO("thread " << t << ", call " << (t + c) % calls);
            CHECK((same_bits(found.samples, alone.samples) && same_bits(found.mean, alone.mean) &&
                   same_bits(found.gradient, alone.gradient) &&
                   same_bits(found.mean_gradient, alone.mean_gradient) &&
                   same_bits(found.pulled, alone.pulled)));
        }
}

// No instances, or instances of no numbers. Sanitizers look at the null pointers.
template <int Layout, class LayerT>
void check_empty(const LayerT& layer, Eigen::Index rows, Eigen::Index columns) {
    using matrix = Eigen::Tensor<double, 2, Layout>;
    const matrix theta(rows, columns);
    const auto pass = layer.forward(theta, random_key{1}, 3);
    CHECK(pass.samples().size() == 0);
    CHECK(pass.marginals().size() == 0);
    const auto mean = layer.marginals(theta, random_key{1}, 3);
    CHECK(mean.marginals().dimensions() == theta.dimensions());
    CHECK(layer.vjp(pass, theta).dimensions() == theta.dimensions());
    CHECK(layer.vjp(pass, pass.samples()).dimensions() == theta.dimensions());
    CHECK(layer.vjp(mean, theta).dimensions() == theta.dimensions());
    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{1});
    CHECK(pullback(value).dimensions() == theta.dimensions());
}

template <class LayerT>
void check_all_empty(const LayerT& layer) {
    check_empty<Eigen::RowMajor>(layer, 0, 0);
    check_empty<Eigen::ColMajor>(layer, 0, 0);
    check_empty<Eigen::RowMajor>(layer, 2, 0);
    check_empty<Eigen::ColMajor>(layer, 0, 2);
    check_empty<Eigen::RowMajor>(layer, 0, 2);
    check_empty<Eigen::ColMajor>(layer, 2, 0);
}

// Draws nothing at item 7.
struct forgetful_family {
    void sample(std::span<const double>, random_key, std::uint64_t item, std::span<double> z) const {
        if (item != 7) std::fill(z.begin(), z.end(), 1.0);
    }
    void marginals(std::span<const double>, std::span<double> mu) const {
        std::fill(mu.begin(), mu.end(), 0.5);
    }
};

}  // namespace

TEST_CASE("marginals of a layer around a family are a pass with the exact mean", "[estimators][families]") {
    check_marginals_passes(exact_layer{k_subset_family{2}, {.samples = 4}});
    check_marginals_passes(exact_layer{imle::softmax_family{}});
    for (const imle::baseline level :
         {imle::baseline::none, imle::baseline::leave_one_out, imle::baseline::exact_marginals})
        check_marginals_passes(score_function_layer{k_subset_family{2}, {.samples = 4, .baseline = level}});
}

TEST_CASE("a const layer around a family may be called by several threads", "[estimators][families]") {
    check_threads(exact_layer{k_subset_family{3}, {.samples = 2}});
    check_threads(exact_layer{imle::softmax_family{}, {.samples = 2}});
    check_threads(score_function_layer{k_subset_family{3}, {.samples = 3}});
}

TEST_CASE("layers around a family take empty batches and empty instances", "[estimators][families]") {
    check_all_empty(exact_layer{k_subset_family{0}, {.samples = 2}});
    check_all_empty(score_function_layer{k_subset_family{0}, {.samples = 2}});
}

TEST_CASE("samples drawn again in a backward pass are checked", "[estimators][families][errors]") {
    const score_function_layer layer{forgetful_family{}, {.samples = 2}};
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(2, 3);
    theta.setConstant(0.25);
    const auto pass = layer.marginals(theta, random_key{1}, 2);
    try {
        static_cast<void>(layer.vjp(pass, theta));
        FAIL("a draw that was not written passed");
    } catch (const imle::solver_error& error) {
        CHECK(error.instance() == 3);
        CHECK(error.sample() == 1);
    }
}
