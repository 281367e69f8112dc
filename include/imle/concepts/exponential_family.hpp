#pragma once

/// @file
/// The concept of an exponential family whose law is known exactly.

#include <concepts>
#include <cstdint>
#include <span>

#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// A discrete exponential family p(z; theta) proportional to exp(<theta, z>) that can be sampled exactly and
/// whose marginals mu = E z are known: what `score_function_layer` and `exact_layer` need instead of a solver
/// and a noise.
///
/// Syntax, on a const object, theta a `std::span<const Scalar>` of one instance in the order of memory:
/// - `family.sample(theta, key, item, z)`: writes one draw to z, a `std::span<Scalar>` of theta's size. item
///   is a `std::uint64_t`, the number of the draw: (first_instance + b) * S + s for instance b, sample s.
/// - `family.marginals(theta, mu)`: writes E z.
///
/// Laws, which no compiler can check:
/// - A draw is a pure function of theta, key and item, whatever was drawn before and on whichever thread.
///   Draws of keys or items that differ are independent. Randomness comes from `key.fold_in(item)`, or from a
///   fixed number of elements of the key's sequence for each item, which the family documents.
/// - z is drawn from p(z; theta) exactly (up to rounding), and mu is that law's mean.
/// - All of z, mu and the gradient is written, with finite numbers.
/// - What makes no sense for the family (a wrong size of theta) throws `std::invalid_argument`. theta is
///   finite, as the layers check before.
/// - Several threads may use one family at the same time.
///
/// A weaker concept, with samples alone, was rejected: without mu the score function z - mu is not known.
///
/// Optional:
/// - `family.marginals_vjp(theta, dmu, gradient)`: writes the gradient of <dmu, mu(theta)>, that is
///   Cov(z) dmu: see `DifferentiableFamily`.
/// - `family.sample_several(theta, key, first_item, zs)`: draws items first_item, first_item + 1, ... to zs,
///   theta's size numbers for each, with the bits that `sample` gives, where what theta decides can be worked
///   out once for all of them.
/// - `static constexpr int layout`: `Eigen::RowMajor` or `Eigen::ColMajor`, where the order of an instance's
///   numbers means something to the family. The layers then refuse instances of two dimensions and more in
///   the other layout.
template <class F, class Scalar>
concept ExponentialFamily = std::copy_constructible<F> && std::floating_point<Scalar> &&
    requires(const F& family, std::span<const Scalar> theta, random_key key, std::uint64_t item,
             std::span<Scalar> z) {
    family.sample(theta, key, item, z);
    family.marginals(theta, z);
};

/// A family that also knows the derivative of its marginals: what `exact_layer` needs.
template <class F, class Scalar>
concept DifferentiableFamily = ExponentialFamily<F, Scalar> &&
    requires(const F& family, std::span<const Scalar> theta, std::span<Scalar> gradient) {
    family.marginals_vjp(theta, theta, gradient);
};

/// A family for float, for double or for both: what a layer's class can ask for before the scalar is known.
template <class F>
concept ExponentialFamilyOfSomeScalar = ExponentialFamily<F, float> || ExponentialFamily<F, double>;

}  // namespace imle::inline IMLE_ABI
