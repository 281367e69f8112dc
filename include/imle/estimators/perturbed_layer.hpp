#pragma once

/// @file
/// The differentiable perturbed optimiser.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <imle/estimators/baseline.hpp>
#include <imle/estimators/detail/directional_difference.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/estimators/detail/sample_values.hpp>
#include <imle/estimators/detail/score_sums.hpp>
#include <imle/layer/sampler_layer.hpp>

namespace imle::inline IMLE_ABI {

/// How a `perturbed_layer` estimates J(theta)^T dmu, where J is the Jacobian of mu(theta) = E MAP(theta + T *
/// eps). `score` holds for every solver and noise. The others use that J is symmetric: for an exact solver
/// and noise that is added, mu is the gradient of E max <theta + T * eps, z>. For a heuristic solver, or one
/// that changes theta first, as path solvers do that clamp negative costs, J need not be symmetric, and the
/// others are biased: `directional` estimates J dmu.
enum class perturbed_estimate {
    /// Samples of <dmu, z>, weighted with the noise's score.
    score,
    /// The mean of `score` and of its mirror image, samples of z weighted with <dmu, score>. No more solves,
    /// and a lower variance. With multiplicative noise it means `score`.
    symmetrized,
    /// 2 S solves at noise that is moved along dmu. Lowest variance. Normal noise only.
    directional,
};

/// The settings of a `perturbed_layer`. The order of the members is part of the contract.
struct perturbed_options {
    /// Samples S per instance, at least 1; `baseline::leave_one_out` needs 2 for a gradient.
    Eigen::Index samples = 1;
    /// T, the scale of the noise (sigma or epsilon in the papers), above 0.
    double temperature = 1;
    /// The baseline that is subtracted from a sample's <dmu, z>: `leave_one_out` or `none`. No effect on
    /// `perturbed_estimate::directional`.
    imle::baseline baseline = imle::baseline::leave_one_out;
    /// Worker threads; 0 is one for each core. Results do not depend on it. In the backward pass of an
    /// estimate by score, each instance is one thread's.
    int threads = 1;
    /// The estimate of the gradient.
    perturbed_estimate estimate = perturbed_estimate::symmetrized;
};

namespace detail {
/// A wrong noise fails with one sentence.
template <class N>
struct require_scored_noise {
    static_assert(
        ScoredNoise<N>,
        "imle::ScoredNoise: the noise of a perturbed_layer must have score(x), -d/dx log of its density, as "
        "normal, gumbel, gamma of shape above 2 and multiplicative have. See "
        "docs/concepts/noise_distribution.md");
    using type = accepted_part<N, ScoredNoise<N>>;
};
}  // namespace detail

/// The perturbed optimiser (Berthet, Blondel, Teboul, Cuturi, Vert, Bach, "Learning with differentiable
/// perturbed optimizers", NeurIPS 2020): the smooth function
///
///     mu(theta) = E z(eps),    z(eps) = MAP(theta + T * eps)
///
/// estimated by the mean of S samples (`pass.marginals()`), and the product of its exact Jacobian's transpose
/// with a cotangent dmu.
///
///     imle::perturbed_layer layer{imle::top_k{5}, imle::normal{}, {.samples = 10, .temperature = 0.5}};
///
/// **score.** With score(x) = -d/dx log pdf(x) of the noise's law (Proposition 3.1, by integration by parts),
///
///     gradient = 1/(T * S) * sum over s of (a_s - b_s) * score(eps_s),    a_s = <dmu, z_s>
///
/// where b_s is 0, or the mean of the other samples' a (`baseline::leave_one_out`). The baseline does not
/// change the mean, but lowers the variance. It also keeps the estimate finite as T goes to 0: the estimate
/// becomes 0 as soon as all samples agree. Without it the variance grows as 1 / T^2.
///
/// **symmetrized**, the default, uses J^T = J. With c the mean of dmu's numbers, it is half of
///
///     1/(T * S) * sum over s of (a_s - b_s) * score(eps_s)    for a_s = <dmu + c, z_s>, and half of
///     1/(T * S) * sum over s of z_s * (v_s - b_s),            v_s = <dmu - c, score(eps_s)>
///
/// with b_s as above, also for v. It takes the same samples. c does not change the mean. Where all z have the
/// same sum, as k-subsets have, it does not change the first half either, and the second is free of a
/// constant that says nothing there but would be noise.
///
/// **directional**, for normal noise of standard deviation sigma: with the pass's noise, its component along
/// d = dmu / |dmu| replaced by +b and -b times sigma, b of the Rayleigh law,
///
///     gradient = |dmu| / (T * sigma * sqrt(2 pi) * S) * sum over s of (z(eps+_s) - z(eps-_s))
///
/// It has no step size and no bias. dmu = 0 gives 0 without a solve. It takes passes of `marginals` too.
///
/// Costs: z = argmin <c - T * eps, z>, and the gradient's sign changes accordingly.
///
/// With `multiplicative` noise, theta * exp(T * xi - T^2 / 2) (Dalle, Baty, Bouvier, Parmentier, 2022), the
/// chain rule through log(theta) gives
///
///     gradient_i = 1/(T * theta_i * S) * sum over s of (a_s - b_s) * xi_{s,i}
///
/// and 0 where theta_i = 0, which noise does not move. J is not symmetric, so `symmetrized` means `score`.
///
/// Cotangents: the layer differentiates mu, so it takes the mean of the cotangents of an instance's samples
/// for dmu, with every estimate. For a loss of single samples, use `gradient_of_values`.
///
/// Bias: if the cotangent does not depend on the samples, the mean over keys is exact, for any S and T. For a
/// nonlinear loss the slope is taken at the estimated marginals, which adds a bias of O(1 / S). The variance
/// of the estimates by score grows as 1 / T^2 and falls as 1 / S. Cost: S solves forward, none backward:
/// O(batch * S * n). `directional`: 2 S solves backward.
///
/// Functions, shapes, keys, threads and errors are those of `layer_interface`. Unless the estimate is
/// `directional`, `vjp` takes passes of `forward` alone, and throws for one sample if leave-one-out needs
/// two. It throws for a gradient that overflows.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class perturbed_layer
    : public sampler_layer<perturbed_layer<SolverT, NoiseT, ExecutorT>, SolverT, NoiseT, ExecutorT> {
    using base = sampler_layer<perturbed_layer, SolverT, NoiseT, ExecutorT>;
    static_assert(sizeof(detail::require_scored_noise<NoiseT>) > 0);  // complete, so it has looked
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

  public:
    /// In general `vjp` takes passes of `forward` alone: the estimates by score need every sample.
    static constexpr bool pulls_back_marginals = false;

    /// Throws `std::invalid_argument` if an option makes no sense, if the noise has no score for its
    /// parameters, or if the estimate is `directional` and the noise not normal.
    explicit perturbed_layer(SolverT solver, NoiseT noise, perturbed_options options = {},
                             ExecutorT executor = {})
        : base({std::move(solver), std::move(noise), sampler_options(options), std::move(executor)}),
          options_(options) {
        if constexpr (requires(const NoiseT& law) { law.score(law.mean()); })
            (void)this->noise().score(this->noise().mean());
        if (is_multiplicative_noise<NoiseT> && options_.estimate == perturbed_estimate::symmetrized)
            options_.estimate = perturbed_estimate::score;
        if (options_.estimate == perturbed_estimate::directional) {
            law_ = detail::normal_law(this->noise());
            if (!law_)
                detail::throw_invalid("perturbed_options::estimate",
                                      "perturbed_estimate::directional with noise that is not normal",
                                      "normal noise, added to theta, that has mean() and stddev(), or "
                                      "perturbed_estimate::symmetrized or ::score");
        }
    }

    /// The options. `estimate` is the one in use.
    [[nodiscard]] const perturbed_options& options() const noexcept { return options_; }

    /// The estimate of the gradient of E f(z), for a loss f without a slope, as
    /// `score_function_layer::gradient` has it for families:
    ///
    ///     gradient = 1/(T * S) * sum over s of (f_s - b_s) * score(eps_s)
    ///
    /// of theta's shape, with b_s as `options().baseline` says, whatever the estimate of `vjp`. values: f of
    /// each sample, [batch, sample] row-major, [sample, batch] column-major (or [batch, sample] for a pass of
    /// `imle::batch_first`). For a shared theta, the batch is the number of rows, and the gradient is their
    /// sum. Unbiased for any solver, noise and f. No solves. Throws as `vjp`.
    template <detail::SampledPass PassT, class ValuesT>
    [[nodiscard]] auto gradient_of_values(const PassT& pass, const ValuesT& values) const {
        return gradient_by_values(pass, values, [&](const auto& call) {
            require_others(call.samples);
            return [&](Eigen::Index, std::span<double> f) {
                if (leaves_one_out()) detail::subtract_mean_of_others(f);
            };
        });
    }

    /// The same with your own baseline, [batch], whatever the options say: for example a running mean of
    /// former losses. Unbiased if it does not depend on this pass's samples.
    template <detail::SampledPass PassT, class ValuesT, class BaselineT>
    [[nodiscard]] auto gradient_of_values(const PassT& pass, const ValuesT& values,
                                          const BaselineT& baseline) const {
        const auto& baselines = detail::evaluated(baseline);
        return gradient_by_values(pass, values, [&](const auto& call) {
            detail::require_baselines(call, baselines);
            return [&](Eigen::Index row, std::span<double> f) {
                for (double& x : f) x -= static_cast<double>(baselines.data()[row]);
            };
        });
    }

  private:
    friend layer_interface<perturbed_layer>;

    static layer_options sampler_options(const perturbed_options& options) {
        detail::require_samples("perturbed_options::samples", options.samples);
        if (!detail::is_finite(options.temperature) || !(options.temperature > 0))
            detail::throw_invalid("perturbed_options::temperature", options.temperature,
                                  "a finite number above 0 (without noise there is no gradient to estimate)");
        if (options.baseline == baseline::exact_marginals)
            detail::throw_invalid("perturbed_options::baseline", "baseline::exact_marginals",
                                  "baseline::leave_one_out or baseline::none (the exact marginals of a "
                                  "solver under noise are not known)");
        if (options.baseline != baseline::none && options.baseline != baseline::leave_one_out)
            detail::throw_invalid("perturbed_options::baseline", static_cast<int>(options.baseline),
                                  "baseline::leave_one_out or baseline::none");
        if (options.estimate != perturbed_estimate::score &&
            options.estimate != perturbed_estimate::symmetrized &&
            options.estimate != perturbed_estimate::directional)
            detail::throw_invalid("perturbed_options::estimate", static_cast<int>(options.estimate),
                                  "perturbed_estimate::score, ::symmetrized or ::directional");
        detail::require_threads("perturbed_options::threads", options.threads);
        return {
            .samples = options.samples, .input_temperature = options.temperature, .threads = options.threads};
    }

    [[nodiscard]] bool leaves_one_out() const noexcept {
        return options_.baseline == baseline::leave_one_out;
    }

    void require_others(Eigen::Index samples) const {
        if (leaves_one_out() && samples < 2)
            detail::throw_invalid("the pass's number of samples", samples,
                                  "at least 2, because baseline::leave_one_out compares each with the others "
                                  "(or baseline::none)");
    }

    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        if (law_) {
            detail::write_for_theta(values, call, dmu, gradient,
                                    [&](const auto&... rows) { write_directional_rows(rows...); });
            return;
        }
        if (values.mean != nullptr)
            detail::throw_invalid("the pass", "one of marginals, which keeps no samples",
                                  "a pass of forward (or perturbed_estimate::directional)");
        require_others(call.samples);
        detail::write_for_theta(values, call, dmu, gradient,
                                [&](const auto&... rows) { write_score_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_directional_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                                const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        this->sampler_.in_one_call(call, [&](detail::call_runner& runner, const auto& solve) {
            detail::write_directional_difference(runner, solve, *law_, options_.temperature,
                                                 detail::mean_cotangent(runner, call, dmu), values.failed,
                                                 gradient);
        });
        require_finite(call, gradient);
    }

    /// The estimates by score, of all rows of a call.
    template <class Scalar, class CallT>
    void write_score_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                          const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        const bool is_plain = options_.estimate == perturbed_estimate::score;
        this->sampler_.with_runner([&](detail::call_runner& runner) {
            write_rows(runner, values, call, gradient, is_plain ? 1.0 : 0.5,
                       [&](Eigen::Index row, auto& sums) {
                           std::fill(sums.cotangent.begin(), sums.cotangent.end(), 0.0);
                           detail::add_mean_cotangent(call, dmu, row, sums.cotangent.data());
                           const Scalar* const z = values.z + row * call.samples * call.shape.n;
                           if (is_plain)
                               add_score(row, call.mask_of(row), z, sums);
                           else
                               add_symmetrized(row, call.mask_of(row), z, sums);
                       });
        });
        finish_rows(values, call, gradient);
    }

    static constexpr auto is_zero = [](double x) { return x == 0; };

    template <class Scalar, class SumsT>
    void add_score(Eigen::Index row, std::span<const bool> mask, const Scalar* z, SumsT& sums) const {
        weigh(sums.cotangent, z, sums);
        if (!std::all_of(sums.weights.begin(), sums.weights.end(), is_zero))
            sums.add_scores(row, mask, nullptr);
    }

    template <class Scalar, class SumsT>
    void add_symmetrized(Eigen::Index row, std::span<const bool> mask, const Scalar* z, SumsT& sums) const {
        std::vector<double>&d = sums.cotangent, &shifted = sums.shifted;
        // Nothing is known about the derivative if all samples agree: all terms of both halves are 0. A
        // rounding error of the mean of v must not be left there, which 1 / T would blow up, so z is taken
        // relative to the first sample.
        if (std::all_of(d.begin(), d.end(), is_zero) ||
            (leaves_one_out() && detail::all_equal(z, sums.weights.size(), d.size())))
            return;
        // The constant part of dmu goes through the first half alone: see the class's comment.
        const double mean = detail::mean_of_allowed(d, mask);
        shifted.resize(d.size());
        for (std::size_t i = 0; i < d.size(); ++i) shifted[i] = d[i] + mean;
        weigh(shifted, z, sums);
        for (std::size_t i = 0; i < d.size(); ++i) shifted[i] = d[i] - mean;
        sums.add_scores(row, mask, shifted.data());
        if (leaves_one_out()) detail::subtract_mean_of_others(sums.slopes);
        sums.add_samples(z, leaves_one_out() ? z : nullptr);
    }

    /// weights_s = <cotangent, z_s> - b_s, of one instance.
    template <class Scalar, class SumsT>
    void weigh(const std::vector<double>& cotangent, const Scalar* z, SumsT& sums) const {
        detail::write_products(cotangent.data(), z, cotangent.size(), std::span<double>(sums.weights));
        if (leaves_one_out()) detail::subtract_mean_of_others(sums.weights);
    }

    /// `checked(call)` checks what it needs, and returns the function that subtracts the baseline from the
    /// values of a row.
    template <class PassT, class ValuesT, class CheckedT>
    [[nodiscard]] auto gradient_by_values(const PassT& pass, const ValuesT& values,
                                          const CheckedT& checked) const {
        if constexpr (detail::is_batch_first_pass<PassT>) {
            return pass.with_batch_first(gradient_by_values(
                pass.batch_last(), detail::with_batch_last<2>(detail::evaluated(values)), checked));
        } else if constexpr (detail::is_shared_pass<PassT>) {
            return pass.as_instance(gradient_by_values(pass.rows(), values, checked));
        } else {
            const auto& f = detail::evaluated(values);
            const auto call = detail::call_of_values(pass, "values", f);
            const auto subtract_baseline = checked(call);
            using Scalar = scalar_of<typename PassT::theta_tensor>;
            typename PassT::theta_tensor gradient(detail::dimensions_of(pass.theta()));
            const auto write = [&](const auto& rows, const auto& part, const auto&, Scalar* out) {
                const auto before = static_cast<Eigen::Index>(part.first_instance() - call.first_instance());
                this->sampler_.with_runner([&](detail::call_runner& runner) {
                    write_rows(runner, rows, part, out, 1.0, [&](Eigen::Index row, auto& sums) {
                        const Scalar* const own = f.data() + (before + row) * call.samples;
                        std::copy_n(own, call.samples, sums.weights.begin());
                        subtract_baseline(before + row, std::span<double>(sums.weights));
                        sums.add_scores(row, part.mask_of(row), nullptr);
                    });
                });
                finish_rows(rows, part, out);
            };
            // No cotangent is needed; the samples have the shape of one.
            const detail::cotangent<Scalar> none{pass.samples().data(), true};
            detail::write_for_theta(detail::pass_values_of(pass), call, none, gradient.data(), write);
            return gradient;
        }
    }

    /// Writes the gradient of all rows of a call: for each row, `write_sum(row, sums)` adds to `sums.sum`,
    /// and gradient = share * sum / (T * S), to theta or through its logarithm. One thread does all of a row,
    /// so that the order of a sum does not depend on threads.
    template <class Scalar, class CallT, class WriteT>
    void write_rows(detail::call_runner& runner, const detail::pass_values<Scalar>& values, const CallT& call,
                    Scalar* gradient, double share, const WriteT& write_sum) const {
        const Eigen::Index n = call.shape.n;
        using sums_type = detail::score_sums<NoiseT, decltype(this->sampler_.replay(call, values.z))>;
        std::vector<std::optional<sums_type>> workers(runner.worker_count());
        runner.for_each_row(call.shape.batch, call.samples * n, [&](std::size_t worker, Eigen::Index row) {
            auto& sums = workers[worker];
            if (!sums) sums.emplace(this->noise(), this->sampler_.replay(call, values.z), call.samples, n);
            std::fill(sums->sum.begin(), sums->sum.end(), 0.0);
            write_sum(row, *sums);
            write_row(call.theta_of(row), call.samples, share, sums->sum, gradient + row * n);
            // What no noise moves has no gradient.
            detail::write_forbidden(call.mask_of(row), gradient + row * n);
        });
    }

    template <class Scalar, class CallT>
    static void finish_rows(const detail::pass_values<Scalar>& values, const CallT& call, Scalar* gradient) {
        const Eigen::Index n = call.shape.n;
        for (const Eigen::Index row : values.failed) std::fill_n(gradient + row * n, n, Scalar(0));
        require_finite(call, gradient);
    }

    /// gradient_i = share * sum_i / S / T, also divided by theta_i if the noise multiplies.
    template <class Scalar>
    void write_row(const Scalar* theta, Eigen::Index samples, double share, const std::vector<double>& sum,
                   Scalar* gradient) const {
        for (std::size_t i = 0; i < sum.size(); ++i) {
            // 0 / T is 0 for any T, where 0 * (1 / T) need not be.
            const double slope = share * sum[i] / static_cast<double>(samples) / options_.temperature;
            if constexpr (is_multiplicative_noise<NoiseT>)
                // MAP(-c * factor): theta = -c and d/dc = -d/dtheta, two signs that cancel.
                gradient[i] = theta[i] == Scalar(0)
                                  ? Scalar(0)
                                  : static_cast<Scalar>(slope / static_cast<double>(theta[i]));
            else
                gradient[i] = static_cast<Scalar>(minimizes ? -slope : slope);
        }
    }

    template <class CallT, class Scalar>
    static void require_finite(const CallT& call, const Scalar* gradient) {
        detail::require_finite_gradient(
            call, gradient,
            "a finite one: use a larger temperature, smaller values or a smaller cotangent or, for "
            "multiplicative noise, a theta further from 0");
    }

    perturbed_options options_;
    /// The noise's parameters, if the estimate is `directional`.
    std::optional<detail::normal_parameters> law_;
};

template <class S, class N, Executor E = thread_executor>
perturbed_layer(S, N, perturbed_options = {}, E = {})
    -> perturbed_layer<typename detail::require_solver_object<S>::type,
                       typename detail::require_scored_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
