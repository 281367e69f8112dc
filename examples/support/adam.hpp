#pragma once

/// @file
/// Adam, the optimiser of Kingma and Ba (ICLR 2015).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace example_support {

/// Algorithm 1 of the paper, with its default rates of decay, for any number of weights.
class adam {
  public:
    adam(std::size_t weights, float learning_rate)
        : learning_rate_(learning_rate), first_moment_(weights, 0.0F), second_moment_(weights, 0.0F) {}

    /// Moves the weights one step down the gradient. Both have the size that Adam was made with.
    void update(std::span<float> weights, std::span<const float> gradient) {
        ++updates_;
        const auto count = static_cast<double>(updates_);
        const auto first_share = static_cast<float>(1 - std::pow(first_decay, count));
        const auto second_share = static_cast<float>(1 - std::pow(second_decay, count));
        for (std::size_t i = 0; i < first_moment_.size(); ++i) {
            float& m = first_moment_[i];
            float& v = second_moment_[i];
            m += static_cast<float>(1 - first_decay) * (gradient[i] - m);
            v += static_cast<float>(1 - second_decay) * (gradient[i] * gradient[i] - v);
            weights[i] -= learning_rate_ * (m / first_share) / (std::sqrt(v / second_share) + epsilon);
        }
    }

  private:
    static constexpr double first_decay = 0.9;
    static constexpr double second_decay = 0.999;
    static constexpr float epsilon = 1e-8F;

    float learning_rate_;
    std::uint64_t updates_ = 0;
    std::vector<float> first_moment_;
    std::vector<float> second_moment_;
};

}  // namespace example_support
