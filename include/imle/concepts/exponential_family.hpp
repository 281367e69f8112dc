#pragma once

/// @file
/// The concept of an exponential family with exact samples and marginals.

#include <concepts>
#include <cstdint>
#include <span>

#include <Eigen/Core>

#include <imle/concepts/solver.hpp>
#include <imle/core/tensor.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Functions of the numbers of an instance.
template <class F, class Scalar>
concept FamilyOfNumbers = requires(const F& family, std::span<const Scalar> theta, random_key key,
                                   std::uint64_t item, std::span<Scalar> z) {
    family.sample(theta, key, item, z);
    family.marginals(theta, z);
};

/// Functions of an instance with its shape, and of a context.
template <class F, class Scalar, int Rank, int Layout>
concept FamilyOfViews = requires(const F& family, const_view<Scalar, Rank, Layout>& theta, random_key key,
                                 std::uint64_t item, mutable_view<Scalar, Rank, Layout>& z,
                                 const solve_context& context) {
    family.sample(theta, key, item, z, context);
    family.marginals(theta, z, context);
};

/// True if a family says that it takes views, of how many dimensions.
template <class F>
inline constexpr bool is_shaped_family = requires {
    static_cast<int>(F::instance_rank);
};

template <class F, class Scalar>
concept ShapedFamily = is_shaped_family<F> && FamilyOfViews<F, Scalar, F::instance_rank, Eigen::RowMajor>;

}  // namespace detail

/// A discrete exponential family p(z; theta) proportional to exp(<theta, z>) that can be sampled exactly and
/// whose marginals mu = E z are known. `score_function_layer` and `exact_layer` use one instead of a solver
/// and a noise.
///
/// Syntax, on a const object; theta is a `std::span<const Scalar>` of one instance in memory order:
/// - `family.sample(theta, key, item, z)`: writes one draw to z, a `std::span<Scalar>` of theta's size. item
///   is a `std::uint64_t`, the number of the draw: (first_instance + b) * S + s for instance b, sample s.
/// - `family.marginals(theta, mu)`: writes E z.
///
/// Laws, which no compiler can check:
/// - A draw is a pure function of theta, key and item, whatever was drawn before and on whichever thread.
///   Draws of different keys or items are independent. Randomness comes from `key.fold_in(item)`, or from a
///   fixed number of elements of the key's sequence for each item, which the family documents.
/// - z is drawn from p(z; theta) exactly (up to rounding), and mu is the mean of this law.
/// - Every number of z, mu and the gradient is written and finite.
/// - Invalid arguments, such as a wrong size of theta, throw `std::invalid_argument`. theta is finite; the
///   layers check that first.
/// - Several threads may use one family at the same time. A layer with `threads` above 1 calls its functions
///   for several rows at once.
///
/// A family whose states depend on the shape of an instance, such as `chain_family`, declares `static
/// constexpr int instance_rank`, the number of dimensions. All its functions then take views in the place of
/// spans, as a solver does (`const_view` for theta and dmu, `mutable_view` for what is written), and one more
/// argument, the `solve_context`: its mask is the caller's, its sample is 0. What is written is 0 where the
/// mask forbids.
///
/// A weaker concept, with samples only, was rejected: the score function z - mu needs mu.
///
/// Optional:
/// - `family.marginals_vjp(theta, dmu, gradient)`: writes the gradient of <dmu, mu(theta)>, which is Cov(z)
///   dmu: see `DifferentiableFamily`.
/// - `family.map(theta, z)`: writes the MAP state, the z of largest <theta, z>, in which ties are broken in a
///   documented way. A layer's `map` needs it.
/// - `family.sample_several(theta, key, first_item, zs)`: draws items first_item, first_item + 1, ... to zs,
///   theta's size numbers for each, with the same bits as `sample`. It is worthwhile if work that depends on
///   theta alone can be done once for all of them.
/// - `family.log_partition(theta)`, `family.entropy(theta)`, `family.kl_divergence(theta, other)`, all
/// double:
///   log sum exp(<theta, z>), -E log p(z; theta), and E log(p(z; theta) / p(z; other)) for z of p(z; theta):
///   see `MeasuredFamily`.
/// - `static constexpr int layout`: `Eigen::RowMajor` or `Eigen::ColMajor`, if the order of an instance's
///   numbers matters to the family. The layers then refuse instances of two or more dimensions in the other
///   layout.
template <class F, class Scalar>
concept ExponentialFamily = std::copy_constructible<F> && std::floating_point<Scalar> &&
    (detail::FamilyOfNumbers<F, Scalar> || detail::ShapedFamily<F, Scalar>);

/// A family that also knows the derivative of its marginals, as `exact_layer` requires.
template <class F, class Scalar>
concept DifferentiableFamily = ExponentialFamily<F, Scalar> &&(
    requires(const F& family, std::span<const Scalar> theta, std::span<Scalar> gradient) {
        family.marginals_vjp(theta, theta, gradient);
    } ||
    requires(const F& family, const_view<Scalar, F::instance_rank, Eigen::RowMajor>& theta,
             mutable_view<Scalar, F::instance_rank, Eigen::RowMajor>& gradient,
             const solve_context& context) { family.marginals_vjp(theta, theta, gradient, context); });

/// A family that also knows its log-partition function, its entropy and its Kullback-Leibler divergences.
template <class F, class Scalar>
concept MeasuredFamily = ExponentialFamily<F, Scalar> &&(
    requires(const F& family, std::span<const Scalar> theta) {
        { family.log_partition(theta) } -> std::same_as<double>;
        { family.entropy(theta) } -> std::same_as<double>;
        { family.kl_divergence(theta, theta) } -> std::same_as<double>;
    } ||
    requires(const F& family, const_view<Scalar, F::instance_rank, Eigen::RowMajor>& theta,
             const solve_context& context) {
        { family.log_partition(theta, context) } -> std::same_as<double>;
        { family.entropy(theta, context) } -> std::same_as<double>;
        { family.kl_divergence(theta, theta, context) } -> std::same_as<double>;
    });

/// A family for float, double or both. A layer's class can require this before the scalar is known.
template <class F>
concept ExponentialFamilyOfSomeScalar = ExponentialFamily<F, float> || ExponentialFamily<F, double>;

}  // namespace imle::inline IMLE_ABI
