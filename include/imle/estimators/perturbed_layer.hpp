#pragma once

/// @file
/// The differentiable perturbed optimiser.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/estimators/detail/mean_cotangent.hpp>
#include <imle/estimators/perturbed_options.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/detail/layer_call.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/sampled_pass.hpp>
#include <imle/parallel/executor.hpp>
#include <imle/parallel/thread_executor.hpp>
#include <imle/random/random_key.hpp>
#include <imle/targets/perturbation_target.hpp>

namespace imle::inline IMLE_ABI {

/// The perturbed optimiser (Berthet, Blondel, Teboul, Cuturi, Vert, Bach, "Learning with differentiable
/// perturbed optimizers", NeurIPS 2020): the smooth function
///
///     mu(theta) = E z(eps),    z(eps) = MAP(theta + T * eps)
///
/// estimated by the mean of S samples (`pass.marginals()`), and its exact Jacobian by the same samples. With
/// score(x) = -d/dx log pdf(x) of the noise's law (Proposition 3.1, by integration by parts),
///
///     gradient = 1/(T * S) * sum over s of (a_s - b_s) * score(eps_s),    a_s = <dmu, z_s>
///
/// where b_s is 0, or the mean of the other samples' a (`baseline::leave_one_out`): that changes no mean,
/// but lowers the variance, and is what keeps the estimate finite as T goes to 0, where it becomes 0 as soon
/// as all samples agree. Without it the variance grows as 1 / T^2.
///
///     imle::perturbed_layer layer{imle::top_k{5}, imle::normal{}, {.samples = 10, .temperature = 0.5}};
///
/// Costs: z = argmin <c - T * eps, z>; the gradient's sign follows.
///
/// With `multiplicative` noise, theta * exp(T * xi - T^2 / 2) (Dalle, Baty, Bouvier, Parmentier, 2022), the
/// chain rule through log(theta) gives
///
///     gradient_i = 1/(T * theta_i * S) * sum over s of (a_s - b_s) * xi_{s,i}
///
/// and 0 where theta_i = 0, which noise does not move.
///
/// Bias: for a cotangent that does not depend on the samples the mean over keys is the exact gradient
/// J(theta)^T dmu of the smooth function, for any S and T. A loss that is not linear, whose slope is taken at
/// the estimated marginals, adds a bias of O(1 / S). The variance is what one pays: it grows as 1 / T^2 and
/// falls as 1 / S. S solves forward, none backward.
///
/// Shapes, keys, threads and errors are `imle_layer`'s.
template <std::copy_constructible SolverT, NoiseDistributionOfSomeScalar NoiseT,
          Executor ExecutorT = thread_executor>
class perturbed_layer {
    static_assert(
        ScoredNoise<NoiseT>,
        "imle::ScoredNoise: the noise of a perturbed_layer has score(x), -d/dx log of its density, as "
        "normal, gumbel, gamma of shape above 2 and multiplicative have. See "
        "docs/concepts/noise_distribution.md");

  public:
    /// Throws `std::invalid_argument` if an option makes no sense, or if the noise has no score for its
    /// parameters.
    explicit perturbed_layer(SolverT solver, NoiseT noise, perturbed_options options = {},
                             ExecutorT executor = {})
        : options_(detail::checked(options)),
          layer_(std::move(solver), std::move(noise), perturbation_target{},
                 {.samples = options.samples,
                  .input_temperature = options.temperature,
                  .target_temperature = options.temperature,
                  .threads = options.threads},
                 std::move(executor)) {
        if constexpr (requires(const NoiseT& law) { law.score(law.mean()); })
            (void)layer_.noise().score(layer_.noise().mean());
    }

    /// Samples z = MAP(theta + T * eps); `pass.marginals()` is the estimate of mu(theta). batch * S solves.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        return layer_.forward(theta, key, first_instance);
    }

