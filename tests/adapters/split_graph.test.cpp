#include <imle/adapters/split_graph.hpp>

#include <imle/core/errors.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_adapter.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/adapter_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

using imle::testing::adapter_loss;
using imle::testing::adapter_output;
using imle::testing::adapter_result;
using imle::testing::check_adapter;

namespace {

using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;

// An engine of plain numbers: every sum and product is a node, and each derivative is propagated as soon as
// it arrives, path by path. It has no functions with several outputs.
template <class Scalar>
class number {
  public:
    number(Scalar value) : node_(std::make_shared<node>(node{value})) {}  // NOLINT: a number is a constant

    friend number operator+(const number& a, const number& b) {
        return number(a.value() + b.value(), {{a.node_, 1}, {b.node_, 1}});
    }
    friend number operator*(const number& a, const number& b) {
        return number(a.value() * b.value(), {{a.node_, b.value()}, {b.node_, a.value()}});
    }

    [[nodiscard]] Scalar value() const { return node_->value; }
    [[nodiscard]] Scalar slope() const { return node_->slope; }
    void backward() const { arrive(*node_, 1); }

  private:
    struct node {
        Scalar value;
        Scalar slope = 0;
        std::vector<std::pair<std::shared_ptr<node>, Scalar>> parents = {};
    };
    number(Scalar value, std::vector<std::pair<std::shared_ptr<node>, Scalar>> parents)
        : node_(std::make_shared<node>(node{value, 0, std::move(parents)})) {}

    static void arrive(node& at, Scalar slope) {
        at.slope += slope;
        for (const auto& [parent, factor] : at.parents) arrive(*parent, slope * factor);
    }

    std::shared_ptr<node> node_;
};

template <class Scalar>
std::vector<number<Scalar>> inputs(const Scalar* values, Eigen::Index count) {
    return std::vector<number<Scalar>>(values, values + count);
}
template <class Scalar>
std::vector<Scalar> values_of(const std::vector<number<Scalar>>& numbers) {
    std::vector<Scalar> result;
    for (const auto& x : numbers) result.push_back(x.value());
    return result;
}
template <class Scalar>
std::vector<Scalar> slopes_of(const std::vector<number<Scalar>>& numbers) {
    std::vector<Scalar> result;
    for (const auto& x : numbers) result.push_back(x.slope());
    return result;
}

// What `check_adapter` runs, for theta of any rank and either layout.
const auto by_splitting = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
    using Scalar = imle::scalar_of<decltype(x)>;
    const auto x_variables = inputs(x.data(), x.size());
    const auto theta_variables = loss.theta(x_variables);
    auto theta = x;
    std::ranges::copy(values_of(theta_variables), theta.data());

    imle::split_graph split{layer, theta, key};
    const auto z = inputs(split.samples().data(), split.samples().size());
    loss(z).backward();
    const auto gradient = split.backward(slopes_of(z));
    split.surrogate(theta_variables, gradient).backward();
    return adapter_result<Scalar>{values_of(z), slopes_of(x_variables)};
};

auto layer_of(Eigen::Index samples) {
    return imle::imle_layer{
        imle::categorical{}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = samples}};
}

tensor random_theta(Eigen::Index batch, Eigen::Index n) {
    tensor theta(batch, n);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = static_cast<double>((i * 7) % 5) / 4 - 0.4;
    return theta;
}

}  // namespace

