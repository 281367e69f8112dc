#pragma once

/// @file
/// What is learned: theta = features * weights, by Adam.

#include <cmath>
#include <vector>

#include "map_rows.hpp"

namespace mpi_training {

/// The weights and Adam's moments (Kingma and Ba, ICLR 2015, algorithm 1), each [1 + features, cells].
struct linear_model {
    matrix weights;
    matrix first_moment;
    matrix second_moment;
    std::uint64_t updates = 0;

    linear_model(Eigen::Index inputs, Eigen::Index outputs)
        : weights(matrix::Zero(inputs, outputs)),
          first_moment(matrix::Zero(inputs, outputs)),
          second_moment(matrix::Zero(inputs, outputs)) {}

    /// One step down the gradient. Every rank does it, so all keep the same weights without being sent any.
    void update(const std::vector<float>& gradient, float learning_rate) {
        constexpr float first_decay = 0.9F;
        constexpr float second_decay = 0.999F;
        constexpr float epsilon = 1e-8F;
        ++updates;
        const auto count = static_cast<double>(updates);
        const auto first_share = static_cast<float>(1 - std::pow(static_cast<double>(first_decay), count));
        const auto second_share = static_cast<float>(1 - std::pow(static_cast<double>(second_decay), count));
        for (Eigen::Index i = 0; i < weights.size(); ++i) {
            const float g = gradient[static_cast<std::size_t>(i)];
            float& m = first_moment.data()[i];
            float& v = second_moment.data()[i];
            m = first_decay * m + (1 - first_decay) * g;
            v = second_decay * v + (1 - second_decay) * g * g;
            weights.data()[i] -= learning_rate * (m / first_share) / (std::sqrt(v / second_share) + epsilon);
        }
    }
};

}  // namespace mpi_training
