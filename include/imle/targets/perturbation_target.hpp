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
/// alpha = 1 is perturbation-based implicit differentiation; alpha = 0 the paper's target for combinatorial
/// losses; without noise and with `scale_gradient` it is blackbox backpropagation (Vlastelica et al., ICLR
/// 2020). beta is the step, called lambda in the papers: large enough that the solver's answer changes, since
/// a step that moves no solution gives a gradient of zero.
struct perturbation_target {
    /// The share of theta that stays.
    double alpha = 1;
    /// The step along the cotangent, not negative.
    double beta = 1;
    /// Whether the gradient is divided by beta (by 1 where beta is 0).
    bool scale_gradient = false;

    /// Writes theta', n numbers each. O(n).
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        const Scalar share = static_cast<Scalar>(alpha);
        const Scalar step = static_cast<Scalar>(-beta);
        if (!detail::is_finite(step)) {  // a step for a dz that has all but vanished: theta' may be finite
            for (std::size_t i = 0; i < theta_prime.size(); ++i)
                theta_prime[i] = static_cast<Scalar>(detail::rounded(static_cast<double>(share * theta[i])) -
                                                     detail::rounded(beta * static_cast<double>(dz[i])));
            return;
        }
        detail::scaled_sum(step, dz.data(), share, theta.data(), theta_prime.data(), theta_prime.size());
    }

    /// The step actually taken if `scale_gradient`, else 1; 0, which divides by 1, where beta is 0.
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
