#pragma once

/// @file
/// REINFORCE for families that can be sampled exactly.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/exponential_family.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/estimators/baseline.hpp>
#include <imle/estimators/detail/family_call.hpp>
#include <imle/estimators/score_function_options.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/pass.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// The score function estimator, or REINFORCE (Williams, "Simple statistical gradient-following algorithms
/// for connectionist reinforcement learning", Machine Learning 8, 1992), of the gradient of E f(z), for z of
/// an exponential family, whose score is z - mu(theta):
///
///     gradient_b = mean over s of (f_s - baseline_s) (z_s - mu(theta_b))
///
/// It is unbiased for any loss f, of which it needs nothing but values, and noisy; baselines lower the
/// variance.
///
///     imle::score_function_layer layer{imle::k_subset_family{5}, {.samples = 8}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.gradient(pass, losses);   // losses: [batch, sample]
///
/// Shapes, samples' numbering and shards as `imle_layer`. One thread. Copies are cheap. Errors: a caller's
/// mistake throws `std::invalid_argument`, a family that writes what is not finite `solver_error`.
template <ExponentialFamilyOfSomeScalar FamilyT>
class score_function_layer {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense. One sample with baseline::leave_one_out is
    /// enough for a forward pass; a gradient by that baseline then throws.
    explicit score_function_layer(FamilyT family, score_function_options options = {})
        : family_(std::move(family)), options_(options) {
        detail::validate(options_);
    }

