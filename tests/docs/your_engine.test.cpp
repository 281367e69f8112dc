// The code of docs/your-engine.md.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <imle/adapters/split_graph.hpp>
#include <imle/imle.hpp>
#include <imle/testing/check_adapter.hpp>

#include "support/catch.hpp"

namespace {

// [tape]
class tape;

// A number on a tape: a handle, cheap to copy.
class number {
  public:
    number(tape& on, std::size_t at) : on_(&on), at_(at) {}

    tape& on() const { return *on_; }
    double value() const;
    double slope() const;  // d loss / d value, once the tape went backward
    void add_slope(double slope) const;

  private:
    tape* on_;
    std::size_t at_;
};

// All that was computed, in order. Each step hands its slope on to the numbers that it was computed from.
class tape {
  public:
    number input(double value) {
        return record(value, [](double) {});
    }
    number record(double value, std::function<void(double)> hand_on) {
        steps_.push_back({value, 0, std::move(hand_on)});
        return number(*this, steps_.size() - 1);
    }
    // Whatever uses a number comes after it. So, from the end, each slope is complete when it is handed on.
    void backward(number loss) {
        loss.add_slope(1);
        for (std::size_t i = steps_.size(); i-- > 0;) steps_[i].hand_on(steps_[i].slope);
    }

  private:
    friend class number;
    struct step {
        double value;
        double slope;
        std::function<void(double)> hand_on;
    };
    std::vector<step> steps_;
};

double number::value() const {
    return on_->steps_[at_].value;
}
double number::slope() const {
    return on_->steps_[at_].slope;
}
void number::add_slope(double slope) const {
    on_->steps_[at_].slope += slope;
}

number operator+(number a, number b) {
    return a.on().record(a.value() + b.value(), [=](double slope) {
        a.add_slope(slope);
        b.add_slope(slope);
    });
}
number operator*(number a, number b) {
    return a.on().record(a.value() * b.value(), [=](double slope) {
        a.add_slope(slope * b.value());
        b.add_slope(slope * a.value());
    });
}
number operator+(number a, double b) {
    return a + a.on().input(b);
}
number operator*(number a, double b) {
    return a * a.on().input(b);
}
// [/tape]

// [layer]
// z, one number for each instance, sample and coordinate, of theta, one for each instance and coordinate.
template <class LayerT>
std::vector<number> apply(LayerT& layer, const std::vector<number>& theta, Eigen::Index batch,
                          imle::random_key key) {
    Eigen::Tensor<double, 2, Eigen::RowMajor> values(batch, static_cast<Eigen::Index>(theta.size()) / batch);
    for (std::size_t i = 0; i < theta.size(); ++i) values.data()[i] = theta[i].value();
    auto made = layer.value_and_pullback(values, key);

    // The layer is one step, recorded before its outputs. Backward comes to it after all of them, when
    // whatever uses z has added its part to their slopes: one call, with the whole cotangent.
    tape& on = theta.front().on();
    auto outputs = std::make_shared<std::vector<number>>();
    on.record(0, [=, dz = made.value, pullback = std::move(made.pullback)](double) mutable {
        for (std::size_t i = 0; i < outputs->size(); ++i) dz.data()[i] = (*outputs)[i].slope();
        const auto gradient = pullback(dz);
        for (std::size_t i = 0; i < theta.size(); ++i) theta[i].add_slope(gradient.data()[i]);
    });
    for (Eigen::Index i = 0; i < made.value.size(); ++i) outputs->push_back(on.input(made.value.data()[i]));
    return *outputs;
}
// [/layer]

// [train]
// Teaches theta to make a layer choose `wanted`: minimises the mean over samples of |z - wanted|^2.
std::vector<double> losses_of_training(int steps) {
    imle::imle_layer layer{
        imle::top_k{3}, imle::sum_of_gamma{3}, imle::perturbation_target{.beta = 2}, {.samples = 8}};
    const std::vector<double> wanted{0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
    std::vector<double> weights(wanted.size(), 0);
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
        tape t;
        std::vector<number> theta;
        for (const double w : weights) theta.push_back(t.input(w));
        const std::vector<number> z =
            apply(layer, theta, 1, imle::random_key{1}.fold_in(std::uint64_t(step)));
        number loss = t.input(0);
        for (std::size_t i = 0; i < z.size(); ++i) {
            const number off = z[i] + -wanted[i % wanted.size()];
            loss = loss + off * off * (1.0 / 8);  // the mean of 8 samples
        }
        t.backward(loss);
        for (std::size_t i = 0; i < weights.size(); ++i) weights[i] -= 0.1 * theta[i].slope();
        losses.push_back(loss.value());
    }
    return losses;
}
// [/train]

}  // namespace

