#pragma once

/// @file
/// Selections of features: [instance, feature], 1 where the predictor may see it, else 0.

#include <imle/random/random_key.hpp>

#include "dataset.hpp"
#include "matrix.hpp"

namespace learning_to_explain {

/// The features with the highest scores, `deciding_count` in each row.
[[nodiscard]] matrix highest(const matrix& scores);

/// Random selections: their size is uniform on least, ..., most, and all selections of a size are equally
/// likely.
[[nodiscard]] matrix random_selections(const imle::random_key& key, Eigen::Index rows, int least, int most);

/// The best selection that is the same for all instances: the features that decide most often, so that no
/// other fixed selection finds more.
[[nodiscard]] matrix best_fixed_selection(const dataset& data, Eigen::Index rows);

}  // namespace learning_to_explain
