#pragma once

/// @file
/// The concept of an exponential family with exact samples and marginals.

#include <concepts>
#include <cstdint>
#include <span>

#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

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
/// - Several threads may use one family at the same time.
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
/// - `static constexpr int layout`: `Eigen::RowMajor` or `Eigen::ColMajor`, if the order of an instance's
///   numbers matters to the family. The layers then refuse instances of two or more dimensions in the other
///   layout.
template <class F, class Scalar>
concept ExponentialFamily = std::copy_constructible<F> && std::floating_point<Scalar> &&
    requires(const F& family, std::span<const Scalar> theta, random_key key, std::uint64_t item,
             std::span<Scalar> z) {
    family.sample(theta, key, item, z);
    family.marginals(theta, z);
};

/// A family that also knows the derivative of its marginals, as `exact_layer` requires.
template <class F, class Scalar>
concept DifferentiableFamily = ExponentialFamily<F, Scalar> &&
    requires(const F& family, std::span<const Scalar> theta, std::span<Scalar> gradient) {
    family.marginals_vjp(theta, theta, gradient);
};

/// A family for float, double or both. A layer's class can require this before the scalar is known.
template <class F>
concept ExponentialFamilyOfSomeScalar = ExponentialFamily<F, float> || ExponentialFamily<F, double>;

}  // namespace imle::inline IMLE_ABI
