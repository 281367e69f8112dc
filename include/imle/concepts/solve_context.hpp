#pragma once

/// @file
/// What a solver may know of the solve that it is asked for.

#include <cstdint>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Which solve this is. A solver that accepts it can look up its own map, mask or capacity.
struct solve_context {
    /// The global index of the instance: its row in the call plus the call's `first_instance`.
    std::uint64_t instance = 0;
    /// The sample within the instance, from 0 to `layer_options::samples` - 1.
    std::uint64_t sample = 0;

    friend constexpr bool operator==(const solve_context&, const solve_context&) noexcept = default;
};

}  // namespace imle::inline IMLE_ABI
