#pragma once

/// @file
/// The Fenchel-Young loss of a perturbed solver.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/losses/loss_value.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `fenchel_young_loss`. The order of the members is part of the contract.
struct fenchel_young_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// T, the scale of the noise; 0 means no noise.
    double temperature = 1;
    /// Worker threads; 0 is one for each core. Results do not depend on it.
    int threads = 1;
    /// Whether samples are independent of each other or stratified: `layer_options::sampling`. Value and
    /// gradient are means over samples, so both ways are unbiased.
    imle::sampling sampling = imle::sampling::independent;
};

/// The Fenchel-Young loss of the perturbed maximum (Berthet, Blondel, Teboul, Cuturi, Vert and Bach, NeurIPS
/// 2020, section 4), for learning from observed decisions y:
///
///     F(theta)    = E max over z in C of <theta + T * eps, z>               the perturbed maximum
///     L(theta; y) = F(theta) - <theta, y> - T * <E eps, y>,   d L / d theta = E z - y
///
/// estimated by S samples z_s = MAP(theta + T * eps_s):
///
///     value    = mean over s of <theta + T * eps_s, z_s - y>
///     gradient = mean over s of z_s - y
///
/// The value is convex in theta, its gradient is exact for the noise that was drawn, and both are unbiased
/// for any S. It is 0 or more if y is in C or its convex hull (up to the rounding of the solver's own sums),
/// and exactly 0 if all samples agree with y. Subtracting <eps_s, y> in each sample keeps it so, and does
/// not change the expected value.
///
/// With `multiplicative` noise (Dalle, Baty, Bouvier and Parmentier, 2022, section on multiplicative
/// perturbation), theta * m with m = exp(T * xi - T^2 / 2) replaces theta + T * eps. As E m = 1, the loss is
/// F(theta) - <theta, y>, with gradient E m * z - y; by samples
///
///     value    = mean over s of <theta * m_s, z_s - y>,    gradient = mean over s of m_s * (z_s - y)
///
/// No solve is needed backward: S solves per instance give value and gradient.
///
///     imle::fenchel_young_loss loss{solver, imle::normal{}, {.samples = 10, .temperature = 0.5}};
///     auto [values, gradient] = loss(theta, y, imle::random_key{seed});
///
/// For a minimising solver theta is a cost c. The signs are then mirrored (gradient y - mean z), and the
/// value is still 0 or more.
///
/// Shapes as in `imle_layer`: theta, y and the gradient are [batch, instance...] or [instance..., batch],
/// the values [batch]. Noise as in `imle_layer`: element ((first_instance + b) * S + s) * n + i of the key's
/// sequence perturbs coordinate i of instance b, sample s. Results do not depend on the number of threads.
///
/// Errors: as `imle_layer::forward`. If y has another shape than theta or is not finite, throws
/// `std::invalid_argument`. Whether y is feasible is not checked.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class fenchel_young_loss {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense, or if the noise cannot be stratified.
    fenchel_young_loss(SolverT solver, NoiseT noise, fenchel_young_options options = {},
                       ExecutorT executor = {})
        : options_(options),
          sampler_(std::move(solver), std::move(noise), sampler_options(options), std::move(executor)) {}

    /// Values and gradient with respect to theta, for decisions y of theta's shape. batch * S solves, plus
    /// O(batch * S * n). For one theta and many decisions pass `imle::shared(theta, count)`: y is then
    /// [count, instance...], and the gradient is the sum of the rows', of theta's shape.
    template <class ThetaT, class YT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto operator()(const ThetaT& theta, const YT& y, random_key key,
                                  const OptionsT& options = {}) const {
        const call_options given = detail::options_of(options);
        if constexpr (detail::is_shared<ThetaT>) {
            return shared_loss(theta, detail::evaluated(y), key, given);
        } else {
            return detail::with_loss_call(
                [&](const call_options& own, const auto& parameters, const auto& wanted) {
                    detail::require_like("y", wanted, parameters, "theta's shape");
                    const auto pass = forward(parameters, -1, key, own);
                    using Scalar = scalar_of<decltype(parameters)>;
                    const auto call = detail::call_of(pass);
                    loss_value<Scalar, rank_of<decltype(parameters)>, layout_of<decltype(parameters)>> loss;
                    loss.values.resize(call.shape.batch);
                    loss.gradient.resize(call.shape.theta());
                    for_each_row(call, pass.samples().data(), wanted.data(),
                                 [&](Eigen::Index row, double value, std::span<const double> gradient) {
                                     loss.values(row) = mean<Scalar>(value, row);
                                     Scalar* const out = loss.gradient.data() + row * call.shape.n;
                                     for (std::size_t i = 0; i < gradient.size(); ++i)
                                         out[i] = static_cast<Scalar>(gradient[i]);
                                 });
                    return loss;
                },
                given, theta, y);
        }
    }

    /// F(theta) by the same samples: mean over s of max <theta + T * eps_s, z>, [batch]. Its gradient with
    /// respect to theta is the mean of the samples (of m_s * z_s with `multiplicative` noise). For a
    /// minimising solver it is the perturbed minimum, mean over s of min <c - T * eps_s, z>, with the same
    /// gradient. batch * S solves.
    template <class ThetaT, CallOptions OptionsT = call_options>
    [[nodiscard]] auto perturbed_maximum(const ThetaT& theta, random_key key,
                                         const OptionsT& options = {}) const {
        return detail::with_loss_call(
            [&](const call_options& own, const auto& parameters) {
                const auto pass = forward(parameters, -1, key, own);
                const auto shape = detail::shape_of(parameters);
                using Scalar = scalar_of<decltype(parameters)>;
                Eigen::Tensor<Scalar, 1, layout_of<decltype(parameters)>> values(shape.batch);
                replay_rows(detail::call_of(pass), pass.samples().data(), [&](Eigen::Index row, auto& own) {
                    double sum = 0;
                    own.replay.for_each(row, [&](const perturbed_sample<Scalar>& sample) {
                        sum += sign * detail::dot(sample.parameters, sample.z, shape.n);
                    });
                    values(row) = mean<Scalar>(sum, row);
                });
                return values;
            },
            detail::options_of(options), theta);
    }

    /// The solver.
    [[nodiscard]] const SolverT& solver() const { return sampler_.solver(); }
    /// The noise.
    [[nodiscard]] const NoiseT& noise() const { return sampler_.noise(); }
    /// The options.
    [[nodiscard]] const fenchel_young_options& options() const noexcept { return options_; }

  private:
    static constexpr double sign = sense_of<SolverT> == sense::minimize ? -1 : 1;

    static layer_options sampler_options(const fenchel_young_options& options) {
        detail::require_samples("fenchel_young_options::samples", options.samples);
        detail::require_temperature("fenchel_young_options::temperature", options.temperature);
        detail::require_threads("fenchel_young_options::threads", options.threads);
        detail::require_sampling("fenchel_young_options::sampling", options.sampling);
        return {.samples = options.samples,
                .input_temperature = options.temperature,
                .threads = options.threads,
                .sampling = options.sampling};
    }

    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, Eigen::Index shared_rows, random_key key,
                               const call_options& options) const {
        using pass_type = sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        auto call = detail::checked_call(theta, options_.samples, key, options, shared_rows);
        auto pass = detail::pass_writer::empty<pass_type>(call);
        detail::pass_writer::write(pass, call, [&](const auto& own, auto* z, auto& failed_rows) {
            sampler_.write_samples(own, z, failed_rows);
        });
        return pass;
    }

    /// For rows that share their theta. Solves a limited number at a time, so that the samples' memory is
    /// bounded.
    template <class SharedT, DenseTensor YT>
    [[nodiscard]] auto shared_loss(const SharedT& theta, const YT& y, random_key key,
                                   const call_options& options) const {
        using tensor = typename SharedT::tensor;
        using Scalar = scalar_of<tensor>;
        const auto call = detail::checked_call(theta.as_row(), options_.samples, key, options, theta.count());
        static_assert(std::same_as<scalar_of<YT>, Scalar> && layout_of<YT> == layout_of<tensor> &&
                          rank_of<YT> == rank_of<tensor> + 1,
                      "imle::shared: y must be [count, instance...], of theta's scalar and layout. See "
                      "docs/estimators.md");
        detail::require_shape("y", y, call.shape.theta(), "[count, instance...],");
        const Eigen::Index n = call.shape.n, batch = call.shape.batch;
        loss_value<Scalar, rank_of<tensor>, layout_of<tensor>> loss;
        loss.values.resize(batch);
        loss.gradient.resize(call.shape.instance);
        std::vector<double> sum(static_cast<std::size_t>(n), 0.0), gradients;
        std::vector<Scalar> wanted;
        const Eigen::Index most_numbers = Eigen::Index{1} << 20;
        const Eigen::Index at_a_time =
            std::max<Eigen::Index>(1, most_numbers / std::max<Eigen::Index>(n * call.samples, 1));
        for (Eigen::Index first = 0; first < batch; first += at_a_time) {
            const auto part = call.rows(first, std::min(at_a_time, batch - first));
            wanted.assign(y.data() + first * n, y.data() + (first + part.shape.batch) * n);
            for (Eigen::Index row = 0; row < part.shape.batch; ++row)
                detail::write_forbidden(part.mask_of(row), wanted.data() + row * n);
            detail::require_finite("y", wanted.data(), part.shape.batch, 0, n, "a finite number");
            const auto pass = forward(theta.as_row(), part.shape.batch, key, part.options);
            gradients.resize(static_cast<std::size_t>(part.shape.batch * n));
            for_each_row(detail::call_of(pass), pass.samples().data(), wanted.data(),
                         [&](Eigen::Index row, double value, std::span<const double> gradient) {
                             loss.values(first + row) = mean<Scalar>(value, first + row);
                             std::copy(gradient.begin(), gradient.end(), gradients.begin() + row * n);
                         });
            // In order, so that the sum does not depend on threads.
            for (auto row = gradients.begin(); row != gradients.end(); row += n)
                for (Eigen::Index i = 0; i < n; ++i) sum[static_cast<std::size_t>(i)] += row[i];
        }
        for (Eigen::Index i = 0; i < n; ++i)
            loss.gradient.data()[i] = static_cast<Scalar>(sum[static_cast<std::size_t>(i)]);
        return loss;
    }

    /// What a thread needs to process a row.
    template <class ReplayT>
    struct row_memory {
        ReplayT replay;
        std::vector<double> difference;
    };

    /// Calls f(row, row_memory) for the rows of a call, on the sampler's threads. One thread does all of a
    /// row. z: the rows' samples.
    template <class CallT, class Scalar, class F>
    void replay_rows(const CallT& call, const Scalar* z, const F& f) const {
        using memory = row_memory<decltype(sampler_.replay(call, z))>;
        const Eigen::Index n = call.shape.n;
        sampler_.with_runner([&](detail::call_runner& runner) {
            std::vector<std::optional<memory>> workers(runner.worker_count());
            runner.for_each_row(call.shape.batch, call.samples * n,
                                [&](std::size_t worker, Eigen::Index row) {
                                    auto& own = workers[worker];
                                    if (!own)
                                        own.emplace(memory{sampler_.replay(call, z),
                                                           std::vector<double>(static_cast<std::size_t>(n))});
                                    f(row, *own);
                                });
        });
    }

    /// Calls f(row, sum of the samples' values, mean of their gradients) for the rows of a call, on the
    /// sampler's threads. z, y: the rows' samples and wanted decisions.
    template <class CallT, class Scalar, class F>
    void for_each_row(const CallT& call, const Scalar* z, const Scalar* y, const F& f) const {
        const Eigen::Index n = call.shape.n;
        const double share = sign / static_cast<double>(options_.samples);
        replay_rows(call, z, [&](Eigen::Index row, auto& own) {
            const Scalar* const wanted = y + row * n;
            std::vector<double>& difference = own.difference;
            double sum = 0;
            std::fill(difference.begin(), difference.end(), 0.0);
            own.replay.for_each(row, [&](const perturbed_sample<Scalar>& sample) {
                sum += detail::dot_difference(sample.parameters, sample.z, wanted, n);
                for (Eigen::Index i = 0; i < n; ++i) {
                    const double factor =
                        sample.factors == nullptr ? 1.0 : static_cast<double>(sample.factors[i]);
                    difference[static_cast<std::size_t>(i)] +=
                        factor * (static_cast<double>(sample.z[i]) - static_cast<double>(wanted[i]));
                }
            });
            for (double& d : difference) d *= share;
            f(row, sum, std::span<const double>(difference));
        });
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
