#include "timing.hpp"

#include <span>

#include <benchmark/benchmark.h>

namespace imle_benchmarks {
namespace {

template <class Scalar>
void time_draws(benchmark::State& state, const sampler<Scalar>& draws, std::size_t numbers) {
    alignas(64) static Scalar buffer[buffer_size];
    const std::span<Scalar> out(buffer, numbers);
    // A copy, so that every repetition draws the same numbers. Its first call makes the table.
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

    collector reporter(clock_kind::processor);
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
