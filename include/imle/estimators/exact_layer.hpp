#pragma once

/// @file
/// Exact samples forward, the gradient of the exact marginals backward.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <imle/estimators/detail/family_layer.hpp>
#include <imle/families/k_subset_family.hpp>

namespace imle::inline IMLE_ABI {

/// The settings of `exact_layer`. The order of the members is part of the contract.
struct exact_options {
    /// Samples S per instance, at least 1.
    Eigen::Index samples = 1;
    /// Worker threads; 0 means one for each core. Results do not depend on it. Each instance is one
    /// thread's; only if there are fewer instances than threads, an instance's samples are shared out.
    int threads = 1;
};

/// A layer around a family whose marginals and their derivative are known. The forward pass gives exact
/// samples. The backward pass treats them as if they were the marginals, with the exact Jacobian of
/// mu(theta) = E z. With `k_subset_family` this is SIMPLE (Ahmed, Zeng, Niepert, Van den Broeck, ICLR 2023):
/// see `simple_layer`.
///
///     imle::exact_layer layer{imle::k_subset_family{10}, {.samples = 4}};
///     auto pass = layer.forward(theta, imle::random_key{seed});
///     auto gradient = layer.vjp(pass, dz);
///
/// For a loss that is linear in z the gradient is exact, with no variance except dz's own. For other losses
/// it is biased: it takes E[J' dz] for the gradient of E loss(z). A loss of the marginals themselves
/// (`marginals`, `marginals_and_pullback`) is differentiated exactly.
///
/// Functions, shapes and the numbering of samples are those of `layer_interface`. Copies are cheap. Errors:
/// `std::invalid_argument` for a caller's mistake, which includes a gradient that overflows; `solver_error`
/// for a family that writes numbers that are not finite.
template <ExponentialFamilyOfSomeScalar FamilyT, Executor ExecutorT = thread_executor>
class exact_layer
    : public detail::family_layer<exact_layer<FamilyT, ExecutorT>, FamilyT, exact_options, ExecutorT> {
    using base = detail::family_layer<exact_layer, FamilyT, exact_options, ExecutorT>;

  public:
    /// Throws `std::invalid_argument` if an option makes no sense.
    explicit exact_layer(FamilyT family, exact_options options = {}, ExecutorT executor = {})
        : base(std::move(family), options, std::move(executor), "exact_options::samples",
               "exact_options::threads") {}

    using layer_interface<exact_layer>::marginals;
    /// `marginals(theta, key).marginals()`, which does not depend on the key.
    template <class ThetaT>
    [[nodiscard]] auto marginals(const ThetaT& theta) const {
        return marginals(theta, random_key{}).marginals();
    }

    /// The gradient of <dmu, marginals(theta)>: exact, without computing samples or marginals.
    template <class ThetaT, class CotangentT>
    [[nodiscard]] auto marginals_vjp(const ThetaT& theta, const CotangentT& dmu) const {
        const auto& values = detail::evaluated_batch(theta);
        const auto& cotangent = detail::evaluated(dmu);
        const auto call = detail::checked_call(values, 1, random_key{}, {});
        detail::require_like("dmu", cotangent, values, "theta's shape");
        using tensor = detail::evaluated_t<ThetaT>;
        Eigen::Tensor<scalar_of<tensor>, rank_of<tensor>, layout_of<tensor>> gradient(call.shape.theta());
        write_product(call, detail::cotangent<scalar_of<tensor>>{cotangent.data(), false}, gradient.data());
        return gradient;
    }

  private:
    friend layer_interface<exact_layer>;

    /// J(theta)' mean_s dz_s, where J is the Jacobian of the marginals, for passes of both kinds. One call
    /// of the family's `marginals_vjp` per instance, for any number of samples. Linear in dz.
    template <class Scalar, class CallT>
    void write_gradient(const detail::pass_values<Scalar>& values, const CallT& call,
                        const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        detail::write_for_theta(values, call, dz, gradient,
                                [&](const auto&, const auto&... rows) { write_product(rows...); });
    }

    template <class CallT, class Scalar>
    void write_product(const CallT& call, const detail::cotangent<Scalar>& dz, Scalar* gradient) const {
        base::require_family(call);
        const Eigen::Index n = call.shape.n;
        std::vector<std::vector<Scalar>> means(dz.per_sample ? base::workers() : 0);
        std::atomic<bool> may_overflow{false};
        base::for_each_row(detail::row_work::gradient, call, [&](std::size_t worker, Eigen::Index b) {
            std::span<const Scalar> dmu;
            if (dz.per_sample)
                dmu = mean_of(detail::family_row(dz.dz, b, call.samples * n), dz.scale, n, means[worker]);
            else
                dmu = detail::family_row(dz.dz, b, n);
            if (write_row(call, b, dmu, detail::family_row(gradient, b, n)))
                may_overflow.store(true, std::memory_order_relaxed);
        });
        if (may_overflow)
            detail::require_finite_gradient(call, gradient, "a finite one: use a smaller cotangent");
    }

    /// The mean over samples, n numbers, summed in double. Up to rounding, no mean is larger than the
    /// largest of its numbers.
    template <class Scalar>
    [[nodiscard]] static std::span<const Scalar> mean_of(std::span<const Scalar> dz, Scalar scale,
                                                         Eigen::Index n, std::vector<Scalar>& mean) {
        constexpr double largest = static_cast<double>(std::numeric_limits<Scalar>::max());
        const auto size = static_cast<std::size_t>(n), samples = size == 0 ? 1 : dz.size() / size;
        std::vector<double> sum(size, 0);
        for (std::size_t s = 0; s < samples; ++s)
            for (std::size_t i = 0; i < size; ++i)
                sum[i] += static_cast<double>(scale * dz[s * size + i]) / static_cast<double>(samples);
        mean.resize(size);
        for (std::size_t i = 0; i < size; ++i)
            mean[i] = static_cast<Scalar>(std::clamp(sum[i], -largest, largest));
        return mean;
    }

    /// J(theta_b)' dmu. Returns whether it was computed with a smaller dmu, so that it may overflow when
    /// scaled back.
    template <class Scalar, class CallT>
    [[nodiscard]] bool write_row(const CallT& call, Eigen::Index b, std::span<const Scalar> dmu,
                                 std::span<Scalar> out) const {
        static_assert(DifferentiableFamily<FamilyT, Scalar>,
                      "imle::DifferentiableFamily: the layer's family has no marginals_vjp(theta, dmu, "
                      "gradient) const for this scalar; score_function_layer does not need it. See "
                      "docs/concepts/exponential_family.md");
        if (std::all_of(dmu.begin(), dmu.end(), [](Scalar d) { return d == Scalar(0); })) {
            std::fill(out.begin(), out.end(), Scalar(0));
            return false;
        }
        const auto write = [&](std::span<const Scalar> cotangent, std::span<Scalar> values) {
            if constexpr (detail::is_shaped_family<FamilyT>) {
                const auto view = detail::family_view(call, cotangent.data());
                detail::write_allowed<FamilyT>(
                    call, b, values, [&](const auto& theta, auto& gradient, const solve_context& context) {
                        this->family().marginals_vjp(theta, view, gradient, context);
                    });
            } else {
                const auto mask = call.mask_of(b);
                std::vector<Scalar> allowed;
                if (!mask.empty()) cotangent = allowed = detail::allowed_numbers(mask, cotangent);
                detail::write_allowed<FamilyT>(
                    call, b, values, [&](std::span<const Scalar> theta, std::span<Scalar> gradient) {
                        this->family().marginals_vjp(theta, cotangent, gradient);
                    });
            }
        };
        std::fill(out.begin(), out.end(), detail::unwritten<Scalar>());
        write(dmu, out);
        if (detail::all_finite(std::span<const Scalar>(out))) return false;
        // Sums of large numbers may overflow on the way to a gradient that does not. J is linear, so the
        // family is asked again, with smaller ones; if there are none, it is at fault.
        const Scalar large = std::ldexp(Scalar(1), std::numeric_limits<Scalar>::max_exponent / 2);
        const bool any = std::any_of(dmu.begin(), dmu.end(), [=](Scalar d) { return std::abs(d) > large; });
        const Scalar factor = any ? large : Scalar(1);
        std::vector<Scalar> smaller(dmu.begin(), dmu.end());
        for (Scalar& d : smaller) d /= factor;
        detail::write_by_family("marginals_vjp", call, b, out, [&](std::span<Scalar> values) {
            write(std::span<const Scalar>(smaller), values);
        });
        for (Scalar& g : out) g *= factor;
        return true;
    }
};

template <class F, Executor E = thread_executor>
exact_layer(F, exact_options = {}, E = {}) -> exact_layer<typename detail::require_exact_family<F>::type, E>;

/// The layer of SIMPLE (Ahmed, Zeng, Niepert, Van den Broeck, "SIMPLE: a gradient estimator for k-subset
/// sampling", ICLR 2023): exact k-subsets forward, the exact Jacobian of the marginals backward. Throws
/// `std::invalid_argument` if k is negative or an option makes no sense.
[[nodiscard]] inline exact_layer<k_subset_family> simple_layer(Eigen::Index k, exact_options options = {}) {
    return exact_layer<k_subset_family>(k_subset_family{k}, options);
}

}  // namespace imle::inline IMLE_ABI
