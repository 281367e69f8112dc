#pragma once

/// @file
/// The loss that a perturbed solver brings with it: Fenchel-Young.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/losses/detail/loss_inputs.hpp>
#include <imle/losses/detail/perturbed_rows.hpp>
#include <imle/losses/fenchel_young_options.hpp>
#include <imle/losses/loss_value.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// The Fenchel-Young loss of the perturbed maximum (Berthet, Blondel, Teboul, Cuturi, Vert and Bach, NeurIPS
/// 2020, section 4), for learning from decisions y that were observed:
///
///     F(theta)    = E max over z in C of <theta + T * eps, z>               the perturbed maximum
///     L(theta; y) = F(theta) - <theta, y> - T * <E eps, y>,   d L / d theta = E z - y
///
/// by S samples z_s = MAP(theta + T * eps_s):
///
///     value    = mean over s of <theta + T * eps_s, z_s - y>
///     gradient = mean over s of z_s - y
///
/// The value is convex in theta, its gradient is exact for the noise that was drawn, and both are unbiased
/// for any S. It is 0 or more where y is in C or its convex hull (to the rounding of the solver's own sums),
/// and exactly 0 where all samples agree with y. Taking <eps_s, y> off each sample keeps it so, and does not
/// change the expected value.
///
/// With `multiplicative` noise (Dalle, Baty, Bouvier and Parmentier, 2022, section on multiplicative
/// perturbation) theta * m, m = exp(T * xi - T^2 / 2), takes the place of theta + T * eps. As E m = 1,
/// the loss is F(theta) - <theta, y>, with gradient E m * z - y; by samples
///
///     value    = mean over s of <theta * m_s, z_s - y>,    gradient = mean over s of m_s * (z_s - y)
///
/// No solve is needed backwards: S solves an instance for value and gradient.
///
///     imle::fenchel_young_loss loss{solver, imle::normal{}, {.samples = 10, .temperature = 0.5}};
///     auto [values, gradient] = loss(theta, y, imle::random_key{seed});
///
/// For a minimising solver theta is a cost c: the signs are mirrored (gradient y - mean z), and the value
/// is 0 or more all the same.
///
/// Shapes as `imle_layer`: theta, y and the gradient are [batch, instance...] or [instance..., batch], the
/// values [batch]. Randomness too: element ((first_instance + b) * S + s) * n + i of the key's sequence
/// perturbs coordinate i of instance b, sample s, and results do not depend on the number of threads.
///
/// Errors: as `imle_layer::forward`; y of another shape than theta's, or that is not finite, throws
/// `std::invalid_argument`. That y is feasible is not checked.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class fenchel_young_loss {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    fenchel_young_loss(SolverT solver, NoiseT noise, fenchel_young_options options = {},
                       ExecutorT executor = {})
        : options_(checked(options)),
          layer_(std::move(solver), std::move(noise), perturbation_target{},
                 layer_options{.samples = options.samples,
                               .input_temperature = options.temperature,
                               .threads = options.threads},
                 std::move(executor)) {}

    /// Values and gradient with respect to theta, for the decisions y, of theta's shape. batch * S solves,
    /// and O(batch * S * n) beside them.
    template <DenseTensor ThetaT, DenseTensor YT>
    [[nodiscard]] auto operator()(const ThetaT& theta, const YT& y, random_key key,
                                  std::uint64_t first_instance = 0) const {
        using Scalar = scalar_of<ThetaT>;
        const auto shape = detail::shape_of_batch(theta);
        detail::require_like("y", y, theta, "theta's shape");
        const auto pass = layer_.forward(theta, key, first_instance);

        const Eigen::Index n = shape.n;
        std::vector<double> sums(static_cast<std::size_t>(shape.batch), 0.0);
        std::vector<double> differences(static_cast<std::size_t>(shape.batch * n), 0.0);
        detail::for_each_perturbed<minimizes>(
            noise(), options_.temperature, pass, [&](const detail::perturbed_sample<Scalar>& sample) {
                const Scalar* const wanted = y.data() + sample.row * n;
                sums[static_cast<std::size_t>(sample.row)] +=
                    detail::dot_difference(sample.parameters, sample.z, wanted, n);
                double* const difference = differences.data() + sample.row * n;
                for (Eigen::Index i = 0; i < n; ++i) {
                    const double factor =
                        sample.factors == nullptr ? 1.0 : static_cast<double>(sample.factors[i]);
                    difference[i] +=
                        factor * (static_cast<double>(sample.z[i]) - static_cast<double>(wanted[i]));
                }
            });

        loss_value<Scalar, rank_of<ThetaT>, layout_of<ThetaT>> loss;
        loss.values = means<Scalar, layout_of<ThetaT>>(sums);
        loss.gradient.resize(shape.theta());
        const double share = sign / static_cast<double>(options_.samples);
        for (Eigen::Index i = 0; i < loss.gradient.size(); ++i)
            loss.gradient.data()[i] = static_cast<Scalar>(differences[static_cast<std::size_t>(i)] * share);
        return loss;
    }

    /// F(theta) by the same samples: mean over s of max <theta + T * eps_s, z>, [batch], whose gradient with
    /// respect to theta the samples' mean is (that of m_s * z_s with `multiplicative` noise). Of a minimising
    /// solver the perturbed minimum: mean over s of min <c - T * eps_s, z>, with that same gradient. batch *
    /// S solves.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto perturbed_maximum(const ThetaT& theta, random_key key,
                                         std::uint64_t first_instance = 0) const {
        using Scalar = scalar_of<ThetaT>;
        const auto shape = detail::shape_of_batch(theta);
        const auto pass = layer_.forward(theta, key, first_instance);
        std::vector<double> sums(static_cast<std::size_t>(shape.batch), 0.0);
        detail::for_each_perturbed<minimizes>(
            noise(), options_.temperature, pass, [&](const detail::perturbed_sample<Scalar>& sample) {
                sums[static_cast<std::size_t>(sample.row)] +=
                    sign * detail::dot(sample.parameters, sample.z, shape.n);
            });
        return means<Scalar, layout_of<ThetaT>>(sums);
    }

    [[nodiscard]] const SolverT& solver() const { return layer_.solver(); }
    [[nodiscard]] const NoiseT& noise() const { return layer_.noise(); }
    [[nodiscard]] const fenchel_young_options& options() const noexcept { return options_; }

  private:
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
    static constexpr double sign = minimizes ? -1 : 1;

    static const fenchel_young_options& checked(const fenchel_young_options& options) {
        detail::validate(options);
        return options;
    }

    /// Sums over samples, divided by their number.
    template <class Scalar, int Layout>
    [[nodiscard]] Eigen::Tensor<Scalar, 1, Layout> means(const std::vector<double>& sums) const {
        Eigen::Tensor<Scalar, 1, Layout> result(static_cast<Eigen::Index>(sums.size()));
        for (Eigen::Index row = 0; row < result.size(); ++row)
            result(row) = detail::finite_loss<Scalar>(
                "the Fenchel-Young loss",
                sums[static_cast<std::size_t>(row)] / static_cast<double>(options_.samples), row);
        return result;
    }

    fenchel_young_options options_;
    imle_layer<SolverT, NoiseT, perturbation_target, ExecutorT> layer_;
};

template <class S, class N>
fenchel_young_loss(S, N, fenchel_young_options = {})
    -> fenchel_young_loss<typename detail::require_solver_object<S>::type,
                          typename detail::require_noise<N>::type>;
template <class S, class N, Executor E>
fenchel_young_loss(S, N, fenchel_young_options, E)
    -> fenchel_young_loss<typename detail::require_solver_object<S>::type,
                          typename detail::require_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
