#pragma once

/// @file
/// What `negative_identity_layer` does to theta before it is solved.

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// A map of an instance's theta to another theta with the same solutions (for some or all solvers), through
/// whose Jacobian the gradient goes, which removes directions that cannot change the solution. After Sahoo,
/// Paulus, Vlastelica, Musil, Kuleshov, Martius, "Backpropagation through combinatorial algorithms: identity
/// with projection works" (ICLR 2023, arXiv 2205.15213): theirs are the hyperplane of sum 0 and the unit
/// sphere, in this order where both are taken, as in their `IdentitySubsetLayer`.
enum class projection {
    /// theta as it is.
    none,
    /// theta - mean(theta). For solvers whose solutions all have the same sum: k-subsets, one of n,
    /// permutations, tours.
    center,
    /// theta / |theta|, the Euclidean norm. For every solver that maximises or minimises a linear function: a
    /// positive factor changes no solution. 0 stays 0.
    normalize,
    /// Centred, then normalised. A constant theta becomes 0.
    standardize,
};

}  // namespace imle::inline IMLE_ABI
