#pragma once

/// @file
/// The target distribution of the I-MLE paper.

#include <cstddef>
#include <span>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/rounded.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI {

/// theta' = alpha * theta - beta * dz (Niepert, Minervini, Franceschi, NeurIPS 2021).
///
/// alpha = 1 is perturbation-based implicit differentiation; alpha = 0 is the paper's target for
/// combinatorial losses; without noise and with `scale_gradient` it is blackbox backpropagation (Vlastelica
/// et al., ICLR 2020). beta is the step, called lambda in the papers. It must be large enough to change the
/// solver's answer: a step that changes no solution gives a gradient of zero.
struct perturbation_target {
    /// The factor of theta.
    double alpha = 1;
    /// The step along the cotangent; not negative.
    double beta = 1;
    /// Whether the gradient is divided by beta (by 1 if beta is 0).
    bool scale_gradient = false;

    /// Writes theta'; all spans have n numbers. O(n).
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        const Scalar share = static_cast<Scalar>(alpha);
        const Scalar step = static_cast<Scalar>(-beta);
        if (!detail::is_finite(step)) {  // the step of a tiny dz: theta' may still be finite
            for (std::size_t i = 0; i < theta_prime.size(); ++i)
                theta_prime[i] = static_cast<Scalar>(detail::rounded(static_cast<double>(share * theta[i])) -
                                                     detail::rounded(beta * static_cast<double>(dz[i])));
            return;
        }
        detail::scaled_sum(step, dz.data(), share, theta.data(), theta_prime.data(), theta_prime.size());
    }

    /// The step taken if `scale_gradient`, else 1. It is 0, which divides by 1, if beta is 0.
    [[nodiscard]] double gradient_divisor() const noexcept { return scale_gradient || beta == 0 ? beta : 1; }

    /// Throws `std::invalid_argument` for an alpha that is not finite, or a beta that is not finite or
    /// negative.
    void validate() const {
        if (!detail::is_finite(alpha))
            detail::throw_invalid("perturbation_target::alpha", alpha, "a finite number");
        if (!detail::is_finite(beta) || beta < 0)
            detail::throw_invalid("perturbation_target::beta", beta, "a finite number that is not negative");
    }
};

}  // namespace imle::inline IMLE_ABI
