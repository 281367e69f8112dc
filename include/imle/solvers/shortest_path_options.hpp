#pragma once

/// @file
/// The options of `shortest_path`.

#include <imle/core/config.hpp>
#include <imle/solvers/negative_costs.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `shortest_path`; the order of the members is part of the contract.
struct shortest_path_options {
    /// What to do with negative costs where the graph has cycles. Without cycles they are exact, and this
    /// option does nothing.
    imle::negative_costs negative_costs = imle::negative_costs::clamp;
};

}  // namespace imle::inline IMLE_ABI
