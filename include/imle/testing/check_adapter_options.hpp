#pragma once

/// @file
/// The options of `check_adapter`.

#include <cstdint>
#include <string>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// What an adapter's z is.
enum class adapter_output {
    /// All samples, as of `value_and_pullback`: S * dz goes to vjp.
    samples,
    /// Their mean, of theta's shape, as of `marginals`: dz goes to vjp as it is.
    marginals
};

/// What `check_adapter` does.
struct check_adapter_options {
    /// The name in the report.
    std::string subject = "adapter";
    /// What z is.
    adapter_output output = adapter_output::samples;
    /// How many random thetas and keys for each loss.
    int trials = 4;
    /// The seed of everything: the outcome is a function of the adapter and of the options.
    std::uint64_t seed = 1;
    /// The comparison with the exact gradient: runs, and samples an instance in each. 0 runs leave it out.
    int exact_runs = 8;
    Eigen::Index exact_samples = 2048;
    /// How likely a right adapter fails that comparison, at most: by Bernstein's inequality with the exact
    /// variances, so nothing is asymptotic. The seed being fixed, a failure is no reason to try again.
    double false_alarm = 1e-6;
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
