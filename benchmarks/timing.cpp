#include "timing.hpp"

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include <benchmark/benchmark.h>

namespace imle_benchmarks {
namespace {

/// Keeps the time of each repetition, and shows on the error output that there is progress.
class collector : public benchmark::BenchmarkReporter {
  public:
    bool ReportContext(const Context& context) override {
        PrintBasicContext(&std::cerr, context);
        return true;
    }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration || run.iterations == 0) continue;
            // Processor time, so that others on the machine do not count while they have their turn.
            const double seconds = run.cpu_accumulated_time / static_cast<double>(run.iterations);
            times_[run.run_name.function_name].push_back(seconds * 1e9);
        }
        std::cerr << '.' << std::flush;
    }
    void Finalize() override { std::cerr << '\n'; }

    [[nodiscard]] timings summary() const {
        timings result;
        for (auto [name, times] : times_) {
            std::sort(times.begin(), times.end());
            result[name] = {times[times.size() / 2], times.front()};
        }
        return result;
    }

  private:
    std::map<std::string, std::vector<double>> times_;
};

template <class Scalar>
void time_draws(benchmark::State& state, const sampler<Scalar>& draws, std::size_t numbers) {
    alignas(64) static Scalar buffer[buffer_size];
    const std::span<Scalar> out(buffer, numbers);
    // A copy, so that every repetition draws the same numbers. The first call makes the table.
    auto fill = draws.fill;
    fill(out);
    for ([[maybe_unused]] auto unused : state) {
        fill(out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
}

void time_making(benchmark::State& state, const std::function<void()>& make) {
    for ([[maybe_unused]] auto unused : state) make();
}

}  // namespace

std::string name_of(const char* scalar, const section& from, const row& line) {
    return std::string(scalar) + '/' + from.title + '/' + line.name;
}

std::string name_of(const char* scalar, const table_maker& maker) {
    return std::string("table/") + scalar + '/' + maker.name;
}

timings measure(const std::vector<section>& sections, const std::vector<table_maker>& makers) {
    std::map<std::string, std::size_t> numbers_of;
    const auto add = [&](const std::string& name, const auto& draws, std::size_t numbers) {
        numbers_of[name] = numbers;
        benchmark::RegisterBenchmark(
            name.c_str(), [&draws, numbers](benchmark::State& state) { time_draws(state, draws, numbers); });
    };
    for (const section& from : sections) {
        for (const row& line : from.rows) {
            add(name_of("float", from, line), line.floats, line.numbers);
            add(name_of("double", from, line), line.doubles, line.numbers);
        }
    }
    const auto add_maker = [](const std::string& name, const std::function<void()>& make) {
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&make](benchmark::State& state) { time_making(state, make); });
    };
    for (const table_maker& maker : makers) {
        add_maker(name_of("float", maker), maker.make_float);
        add_maker(name_of("double", maker), maker.make_double);
    }

    collector reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    timings result = reporter.summary();
    for (const auto& [name, numbers] : numbers_of) {
        const auto found = result.find(name);
        if (found == result.end()) continue;
        found->second.median /= static_cast<double>(numbers);
        found->second.best /= static_cast<double>(numbers);
    }
    return result;
}

}  // namespace imle_benchmarks
