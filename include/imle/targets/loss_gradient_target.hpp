#pragma once

/// @file
/// A target distribution that changes theta only where the loss has a gradient.

#include <cstddef>
#include <span>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Per coordinate theta'_i = theta_i where dz_i = 0, else -dz_i.
///
/// For the Hamming loss on binary z, whose cotangent is 1 - 2y, and a target temperature of 0, the target's
/// MAP state is y itself. The gradient is then exactly marginals - y.
struct loss_gradient_target {
    /// Writes theta'; all spans have n numbers. O(n).
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i)
            theta_prime[i] = dz[i] == Scalar(0) ? theta[i] : -dz[i];
    }
};

}  // namespace imle::inline IMLE_ABI
