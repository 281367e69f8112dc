#pragma once

/// @file
/// What a noise that multiplies does to theta.

#include <cmath>

#include <imle/core/config.hpp>
#include <imle/core/multiply_add.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// exp(T * xi - T^2 / 2), by which theta is multiplied: log-normal with mean 1 for standard normal xi (Dalle,
/// Baty, Bouvier, Parmentier, "Learning with combinatorial optimization layers: a probabilistic approach",
/// 2022). Without T^2 / 2 its mean would be exp(T^2 / 2).
template <class Scalar>
[[nodiscard]] inline Scalar multiplicative_factor(Scalar temperature, Scalar xi) noexcept {
    return std::exp(multiply_add(temperature, xi, -temperature * temperature / 2));
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
