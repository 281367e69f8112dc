#pragma once

// Collects what Google Benchmark measures.

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace imle_benchmarks {

/// Times in ns, over the repetitions.
struct timing {
    double median = 0;
    double best = 0;
};

/// The timing of each benchmark, by name.
using timings = std::map<std::string, timing>;

/// Processor time excludes other work on the machine. Wall time is for benchmarks with threads.
enum class clock_kind { processor, wall };

/// Keeps the time of each repetition, and shows progress on the error output.
class collector : public benchmark::BenchmarkReporter {
  public:
    explicit collector(clock_kind clock) : clock_(clock) {}

    bool ReportContext(const Context& context) override;
    void ReportRuns(const std::vector<Run>& runs) override;
    void Finalize() override;

    [[nodiscard]] timings summary() const;

  private:
    clock_kind clock_;
    std::map<std::string, std::vector<double>> times_;
};

}  // namespace imle_benchmarks
