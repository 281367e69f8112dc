#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <imle/noise/normal.hpp>

namespace learning_to_explain {
namespace {

/// The activation. It is smooth, so that its derivative shows the effect of a feature that is absent.
matrix activation(const matrix& z) {
    return z.cwiseProduct(probabilities(z));
}

/// The gradient with respect to z, for a loss with this gradient with respect to activation(z).
matrix activation_backward(const matrix& z, const matrix& gradient) {
    const auto s = probabilities(z).array().eval();
    return (gradient.array() * s * (1 + z.array() * (1 - s))).matrix();
}

std::size_t weight_count(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs) {
    return static_cast<std::size_t>((inputs + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * outputs);
}

}  // namespace

network::network(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs, float learning_rate,
                 const imle::random_key& key)
    : layers_{{inputs, hidden, 0}, {hidden, hidden, 0}, {hidden, outputs, 0}},
      weights_(weight_count(inputs, hidden, outputs)),
      gradient_(weights_.size()),
      adam_(weights_.size(), learning_rate) {
    imle::normal{}.fill(key, 0, std::span<float>(weights_));
    for (int i = 0; i < 3; ++i) {
        layer& which = layers_[i];
        if (i > 0) which.first = layers_[i - 1].end();
        const float variance = (i < 2 ? 2.0F : 0.25F) / static_cast<float>(which.inputs);
        const auto weights = weights_.begin() + which.first;
        const auto biases = weights + which.inputs * which.outputs;
        std::for_each(weights, biases, [&](float& weight) { weight *= std::sqrt(variance); });
        std::fill(biases, weights_.begin() + which.end(), 0.0F);
    }
}

matrix network::apply(const layer& which, const matrix& x) const {
    const float* const weights = weights_.data() + which.first;
    matrix out = x * Eigen::Map<const matrix>(weights, which.inputs, which.outputs);
    out.rowwise() +=
        Eigen::Map<const Eigen::RowVectorXf>(weights + which.inputs * which.outputs, which.outputs);
    return out;
}

matrix network::pull_back(const layer& which, const matrix& x, const matrix& output_gradient, float share) {
    float* const gradient = gradient_.data() + which.first;
    Eigen::Map<matrix>(gradient, which.inputs, which.outputs) += share * (x.transpose() * output_gradient);
    Eigen::Map<Eigen::RowVectorXf>(gradient + which.inputs * which.outputs, which.outputs) +=
        share * output_gradient.colwise().sum();
    const Eigen::Map<const matrix> weights(weights_.data() + which.first, which.inputs, which.outputs);
    return output_gradient * weights.transpose();
}

network::trace network::traced_forward(const matrix& x) const {
    trace of;
    of.x = x;
    of.before_first = apply(layers_[0], of.x);
    of.first = activation(of.before_first);
    of.before_second = apply(layers_[1], of.first);
    of.second = activation(of.before_second);
    of.output = apply(layers_[2], of.second);
    return of;
}

matrix network::forward(const matrix& x) const {
    return traced_forward(x).output;
}

matrix network::backward(const trace& of, const matrix& output_gradient, float share) {
    const matrix second = pull_back(layers_[2], of.second, output_gradient, share);
    const matrix first =
        pull_back(layers_[1], of.first, activation_backward(of.before_second, second), share);
    return pull_back(layers_[0], of.x, activation_backward(of.before_first, first), share);
}

void network::update() {
    adam_.update(weights_, gradient_);
    std::fill(gradient_.begin(), gradient_.end(), 0.0F);
}

}  // namespace learning_to_explain
