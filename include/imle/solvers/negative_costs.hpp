#pragma once

/// @file
/// The costs of paths: how solvers of shortest paths handle negative ones, and what they reject.

#include <cstddef>
#include <span>

#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// What to do with a negative cost (positive theta) if a loop could make a path ever cheaper, so that there
/// is no shortest path.
enum class negative_costs {
    /// The cost counts as 0. The default, since noise makes costs negative all the time.
    clamp,
    /// Throws `std::invalid_argument`, which names the cell or edge and its cost.
    reject
};

namespace detail {

/// Throws unless an option, by its full name, is one of the above.
inline void require_valid(negative_costs option, const char* name) {
    if (option != negative_costs::clamp && option != negative_costs::reject)
        throw_invalid(name, static_cast<int>(option), "negative_costs::clamp or negative_costs::reject");
}

/// Throws for the first cost -theta below 0 that the mask allows. where(i): what number i is a cost of, in
/// words; mask: empty, or one value for each number.
template <class Scalar, class WhereT>
void reject_negative_costs(std::span<const Scalar> theta, WhereT&& where, std::span<const bool> mask = {}) {
    for (std::size_t i = 0; i < theta.size(); ++i)
        if (theta[i] > 0 && (mask.empty() || mask[i]))
            throw_invalid("the cost -theta", message(-theta[i], " at ", where(i)),
                          "0 or more, because of negative_costs::reject");
}

[[noreturn]] inline void throw_path_overflow() {
    throw_invalid("the cheapest path's cost", "too large for the scalar",
                  "costs -theta whose sums along a path are finite");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