    /// The gradient with respect to theta, of theta's shape: J(theta)^T dmu, estimated by the pass's samples,
    /// whose noise is replayed from the pass's key. `dmu` is of theta's shape, the cotangent of the
    /// marginals; of one of the samples' shape the mean over samples is taken, which is the cotangent of the
    /// marginals by the chain rule, up to the factor S that a pullback puts in.
    ///
    /// Throws `std::invalid_argument` for a wrong shape, a number that is not finite, one sample where
    /// leave-one-out needs two, or a gradient that overflows. O(batch * S * n), no solve.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const sampled_pass<Scalar, Rank, Layout>& pass, const CotangentT& dmu) const {
        static_assert(NoiseDistribution<NoiseT, Scalar>,
                      "imle::NoiseDistribution: the layer's noise has no fill(random_key, std::uint64_t, "
                      "std::span<Scalar>) const for this scalar. See docs/concepts/noise_distribution.md");
        const auto shape = detail::batch_shape_of(pass);
        const Eigen::Index samples = pass.sample_count();
        const detail::layer_call<Scalar, Rank - 1, Layout> call{shape, samples, pass.theta().data(),
                                                                pass.key(), pass.first_instance()};
        detail::require_addresses(call);
        if (options_.baseline == baseline::leave_one_out && samples < 2)
            detail::throw_invalid("the pass's number of samples", samples,
                                  "at least 2, since baseline::leave_one_out compares each with the others "
                                  "(or baseline::none)");
        const std::vector<double> cotangent = detail::mean_cotangent(pass, dmu);
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(shape.theta());
        std::vector<double> weights(static_cast<std::size_t>(samples));
        std::vector<double> sum(static_cast<std::size_t>(shape.n));
        std::vector<Scalar> noise;
        for (Eigen::Index row = 0; row < shape.batch; ++row) {
            weigh(cotangent.data() + row * shape.n, pass.samples().data() + row * samples * shape.n, shape.n,
                  weights);
            std::fill(sum.begin(), sum.end(), 0.0);
            add_weighted_scores(call, row, weights, noise, sum);
            write_row(pass.theta().data() + row * shape.n, samples, sum, gradient.data() + row * shape.n);
        }
        for (const Eigen::Index row : pass.failed_rows())
            std::fill_n(gradient.data() + row * shape.n, shape.n, Scalar(0));
        detail::require_finite_gradient(
            gradient,
            "a finite one: a larger temperature, a smaller cotangent or, for multiplicative noise, "
            "a theta further from 0");
        return gradient;
    }

    /// Samples and the function that pulls their cotangent back by the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, forward(theta, key, first_instance));
    }

    [[nodiscard]] const SolverT& solver() const { return layer_.solver(); }
    [[nodiscard]] const NoiseT& noise() const { return layer_.noise(); }
    [[nodiscard]] const perturbed_options& options() const noexcept { return options_; }

  private:
    /// weights[s] = a_s - b_s of one instance. With the leave-one-out baseline, the weights of samples that
    /// agree are exactly 0: differences from the first sample's a are, where a difference from a rounded mean
    /// would leave something for 1 / T to blow up.
    template <class Scalar>
    void weigh(const double* cotangent, const Scalar* z, Eigen::Index n, std::vector<double>& weights) const {
        for (double& a : weights) {
            a = 0;
            for (Eigen::Index i = 0; i < n; ++i) a += cotangent[i] * static_cast<double>(z[i]);
            z += n;
        }
        if (options_.baseline == baseline::none) return;
        const double first = weights.front(), count = static_cast<double>(weights.size());
        double total = 0;
        for (double& a : weights) total += a -= first;
        for (double& a : weights) a -= (total - a) / (count - 1);
    }

    /// sum_i += weights[s] * score(eps_{s,i}) over the samples of one instance. Some thousand numbers of the
    /// noise are asked for at a time.
    template <class CallT, class Scalar>
    void add_weighted_scores(const CallT& call, Eigen::Index row, const std::vector<double>& weights,
                             std::vector<Scalar>& noise, std::vector<double>& sum) const {
        const std::size_t n = sum.size();
        if (n == 0) return;
        const std::size_t block = std::max<std::size_t>(1, 4096 / n);
        noise.resize(std::min(block, weights.size()) * n);
        const std::uint64_t first = (call.first_instance + static_cast<std::uint64_t>(row)) *
                                    static_cast<std::uint64_t>(call.samples);
        for (std::size_t begin = 0; begin < weights.size(); begin += block) {
            const std::size_t end = std::min(begin + block, weights.size());
            if (std::all_of(weights.begin() + static_cast<std::ptrdiff_t>(begin),
                            weights.begin() + static_cast<std::ptrdiff_t>(end),
                            [](double w) { return w == 0; }))
                continue;
            layer_.noise().fill(call.key, (first + begin) * n,
                                std::span<Scalar>(noise.data(), (end - begin) * n));
            for (std::size_t s = begin; s < end; ++s)
                for (std::size_t i = 0; i < n; ++i)
                    sum[i] += weights[s] * static_cast<double>(layer_.noise().score(
                                               static_cast<double>(noise[(s - begin) * n + i])));
        }
    }

    /// gradient_i = sum_i / S / T, divided by theta_i too where noise multiplies.
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
    imle_layer<SolverT, NoiseT, perturbation_target, ExecutorT> layer_;
};

namespace detail {

/// As `require_noise`, for class template argument deduction.
template <class N>
struct require_scored_noise {
    static_assert(
        ScoredNoise<N>,
        "imle::ScoredNoise: the noise of a perturbed_layer has score(x), -d/dx log of its density, as "
        "normal, gumbel, gamma of shape above 2 and multiplicative have. See "
        "docs/concepts/noise_distribution.md");
    using type = N;
};

}  // namespace detail

template <class S, class N>
perturbed_layer(S, N, perturbed_options = {})
    -> perturbed_layer<typename detail::require_solver_object<S>::type,
                       typename detail::require_scored_noise<N>::type>;
template <class S, class N, Executor E>
perturbed_layer(S, N, perturbed_options, E)
    -> perturbed_layer<typename detail::require_solver_object<S>::type,
                       typename detail::require_scored_noise<N>::type, E>;

}  // namespace imle::inline IMLE_ABI
