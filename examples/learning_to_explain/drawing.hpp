#pragma once

/// @file
/// The pictures, as gnuplot scripts.

#include <span>
#include <vector>

#include "dataset.hpp"
#include "support/picture_writer.hpp"
#include "training.hpp"

namespace learning_to_explain {

using example_support::picture;

/// A method and its runs.
struct method_record {
    method how{};
    std::vector<training_record> runs;
};

/// Test instances by features, with a panel for each method's first run: which features were selected and
/// which decide.
[[nodiscard]] picture draw_selections(std::span<const method_record> records, const dataset& testing);

/// The share of deciding features that was found, over the steps: a line for each run.
[[nodiscard]] picture draw_learning_curves(std::span<const method_record> records);

}  // namespace learning_to_explain
