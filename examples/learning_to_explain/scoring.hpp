#pragma once

/// @file
/// The quality of selections and predictions.

#include "dataset.hpp"
#include "network.hpp"

namespace learning_to_explain {

/// Shares, from 0 to 1.
struct scores {
    double found = 0;         ///< of the features that decide, over all instances
    double all_found = 0;     ///< of the instances all of whose deciding features were found
    double switch_found = 0;  ///< of the instances whose switch was found
    double accuracy = 0;      ///< of the labels that were predicted right
    /// The accuracy in predicting labels from which features were selected, without their values. It is
    /// measured on the second half of the instances: each selection predicts the most frequent label that it
    /// had in the first half. One half if the selection reveals nothing.
    double by_mask = 0;
};

/// Scores these selections, and the predictor's output for the selected features.
[[nodiscard]] scores score(const matrix& selected, const network& predictor, const dataset& data);

/// The scores of somebody who knows how the data was made. Labels are drawn, so no higher accuracy can be
/// expected.
[[nodiscard]] scores truth(const dataset& data);

}  // namespace learning_to_explain
