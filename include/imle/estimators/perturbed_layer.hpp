#pragma once

/// @file
/// The differentiable perturbed optimiser.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/estimators/baseline.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/layer/sampler_layer.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of a `perturbed_layer`. The order of the members is part of the contract.
struct perturbed_options {
    /// Samples S per instance, at least 1; `baseline::leave_one_out` needs 2 for a gradient.
    Eigen::Index samples = 1;
    /// T, the scale of the noise (sigma or epsilon in the papers), above 0.
    double temperature = 1;
    /// The baseline that is subtracted from a sample's <dmu, z>: `leave_one_out` or `none`.
    imle::baseline baseline = imle::baseline::leave_one_out;
    /// Worker threads of the forward pass; 0 is one for each core. Results do not depend on it.
    int threads = 1;
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
    using type = N;
};
}  // namespace detail

/// The perturbed optimiser (Berthet, Blondel, Teboul, Cuturi, Vert, Bach, "Learning with differentiable
/// perturbed optimizers", NeurIPS 2020): the smooth function
///
///     mu(theta) = E z(eps),    z(eps) = MAP(theta + T * eps)
///
/// estimated by the mean of S samples (`pass.marginals()`), and its exact Jacobian estimated by the same
/// samples. With score(x) = -d/dx log pdf(x) of the noise's law (Proposition 3.1, by integration by parts),
///
///     gradient = 1/(T * S) * sum over s of (a_s - b_s) * score(eps_s),    a_s = <dmu, z_s>
///
/// where b_s is 0, or the mean of the other samples' a (`baseline::leave_one_out`). The baseline does not
/// change the mean, but lowers the variance. It also keeps the estimate finite as T goes to 0: the estimate
/// becomes 0 as soon as all samples agree. Without it the variance grows as 1 / T^2.
///
///     imle::perturbed_layer layer{imle::top_k{5}, imle::normal{}, {.samples = 10, .temperature = 0.5}};
///
/// Costs: z = argmin <c - T * eps, z>, and the gradient's sign changes accordingly.
///
/// With `multiplicative` noise, theta * exp(T * xi - T^2 / 2) (Dalle, Baty, Bouvier, Parmentier, 2022), the
/// chain rule through log(theta) gives
///
///     gradient_i = 1/(T * theta_i * S) * sum over s of (a_s - b_s) * xi_{s,i}
///
/// and 0 where theta_i = 0, which noise does not move.
///
/// Bias: if the cotangent does not depend on the samples, the mean over keys is the exact gradient
/// J(theta)^T dmu of the smooth function, for any S and T. For a nonlinear loss the slope is taken at the
/// estimated marginals, which adds a bias of O(1 / S). The price is variance: it grows as 1 / T^2 and falls
/// as 1 / S. Cost: S solves forward, none backward: O(batch * S * n).
///
/// Functions, shapes, keys, threads and errors are those of `layer_interface`. `vjp` takes passes of
/// `forward`. It throws for one sample if leave-one-out needs two, and for a gradient that overflows.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class perturbed_layer
    : public sampler_layer<perturbed_layer<SolverT, NoiseT, ExecutorT>, SolverT, NoiseT, ExecutorT> {
    using base = sampler_layer<perturbed_layer, SolverT, NoiseT, ExecutorT>;
    static_assert(sizeof(detail::require_scored_noise<NoiseT>) > 0);  // complete, so it has looked

  public:
    /// `vjp` takes passes of `forward` alone: it needs every sample.
    static constexpr bool pulls_back_marginals = false;

    /// Throws `std::invalid_argument` if an option makes no sense, or if the noise has no score for its
    /// parameters.
    explicit perturbed_layer(SolverT solver, NoiseT noise, perturbed_options options = {},
                             ExecutorT executor = {})
        : base({std::move(solver), std::move(noise), sampler_options(options), std::move(executor)}),
          options_(options) {
        if constexpr (requires(const NoiseT& law) { law.score(law.mean()); })
            (void)this->noise().score(this->noise().mean());
    }

    /// The options.
    [[nodiscard]] const perturbed_options& options() const noexcept { return options_; }

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
        detail::require_threads("perturbed_options::threads", options.threads);
        return {
            .samples = options.samples, .input_temperature = options.temperature, .threads = options.threads};
    }

    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        if (options_.baseline == baseline::leave_one_out && call.samples < 2)
            detail::throw_invalid("the pass's number of samples", call.samples,
                                  "at least 2, because baseline::leave_one_out compares each with the others "
                                  "(or baseline::none)");
        detail::write_for_theta(values, call, dmu, gradient,
                                [&](const auto&... rows) { write_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                    const detail::cotangent<Scalar>& dmu, Scalar* gradient) const {
        const Eigen::Index n = call.shape.n;
        const std::vector<double> cotangent = detail::mean_cotangent(call, dmu);
        std::vector<double> weights(static_cast<std::size_t>(call.samples));
        std::vector<double> score(static_cast<std::size_t>(n)), sum(score.size());
        auto replay = this->sampler_.replay(call, values.z);
        for (Eigen::Index row = 0; row < call.shape.batch; ++row) {
            weigh(cotangent.data() + row * n, values.z + row * call.samples * n, n, weights);
            std::fill(sum.begin(), sum.end(), 0.0);
            if (std::any_of(weights.begin(), weights.end(), [](double w) { return w != 0; }))
                replay.for_each_noise(row, [&](Eigen::Index s, const Scalar* eps) {
                    for (std::size_t i = 0; i < sum.size(); ++i)
                        score[i] = static_cast<double>(this->noise().score(static_cast<double>(eps[i])));
                    detail::scaled_sum(weights[static_cast<std::size_t>(s)], score.data(), sum.data(),
                                       sum.data(), sum.size());
                });
            write_row(call.theta_of(row), call.samples, sum, gradient + row * n);
            // What no noise moves has no gradient, though a law's score may not be 0 at 0.
            detail::write_forbidden(call.mask_of(row), gradient + row * n);
        }
        for (const Eigen::Index row : values.failed) std::fill_n(gradient + row * n, n, Scalar(0));
        detail::require_finite_gradient(
            call, gradient,
            "a finite one: use a larger temperature, a smaller cotangent or, for multiplicative noise, a "
            "theta further from 0");
    }

    /// weights[s] = a_s - b_s of one instance. With the leave-one-out baseline, the weights of samples that
    /// agree are exactly 0, because they are differences from the first sample's a. A difference from a
    /// rounded mean would leave a rounding error, which 1 / T would blow up.
    template <class Scalar>
    void weigh(const double* cotangent, const Scalar* z, Eigen::Index n, std::vector<double>& weights) const {
        for (double& a : weights) {
            a = 0;
            for (Eigen::Index i = 0; i < n; ++i)
                a += detail::rounded(cotangent[i] * static_cast<double>(z[i]));
            z += n;
        }
        if (options_.baseline == baseline::none) return;
        const double first = weights.front(), count = static_cast<double>(weights.size());
        double total = 0;
        for (double& a : weights) total += a -= first;
        for (double& a : weights) a -= (total - a) / (count - 1);
    }

    /// gradient_i = sum_i / S / T, also divided by theta_i if the noise multiplies.
    template <class Scalar>
    void write_row(const Scalar* theta, Eigen::Index samples, const std::vector<double>& sum,
                   Scalar* gradient) const {
        for (std::size_t i = 0; i < sum.size(); ++i) {
            // 0 / T is 0 for any T, where 0 * (1 / T) need not be.
            const double slope = sum[i] / static_cast<double>(samples) / options_.temperature;
            if constexpr (is_multiplicative_noise<NoiseT>)
                // MAP(-c * factor): theta = -c and d/dc = -d/dtheta, two signs that cancel.
                gradient[i] = theta[i] == Scalar(0)
                                  ? Scalar(0)
                                  : static_cast<Scalar>(slope / static_cast<double>(theta[i]));
            else
                gradient[i] = static_cast<Scalar>(sense_of<SolverT> == sense::minimize ? -slope : slope);
        }
    }

    perturbed_options options_;
};

template <class S, class N, Executor E = thread_executor>
perturbed_layer(S, N, perturbed_options = {}, E = {})
    -> perturbed_layer<typename detail::require_solver_object<S>::type,
                       typename detail::require_scored_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