TEST_CASE("A graph that is split at the layer keeps all laws of an adapter", "[adapters]") {
    for (const auto& report :
         {check_adapter<double>(by_splitting, {.subject = "double", .exact_samples = 256}),
          check_adapter<float>(by_splitting, {.subject = "float", .exact_runs = 0})}) {
        INFO(report);
        CHECK(report.passed());
    }
    // Column-major, instances of rank 2, a state, two solves a sample.
    const imle::imle_layer layer{imle::top_k{4},
                                 imle::gumbel{},
                                 imle::adaptive_target{},
                                 {.samples = 4, .difference = imle::difference::central}};
    const auto report = check_adapter(by_splitting, layer, Eigen::Tensor<float, 3>(2, 3, 2).setRandom());
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("A split graph takes the other estimators", "[adapters]") {
    const tensor theta = adapter_fixtures::values(3, 5);
    const imle::random_key key{4};
    adapter_fixtures::for_each_estimator([&](auto layer) {
        imle::split_graph split{layer, theta, key};
        std::vector<double> dz(static_cast<std::size_t>(split.samples().size()));
        for (std::size_t i = 0; i < dz.size(); ++i) dz[i] = static_cast<double>(i * 7 % 11) / 8 - 0.5;
        CHECK(adapter_fixtures::of(split.backward(dz)) ==
              adapter_fixtures::chain_rule(layer, theta, key, dz));
    });
}

TEST_CASE("A split graph of marginals passes their cotangent to vjp unchanged", "[adapters]") {
    const auto run = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
        const auto x_variables = inputs(x.data(), x.size());
        const auto theta_variables = loss.theta(x_variables);
        tensor theta = x;
        std::ranges::copy(values_of(theta_variables), theta.data());
        imle::split_graph split{layer, theta, key};
        const tensor mean = split.marginals();
        const auto mu = inputs(mean.data(), mean.size());
        loss(mu).backward();
        split.surrogate(theta_variables, split.backward(slopes_of(mu))).backward();
        return adapter_result<double>{values_of(mu), slopes_of(x_variables)};
    };
    const auto report =
        check_adapter<double>(run, {.output = adapter_output::marginals, .exact_samples = 256});
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("The gradient of a split graph is the pullback's", "[adapters]") {
    auto layer = layer_of(3);
    const tensor theta = random_theta(4, 5);
    const imle::random_key key{5};
    const auto [value, pullback] = layer.value_and_pullback(theta, key, 7);
    imle::split_graph split{layer, theta, key, imle::backward_calls::any, 7};
    const std::vector<double> z(value.data(), value.data() + value.size());
    CHECK(std::equal(z.begin(), z.end(), split.samples().data()));
    Eigen::Tensor<double, 3, Eigen::RowMajor> dz(value.dimensions());
    for (Eigen::Index i = 0; i < dz.size(); ++i) dz.data()[i] = static_cast<double>(i % 11) / 3 - 1.7;

    const tensor expected = pullback(dz);
    const tensor by_tensor = split.backward(dz);
    const tensor by_vector = split.backward(std::vector<double>(dz.data(), dz.data() + dz.size()));
    CHECK(std::equal(expected.data(), expected.data() + expected.size(), by_tensor.data()));
    CHECK(std::equal(expected.data(), expected.data() + expected.size(), by_vector.data()));

    // It moves, and then goes on.
    auto moved = std::move(split);
    const tensor after = moved.backward(dz);
    CHECK(std::equal(expected.data(), expected.data() + expected.size(), after.data()));
}

TEST_CASE("A split graph takes a call's options", "[adapters]") {
    auto layer = layer_of(3);
    const tensor theta = random_theta(2, 4);
    const imle::random_key key{6};
    const std::array<bool, 4> mask{true, false, true, true};
    const imle::call_options options{.first_instance = 3, .mask = mask};
    const auto whole = layer.value_and_pullback(theta, key, options);
    const auto& value = whole.value;
    Eigen::Tensor<double, 3, Eigen::RowMajor> dz(value.dimensions());
    for (Eigen::Index i = 0; i < dz.size(); ++i) dz.data()[i] = static_cast<double>(i % 7) / 3 - 1;
    const tensor expected = whole.pullback(dz);
    const auto check = [&](auto split) {
        CHECK(std::equal(value.data(), value.data() + value.size(), split.samples().data()));
        const tensor gradient = split.backward(dz);
        CHECK(std::equal(expected.data(), expected.data() + expected.size(), gradient.data()));
        CHECK(gradient(0, 1) == 0);
    };
    check(imle::split_graph{layer, theta, key, imle::backward_calls::once, options});
    check(imle::split_graph{
        layer, theta, key, imle::backward_calls::once, {.first_instance = 3, .mask = mask}});
}

TEST_CASE("Backward is called once for each forward", "[adapters]") {
    auto layer = layer_of(2);
    imle::split_graph split{layer, random_theta(2, 3), imle::random_key{1}};
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [&] { (void)split.backward(std::vector<double>(11, 1.0)); }),
                        {"imle: dz is of 11 numbers", "12 for the samples or 6 for the marginals"}));
    CHECK(support::says(support::message_of<std::invalid_argument>([&] {
                            (void)split.backward(
                                Eigen::Tensor<double, 3, Eigen::RowMajor>(2, 3, 2).setZero());
                        }),
                        {"imle: dz is a tensor of shape [2, 3, 2]", "the samples' shape [2, 2, 3]"}));
    std::vector<double> dz(12, 0.5);
    dz[3] = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(split.backward(dz), std::invalid_argument);
    dz[3] = 0.5;
    const tensor gradient = split.backward(dz);  // what was refused does not count
    CHECK(support::says(support::message_of<std::logic_error>([&] { (void)split.backward(dz); }),
                        {"a second time", "the whole cotangent", "backward_calls::any"}));

    imle::split_graph repeated{layer, random_theta(2, 3), imle::random_key{1}, imle::backward_calls::any};
    for (int call = 0; call < 3; ++call) {
        const tensor again = repeated.backward(dz);
        CHECK(std::equal(again.data(), again.data() + again.size(), gradient.data()));
    }

    const std::vector<number<double>> five(5, 1.0);
    CHECK(support::says(
        support::message_of<std::invalid_argument>([&] { (void)split.surrogate(five, gradient); }),
        {"imle: theta is of 5 numbers", "6"}));
}

