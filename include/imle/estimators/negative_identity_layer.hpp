#pragma once

/// @file
/// The solver as a negative identity in the backward pass.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/estimators/detail/project.hpp>
#include <imle/estimators/negative_identity_options.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/sampled_pass.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// Identity with projection (Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius, ICLR 2023): forward the MAP
/// state of the projected theta, without noise; backward the solver counts as the identity, or the negative
/// one where theta is a cost (which the paper's is, hence the name), and the projection P as what it is:
///
///     z = MAP(P(theta)),    gradient = P'(theta)^T dz,    and -P'(c)^T dz for costs c
///
///     imle::negative_identity_layer layer{imle::top_k{5}, {.projection = imle::projection::standardize}};
///
/// One solve forward, none backward; nothing to tune. A zero theta (a constant one, where it is centred) has
/// the projection 0: the forward pass gives MAP(0), by the solver's rule for ties, and where it would be
/// divided by the norm, the gradient is 0.
///
/// For noise add it to theta, or see `straight_through_layer`. Shapes, threads and errors are `imle_layer`'s.
template <std::copy_constructible SolverT, Executor ExecutorT = thread_executor>
class negative_identity_layer {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit negative_identity_layer(SolverT solver, negative_identity_options options = {},
                                     ExecutorT executor = {})
        : options_(detail::checked(options)),
          layer_(std::move(solver), no_noise{}, perturbation_target{}, {.threads = options.threads},
                 std::move(executor)) {}

    /// z = MAP(P(theta)), one sample: a pass that holds theta as it was given. The key is only kept, since
    /// there is no noise; `first_instance` is for a solver that asks which instance it solves. batch solves.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key = random_key{},
                               std::uint64_t first_instance = 0) const {
        if (options_.projection == projection::none) return layer_.forward(theta, key, first_instance);
        using Scalar = scalar_of<ThetaT>;
        using pass = sampled_pass<Scalar, rank_of<ThetaT>, layout_of<ThetaT>>;
        static_assert(
            rank_of<ThetaT> >= 2,
            "imle: theta has a batch dimension and at least one instance dimension; view a single instance "
            "as a batch of one. See docs/layer.md");
        const auto shape = detail::batch_shape<rank_of<ThetaT> - 1, layout_of<ThetaT>>::of(theta);
        detail::require_finite(
            "theta", theta.data(), shape.batch, 0, shape.n,
            "a finite number (to forbid a choice use a large finite theta, or the solver's "
            "context)");
        typename pass::theta_tensor given(shape.theta());
        std::copy_n(theta.data(), given.size(), given.data());
        typename pass::theta_tensor projected(shape.theta());
        detail::projected_instance instance(options_.projection);
        for (Eigen::Index row = 0; row < shape.batch; ++row) {
            instance.project(row_of(given, shape, row));
            std::transform(instance.values().begin(), instance.values().end(),
                           projected.data() + row * shape.n, [](double x) { return static_cast<Scalar>(x); });
        }
        detail::require_finite("theta after its projection", projected.data(), shape.batch, 0, shape.n,
                               "numbers whose differences are finite");
        auto solved = layer_.forward(projected, key, first_instance);
        return pass(std::move(given), std::move(solved).samples(), key, first_instance);
    }

    /// The gradient with respect to theta, of theta's shape: the mean over samples of dz (of -dz for costs),
    /// through the projection's Jacobian at the pass's theta. `dz` is of the samples' shape or of theta's.
    /// O(batch * n), no solve. Throws `std::invalid_argument` for a wrong shape, a number that is not finite,
    /// or a theta whose norm is so small that the gradient overflows.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const sampled_pass<Scalar, Rank, Layout>& pass, const CotangentT& dz) const {
        constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
        const auto shape = detail::batch_shape_of(pass);
        std::vector<double> mean = detail::mean_cotangent(pass, dz);
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(shape.theta());
        detail::projected_instance instance(options_.projection);
        for (Eigen::Index row = 0; row < shape.batch; ++row) {
            const std::span<double> g(mean.data() + row * shape.n, static_cast<std::size_t>(shape.n));
            if (options_.projection != projection::none) {
                instance.project(row_of(pass.theta(), shape, row));
                instance.pull_back(g);
            }
            std::transform(g.begin(), g.end(), gradient.data() + row * shape.n,
                           [](double x) { return static_cast<Scalar>(minimizes ? -x : x); });
        }
        detail::require_finite_gradient(gradient, "a cotangent, divided by theta's norm, that is finite");
        return gradient;
    }

    /// Samples and the function that pulls their cotangent back by the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key = random_key{},
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, forward(theta, key, first_instance));
    }

    [[nodiscard]] const SolverT& solver() const { return layer_.solver(); }
    [[nodiscard]] const negative_identity_options& options() const noexcept { return options_; }

  private:
    template <class TensorT, class ShapeT>
    [[nodiscard]] static auto row_of(const TensorT& theta, const ShapeT& shape, Eigen::Index row) {
        return std::span<const scalar_of<TensorT>>(theta.data() + row * shape.n,
                                                   static_cast<std::size_t>(shape.n));
    }

    negative_identity_options options_;
    imle_layer<SolverT, no_noise, perturbation_target, ExecutorT> layer_;
};

template <class S>
negative_identity_layer(S, negative_identity_options = {})
    -> negative_identity_layer<typename detail::require_solver_object<S>::type>;
template <class S, Executor E>
negative_identity_layer(S, negative_identity_options, E)
    -> negative_identity_layer<typename detail::require_solver_object<S>::type, E>;

}  // namespace imle::inline IMLE_ABI
