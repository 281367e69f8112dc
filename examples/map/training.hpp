#pragma once

/// @file
/// Learning the weights whose best path is the gold path.

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "map_game.hpp"

namespace map_demo {

/// The parameters that differ between the runs.
struct setting {
    double input_temperature = 1;
    double target_temperature = 1;
    int samples = 1;

    friend auto operator<=>(const setting&, const setting&) = default;
};

/// The fifteen settings of the demo: five pairs of temperatures, each with 1, 10 and 100 samples.
[[nodiscard]] std::vector<setting> all_settings();

/// "(5, 0), 10 samples"
[[nodiscard]] std::string title(const setting& which);

/// The options that all runs share.
struct learning_options {
    std::uint64_t seed = 0;
    int steps = 1100;
    int threads = 0;
    /// Whether the cotangent of a sample is that sample's share of the mean loss's, divided by the number of
    /// samples, as in the reference implementation. Otherwise it is the cotangent of the marginals.
    bool per_sample = false;
};

/// The state before one step.
struct learning_frame {
    int step = 0;
    grid weights{};
    grid sampled_path{};
};

/// One run.
struct learning_record {
    setting which;
    /// At each step: the Hamming distance to the gold path, averaged over the samples, before the update.
    std::vector<float> losses;
    /// At each step: whether the MAP path of the weights, without noise, is the gold path after the update.
    std::vector<bool> is_gold;
    /// About a hundred of the steps, closer together at the start, where most is learned.
    std::vector<learning_frame> frames;
    double seconds = 0;

    /// The mean loss of the last 100 steps.
    [[nodiscard]] double final_loss() const;
    /// The first step, counted from 1, after which the MAP path is the gold path.
    [[nodiscard]] std::optional<int> first_gold_step() const;
    /// The share of the last 100 steps in which the MAP path is the gold path.
    [[nodiscard]] double final_gold_share() const;
};

/// Learns one setting. `on_step` is called after each step.
[[nodiscard]] learning_record learn(const setting& which, const learning_options& options, const grid& gold,
                                    const std::function<void()>& on_step);

}  // namespace map_demo
