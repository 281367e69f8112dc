#pragma once

/// @file
/// Whether a solver maximises or minimises.

#include <concepts>
#include <type_traits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// What a solver does with theta. `maximize`, the default: z = argmax <theta, z>. `minimize`: theta is a cost
/// c and z = argmin <c, z>. A solver says which by a member
/// `static constexpr imle::sense sense = imle::sense::minimize;` or is wrapped by `imle::minimizing`.
enum class sense { maximize, minimize };

/// The sense of a solver's type: its member `sense`, or `maximize` where it has none.
template <class SolverT>
inline constexpr sense sense_of = [] {
    if constexpr (requires {
                      { std::remove_cvref_t<SolverT>::sense } -> std::convertible_to<imle::sense>;
                  })
        return std::remove_cvref_t<SolverT>::sense;
    else
        return imle::sense::maximize;
}();

}  // namespace imle::inline IMLE_ABI
