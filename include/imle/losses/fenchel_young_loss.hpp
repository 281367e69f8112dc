#pragma once

/// @file
/// The loss that a perturbed solver brings with it: Fenchel-Young.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/losses/loss_value.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `fenchel_young_loss`. The order of the members is part of the contract.
struct fenchel_young_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T, the scale of the noise; 0 is no noise.
    double temperature = 1;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
};

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
        : options_(options),
          sampler_(std::move(solver), std::move(noise), sampler_options(options), std::move(executor)) {}

    /// Values and gradient with respect to theta, for the decisions y, of theta's shape. batch * S solves,
    /// and O(batch * S * n) beside them.
    template <class ThetaT, class YT>
    [[nodiscard]] auto operator()(const ThetaT& theta, const YT& y, random_key key,
                                  std::uint64_t first_instance = 0) const {
        return detail::with_loss_inputs(
            [&](const auto& parameters, const auto& wanted) {
                return loss(parameters, wanted, key, first_instance);
            },
            theta, y);
    }

    /// F(theta) by the same samples: mean over s of max <theta + T * eps_s, z>, [batch], whose gradient with
    /// respect to theta the samples' mean is (that of m_s * z_s with `multiplicative` noise). Of a minimising
    /// solver the perturbed minimum: mean over s of min <c - T * eps_s, z>, with that same gradient. batch *
    /// S solves.
    template <class ThetaT>
    [[nodiscard]] auto perturbed_maximum(const ThetaT& theta, random_key key,
                                         std::uint64_t first_instance = 0) const {
        return detail::with_loss_inputs(
            [&](const auto& parameters) {
                const auto pass = forward(parameters, key, first_instance);
                const auto shape = detail::shape_of(parameters);
                using Scalar = scalar_of<decltype(parameters)>;
                auto replay = sampler_.replay(pass);
                Eigen::Tensor<Scalar, 1, layout_of<decltype(parameters)>> values(shape.batch);
                for (Eigen::Index row = 0; row < shape.batch; ++row) {
                    double sum = 0;
                    replay.for_each(row, [&](const perturbed_sample<Scalar>& sample) {
                        sum += sign * detail::dot(sample.parameters, sample.z, shape.n);
                    });
                    values(row) = mean<Scalar>(sum, row);
                }
                return values;
            },
            theta);
    }

    [[nodiscard]] const SolverT& solver() const { return sampler_.solver(); }
    [[nodiscard]] const NoiseT& noise() const { return sampler_.noise(); }
    [[nodiscard]] const fenchel_young_options& options() const noexcept { return options_; }

  private:
    static constexpr double sign = sense_of<SolverT> == sense::minimize ? -1 : 1;

    static layer_options sampler_options(const fenchel_young_options& options) {
        detail::require_samples("fenchel_young_options::samples", options.samples);
        detail::require_temperature("fenchel_young_options::temperature", options.temperature);
        detail::require_threads("fenchel_young_options::threads", options.threads);
        return {
            .samples = options.samples, .input_temperature = options.temperature, .threads = options.threads};
    }

    template <class ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance) const {
        using pass_type = sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        const auto call = detail::checked_call(theta, options_.samples, key, first_instance);
        auto pass = detail::pass_writer::empty<pass_type>(call);
        detail::pass_writer::write(pass, call, [&](const auto& own, auto* z, auto& failed_rows) {
            sampler_.write_samples(own, z, failed_rows);
        });
        return pass;
    }

    template <class ThetaT, class YT>
    [[nodiscard]] auto loss(const ThetaT& theta, const YT& y, random_key key,
                            std::uint64_t first_instance) const {
        using Scalar = scalar_of<ThetaT>;
        detail::require_like("y", y, theta, "theta's shape");
        const auto pass = forward(theta, key, first_instance);
        const auto shape = detail::shape_of(theta);
        const Eigen::Index n = shape.n;
        const double share = sign / static_cast<double>(options_.samples);

        auto replay = sampler_.replay(pass);
        std::vector<double> difference(static_cast<std::size_t>(n));
        loss_value<Scalar, rank_of<ThetaT>, layout_of<ThetaT>> loss;
        loss.values.resize(shape.batch);
        loss.gradient.resize(shape.theta());
        for (Eigen::Index row = 0; row < shape.batch; ++row) {
            const Scalar* const wanted = y.data() + row * n;
            double sum = 0;
            std::fill(difference.begin(), difference.end(), 0.0);
            replay.for_each(row, [&](const perturbed_sample<Scalar>& sample) {
                sum += detail::dot_difference(sample.parameters, sample.z, wanted, n);
                for (Eigen::Index i = 0; i < n; ++i) {
                    const double factor =
                        sample.factors == nullptr ? 1.0 : static_cast<double>(sample.factors[i]);
                    difference[static_cast<std::size_t>(i)] +=
                        factor * (static_cast<double>(sample.z[i]) - static_cast<double>(wanted[i]));
                }
            });
            loss.values(row) = mean<Scalar>(sum, row);
            for (Eigen::Index i = 0; i < n; ++i)
                loss.gradient.data()[row * n + i] =
                    static_cast<Scalar>(difference[static_cast<std::size_t>(i)] * share);
        }
        return loss;
    }

    /// A row's sum over samples, divided by their number.
    template <class Scalar>
    [[nodiscard]] Scalar mean(double sum, Eigen::Index row) const {
        return detail::finite_loss<Scalar>("the Fenchel-Young loss",
                                           sum / static_cast<double>(options_.samples), row);
    }

    fenchel_young_options options_;
    perturbed_sampler<SolverT, NoiseT, ExecutorT> sampler_;
};

template <class S, class N, Executor E = thread_executor>
fenchel_young_loss(S, N, fenchel_young_options = {}, E = {})
    -> fenchel_young_loss<typename detail::require_solver_object<S>::type,
                          typename detail::require_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
