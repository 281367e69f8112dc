#pragma once

/// @file
/// Synthetic data for which the features that decide each label are known.

#include <imle/random/random_key.hpp>

#include "matrix.hpp"

namespace learning_to_explain {

inline constexpr int features = 20;
/// Feature 0 is the switch. Features 1 to 4 and 5 to 8 are the two groups that it chooses from. No other
/// feature matters.
inline constexpr int group_size = 4;
/// The number of features that decide a label: the switch and the chosen group.
inline constexpr int deciding_count = 1 + group_size;

struct dataset {
    matrix x;            ///< [instance, feature]: 0.5 to 1.5 or -1.5 to -0.5
    matrix deciding;     ///< [instance, feature]: 1 for those that decide the label, else 0
    vector probability;  ///< of label 1
    vector label;        ///< 0 or 1, drawn with that probability

    [[nodiscard]] Eigen::Index size() const { return x.rows(); }
};

/// Draws so many instances from the key's sequence.
[[nodiscard]] dataset make_dataset(const imle::random_key& key, Eigen::Index instances);

}  // namespace learning_to_explain
