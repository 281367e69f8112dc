#pragma once

/// @file
/// The straight-through estimator around a solver.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/layer/sampler_layer.hpp>

namespace imle::inline IMLE_ABI {

/// Straight-through: forward z = MAP(theta + T * eps) as `imle_layer`, backward as if z were theta (Bengio,
/// Leonard, Courville, "Estimating or propagating gradients through stochastic neurons for conditional
/// computation", 2013):
///
///     gradient = mean over samples of dz,    and of -dz where theta is a cost
///
///     imle::straight_through_layer layer{imle::top_k{5}, imle::gumbel{}, {.samples = 8}};
///
/// No solve backward: O(size of dz). The scale of the gradient says nothing about how much z would change.
/// Functions, shapes, keys, threads and errors are those of `layer_interface`; the gradient of instances
/// that failed is 0.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class straight_through_layer
    : public sampler_layer<straight_through_layer<SolverT, NoiseT, ExecutorT>, SolverT, NoiseT, ExecutorT> {
    using base = sampler_layer<straight_through_layer, SolverT, NoiseT, ExecutorT>;

  public:
    /// The options `target_temperature` and `difference` have no effect here. Throws `std::invalid_argument`
    /// if an option makes no sense.
    explicit straight_through_layer(SolverT solver, NoiseT noise, layer_options options = {},
                                    ExecutorT executor = {})
        : base({std::move(solver), std::move(noise), options, std::move(executor)}) {}

  private:
    friend layer_interface<straight_through_layer>;

    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        detail::write_for_theta(values, call, dz, gradient,
                                [&](const auto&... rows) { write_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                    const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        this->sampler_.with_runner([&](detail::call_runner& runner) {
            detail::for_each_mean_cotangent(
                runner, call, dz, [&](std::size_t, Eigen::Index row, std::span<const double> mean) {
                    Scalar* const out = gradient + row * call.shape.n;
                    for (std::size_t i = 0; i < mean.size(); ++i)
                        out[i] =
                            static_cast<Scalar>(sense_of<SolverT> == sense::minimize ? -mean[i] : mean[i]);
                });
        });
        for (const Eigen::Index row : values.failed)
            std::fill_n(gradient + row * call.shape.n, call.shape.n, Scalar(0));
        detail::require_finite_gradient(call, gradient, "cotangents whose mean is finite");
    }
};

template <class S, class N, Executor E = thread_executor>
straight_through_layer(S, N, layer_options = {}, E = {})
    -> straight_through_layer<typename detail::require_solver_object<S>::type,
                              typename detail::require_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
