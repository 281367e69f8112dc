#pragma once

/// @file
/// REINFORCE for families that can be sampled exactly.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/estimators/baseline.hpp>
#include <imle/estimators/detail/family_layer.hpp>
#include <imle/estimators/detail/sample_values.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of `score_function_layer`. The order of the members is part of the contract.
struct score_function_options {
    /// Samples S per instance, at least 1. baseline::leave_one_out needs 2 for a gradient.
    Eigen::Index samples = 1;
    /// The baseline that is subtracted from each sample's loss.
    imle::baseline baseline = imle::baseline::leave_one_out;
    /// Worker threads; 0 means one for each core. Results do not depend on it. Each instance is one
    /// thread's; only if there are fewer instances than threads, an instance's samples are shared out.
    int threads = 1;
};

/// The score function estimator, or REINFORCE (Williams, "Simple statistical gradient-following algorithms
/// for connectionist reinforcement learning", Machine Learning 8, 1992), of the gradient of E f(z), for z of
/// an exponential family, whose score is z - mu(theta):
///
///     gradient_b = mean over s of (f_s - baseline_s) (z_s - mu(theta_b))
///
/// It is unbiased for any loss f, of which it needs only values. It is noisy; baselines lower the variance.
///
///     imle::score_function_layer layer{imle::k_subset_family{5}, {.samples = 8}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.gradient(pass, losses);   // losses: [batch, sample]
///
/// `vjp(pass, dz)` estimates the gradient for f_s = <dz_s, z_s>. It is unbiased for a loss that is linear in
/// z, whose dz is the same for all samples, and for a loss of the exact marginals. For other losses use
/// `gradient`: `vjp` then estimates the gradient of E <dz(z), z>, which is not the loss's gradient. (With
/// baseline::exact_marginals, which then depends on the sample, it does not even estimate that one.)
///
/// Functions, shapes and the numbering of samples are those of `layer_interface`. Copies are cheap. Errors:
/// `std::invalid_argument` for a caller's mistake, which includes a gradient that overflows; `solver_error`
/// for a family that writes numbers that are not finite.
template <ExponentialFamilyOfSomeScalar FamilyT, Executor ExecutorT = thread_executor>
class score_function_layer : public detail::family_layer<score_function_layer<FamilyT, ExecutorT>, FamilyT,
                                                         score_function_options, ExecutorT> {
    using base = detail::family_layer<score_function_layer, FamilyT, score_function_options, ExecutorT>;

  public:
    /// Throws `std::invalid_argument` if an option makes no sense. With baseline::leave_one_out, one sample
    /// is enough for a forward pass, but a gradient then throws.
    explicit score_function_layer(FamilyT family, score_function_options options = {},
                                  ExecutorT executor = {})
        : base(std::move(family), options, std::move(executor), "score_function_options::samples",
               "score_function_options::threads") {
        if (options.baseline != baseline::none && options.baseline != baseline::leave_one_out &&
            options.baseline != baseline::exact_marginals)
            detail::throw_invalid("score_function_options::baseline", static_cast<int>(options.baseline),
                                  "baseline::none, baseline::leave_one_out or baseline::exact_marginals");
    }

    /// The estimate of the gradient of E f(z), of theta's shape. losses: f of each sample, [batch, sample]
    /// row-major, [sample, batch] column-major. Unbiased. Throws `std::invalid_argument` for
    /// baseline::leave_one_out with one sample, and for baseline::exact_marginals, which needs to know f:
    /// use `vjp`, or pass the baseline.
    template <class Scalar, int Rank, int Layout, class LossesT>
    [[nodiscard]] auto gradient(const sampled_pass<Scalar, Rank, Layout>& pass, const LossesT& losses) const {
        const auto& values = detail::evaluated(losses);
        const auto call = detail::call_of_values(pass, "losses", values);
        if (level() == baseline::exact_marginals)
            detail::throw_invalid("score_function_options::baseline",
                                  "baseline::exact_marginals, which losses alone do not determine",
                                  "a call of vjp, of gradient(pass, losses, baseline), or another baseline");
        require_others(call.samples);
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(call.shape.theta());
        write_weighted_scores(detail::pass_values_of(pass), call, gradient.data(),
                              [&](const auto& row, std::vector<double>& f) {
                                  read(values.data(), row, f);
                                  if (level() == baseline::leave_one_out) subtract_others(f);
                              });
        return gradient;
    }

    /// The same with your own baseline, [batch], whatever the options say: for example a running mean of
    /// former losses, or f at the marginals. Unbiased if it does not depend on this pass's samples.
    template <class Scalar, int Rank, int Layout, class LossesT, class BaselineT>
    [[nodiscard]] auto gradient(const sampled_pass<Scalar, Rank, Layout>& pass, const LossesT& losses,
                                const BaselineT& baseline) const {
        const auto& values = detail::evaluated(losses);
        const auto& baselines = detail::evaluated(baseline);
        const auto call = detail::call_of_values(pass, "losses", values);
        detail::require_baselines(call, baselines);
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(call.shape.theta());
        write_weighted_scores(
            detail::pass_values_of(pass), call, gradient.data(),
            [&](const auto& row, std::vector<double>& f) {
                read(values.data(), row, f);
                for (double& x : f)
                    x -= detail::rounded(row.scale * static_cast<double>(baselines.data()[row.b]));
            });
        return gradient;
    }

  private:
    friend layer_interface<score_function_layer>;

    /// The estimate for f_s = <dz_s, z_s>. The samples of a pass of `marginals` are drawn again. The
    /// baseline of sample s is 0, the mean of the others' f, or <dz_s, mu>.
    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        require_others(call.samples);
        detail::write_for_theta(values, call, dz, gradient,
                                [&](const auto&... rows) { write_rows(rows...); });
    }

    template <class Scalar, class CallT>
    void write_rows(const detail::pass_values<Scalar>& values, const CallT& call,
                    const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        const Eigen::Index n = call.shape.n;
        write_weighted_scores(values, call, gradient, [&](const auto& row, std::vector<double>& f) {
            const bool from_mu = level() == baseline::exact_marginals;
            const std::span<const double> mu = from_mu ? row.marginals() : std::span<const double>{};
            for (Eigen::Index s = 0; s < call.samples; ++s) {
                const Scalar* const z = row.z + s * n;
                const Scalar* const d = dz.dz + (dz.per_sample ? row.b * call.samples + s : row.b) * n;
                double sum = 0;
                for (Eigen::Index i = 0; i < n; ++i)
                    sum += detail::rounded(
                        row.scale * static_cast<double>(dz.scale * d[i]) *
                        (static_cast<double>(z[i]) - (from_mu ? mu[static_cast<std::size_t>(i)] : 0.0)));
                f[static_cast<std::size_t>(s)] = sum;
            }
            if (level() == baseline::leave_one_out) subtract_others(f);
        });
    }

    [[nodiscard]] imle::baseline level() const noexcept { return this->options().baseline; }

    void require_others(Eigen::Index samples) const {
        if (level() == baseline::leave_one_out && samples < 2)
            detail::throw_invalid("the number of samples", samples,
                                  "at least 2 for baseline::leave_one_out (or another baseline)");
    }

    /// An instance's losses: one sample after the other in both layouts.
    template <class Scalar, class RowT>
    static void read(const Scalar* losses, const RowT& row, std::vector<double>& f) {
        const Scalar* const first = losses + row.b * static_cast<Eigen::Index>(f.size());
        for (std::size_t s = 0; s < f.size(); ++s) f[s] = row.scale * static_cast<double>(first[s]);
    }

    /// f_s - mean of the others = (f_s - mean of all) S / (S - 1); exactly 0 where all are equal.
    static void subtract_others(std::vector<double>& f) {
        const double first = f.front(), count = static_cast<double>(f.size());
        double mean = 0;
        for (double& x : f) mean += (x -= first) / count;
        for (double& x : f) x = (x - mean) * (count / (count - 1));
    }

    /// Instance b: its samples z, its mu, computed on demand, and the factor of losses and baselines.
    template <class Scalar, class MarginalsT>
    struct sampled_row {
        Eigen::Index b;
        const Scalar* z;
        const MarginalsT& marginals;
        double scale;
    };

    /// One worker's memory.
    template <class Scalar>
    struct row_memory {
        std::vector<double> f, mu, difference, sum;
        std::vector<Scalar> written, drawn;
    };

    /// gradient_b = mean_s f_s (z_s - mu), where f is already without its baseline: `weigh(row, f)` writes S
    /// numbers.
    template <class Scalar, class CallT, class WeighT>
    void write_weighted_scores(const detail::pass_values<Scalar>& values, const CallT& call, Scalar* gradient,
                               WeighT&& weigh) const {
        base::require_family(call);
        std::vector<row_memory<Scalar>> memory(base::workers());
        base::for_each_row(detail::row_work::gradient, call, [&](std::size_t worker, Eigen::Index b) {
            write_row(values, call, b, memory[worker], detail::family_row(gradient, b, call.shape.n), weigh);
        });
        detail::require_finite_gradient(call, gradient,
                                        "a finite one: use smaller losses or a smaller cotangent");
    }

    template <class Scalar, class CallT, class WeighT>
    void write_row(const detail::pass_values<Scalar>& values, const CallT& call, Eigen::Index b,
                   row_memory<Scalar>& memory, std::span<Scalar> out, const WeighT& weigh) const {
        const auto size = static_cast<std::size_t>(call.shape.n);
        std::vector<double>&f = memory.f, &mu = memory.mu, &difference = memory.difference;
        f.resize(static_cast<std::size_t>(call.samples));
        mu.resize(size);
        difference.resize(size);
        memory.sum.resize(size);
        memory.written.resize(size);
        double* const sum = memory.sum.data();
        const Scalar* const z = samples_of(values, call, b, memory.drawn);
        bool known = false;
        const auto marginals = [&] {
            if (!std::exchange(known, true)) {
                detail::write_family_marginals(this->family(), call, b, std::span<Scalar>(memory.written));
                std::copy(memory.written.begin(), memory.written.end(), mu.begin());
            }
            return std::span<const double>(mu);
        };
        const auto write = [&](double scale) {
            weigh(sampled_row<Scalar, decltype(marginals)>{b, z, marginals, scale}, f);
            if (std::any_of(f.begin(), f.end(), [](double x) { return x != 0; })) marginals();
            std::fill_n(sum, size, 0.0);
            for (std::size_t s = 0; s < f.size(); ++s) {
                if (f[s] == 0) continue;
                for (std::size_t i = 0; i < size; ++i)
                    difference[i] = static_cast<double>(z[s * size + i]) - mu[i];
                detail::scaled_sum(f[s], difference.data(), sum, sum, size);
            }
            for (std::size_t i = 0; i < size; ++i)
                out[i] = static_cast<Scalar>(sum[i] / static_cast<double>(f.size()) / scale);
        };
        write(1);
        // Sums of large numbers may overflow on the way to a gradient that does not.
        if (!detail::all_finite(std::span<const Scalar>(out))) write(0x1p-512);
    }

    /// Instance b's samples: from the pass, or drawn again.
    template <class Scalar, class CallT>
    [[nodiscard]] const Scalar* samples_of(const detail::pass_values<Scalar>& values, const CallT& call,
                                           Eigen::Index b, std::vector<Scalar>& drawn) const {
        if (values.z != nullptr) return values.z + b * call.samples * call.shape.n;
        drawn.resize(static_cast<std::size_t>(call.samples * call.shape.n));
        detail::write_family_samples(this->family(), call, b, 0, call.samples, drawn.data());
        return drawn.data();
    }
};

template <class F, Executor E = thread_executor>
score_function_layer(F, score_function_options = {}, E = {})
    -> score_function_layer<typename detail::require_exact_family<F>::type, E>;

}  // namespace imle::inline IMLE_ABI
