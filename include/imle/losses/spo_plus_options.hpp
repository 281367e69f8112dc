#pragma once

/// @file
/// The settings of an SPO+ loss.

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `spo_plus_loss`. The order of the members is part of the contract.
struct spo_plus_options {
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

namespace detail {

/// Throws `std::invalid_argument` unless the settings make sense.
inline void validate(const spo_plus_options& options) {
    if (options.threads < 0)
        throw_invalid("spo_plus_options::threads", options.threads, "0 (all cores) or a positive number");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
