#pragma once

/// @file
/// The MAP states of a batch, without a layer.

#include <imle/layer/perturbed_sampler.hpp>
#include <imle/noise/no_noise.hpp>

namespace imle::inline IMLE_ABI {

/// z = MAP(theta) of every instance, of theta's shape; for `imle::shared(theta, count)`, [count,
/// instance...].
///
///     const auto z = imle::solve_all(imle::top_k{5}, thetas);
///
/// Uses the solver's `solve_batch` if it has one, and `threads` workers (0: one for each core), each with a
/// copy of the solver. Results do not depend on the number of threads. batch solves. Throws as a layer's
/// `forward`. To solve many times with one solver, use a layer's `map`, which keeps its workers.
template <class SolverT, class ThetaT, CallOptions OptionsT = call_options>
[[nodiscard]] auto solve_all(const SolverT& solver, const ThetaT& thetas, const OptionsT& options = {},
                             int threads = 1) {
    return perturbed_sampler<SolverT, no_noise>(solver, no_noise{}, {.threads = threads})
        .map(thetas, options);
}

}  // namespace imle::inline IMLE_ABI
