#pragma once

// What is measured: ways to draw numbers, and what is known about each.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/random/random_key.hpp>

#include "accuracy.hpp"

namespace imle_benchmarks {

/// The number of numbers drawn in one call: 64 KiB of floats or 128 KiB of doubles stay in the second-level
/// cache, so that memory is not measured.
inline constexpr std::size_t buffer_size = 16384;

/// One way to draw numbers of one type.
template <class Scalar>
struct sampler {
    /// Draws the next `out.size()` numbers, at most `buffer_size`.
    std::function<void(std::span<Scalar> out)> fill;
    /// The Kolmogorov-Smirnov distance of this many numbers from the true law; empty if they have no law.
    std::function<double(std::size_t numbers)> distance;
    /// The largest |F(x) - u| of this many numbers; empty if the u of a number is not known.
    std::function<double(std::size_t numbers)> word_error;
};

/// A row of the table.
struct row {
    std::string name;
    sampler<float> floats;
    sampler<double> doubles;
    /// The goals for floats, in ns: on AVX2, a stretch goal on AVX2, and on SSE2; 0 for none.
    double goal = 0;
    double stretch_goal = 0;
    double sse2_goal = 0;
    /// The numbers drawn in one call: fewer than `buffer_size` if a number takes microseconds.
    std::size_t numbers = buffer_size;
};

/// Rows of one origin.
struct section {
    std::string title;
    std::vector<row> rows;
    /// True for this library, whose laws must hold.
    bool own = false;
};

/// The making of tables: one float table and one double table, each from nothing.
struct table_maker {
    std::string name;
    std::function<void()> make_float;
    std::function<void()> make_double;
};

/// A sampler of the numbers that `fill` draws; `cdf` is their distribution function. The state of `fill` is
/// copied: the numbers that are compared with the law are the first that it draws.
template <class Scalar>
[[nodiscard]] sampler<Scalar> sampler_of(const probability_function& cdf,
                                         std::function<void(std::span<Scalar>)> fill);

/// A row for both types: `fill_of(Scalar{})` is the function that draws, `law.cdf` the distribution function.
template <class LawT, class FillOf>
[[nodiscard]] row row_of(std::string name, const LawT& law, const FillOf& fill_of) {
    const probability_function cdf = [law](double x) { return law.cdf(x); };
    row result;
    result.name = std::move(name);
    result.floats = sampler_of<float>(cdf, fill_of(float{}));
    result.doubles = sampler_of<double>(cdf, fill_of(double{}));
    return result;
}

/// Draws the next numbers of one key's sequence from anything with `fill(key, first, out)`.
template <class Scalar, class NoiseT>
[[nodiscard]] auto sequence_of(const NoiseT& noise) {
    return [noise, first = std::uint64_t{0}](std::span<Scalar> out) mutable {
        noise.fill(imle::random_key(2021), first, out);
        first += out.size();
    };
}

/// Random words, copies and every law of this library.
[[nodiscard]] std::vector<section> library_sections();
[[nodiscard]] std::vector<table_maker> library_tables();
/// The distributions of the standard library.
[[nodiscard]] section standard_section();
#ifdef IMLE_BENCHMARK_EIGENRAND
[[nodiscard]] section eigenrand_section();
#endif

}  // namespace imle_benchmarks
