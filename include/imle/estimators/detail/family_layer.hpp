#pragma once

/// @file
/// What the layers around an exact family have in common: the calls that do not depend on the estimator, the
/// checks, and the family's answers, looked at.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <Eigen/Core>

#include <imle/concepts/exponential_family.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/layer/detail/call_checks.hpp>
#include <imle/layer/detail/layer_call.hpp>
#include <imle/layer/marginals_pass.hpp>
#include <imle/layer/pullback.hpp>
#include <imle/layer/sampled_pass.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class FamilyT, int InstanceRank, int Layout>
inline constexpr bool family_fits_layout = [] {
    if constexpr (requires { FamilyT::layout; })
        return InstanceRank == 1 || int(FamilyT::layout) == Layout;
    else
        return true;
}();

/// theta as a call, checked.
template <class FamilyT, class ThetaT>
[[nodiscard]] auto family_call(const ThetaT& theta, Eigen::Index samples, random_key key,
                               std::uint64_t first_instance) {
    using Scalar = scalar_of<ThetaT>;
    constexpr int instance_rank = rank_of<ThetaT> - 1, layout = layout_of<ThetaT>;
    static_assert(instance_rank >= 1,
                  "imle: theta has a batch dimension and at least one instance dimension; view a single "
                  "instance as a batch of one. See docs/layer.md");
    static_assert(
        ExponentialFamily<FamilyT, Scalar>,
        "imle::ExponentialFamily: the layer's family has no sample(theta, random_key, std::uint64_t, "
        "z) const and marginals(theta, mu) const for this scalar. See "
        "docs/concepts/exponential_family.md");
    static_assert(
        family_fits_layout<FamilyT, instance_rank, layout>,
        "imle::ExponentialFamily: the family reads an instance of several dimensions in one layout, "
        "and theta is of the other. See docs/concepts/exponential_family.md");
    const auto shape = batch_shape<instance_rank, layout>::of(theta);
    require_finite("theta", theta.data(), shape.batch, 0, shape.n,
                   "a finite number (to forbid a choice, use a large finite theta)");
    const layer_call<Scalar, instance_rank, layout> call{shape, samples, theta.data(), key, first_instance};
    require_addresses(call);
    return call;
}

/// A pass's theta, as a call again.
template <class FamilyT, class PassT>
[[nodiscard]] auto family_call_of(const PassT& pass) {
    return family_call<FamilyT>(pass.theta(), pass.sample_count(), pass.key(), pass.first_instance());
}

/// Instance b's numbers, of values that have n for each instance.
template <class Scalar>
[[nodiscard]] std::span<Scalar> family_row(Scalar* values, Eigen::Index b, Eigen::Index n) {
    return {values + b * n, static_cast<std::size_t>(n)};
}

/// Hands `out` to `write`, which calls the family's `function` for instance b. Throws `solver_error` unless
/// all of it was written, with finite numbers.
template <class CallT, class Scalar, class WriteT>
void write_by_family(const char* function, const CallT& call, Eigen::Index b, std::span<Scalar> out,
                     WriteT&& write) {
    std::fill(out.begin(), out.end(), unwritten<Scalar>());
    write(out);
    const std::span<const Scalar> values(out);
    if (all_finite(values)) return;
    const std::size_t at = first_not_finite(values), n = static_cast<std::size_t>(call.shape.n);
    const std::uint64_t instance = call.first_instance + static_cast<std::uint64_t>(b);
    throw solver_error(message("imle: the family's ", function, " wrote ", values[at],
                               " (or nothing) at coordinate ", at % n, " in instance ", instance, ", sample ",
                               at / n, "; expected a finite number at every coordinate"),
                       instance, at / n);
}

/// mu of instance b.
template <class FamilyT, class CallT, class Scalar>
void write_family_marginals(const FamilyT& family, const CallT& call, Eigen::Index b, std::span<Scalar> mu) {
    write_by_family("marginals", call, b, mu, [&](std::span<Scalar> out) {
        family.marginals(family_row(call.theta, b, call.shape.n), out);
    });
}

