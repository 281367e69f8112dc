#pragma once

/// @file
/// The pictures of the synthetic experiment.

#include <string>
#include <utility>
#include <vector>

#include "support/picture_writer.hpp"

namespace experiments::synthetic_experiment {

/// The gaps of one method, [step][run], each taken before the step's update.
using history = std::vector<std::vector<double>>;

/// A method's curve for the picture.
struct curve {
    std::string title;
    const char* colour;
    history gaps;
    int step_length = 1;
};

/// The mean last gap for each rate and lambda, [rate][lambda].
using gap_map = std::vector<std::vector<double>>;

/// A line and a band for each method.
[[nodiscard]] example_support::picture draw_curves(const std::vector<curve>& curves);

/// A heat map for each title.
[[nodiscard]] example_support::picture draw_maps(const std::vector<std::pair<std::string, gap_map>>& maps,
                                                 const std::vector<float>& rates,
                                                 const std::vector<double>& lambdas);

}  // namespace experiments::synthetic_experiment
