#pragma once

/// @file
/// Differentiation of blackbox solvers by interpolation: the layer without noise.

#include <utility>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// The layer that `blackbox` makes: all of `imle_layer`'s interface is there.
template <class SolverT>
using blackbox_layer = imle_layer<SolverT, no_noise, perturbation_target>;

/// Differentiation of blackbox combinatorial solvers (Vlastelica, Paulus, Musil, Martius, Rolinek, ICLR
/// 2020, Algorithm 1):
///
///     z = MAP(theta),    gradient = (z - MAP(theta - lambda * dz)) / lambda
///
/// and for costs c, as in the paper, (argmin(c + lambda * dz) - z) / lambda. This is the exact gradient of a
/// piecewise affine interpolation of the loss; a larger lambda makes the interpolation smoother and less
/// faithful. One solve forward, one backward.
///
/// It is I-MLE without noise, with alpha = 1, beta = lambda and a scaled gradient. `options` are the
/// layer's; more than one sample gives copies. Throws `std::invalid_argument` unless lambda is finite and
/// above 0.
template <class SolverT>
[[nodiscard]] auto blackbox(SolverT solver, double lambda, layer_options options = {}) {
    if (!detail::is_finite(lambda) || !(lambda > 0))
        detail::throw_invalid("lambda of blackbox", lambda, "a finite number above 0");
    using solver_type = typename detail::require_solver_object<SolverT>::type;
    return blackbox_layer<solver_type>(
        std::move(solver), no_noise{},
        perturbation_target{.alpha = 1, .beta = lambda, .scale_gradient = true}, options);
}

}  // namespace imle::inline IMLE_ABI
