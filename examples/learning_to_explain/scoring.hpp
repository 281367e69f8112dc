#pragma once

/// @file
/// How good selections and predictions are.

#include "dataset.hpp"
#include "network.hpp"

namespace learning_to_explain {

/// Shares, from 0 to 1.
struct scores {
    double found = 0;         ///< of the features that decide, over all instances
    double all_found = 0;     ///< of the instances all of whose deciding features were found
    double switch_found = 0;  ///< of the instances whose switch was found
    double accuracy = 0;      ///< of the labels that were predicted right
    /// Of the second half of the labels, those that are told right by which features were selected, without
    /// their values: by what the labels of the same selection mostly are in the first half. One half if the
    /// selection gives nothing away.
    double by_mask = 0;
};

/// Of these selections, and of what the predictor makes of the selected features.
[[nodiscard]] scores score(const matrix& selected, const network& predictor, const dataset& data);

/// Of somebody who knows how the data was made: a label is drawn, so no accuracy is expected to be higher.
[[nodiscard]] scores truth(const dataset& data);

}  // namespace learning_to_explain