    /// S exact samples per instance, z of item (first_instance + b) * S + s.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        return detail::family_forward(family_, theta, options_.samples, key, first_instance);
    }

    /// The estimate of the gradient of E f(z), of theta's shape. losses: f of each sample, [batch, sample]
    /// row-major, [sample, batch] column-major. Unbiased. Throws `std::invalid_argument` for
    /// baseline::leave_one_out with one sample, and for baseline::exact_marginals, which needs to know f: see
    /// `vjp`, or hand over the baseline.
    template <class Scalar, int Rank, int Layout, DenseTensor LossesT>
    [[nodiscard]] auto gradient(const sampled_pass<Scalar, Rank, Layout>& pass, const LossesT& losses) const {
        const auto call = checked_losses(pass, losses);
        if (options_.baseline == baseline::exact_marginals)
            detail::throw_invalid("score_function_options::baseline",
                                  "baseline::exact_marginals, which losses alone do not determine,",
                                  "a call of vjp, of gradient(pass, losses, baseline), or another baseline");
        require_others(call.samples);
        return weighted_scores(pass, call, [&](Eigen::Index b, std::vector<double>& f, const auto&) {
            read(losses.data(), b, f);
            if (options_.baseline == baseline::leave_one_out) subtract_others(f);
        });
    }

    /// The same with a baseline of the caller's, [batch], whatever the options say: a running mean of former
    /// losses, say, or f at the marginals. Unbiased if it does not depend on this pass's samples.
    template <class Scalar, int Rank, int Layout, DenseTensor LossesT, DenseTensor BaselineT>
    [[nodiscard]] auto gradient(const sampled_pass<Scalar, Rank, Layout>& pass, const LossesT& losses,
                                const BaselineT& baselines) const {
        static_assert(std::same_as<scalar_of<BaselineT>, Scalar> && rank_of<BaselineT> == 1,
                      "imle: the baseline is a tensor of rank 1, [batch], of theta's scalar");
        const auto call = checked_losses(pass, losses);
        detail::require_shape("baseline", baselines, Eigen::DSizes<Eigen::Index, 1>(call.shape.batch),
                              "[batch],");
        detail::require_finite("baseline", baselines.data(), call.shape.batch, 0, 1, "a finite number");
        return weighted_scores(pass, call, [&](Eigen::Index b, std::vector<double>& f, const auto&) {
            read(losses.data(), b, f);
            for (double& x : f) x -= static_cast<double>(baselines.data()[b]);
        });
    }

    /// The estimate for f_s = <dz_s, z_s>, of theta's shape, dz of the samples' shape or of theta's, which
    /// each sample then gets. The baseline of sample s is 0, the mean of the others' f, or <dz_s, mu>. For a
    /// loss that is linear in z, whose dz is the same for all samples, that is the loss's gradient without
    /// bias. Else it is the gradient of E <dz(z), z>, which is not that of the loss (and with
    /// baseline::exact_marginals, which then depends on the sample, not even that): for those use `gradient`.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const sampled_pass<Scalar, Rank, Layout>& pass, const CotangentT& dz) const {
        const auto call = detail::family_call_of<FamilyT>(pass);
        const auto cotangent = detail::checked_cotangent(pass, dz);
        require_others(call.samples);
        const Eigen::Index n = call.shape.n;
        return weighted_scores(
            pass, call, [&](Eigen::Index b, std::vector<double>& f, const auto& marginals) {
                const bool from_mu = options_.baseline == baseline::exact_marginals;
                const std::span<const double> mu = from_mu ? marginals() : std::span<const double>{};
                for (Eigen::Index s = 0; s < call.samples; ++s) {
                    const Eigen::Index item = b * call.samples + s;
                    const Scalar* const z = pass.samples().data() + item * n;
                    const Scalar* const d = cotangent.dz + (cotangent.per_sample ? item : b) * n;
                    double sum = 0;
                    for (Eigen::Index i = 0; i < n; ++i)
                        sum +=
                            static_cast<double>(d[i]) *
                            (static_cast<double>(z[i]) - (from_mu ? mu[static_cast<std::size_t>(i)] : 0.0));
                    f[static_cast<std::size_t>(s)] = sum;
                }
                if (options_.baseline == baseline::leave_one_out) subtract_others(f);
            });
    }

    /// Samples and the function that pulls their cotangent back: `vjp` by the chain rule, see
    /// `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, forward(theta, key, first_instance));
    }

    [[nodiscard]] const FamilyT& family() const noexcept { return family_; }
    [[nodiscard]] const score_function_options& options() const noexcept { return options_; }

  private:
    void require_others(Eigen::Index samples) const {
        if (options_.baseline == baseline::leave_one_out && samples < 2)
            detail::throw_invalid("the number of samples", samples,
                                  "at least 2 for baseline::leave_one_out (or another baseline)");
    }

    template <class Scalar, int Rank, int Layout, class LossesT>
    [[nodiscard]] static auto checked_losses(const sampled_pass<Scalar, Rank, Layout>& pass,
                                             const LossesT& losses) {
        static_assert(
            std::same_as<scalar_of<LossesT>, Scalar> && layout_of<LossesT> == Layout && rank_of<LossesT> == 2,
            "imle: losses are [batch, sample] row-major, [sample, batch] column-major, of theta's "
            "scalar and layout");
        const auto call = detail::family_call_of<FamilyT>(pass);
        constexpr bool row_major = Layout == Eigen::RowMajor;
        const Eigen::DSizes<Eigen::Index, 2> expected(row_major ? call.shape.batch : call.samples,
                                                      row_major ? call.samples : call.shape.batch);
        detail::require_shape("losses", losses, expected,
                              row_major ? "[batch, sample]," : "[sample, batch],");
        detail::require_finite("losses", losses.data(), call.shape.batch, call.samples, 1, "a finite number");
        return call;
    }

    /// Instance b's losses: one sample after the other in both layouts.
    template <class Scalar>
    static void read(const Scalar* losses, Eigen::Index b, std::vector<double>& f) {
        const Scalar* const row = losses + b * static_cast<Eigen::Index>(f.size());
        for (std::size_t s = 0; s < f.size(); ++s) f[s] = static_cast<double>(row[s]);
    }

    /// f_s - mean of the others = (f_s - mean of all) S / (S - 1); exactly 0 where all are equal.
    static void subtract_others(std::vector<double>& f) {
        const double first = f.front(), count = static_cast<double>(f.size());
        double mean = 0;
        for (double& x : f) mean += (x -= first) / count;
        for (double& x : f) x = (x - mean) * (count / (count - 1));
    }

    /// gradient_b = mean_s f_s (z_s - mu), f already without its baseline: `weigh(b, f, marginals)` writes S
    /// numbers; marginals() is mu.
    template <class Scalar, int Rank, int Layout, class CallT, class WeighT>
    [[nodiscard]] auto weighted_scores(const sampled_pass<Scalar, Rank, Layout>& pass, const CallT& call,
                                       WeighT&& weigh) const {
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(call.shape.theta());
        const Eigen::Index n = call.shape.n;
        const auto size = static_cast<std::size_t>(n), samples = static_cast<std::size_t>(call.samples);
        std::vector<double> f(samples), mu(size), sum(size);
        std::vector<Scalar> written(size);
        for (Eigen::Index b = 0; b < call.shape.batch; ++b) {
            const auto marginals = [&] {
                detail::write_family_marginals(family_, call, b, std::span<Scalar>(written));
                std::copy(written.begin(), written.end(), mu.begin());
                return std::span<const double>(mu);
            };
            weigh(b, f, marginals);
            if (std::any_of(f.begin(), f.end(), [](double x) { return x != 0; })) marginals();
            std::fill(sum.begin(), sum.end(), 0.0);
            for (std::size_t s = 0; s < samples; ++s) {
                if (f[s] == 0) continue;
                const Scalar* const z =
                    pass.samples().data() + (b * call.samples + static_cast<Eigen::Index>(s)) * n;
                for (std::size_t i = 0; i < size; ++i) sum[i] += f[s] * (static_cast<double>(z[i]) - mu[i]);
            }
            Scalar* const out = gradient.data() + b * n;
            for (std::size_t i = 0; i < size; ++i)
                out[i] = static_cast<Scalar>(sum[i] / static_cast<double>(samples));
        }
        return gradient;
    }

    FamilyT family_;
    score_function_options options_;
};

template <class F>
score_function_layer(F, score_function_options = {})
    -> score_function_layer<typename detail::require_exact_family<F>::type>;

}  // namespace imle::inline IMLE_ABI
