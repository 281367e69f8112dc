#pragma once

/// @file
/// The settings of a `negative_identity_layer`.

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/estimators/projection.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `negative_identity_layer`. The order of the members is part of the contract.
struct negative_identity_options {
    /// What is done to theta before it is solved.
    imle::projection projection = imle::projection::none;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline const negative_identity_options& checked(const negative_identity_options& options) {
    if (options.projection != projection::none && options.projection != projection::center &&
        options.projection != projection::normalize && options.projection != projection::standardize)
        throw_invalid("negative_identity_options::projection", static_cast<int>(options.projection),
                      "projection::none, center, normalize or standardize");
    if (options.threads < 0)
        throw_invalid("negative_identity_options::threads", options.threads,
                      "0 (all cores) or a positive number");
    return options;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
