#pragma once

/// @file
/// Adam, the optimiser of Kingma and Ba (ICLR 2015).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace example_support {

/// Algorithm 1 of the paper, with its default decay rates, for any number of weights. All its state is
/// public, for checkpoints.
struct adam {
    float learning_rate;
    std::vector<float> first_moment;
    std::vector<float> second_moment;
    std::uint64_t updates = 0;

    adam(std::size_t weights, float rate)
        : learning_rate(rate), first_moment(weights, 0.0F), second_moment(weights, 0.0F) {}

    /// Moves the weights one step down the gradient. Both spans must have the size that was given to the
    /// constructor.
    void update(std::span<float> weights, std::span<const float> gradient) {
        constexpr double first_decay = 0.9;
        constexpr double second_decay = 0.999;
        constexpr float epsilon = 1e-8F;
        ++updates;
        const auto count = static_cast<double>(updates);
        const auto first_share = static_cast<float>(1 - std::pow(first_decay, count));
        const auto second_share = static_cast<float>(1 - std::pow(second_decay, count));
        for (std::size_t i = 0; i < first_moment.size(); ++i) {
            float& m = first_moment[i];
            float& v = second_moment[i];
            m += static_cast<float>(1 - first_decay) * (gradient[i] - m);
            v += static_cast<float>(1 - second_decay) * (gradient[i] * gradient[i] - v);
            weights[i] -= learning_rate * (m / first_share) / (std::sqrt(v / second_share) + epsilon);
        }
    }
};

}  // namespace example_support
