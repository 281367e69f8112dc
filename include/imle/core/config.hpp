#pragma once

/// @file
/// Compile-time configuration: which instruction set is in use.
///
/// Only this header asks the compiler. Every entity of the library is in `imle::inline IMLE_ABI`, an inline
/// namespace named after the instruction set that this header finds. Users write `imle::gumbel` and never see
/// the namespace; the linker does. Two translation units compiled with different -march therefore hold
/// different functions. With one name for both bodies, the linker would keep whichever it meets first, and an
/// SSE2 machine could then run AVX2 code.
///
/// Everything that changes a body must therefore change the name: the library's own choices (the macros at
/// the end), and the instructions that the compiler may use of its own accord. A build has the name of a
/// level if it enables all of the level's instructions. Combinations between two levels have names of their
/// own.

#if !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error "imle throws exceptions for invalid arguments and failed solves: compile it without -fno-exceptions"
#endif
// (The value 16 says nothing about float and double; -1 means that -ffast-math was given.)
#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error \
    "imle needs float and double as they are stored, not the x87's 80 bits: compile with -msse2 -mfpmath=sse"
#endif

// The level. On x86, sse2, sse4, avx2 and avx512 are levels 1 to 4 of the x86-64 ABI.
#if defined(__SSE2__) || defined(_M_X64)
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__) && defined(__FMA__)
#if defined(__AVX512FP16__)
#define IMLE_DETAIL_LEVEL avx512_fp16
#elif defined(__AVX512VBMI2__)
#define IMLE_DETAIL_LEVEL avx512_vbmi2
#else
#define IMLE_DETAIL_LEVEL avx512
#endif
#define IMLE_DETAIL_VECTOR_BYTES 64
#elif defined(__AVX512F__) && defined(__FMA__)
#define IMLE_DETAIL_LEVEL avx512_foundation
#elif defined(__AVX512F__)
#define IMLE_DETAIL_LEVEL avx512_without_fma
#elif defined(__AVX2__) && defined(__FMA__) && defined(__BMI2__) && defined(__LZCNT__)
#define IMLE_DETAIL_LEVEL avx2
#elif defined(__AVX2__) && defined(__FMA__)
#define IMLE_DETAIL_LEVEL avx2_without_bmi2
#elif defined(__AVX2__)
#define IMLE_DETAIL_LEVEL avx2_without_fma
#elif defined(__AVX__) && defined(__FMA__)
#define IMLE_DETAIL_LEVEL avx_fma
#elif defined(__AVX__) && defined(__FMA4__)
#define IMLE_DETAIL_LEVEL avx_fma4
#elif defined(__AVX__)
#define IMLE_DETAIL_LEVEL avx
#elif defined(__SSE4_2__) && defined(__POPCNT__)
#define IMLE_DETAIL_LEVEL sse4
#elif defined(__SSE4_1__)
#define IMLE_DETAIL_LEVEL sse4_1
#elif defined(__SSSE3__)
#define IMLE_DETAIL_LEVEL ssse3
#elif defined(__SSE3__)
#define IMLE_DETAIL_LEVEL sse3
#else
#define IMLE_DETAIL_LEVEL sse2
#define IMLE_DETAIL_LOWEST_LEVEL 1
#endif
#if !defined(IMLE_DETAIL_VECTOR_BYTES) && defined(__AVX__)
#define IMLE_DETAIL_VECTOR_BYTES 32
#elif !defined(IMLE_DETAIL_VECTOR_BYTES)
#define IMLE_DETAIL_VECTOR_BYTES 16
#endif
#elif defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#if defined(__ARM_FEATURE_SVE2)
#define IMLE_DETAIL_LEVEL neon_sve2
#elif defined(__ARM_FEATURE_SVE)
#define IMLE_DETAIL_LEVEL neon_sve
#else
#define IMLE_DETAIL_LEVEL neon
#define IMLE_DETAIL_LOWEST_LEVEL 1
#endif
#define IMLE_DETAIL_VECTOR_BYTES 16
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
#define IMLE_DETAIL_LEVEL neon32_fma
#elif defined(__ARM_NEON)
#define IMLE_DETAIL_LEVEL neon32
#elif defined(__ARM_FEATURE_FMA)
#define IMLE_DETAIL_LEVEL fma
#endif

// The name of the inline namespace.
#define IMLE_DETAIL_JOIN(first, second) first##second
#define IMLE_DETAIL_NAME(first, second) IMLE_DETAIL_JOIN(first, second)
#if !defined(IMLE_DETAIL_LEVEL)
#define IMLE_ABI isa_scalar
#elif !defined(EIGEN_DONT_VECTORIZE) && !defined(IMLE_SCALAR_ONLY)
#define IMLE_ABI IMLE_DETAIL_NAME(isa_, IMLE_DETAIL_LEVEL)
#elif defined(IMLE_DETAIL_LOWEST_LEVEL)
#define IMLE_ABI isa_scalar
#else
#define IMLE_ABI IMLE_DETAIL_NAME(isa_scalar_, IMLE_DETAIL_LEVEL)
#endif

// The macros that the library's own code tests.

/// The size in bytes of the widest vector of floating-point numbers; 0 if there is none, or if vectors are
/// disabled. Vectors are the compiler's own (a GCC extension that clang supports too).
#if defined(IMLE_DETAIL_VECTOR_BYTES) && (defined(__GNUC__) || defined(__clang__)) && \
    !defined(EIGEN_DONT_VECTORIZE) && !defined(IMLE_SCALAR_ONLY)
#define IMLE_VECTOR_BYTES IMLE_DETAIL_VECTOR_BYTES
#else
#define IMLE_VECTOR_BYTES 0
#endif

/// The same for integers: AVX has wide vectors of floating-point numbers only.
#if IMLE_VECTOR_BYTES == 32 && !defined(__AVX2__)
#define IMLE_INTEGER_VECTOR_BYTES 16
#else
#define IMLE_INTEGER_VECTOR_BYTES IMLE_VECTOR_BYTES
#endif

/// Defined if the vectors are NEON's, not x86's.
#if IMLE_VECTOR_BYTES != 0 && defined(__ARM_NEON)
#define IMLE_HAS_NEON 1
#endif

/// Defined if a * b + c may be one instruction. Results never depend on it. (A test that searches for fused
/// operations that would change results defines IMLE_TEST_UNFUSED.)
#if (defined(__FMA__) || defined(__ARM_FEATURE_FMA)) && !defined(IMLE_TEST_UNFUSED)
#define IMLE_HAS_FMA 1
#endif
