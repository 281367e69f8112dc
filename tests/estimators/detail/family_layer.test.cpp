// The common part of the layers around an exact family.

#include <imle/estimators/detail/family_layer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/families/chain_family.hpp>
#include <imle/families/k_subset_family.hpp>
#include <imle/families/softmax_family.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"

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
    constexpr unsigned threads = 4, calls = std::max(support::repeats(25u), 8u);
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
    for (unsigned call = 0; call < calls; ++call) {
        const results alone = all(call);
        for (unsigned t = 0; t < threads; ++t) {
            const results& found = together[t * calls + (call + calls - t) % calls];
            INFO("thread " << t << ", call " << call);
            CHECK((same_bits(found.samples, alone.samples) && same_bits(found.mean, alone.mean) &&
                   same_bits(found.gradient, alone.gradient) &&
                   same_bits(found.mean_gradient, alone.mean_gradient) &&
                   same_bits(found.pulled, alone.pulled)));
        }
    }
}

// The results of all calls of a layer, one after the other.
template <class TensorT, class LayerT>
std::vector<double> all_results(const LayerT& layer, const TensorT& theta,
                                const imle::call_options& options) {
    std::vector<double> numbers;
    const auto add = [&](const auto& tensor) {
        numbers.insert(numbers.end(), tensor.data(), tensor.data() + tensor.size());
    };
    const auto pass = layer.forward(theta, random_key{3}, options);
    const auto mean = layer.marginals(theta, random_key{3}, options);
    add(pass.samples());
    add(mean.marginals());
    add(layer.map(theta, options));
    add(layer.vjp(pass, theta));
    add(layer.vjp(mean, theta));
    const auto dz =
        fixtures::numbers<std::remove_cvref_t<decltype(pass.samples())>>(pass.samples().dimensions(), 8);
    add(layer.vjp(pass, dz));
    if constexpr (requires(Eigen::Tensor<double, 2, Eigen::RowMajor> losses) {
                      layer.gradient(pass, losses);
                  }) {
        const auto losses = fixtures::numbers<Eigen::Tensor<double, 2, Eigen::RowMajor>>(
            {pass.shape().batch, pass.sample_count()}, 9);
        const auto baselines =
            fixtures::numbers<Eigen::Tensor<double, 1, Eigen::RowMajor>>({pass.shape().batch}, 10);
        add(layer.gradient(pass, losses));
        add(layer.gradient(pass, losses, baselines));
    }
    return numbers;
}

// The same bits on one, two, three and eight threads; and with work that is guessed from the last call.
template <class TensorT, class FamilyT>
void check_same_bits(const FamilyT& family, const TensorT& theta, const imle::call_options& options = {}) {
    const auto check = [&](const auto& make) {
        const auto alone = all_results(make(1), theta, options);
        for (const int threads : {2, 3, 8}) {
            const auto layer = make(threads);
            for (int call = 0; call < 3; ++call) {
                INFO(threads << " threads, call " << call);
                CHECK(same_bits(all_results(layer, theta, options), alone));
            }
        }
    };
    check([&](int threads) {
        return exact_layer{family, {.samples = 5, .threads = threads}, fixtures::eager_threads()};
    });
    check([&](int threads) {
        return score_function_layer{family, {.samples = 5, .threads = threads}, fixtures::eager_threads()};
    });
}

// Its functions return once two threads are in one of them, which one thread alone waits for in vain.
class meeting_family {
  public:
    void sample(std::span<const double>, random_key, std::uint64_t, std::span<double> z) const { meet(z); }
    void marginals(std::span<const double>, std::span<double> mu) const { meet(mu); }
    void map(std::span<const double>, std::span<double> z) const { meet(z); }
    void marginals_vjp(std::span<const double>, std::span<const double>, std::span<double> g) const {
        meet(g);
    }
    [[nodiscard]] bool met() const { return shared_->met.exchange(false); }

