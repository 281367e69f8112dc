#pragma once

/// @file
/// A solver for whole batches, without noise.

#include <cstdint>
#include <utility>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// z = MAP(theta) of every instance of a batch, by a layer: batch solvers, threads, contexts, checks and the
/// order of errors come with it.
template <class SolverT, Executor ExecutorT = thread_executor>
class plain_solver {
  public:
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

    explicit plain_solver(SolverT solver, int threads = 1, ExecutorT executor = {})
        : layer_(std::move(solver), no_noise{}, perturbation_target{},
                 layer_options{.input_temperature = 0, .threads = threads}, std::move(executor)) {}

    /// Of theta's shape; instances are rows `first_instance`... of a larger batch. Throws as
    /// `imle_layer::forward`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto solve(const ThetaT& theta, std::uint64_t first_instance = 0) const {
        // No noise: the key is of no importance.
        return layer_.marginals(theta, random_key{0}, first_instance).marginals();
    }

    [[nodiscard]] const SolverT& solver() const { return layer_.solver(); }

  private:
    imle_layer<SolverT, no_noise, perturbation_target, ExecutorT> layer_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
