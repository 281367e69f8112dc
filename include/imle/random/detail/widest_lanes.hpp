#pragma once

/// @file
/// The widest vectors of the instruction set in use.

#include <type_traits>

#include <imle/core/config.hpp>
#include <imle/random/detail/instruction_set.hpp>
#include <imle/random/detail/lanes_avx2.hpp>
#include <imle/random/detail/lanes_avx512.hpp>
#include <imle/random/detail/lanes_neon.hpp>
#include <imle/random/detail/lanes_sse2.hpp>
#include <imle/random/detail/scalar_lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The `Lanes` type for kernels on float or double.
#if defined(IMLE_USE_AVX512)
template <class Scalar>
using widest_lanes = std::conditional_t<std::is_same_v<Scalar, float>, avx512_floats, avx512_doubles>;
#elif defined(IMLE_USE_AVX2)
template <class Scalar>
using widest_lanes = std::conditional_t<std::is_same_v<Scalar, float>, avx2_floats, avx2_doubles>;
#elif defined(IMLE_USE_SSE2)
template <class Scalar>
using widest_lanes = std::conditional_t<std::is_same_v<Scalar, float>, sse2_floats, sse2_doubles>;
#elif defined(IMLE_USE_NEON) && defined(__aarch64__)
template <class Scalar>
using widest_lanes = std::conditional_t<std::is_same_v<Scalar, float>, neon_floats, neon_doubles>;
#else
template <class Scalar>
using widest_lanes = scalar_lanes<Scalar>;
#endif

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