TEST_CASE("docs: a tape from scratch learns through a layer", "[docs]") {
    const std::vector<double> losses = losses_of_training(200);
    double first = 0, last = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        first += losses[i] / 10;
        last += losses[losses.size() - 1 - i] / 10;
    }
    INFO("mean loss of the first ten steps " << first << ", of the last ten " << last);
    CHECK(first > 1.5);
    CHECK(last < 0.25);
}

TEST_CASE("docs: an adaptive target learns through a tape from scratch", "[docs]") {
    imle::imle_layer layer{imle::top_k{1},
                           imle::gumbel{},
                           imle::adaptive_target{imle::adaptive_target_options{.beta_step = 0.125}},
                           {.samples = 2}};
    tape t;
    const std::vector<number> theta{t.input(0.5), t.input(-1.0), t.input(0.25)};
    const std::vector<number> z = apply(layer, theta, 1, imle::random_key{1});
    t.backward(z[0] * 2.0 + z[4]);
    CHECK(layer.target().state().beta != 1);
}

TEST_CASE("docs: a tape from scratch keeps the laws of an adapter", "[docs]") {
    // [check]
    // Ten lines: what your engine's user would write.
    const auto run = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
        tape t;
        std::vector<number> inputs;
        for (Eigen::Index i = 0; i < x.size(); ++i) inputs.push_back(t.input(x.data()[i]));
        const auto z = apply(layer, loss.theta(inputs), x.dimension(0), key);
        t.backward(loss(z));
        imle::testing::adapter_result<double> result;
        for (const number& n : z) result.z.push_back(n.value());
        for (const number& n : inputs) result.gradient.push_back(n.slope());
        return result;
    };
    const auto report = imle::testing::check_adapter<double>(run, {.subject = "my tape"});
    // [/check]
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("docs: an engine without custom functions", "[docs]") {
    const auto run = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
        tape first;
        std::vector<number> inputs;
        for (Eigen::Index i = 0; i < x.size(); ++i) inputs.push_back(first.input(x.data()[i]));
        const std::vector<number> theta = loss.theta(inputs);
        // [split]
        Eigen::Tensor<double, 2, Eigen::RowMajor> values(x.dimensions());
        for (std::size_t i = 0; i < theta.size(); ++i) values.data()[i] = theta[i].value();
        imle::split_graph split{layer, values, key};

        tape second;  // z are inputs of a graph of their own
        std::vector<number> z;
        for (Eigen::Index i = 0; i < split.samples().size(); ++i)
            z.push_back(second.input(split.samples().data()[i]));
        second.backward(loss(z));

        std::vector<double> dz;  // complete, since the second graph is done
        for (const number& n : z) dz.push_back(n.slope());
        const auto gradient = split.backward(dz);
        first.backward(split.surrogate(theta, gradient));  // on to what theta was computed from
        // [/split]
        imle::testing::adapter_result<double> result;
        for (const number& n : z) result.z.push_back(n.value());
        for (const number& n : inputs) result.gradient.push_back(n.slope());
        return result;
    };
    const auto report = imle::testing::check_adapter<double>(run);
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("docs: check_adapter detects a tape that pulls back for each user of z", "[docs]") {
    // As `apply`, but the layer's gradient is asked for as soon as any slope arrives at z.
    const auto hasty = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
        Eigen::Tensor<double, 2, Eigen::RowMajor> theta = x * loss.scale;
        const auto [z, pullback] = layer.value_and_pullback(theta, key);
        imle::testing::adapter_result<double> result;
        result.z.assign(z.data(), z.data() + z.size());
        result.gradient.resize(static_cast<std::size_t>(x.size()), 0);
        for (int user = 0; user < 3; ++user) {
            auto dz = z;
            for (std::size_t i = 0; i < loss.first.size(); ++i)
                dz.data()[i] = user == 0   ? loss.first[i]
                               : user == 1 ? loss.second[i]
                                           : 2 * loss.square[i] * z.data()[i];
            const auto gradient = pullback(dz);
            for (std::size_t i = 0; i < result.gradient.size(); ++i)
                result.gradient[i] += loss.scale * gradient.data()[i];
        }
        return result;
    };
    const auto report = imle::testing::check_adapter<double>(hasty, {.exact_runs = 0});
    INFO(report);
    REQUIRE(report.failures().size() == 1);
    CHECK(report.broken("the whole cotangent arrives in one call"));
}
