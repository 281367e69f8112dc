#pragma once

/// @file
/// What a layer did in a call, and what took the time.

#include <cstdint>
#include <limits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// What `imle_layer::statistics` returns for the last forward or backward pass of a layer with
/// `layer_options::statistics`. The counts do not depend on the number of threads.
struct call_statistics {
    /// Solves that the solver was asked for. With `skipped` they are one for each instance and sample; two in
    /// central differences, and where an adaptive target counts the differences of a `marginals_pass`.
    std::uint64_t solves = 0;
    /// Solves that were left out because their result was known, see docs/layer.md, "What is not solved", or
    /// because the instance had failed in the forward pass.
    std::uint64_t skipped = 0;
    /// Solves without an answer, where `layer_options::failures` lets a call go on.
    std::uint64_t failed = 0;
    /// Backward passes: instances times samples whose difference z - z' was taken. 0 in forward passes, and
    /// in one-sided backward passes of a `marginals_pass`, which see means only.
    std::uint64_t differences = 0;
    /// Of those, differences that are zero: samples that tell the gradient nothing. Too small a step has
    /// many.
    std::uint64_t zero_differences = 0;
    /// The wall clock's time of the call, in seconds.
    double seconds = 0;
    /// Time in the noise's `fill`, in the solver, and in all else; seconds, added up over threads.
    double noise_seconds = 0;
    double solve_seconds = 0;
    double other_seconds = 0;

    /// The share of zero differences, 0 to 1; NaN where none was taken.
    [[nodiscard]] double zero_share() const noexcept {
        if (differences == 0) return std::numeric_limits<double>::quiet_NaN();
        return static_cast<double>(zero_differences) / static_cast<double>(differences);
    }
};

}  // namespace imle::inline IMLE_ABI