/// The S draws of instance b.
template <class FamilyT, class CallT, class Scalar>
void write_family_samples(const FamilyT& family, const CallT& call, Eigen::Index b, std::span<Scalar> zs) {
    write_by_family("sample", call, b, zs, [&](std::span<Scalar> out) {
        const auto theta = family_row(call.theta, b, call.shape.n);
        const std::uint64_t first_item =
            (call.first_instance + static_cast<std::uint64_t>(b)) * static_cast<std::uint64_t>(call.samples);
        if constexpr (requires { family.sample_several(theta, call.key, first_item, out); }) {
            family.sample_several(theta, call.key, first_item, out);
        } else {
            for (Eigen::Index s = 0; s < call.samples; ++s)
                family.sample(theta, call.key, first_item + static_cast<std::uint64_t>(s),
                              family_row(out.data(), s, call.shape.n));
        }
    });
}

/// A layer around a family, but for the way back, which `LayerT` adds: `vjp(pass, dz)` for passes of both
/// kinds. It holds nothing but the family and the options and changes neither, so any number of threads may
/// call one const layer at once.
template <class LayerT, class FamilyT, class OptionsT>
class family_layer {
  public:
    /// S exact samples per instance, z of item (first_instance + b) * S + s.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto forward(const ThetaT& theta, random_key key, std::uint64_t first_instance = 0) const {
        using pass = sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        const auto call = family_call<FamilyT>(theta, options_.samples, key, first_instance);
        typename pass::sample_tensor z(call.shape.samples(call.samples));
        for (Eigen::Index b = 0; b < call.shape.batch; ++b)
            write_family_samples(family_, call, b, family_row(z.data(), b, call.samples * call.shape.n));
        return pass(copy_of(call), std::move(z), key, first_instance);
    }

    /// E z, exactly, as a pass that is pulled back through like one of `forward`: `.marginals()` is what the
    /// mean of samples tends to. No sample is drawn; the key is the pass's, for a layer whose `vjp` draws.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals(const ThetaT& theta, random_key key,
                                 std::uint64_t first_instance = 0) const {
        using pass = marginals_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
        const auto call = family_call<FamilyT>(theta, options_.samples, key, first_instance);
        typename pass::theta_tensor mu(call.shape.theta());
        for (Eigen::Index b = 0; b < call.shape.batch; ++b)
            write_family_marginals(family_, call, b, family_row(mu.data(), b, call.shape.n));
        return pass(copy_of(call), std::move(mu), key, first_instance, call.samples);
    }

    /// Samples and the function that pulls their cotangent back by the chain rule: see `imle::pullback`.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto value_and_pullback(const ThetaT& theta, random_key key,
                                          std::uint64_t first_instance = 0) const {
        return value_and_pullback_of(layer(), forward(theta, key, first_instance));
    }

    /// The same for E z, of theta's shape; its cotangent goes to `vjp` as it is.
    template <DenseTensor ThetaT>
    [[nodiscard]] auto marginals_and_pullback(const ThetaT& theta, random_key key,
                                              std::uint64_t first_instance = 0) const {
        return value_and_pullback_of(layer(), marginals(theta, key, first_instance));
    }

    [[nodiscard]] const FamilyT& family() const noexcept { return family_; }
    [[nodiscard]] const OptionsT& options() const noexcept { return options_; }

  protected:
    family_layer(FamilyT family, const OptionsT& options, const char* samples_option)
        : family_(std::move(family)), options_(options) {
        if (options_.samples < 1) throw_invalid(samples_option, options_.samples, "at least 1");
    }

  private:
    [[nodiscard]] const LayerT& layer() const noexcept { return static_cast<const LayerT&>(*this); }

    template <class Scalar, int InstanceRank, int Layout>
    [[nodiscard]] static auto copy_of(const layer_call<Scalar, InstanceRank, Layout>& call) {
        Eigen::Tensor<Scalar, InstanceRank + 1, Layout> theta(call.shape.theta());
        std::copy_n(call.theta, theta.size(), theta.data());
        return theta;
    }

    FamilyT family_;
    OptionsT options_;
};

// A wrong family given to class template argument deduction fails with one sentence.
template <class F>
struct require_exact_family {
    static_assert(
        ExponentialFamilyOfSomeScalar<F>,
        "imle::ExponentialFamily: the layer's family has no sample(theta, random_key, std::uint64_t, "
        "z) const and marginals(theta, mu) const. See docs/concepts/exponential_family.md");
    using type = F;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
