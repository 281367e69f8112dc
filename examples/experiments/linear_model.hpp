#pragma once

/// @file
/// The model of experiments 3 and 4: theta = weights * features + bias.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <Eigen/Core>

#include "decision_data.hpp"
#include "support/adam.hpp"

namespace experiments {

/// A linear model trained by Adam.
class linear_model {
    using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using view = Eigen::Map<const matrix>;

  public:
    /// Weights and bias start like PyTorch's `nn.Linear`, which the benchmark uses: uniform between -1 /
    /// sqrt(features) and 1 / sqrt(features).
    linear_model(Eigen::Index features, Eigen::Index outputs, float learning_rate, std::mt19937_64& random)
        : weights_(features + 1, outputs),
          gradient_(features + 1, outputs),
          optimizer_(static_cast<std::size_t>(weights_.size()), learning_rate) {
        const double bound = 1 / std::sqrt(static_cast<double>(features));
        for (float& weight : weights_.reshaped()) {
            // 53 bits, by hand: the standard's distributions differ from library to library.
            const double u = static_cast<double>(random() >> 11) * 0x1p-53;
            weight = static_cast<float>(bound * (2 * u - 1));
        }
    }

    /// [instances, outputs] for [instances, features].
    [[nodiscard]] rows predict(const rows& features) const {
        const view x(features.data(), features.dimension(0), features.dimension(1));
        rows theta(features.dimension(0), static_cast<Eigen::Index>(weights_.cols()));
        Eigen::Map<matrix> out(theta.data(), theta.dimension(0), theta.dimension(1));
        out.noalias() = x * weights_.topRows(x.cols());
        out.rowwise() += weights_.row(x.cols());
        return theta;
    }

    /// One step down a loss that has this gradient with respect to the predictions for these features.
    void update(const rows& features, const rows& gradient) {
        const view x(features.data(), features.dimension(0), features.dimension(1));
        const view g(gradient.data(), gradient.dimension(0), gradient.dimension(1));
        gradient_.topRows(x.cols()).noalias() = x.transpose() * g;
        gradient_.row(x.cols()) = g.colwise().sum();
        const auto size = static_cast<std::size_t>(weights_.size());
        optimizer_.update(std::span(weights_.data(), size), std::span<const float>(gradient_.data(), size));
    }

  private:
    /// [features + 1, outputs]; the last row is the bias.
    matrix weights_;
    matrix gradient_;
    example_support::adam optimizer_;
};

}  // namespace experiments
