#pragma once

/// @file
/// A network with two hidden layers, with a hand-written gradient.

#include <span>
#include <vector>

#include <imle/random/random_key.hpp>

#include "matrix.hpp"
#include "support/adam.hpp"

namespace learning_to_explain {

/// Two hidden layers of equal width with the activation z / (1 + exp(-z)), followed by a linear one.
class network {
  public:
    /// The key determines the initial weights: normal, with variance 2 / inputs (He et al., ICCV 2015), but
    /// smaller in the last layer, so that all outputs start close to 0.
    network(Eigen::Index inputs, Eigen::Index hidden, Eigen::Index outputs, float learning_rate,
            const imle::random_key& key);

    /// x: [row, input]. Returns [row, output].
    [[nodiscard]] matrix forward(const matrix& x) const;

    /// The values of a `forward` that `backward` needs.
    struct trace {
        matrix x, before_first, first, before_second, second, output;
    };
    [[nodiscard]] trace traced_forward(const matrix& x) const;

    /// Back-propagates the loss's gradient with respect to the outputs, [row, output]. Returns the gradient
    /// with respect to the inputs, and adds `share` times the gradient with respect to the weights to what
    /// `update` uses.
    matrix backward(const trace& of, const matrix& output_gradient, float share);

    /// One step of Adam with the gradients since the last step.
    void update();

  private:
    /// The position of a layer's weights [input, output], which its biases follow.
    struct layer {
        Eigen::Index inputs, outputs, first;
        [[nodiscard]] Eigen::Index end() const { return first + (inputs + 1) * outputs; }
    };

    [[nodiscard]] matrix apply(const layer& which, const matrix& x) const;
    /// `backward` of one layer.
    matrix pull_back(const layer& which, const matrix& x, const matrix& output_gradient, float share);

    layer layers_[3];
    std::vector<float> weights_;
    std::vector<float> gradient_;
    example_support::adam adam_;
};

}  // namespace learning_to_explain