TEST_CASE("The layer's exception reaches the engine's user", "[adapters]") {
    int solves = 0;
    const auto tires = [&solves](const auto& theta, auto& z) {
        if (++solves > 3) throw std::domain_error("tired");
        imle::categorical{}(theta, z);
    };
    imle::imle_layer layer{tires, imle::no_noise{}, imle::perturbation_target{}, {.samples = 1}};
    imle::split_graph split{layer, random_theta(2, 3), imle::random_key{1}};
    const std::vector<double> dz(6, 1.0);
    CHECK(support::message_of<std::domain_error>([&] { (void)split.backward(dz); }) == "tired");
    solves = 0;
    CHECK_NOTHROW(split.backward(dz));
    solves = 3;
    CHECK_THROWS_AS((imle::split_graph{layer, random_theta(2, 3), imle::random_key{1}}), std::domain_error);
    const auto forgets = [](const auto&, auto&) {};
    imle::imle_layer broken{forgets, imle::no_noise{}, imle::perturbation_target{}};
    CHECK_THROWS_AS((imle::split_graph{broken, random_theta(2, 3), imle::random_key{1}}), imle::solver_error);
}

TEST_CASE("A split graph teaches the layer's own adaptive target", "[adapters]") {
    imle::imle_layer layer{imle::top_k{2},
                           imle::gumbel{},
                           imle::adaptive_target{imle::adaptive_target_options{.beta_step = 0.125}},
                           {.samples = 2}};
    imle::split_graph split{layer, random_theta(2, 4), imle::random_key{3}};
    (void)split.backward(std::vector<double>(16, 0.5));
    CHECK(layer.target().state().beta != 1);
}

TEST_CASE("Threads split graphs side by side, each with a layer of its own", "[adapters]") {
    constexpr std::size_t workers = 4;
    std::vector<std::vector<double>> gradients(workers);
    const auto original = layer_of(4);
    {
        std::vector<std::jthread> threads;
        for (auto& gradient : gradients)
            threads.emplace_back([&gradient, layer = original]() mutable {
                adapter_loss<double> loss{2, std::vector<double>(80, 0.25), std::vector<double>(80, 0),
                                          std::vector<double>(80, 0)};
                for (std::size_t i = 0; i < 80; i += 3) loss.first[i] = -1;
                for (std::uint64_t step = 0; step < 50; ++step) {
                    const auto result = by_splitting(layer, random_theta(4, 5), imle::random_key{step}, loss);
                    gradient.insert(gradient.end(), result.gradient.begin(), result.gradient.end());
                }
            });
    }
    CHECK(std::ranges::count(gradients.front(), 0.0) < 900);
    for (const auto& gradient : gradients) CHECK(gradient == gradients.front());
}
