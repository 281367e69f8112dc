#pragma once

/// @file
/// Exact samples forwards, the exact marginals' gradient backwards.

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
#include <imle/estimators/detail/family_call.hpp>
#include <imle/estimators/exact_options.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/pass.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// A layer around a family whose marginals and their derivative are known: forwards it gives exact samples,
/// backwards it treats them as if they were the marginals, with the exact Jacobian of mu(theta) = E z. With
/// `k_subset_family` this is SIMPLE (Ahmed, Zeng, Niepert, Van den Broeck, ICLR 2023): see `simple_layer`.
///
///     imle::exact_layer layer{imle::k_subset_family{10}, {.samples = 4}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.vjp(pass, dz);
///
/// For a loss that is linear in z the gradient is exact and without variance beyond dz's own. For others it
/// is biased: it takes E[J' dz] for the gradient of E loss(z). A loss of the marginals themselves
/// (`marginals(theta)`) is differentiated exactly.
///
/// Shapes, samples' numbering and shards as `imle_layer`. One thread. Copies are cheap. Errors: a caller's
/// mistake throws `std::invalid_argument`, a family that writes what is not finite `solver_error`.
template <ExponentialFamilyOfSomeScalar FamilyT>
class exact_layer {
  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit exact_layer(FamilyT family, exact_options options = {})
        : family_(std::move(family)), options_(options) {
        detail::validate(options_);
    }

    /// S exact samples per instance, z of item (first_instance + b) * S + s.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        return detail::family_forward(family_, theta, options_.samples, key, first_instance);
    }

    /// E z, of theta's shape. No key: nothing is random.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals(const ThetaT& theta) const {
        const auto call = detail::family_call<FamilyT>(theta, 1, random_key{}, 0);
        Eigen::Tensor<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> mu(call.shape.theta());
        for (Eigen::Index b = 0; b < call.shape.batch; ++b)
            detail::write_family_marginals(family_, call, b, detail::family_row(mu.data(), b, call.shape.n));
        return mu;
    }

    /// J(theta)' mean_s dz_s, of theta's shape, J the Jacobian of the marginals. dz is of the samples' shape
    /// or of theta's, which each sample then gets. One call of the family's `marginals_vjp` per instance,
    /// however many samples there are. Linear in dz.
    template <class Scalar, int Rank, int Layout, DenseTensor CotangentT>
    [[nodiscard]] auto vjp(const sampled_pass<Scalar, Rank, Layout>& pass, const CotangentT& dz) const {
        const auto call = detail::family_call_of<FamilyT>(pass);
        const auto cotangent = detail::checked_cotangent(pass, dz);
        typename sampled_pass<Scalar, Rank, Layout>::theta_tensor gradient(call.shape.theta());
        std::vector<Scalar> mean;
        for (Eigen::Index b = 0; b < call.shape.batch; ++b) {
            const auto row = [&](auto* values) { return detail::family_row(values, b, call.shape.n); };
            if (cotangent.per_sample) {
                write_mean(detail::family_row(cotangent.dz, b, call.samples * call.shape.n), call.shape.n,
                           mean);
                write_gradient(row(call.theta), std::span<const Scalar>(mean), row(gradient.data()));
            } else {
                write_gradient(row(call.theta), row(cotangent.dz), row(gradient.data()));
            }
        }
        return gradient;
    }

    /// The gradient of <dmu, marginals(theta)>: exact, and no sample is drawn.
    template <DenseTensor ThetaT, DenseTensor CotangentT>
    [[nodiscard]] auto marginals_vjp(const ThetaT& theta, const CotangentT& dmu) const {
        using Scalar = scalar_of<ThetaT>;
        static_assert(std::same_as<scalar_of<CotangentT>, Scalar> &&
                          layout_of<CotangentT> == layout_of<ThetaT> &&
                          rank_of<CotangentT> == rank_of<ThetaT>,
                      "imle: the cotangent of the marginals has theta's scalar, rank and layout. See "
                      "docs/layer.md");
        const auto call = detail::family_call<FamilyT>(theta, 1, random_key{}, 0);
        detail::require_shape("dmu", dmu, call.shape.theta(), "theta's shape");
        detail::require_finite("dmu", dmu.data(), call.shape.batch, 0, call.shape.n, "a finite cotangent");
        Eigen::Tensor<Scalar, rank_of<ThetaT>, layout_of<ThetaT>> gradient(call.shape.theta());
        for (Eigen::Index b = 0; b < call.shape.batch; ++b)
            write_gradient(detail::family_row(call.theta, b, call.shape.n),
                           detail::family_row(std::as_const(dmu).data(), b, call.shape.n),
                           detail::family_row(gradient.data(), b, call.shape.n));
        return gradient;
    }

    /// Samples and the function that pulls their cotangent back by the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return detail::value_and_pullback_of(*this, forward(theta, key, first_instance));
    }

    [[nodiscard]] const FamilyT& family() const noexcept { return family_; }
    [[nodiscard]] const exact_options& options() const noexcept { return options_; }

  private:
    /// mean: n numbers, the mean over samples, summed in double.
    template <class Scalar>
    static void write_mean(std::span<const Scalar> dz, Eigen::Index n, std::vector<Scalar>& mean) {
        const auto size = static_cast<std::size_t>(n), samples = size == 0 ? 1 : dz.size() / size;
        std::vector<double> sum(size, 0);
        for (std::size_t s = 0; s < samples; ++s)
            for (std::size_t i = 0; i < size; ++i)
                sum[i] += static_cast<double>(dz[s * size + i]) / static_cast<double>(samples);
        mean.resize(size);
        for (std::size_t i = 0; i < size; ++i) mean[i] = static_cast<Scalar>(sum[i]);
    }

    template <class Scalar>
    void write_gradient(std::span<const Scalar> theta, std::span<const Scalar> dmu,
                        std::span<Scalar> gradient) const {
        static_assert(DifferentiableFamily<FamilyT, Scalar>,
                      "imle::DifferentiableFamily: the layer's family has no marginals_vjp(theta, dmu, "
                      "gradient) const for this scalar; score_function_layer does without. See "
                      "docs/concepts/exponential_family.md");
        if (std::all_of(dmu.begin(), dmu.end(), [](Scalar d) { return d == Scalar(0); }))
            std::fill(gradient.begin(), gradient.end(), Scalar(0));
        else
            family_.marginals_vjp(theta, dmu, gradient);
    }

    FamilyT family_;
    exact_options options_;
};

template <class F>
exact_layer(F, exact_options = {}) -> exact_layer<typename detail::require_exact_family<F>::type>;

}  // namespace imle::inline IMLE_ABI
