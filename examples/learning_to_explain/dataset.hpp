#pragma once

/// @file
/// Made-up data of which it is known what decides each label.

#include <imle/random/random_key.hpp>

#include "matrix.hpp"

namespace learning_to_explain {

inline constexpr int features = 20;
/// Feature 0 is the switch; features 1 to 4 and 5 to 8 are the groups that it chooses from; no other matters.
inline constexpr int group_size = 4;
/// How many features decide a label: the switch and the group that it chose.
inline constexpr int deciding_count = 1 + group_size;

struct dataset {
    matrix x;            ///< [instance, feature]: 0.5 to 1.5 or -1.5 to -0.5
    matrix deciding;     ///< [instance, feature]: 1 for those that decide the label, else 0
    vector probability;  ///< of label 1
    vector label;        ///< 0 or 1, drawn with that probability

    [[nodiscard]] Eigen::Index size() const { return x.rows(); }
};

/// As many instances, from the key's sequence.
[[nodiscard]] dataset make_dataset(const imle::random_key& key, Eigen::Index instances);

}  // namespace learning_to_explain
