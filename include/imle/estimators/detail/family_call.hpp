#pragma once

/// @file
/// What the layers around an exact family have in common: checks, and the family's answers, looked at.

#include <algorithm>
#include <concepts>
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
#include <imle/layer/call.hpp>
#include <imle/layer/pass.hpp>
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

template <class FamilyT, class Scalar, int InstanceRank, int Layout>
constexpr void require_family() {
    static_assert(
        ExponentialFamily<FamilyT, Scalar>,
        "imle::ExponentialFamily: the layer's family has no sample(theta, random_key, std::uint64_t, "
        "z) const and marginals(theta, mu) const for this scalar. See "
        "docs/concepts/exponential_family.md");
    static_assert(
        family_fits_layout<FamilyT, InstanceRank, Layout>,
        "imle::ExponentialFamily: the family reads an instance of several dimensions in one layout, "
        "and theta is of the other. See docs/concepts/exponential_family.md");
}

/// theta as a call, checked.
template <class FamilyT, class ThetaT>
[[nodiscard]] auto family_call(const ThetaT& theta, Eigen::Index samples, random_key key,
                               std::uint64_t first_instance) {
    static_assert(rank_of<ThetaT> >= 2,
                  "imle: theta has a batch dimension and at least one instance dimension; view a single "
                  "instance as a batch of one. See docs/layer.md");
    constexpr int instance_rank = rank_of<ThetaT> - 1;
    require_family<FamilyT, scalar_of<ThetaT>, instance_rank, layout_of<ThetaT>>();
    const auto shape = batch_shape<instance_rank, layout_of<ThetaT>>::of(theta);
    require_finite("theta", theta.data(), shape.batch, 0, shape.n,
                   "a finite number (to forbid a choice, use a large finite theta)");
    const layer_call<scalar_of<ThetaT>, instance_rank, layout_of<ThetaT>> call{shape, samples, theta.data(),
                                                                               key, first_instance};
    require_addresses(call);
    return call;
}

/// A pass's theta, as a call again.
template <class FamilyT, class Scalar, int Rank, int Layout>
[[nodiscard]] auto family_call_of(const sampled_pass<Scalar, Rank, Layout>& pass) {
    return family_call<FamilyT>(pass.theta(), pass.sample_count(), pass.key(), pass.first_instance());
}

/// Instance b's numbers, of values that have n for each instance.
template <class Scalar>
[[nodiscard]] std::span<Scalar> family_row(Scalar* values, Eigen::Index b, Eigen::Index n) {
    return {values + b * n, static_cast<std::size_t>(n)};
}

/// Throws `solver_error` if a family wrote what is not finite, or did not write at all.
template <class Scalar>
void require_family_wrote(const char* function, std::span<const Scalar> values, std::size_t n,
                          std::uint64_t instance) {
    if (all_finite(values)) return;
    const std::size_t at = first_not_finite(values);
    throw solver_error(message("imle: the family's ", function, " wrote ", values[at],
                               " (or nothing) at coordinate ", at % n, " in instance ", instance, ", sample ",
                               at / n, "; expected a finite number at every coordinate"),
                       instance, at / n);
}

/// mu of instance b.
template <class FamilyT, class CallT, class Scalar>
void write_family_marginals(const FamilyT& family, const CallT& call, Eigen::Index b, std::span<Scalar> mu) {
    std::fill(mu.begin(), mu.end(), unwritten<Scalar>());
    family.marginals(family_row(call.theta, b, call.shape.n), mu);
    require_family_wrote("marginals", std::span<const Scalar>(mu), mu.size(),
                         call.first_instance + static_cast<std::uint64_t>(b));
}

/// S draws for each instance.
template <class FamilyT, class CallT, class Scalar>
void write_family_samples(const FamilyT& family, const CallT& call, Scalar* z) {
    const Eigen::Index n = call.shape.n, samples = call.samples;
    const auto size = static_cast<std::size_t>(n);
    for (Eigen::Index b = 0; b < call.shape.batch; ++b) {
        const std::span<const Scalar> theta = family_row(call.theta, b, n);
        const std::span<Scalar> draws = family_row(z, b, samples * n);
        const std::uint64_t instance = call.first_instance + static_cast<std::uint64_t>(b);
        const std::uint64_t first_item = instance * static_cast<std::uint64_t>(samples);
        std::fill(draws.begin(), draws.end(), unwritten<Scalar>());
        if constexpr (requires { family.sample_several(theta, call.key, first_item, draws); }) {
            family.sample_several(theta, call.key, first_item, draws);
        } else {
            for (Eigen::Index s = 0; s < samples; ++s)
                family.sample(theta, call.key, first_item + static_cast<std::uint64_t>(s),
                              family_row(draws.data(), s, n));
        }
        require_family_wrote("sample", std::span<const Scalar>(draws), size, instance);
    }
}

/// The forward pass.
template <class FamilyT, class ThetaT>
[[nodiscard]] auto family_forward(const FamilyT& family, const ThetaT& theta, Eigen::Index samples,
                                  random_key key, std::uint64_t first_instance) {
    using pass = sampled_pass<scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;
    const auto call = family_call<FamilyT>(theta, samples, key, first_instance);
    typename pass::sample_tensor z(call.shape.samples(samples));
    write_family_samples(family, call, z.data());
    typename pass::theta_tensor copy(call.shape.theta());
    std::copy_n(theta.data(), copy.size(), copy.data());
    return pass(std::move(copy), std::move(z), key, first_instance);
}

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
