#pragma once

/// @file
/// The straight-through estimator around a solver.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// Straight-through: forward z = MAP(theta + T * eps) as `imle_layer`, backward as if z were theta (Bengio,
/// Leonard, Courville, "Estimating or propagating gradients through stochastic neurons for conditional
/// computation", 2013):
///
///     gradient = mean over samples of dz,    and of -dz where theta is a cost
///
///     imle::straight_through_layer layer{imle::top_k{5}, imle::gumbel{}, {.samples = 8}};
///
/// No solve backwards; the gradient's scale has nothing to do with how much z would change. Shapes, keys,
/// threads and errors are `imle_layer`'s.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class straight_through_layer {
  public:
    /// Of the options, `target_temperature` and `difference` have no meaning here. Throws
    /// `std::invalid_argument` if one makes no sense.
    explicit straight_through_layer(SolverT solver, NoiseT noise, layer_options options = {},
                                    ExecutorT executor = {})
        : layer_(std::move(solver), std::move(noise), perturbation_target{}, options, std::move(executor)) {}

    /// Samples z = MAP(theta + T_in * eps): `imle_layer::forward`, bit for bit.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        return layer_.forward(theta, key, first_instance);
    }

    /// The mean of the samples, none of which is kept: `imle_layer::marginals`, bit for bit.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals(const ThetaT& theta, random_key key,
                                 std::uint64_t first_instance = 0) const {
        return layer_.marginals(theta, key, first_instance);
    }

    /// The gradient with respect to theta, of theta's shape: the mean over samples of dz, with a minus for
    /// costs. `dz` is of the samples' shape (for a pass of `forward`) or of theta's. 0 for instances that
    /// failed. O(size of dz), no solve. Throws `std::invalid_argument` for a wrong shape or a number that is
    /// not finite.
    template <class PassT, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const PassT& pass, const CotangentT& dz) const {
        using theta_tensor = typename PassT::theta_tensor;
        using Scalar = scalar_of<theta_tensor>;
        constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
        const std::vector<double> mean = detail::mean_cotangent(pass, dz);
        theta_tensor gradient(detail::dimensions_of(pass.theta()));
        for (std::size_t i = 0; i < mean.size(); ++i)
            gradient.data()[i] = static_cast<Scalar>(minimizes ? -mean[i] : mean[i]);
        const Eigen::Index n = detail::batch_shape_of(pass).n;
        for (const Eigen::Index row : pass.failed_rows())
            std::fill_n(gradient.data() + row * n, n, Scalar(0));
        detail::require_finite_gradient(gradient, "cotangents whose mean is finite");
        return gradient;
    }

    /// Samples and the function that pulls their cotangent back by the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, forward(theta, key, first_instance));
    }

    /// The same for the mean over samples, none of which is kept: see `imle_layer::marginals_and_pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals_and_pullback(const ThetaT& theta, random_key key,
                                              std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, marginals(theta, key, first_instance));
    }

    [[nodiscard]] const SolverT& solver() const { return layer_.solver(); }
    [[nodiscard]] const NoiseT& noise() const { return layer_.noise(); }
    [[nodiscard]] const layer_options& options() const { return layer_.options(); }

  private:
    imle_layer<SolverT, NoiseT, perturbation_target, ExecutorT> layer_;
};

template <class S, class N>
straight_through_layer(S, N, layer_options = {})
    -> straight_through_layer<typename detail::require_solver_object<S>::type,
                              typename detail::require_noise<N>::type>;
template <class S, class N, Executor E>
straight_through_layer(S, N, layer_options, E)
    -> straight_through_layer<typename detail::require_solver_object<S>::type,
                              typename detail::require_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
