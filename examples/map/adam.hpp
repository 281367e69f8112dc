#pragma once

/// @file
/// Adam, the optimiser of Kingma and Ba (ICLR 2015).

#include <cmath>
#include <cstddef>

#include "map_game.hpp"

namespace map_demo {

/// Algorithm 1 of the paper, with its default rates of decay.
class adam {
  public:
    explicit adam(float learning_rate) : learning_rate_(learning_rate) {}

    /// Moves the weights one step down the gradient.
    void update(grid& weights, const grid& gradient) {
        first_decay_power_ *= first_decay;
        second_decay_power_ *= second_decay;
        for (std::size_t i = 0; i < cells; ++i) {
            first_moment_[i] = first_decay * first_moment_[i] + (1 - first_decay) * gradient[i];
            second_moment_[i] =
                second_decay * second_moment_[i] + (1 - second_decay) * gradient[i] * gradient[i];
            const float mean = first_moment_[i] / (1 - first_decay_power_);
            const float mean_of_squares = second_moment_[i] / (1 - second_decay_power_);
            weights[i] -= learning_rate_ * mean / (std::sqrt(mean_of_squares) + epsilon);
        }
    }

  private:
    static constexpr float first_decay = 0.9F;
    static constexpr float second_decay = 0.999F;
    static constexpr float epsilon = 1e-8F;

    float learning_rate_;
    float first_decay_power_ = 1;
    float second_decay_power_ = 1;
    grid first_moment_{};
    grid second_moment_{};
};

}  // namespace map_demo
