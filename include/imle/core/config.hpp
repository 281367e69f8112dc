#pragma once

/// @file
/// Compile-time configuration.
///
/// Every entity of the library lives in `imle::inline IMLE_ABI`, an inline namespace that is named after the
/// instruction set in use. Users write `imle::gumbel` and never see it; the linker does. Two translation
/// units that were compiled with different -march therefore hold different functions, instead of two bodies
/// for one name of which the linker keeps whichever it meets first (and an SSE2 machine then meets AVX2
/// code).

#if defined(EIGEN_DONT_VECTORIZE) || defined(IMLE_SCALAR_ONLY)
#define IMLE_ABI isa_scalar
#elif defined(__AVX512FP16__)
#define IMLE_ABI isa_avx512_fp16
#elif defined(__AVX512VBMI2__)
#define IMLE_ABI isa_avx512_vbmi2
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define IMLE_ABI isa_avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define IMLE_ABI isa_avx2
#elif defined(__AVX2__)
#define IMLE_ABI isa_avx2_without_fma
#elif defined(__AVX__)
#define IMLE_ABI isa_avx
#elif defined(__SSE4_1__)
#define IMLE_ABI isa_sse4
#elif defined(__SSE2__)
#define IMLE_ABI isa_sse2
#elif defined(__ARM_NEON)
#define IMLE_ABI isa_neon
#else
#define IMLE_ABI isa_scalar
#endif
