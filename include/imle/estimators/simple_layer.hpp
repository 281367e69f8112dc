#pragma once

/// @file
/// SIMPLE: the exact layer of k-subsets.

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/exact_options.hpp>
#include <imle/estimators/k_subset_family.hpp>

namespace imle::inline IMLE_ABI {

/// The layer of SIMPLE (Ahmed, Zeng, Niepert, Van den Broeck, "SIMPLE: a gradient estimator for k-subset
/// sampling", ICLR 2023): exact k-subsets forwards, the exact Jacobian of the marginals backwards. Throws
/// `std::invalid_argument` if k is negative or an option makes no sense.
[[nodiscard]] inline exact_layer<k_subset_family> simple_layer(Eigen::Index k, exact_options options = {}) {
    return exact_layer<k_subset_family>(k_subset_family{k}, options);
}

}  // namespace imle::inline IMLE_ABI