  private:
    struct state {
        std::atomic<int> inside{0};
        std::atomic<bool> met{false};
    };
    void meet(std::span<double> out) const {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        if (++shared_->inside > 1) shared_->met = true;
        while (!shared_->met && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        --shared_->inside;
        std::fill(out.begin(), out.end(), 1.0);
    }
    std::shared_ptr<state> shared_ = std::make_shared<state>();
};

template <class LayerT>
void check_meetings(const LayerT& layer) {
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(4, 3);
    theta.setConstant(0.25);
    const auto pass = layer.forward(theta, random_key{1});
    CHECK(layer.family().met());
    static_cast<void>(layer.marginals(theta, random_key{1}));
    CHECK(layer.family().met());
    static_cast<void>(layer.map(theta));
    CHECK(layer.family().met());
    const auto dz = fixtures::numbers<std::remove_cvref_t<decltype(pass.samples())>>({4, 2, 3}, 1);
    static_cast<void>(layer.vjp(pass, dz));
    CHECK(layer.family().met());
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

// Draws nothing from item `first` to item `last`.
struct forgetful_family {
    std::uint64_t first = 7, last = 7;
    void sample(std::span<const double>, random_key, std::uint64_t item, std::span<double> z) const {
        if (item < first || item > last) std::fill(z.begin(), z.end(), 1.0);
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

TEST_CASE("a draw that a family leaves out is named, whichever thread wrote it",
          "[estimators][families][errors]") {
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(1, 3);
    theta.setConstant(0.25);
    for (const int threads : {1, 2, 3, 8}) {
        const exact_layer layer{
            forgetful_family{}, {.samples = 5, .threads = threads}, fixtures::eager_threads()};
        INFO(threads << " threads");
        try {
            static_cast<void>(layer.forward(theta, random_key{1}, 1));
            FAIL("a draw that was not written passed");
        } catch (const imle::solver_error& error) {
            CHECK(error.instance() == 1);
            CHECK(error.sample() == 2);
        }
    }
}

TEST_CASE("results of a layer around a family do not depend on its threads",
          "[estimators][families][threads]") {
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    const auto theta = fixtures::numbers<matrix>({23, 8}, 1);
    check_same_bits(k_subset_family{3}, theta);
    const std::unique_ptr<bool[]> mask(new bool[23 * 8]);
    for (std::size_t i = 0; i < 23 * 8; ++i) mask[i] = i % 5 != i / 31;
    check_same_bits(k_subset_family{3}, theta, {.first_instance = 4, .mask = {mask.get(), 23 * 8}});
    using chains = Eigen::Tensor<double, 4, Eigen::RowMajor>;
    check_same_bits(imle::chain_family{}, fixtures::numbers<chains>({7, 4, 3, 3}, 3));
    // Fewer rows than threads: their samples are shared.
    for (const Eigen::Index rows : {Eigen::Index{1}, Eigen::Index{2}}) {
        check_same_bits(k_subset_family{3}, fixtures::numbers<matrix>({rows, 8}, 4),
                        {.first_instance = 4, .mask = {mask.get(), static_cast<std::size_t>(rows * 8)}});
        check_same_bits(imle::softmax_family{}, fixtures::numbers<matrix>({rows, 8}, 5));
        check_same_bits(imle::chain_family{}, fixtures::numbers<chains>({rows, 4, 3, 3}, 6));
    }
}

TEST_CASE("a theta shared by rows has one gradient on any number of threads",
          "[estimators][families][threads]") {
    using vector = Eigen::Tensor<double, 1, Eigen::RowMajor>;
    const auto theta = fixtures::numbers<vector>({9}, 1);
    const auto dmu = fixtures::numbers<Eigen::Tensor<double, 2, Eigen::RowMajor>>({30, 9}, 2);
    const auto gradient = [&](int threads) {
        const exact_layer layer{k_subset_family{4}, {.threads = threads}, fixtures::eager_threads()};
        return layer.vjp(layer.forward(imle::shared(theta, 30), random_key{1}), dmu);
    };
    CHECK(same_bits(gradient(2), gradient(1)));
    CHECK(same_bits(gradient(3), gradient(1)));
}

TEST_CASE("a layer around a family does work on several threads", "[estimators][families][threads]") {
    // Eager, since else one thread alone begins a call, to see what it takes, and waits in vain.
    check_meetings(exact_layer{meeting_family{}, {.samples = 2, .threads = 2}, fixtures::eager_threads()});
    check_meetings(
        score_function_layer{meeting_family{}, {.samples = 2, .threads = 2}, fixtures::eager_threads()});
    // One row: its samples are shared.
    const exact_layer one_row{meeting_family{}, {.samples = 2, .threads = 2}, fixtures::eager_threads()};
    Eigen::Tensor<double, 2, Eigen::RowMajor> row(1, 3);
    row.setConstant(0.25);
    static_cast<void>(one_row.forward(row, random_key{1}));
    CHECK(one_row.family().met());
    // A pullback keeps the threads; a copy shares them.
    auto layer = std::make_unique<exact_layer<meeting_family>>(meeting_family{}, imle::exact_options{1, 2},
                                                               fixtures::eager_threads());
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(4, 3);
    theta.setConstant(0.25);
    const auto [value, pullback] = layer->value_and_pullback(theta, random_key{1});
    const auto copy = *layer;
    layer.reset();
    static_cast<void>(copy.family().met());
    static_cast<void>(pullback(value));
    CHECK(copy.family().met());
    static_cast<void>(copy.map(theta));
    CHECK(copy.family().met());
}

TEST_CASE("a const layer with threads may be called by several threads", "[estimators][families][threads]") {
    check_threads(exact_layer{k_subset_family{3}, {.samples = 2, .threads = 2}, fixtures::eager_threads()});
    check_threads(
        score_function_layer{k_subset_family{3}, {.samples = 3, .threads = 2}, fixtures::eager_threads()});
}

TEST_CASE("the error of a family is the one of the lowest row", "[estimators][families][errors][threads]") {
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(40, 3);
    theta.setConstant(0.25);
    for (const int threads : {1, 2, 3}) {
        const score_function_layer layer{
            forgetful_family{7, 60}, {.samples = 2, .threads = threads}, fixtures::eager_threads()};
        for (int call = 0; call < 10; ++call) try {
                static_cast<void>(layer.forward(theta, random_key{1}));
                FAIL("a draw that was not written passed");
            } catch (const imle::solver_error& error) {
                CHECK(error.instance() == 3);
                CHECK(error.sample() == 1);
            }
    }
    for (const int threads : {-1, -7}) {
        CHECK_THROWS_WITH((exact_layer{imle::softmax_family{}, {.threads = threads}}),
                          mentions("exact_options::threads is " + std::to_string(threads)));
        CHECK_THROWS_WITH((score_function_layer{imle::softmax_family{}, {.threads = threads}}),
                          mentions("score_function_options::threads is " + std::to_string(threads)));
    }
    CHECK_NOTHROW(exact_layer{imle::softmax_family{}, {.threads = 0}});
}
