#pragma once

// Measures times by Google Benchmark.

#include <string>
#include <vector>

#include "collector.hpp"
#include "sampler.hpp"

namespace imle_benchmarks {

/// The names of the benchmarks, also for `--benchmark_filter`: float/imle, by table/gumbel, double/imle, by
/// table/gumbel, table/float/gumbel.
[[nodiscard]] std::string name_of(const char* scalar, const section& from, const row& line);
[[nodiscard]] std::string name_of(const char* scalar, const table_maker& maker);

/// Times every row (per number) and the making of every table (per table).
[[nodiscard]] timings measure(const std::vector<section>& sections, const std::vector<table_maker>& makers);

}  // namespace imle_benchmarks
