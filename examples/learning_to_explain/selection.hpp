#pragma once

/// @file
/// Selections of features: [instance, feature], 1 where the predictor may see it, else 0.

#include <imle/random/random_key.hpp>

#include "dataset.hpp"
#include "matrix.hpp"

namespace learning_to_explain {

/// The features of the highest scores, `deciding_count` of each row.
[[nodiscard]] matrix highest(const matrix& scores);

/// Random ones: their number is uniform on least, ..., most, then all of a number are as likely.
[[nodiscard]] matrix random_selections(const imle::random_key& key, Eigen::Index rows, int least, int most);

/// The best that one can do with the same selection for all: the features that decide most often, so that no
/// other selection finds more.
[[nodiscard]] matrix best_fixed_selection(const dataset& data, Eigen::Index rows);

}  // namespace learning_to_explain
