#pragma once

/// @file
/// Which vector instructions the sampling kernels may use, decided at compile time.
///
/// `IMLE_SCALAR_ONLY` (or `EIGEN_DONT_VECTORIZE`) turns all of them off. The names agree with those of
/// `IMLE_ABI` in core/config.hpp: code that differs is in a namespace that differs.

#include <imle/core/config.hpp>

#if !defined(EIGEN_DONT_VECTORIZE) && !defined(IMLE_SCALAR_ONLY)
#if defined(__SSE2__)
#define IMLE_USE_SSE2 1
#endif
#if defined(__AVX2__) && defined(__FMA__)
#define IMLE_USE_AVX2 1
#endif
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define IMLE_USE_AVX512 1
#endif
#if defined(__ARM_NEON)
#define IMLE_USE_NEON 1
#endif
#endif

#if defined(IMLE_USE_SSE2)
#include <immintrin.h>
#endif
#if defined(IMLE_USE_NEON)
#include <arm_neon.h>
#endif
