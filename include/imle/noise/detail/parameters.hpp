#pragma once

/// @file
/// The checks that all laws make of their arguments.

#include <cmath>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Returns x; throws `std::invalid_argument` unless it is finite.
inline double finite_parameter(const char* argument, double x) {
    if (!is_finite(x)) throw_invalid(argument, x, "a finite number");
    return x;
}

/// Returns x; throws `std::invalid_argument` unless it is finite and above 0.
inline double positive_parameter(const char* argument, double x) {
    if (!is_finite(x) || !(x > 0)) throw_invalid(argument, x, "a finite number above 0");
    return x;
}

/// Returns u; throws `std::invalid_argument` unless it is a probability. NaN is none.
inline double probability(const char* argument, double u) {
    if (!(u >= 0 && u <= 1)) throw_invalid(argument, u, "a probability: from 0 to 1");
    return u;
}

inline constexpr double euler_gamma = 0.57721566490153286061;
inline constexpr double pi = 3.14159265358979323846;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
