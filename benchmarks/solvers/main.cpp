// The benchmarks of solvers and of whole steps: `sh benchmarks/solvers.sh` builds them, runs them, prints the
// tables of docs/solver_benchmarks.md and draws its picture.
//
//   imle_solver_benchmarks [--growth=FILE] [flags of Google Benchmark]
//
// --growth=FILE  also measure how time and memory grow, and write that as columns for gnuplot
//
// Each benchmark's name is its line and its way: grid_shortest_path, 16 x 16/in batches.

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "../collector.hpp"
#include "problem.hpp"
#include "steps.hpp"
#include "support/output.hpp"

namespace imle_benchmarks {
namespace {

void add_benchmark(const std::string& name, const way& by) {
    benchmark::RegisterBenchmark(name.c_str(), [&by](benchmark::State& state) {
        by.solve();  // makes scratch memory and tables
        for ([[maybe_unused]] auto unused : state) {
            by.solve();
            benchmark::ClobberMemory();
        }
    })->UseRealTime();
}

/// The time of a way in ns; absent if it was not measured.
std::optional<double> time_of(const timings& times, const std::string& name, const char* of_way) {
    // Google Benchmark adds "/real_time", but not to the name of the function.
    const auto found = times.find(name + '/' + of_way);
    if (found == times.end()) return std::nullopt;
    return found->second.median;
}

/// Three digits, or the whole number.
std::string figure(double value) {
    char text[32];
    std::snprintf(text, sizeof text, value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f", value);
    return text;
}

std::string cell(std::optional<double> ns, double scale) {
    return ns ? figure(*ns * scale) : "–";
}

std::string ratio(std::optional<double> slow, std::optional<double> fast) {
    return slow && fast ? figure(*slow / *fast) : "–";
}

void write_solvers(std::ostream& out, const problem_list& problems, const timings& times) {
    out << "Microseconds a solve (float, random instances); the last column is the textbook's time by the "
           "library's best on one thread.\n\n"
           "| solver | size | one by one | in batches | 2 threads | textbook | Boost.Graph | CBC | times "
           "faster |\n"
           "|---|---|---|---|---|---|---|---|---|\n";
    for (const auto& each : problems) {
        const double scale = 1e-3 / static_cast<double>(each->batch);
        const auto time = [&](const char* of_way) { return time_of(times, each->name(), of_way); };
        const auto single = time(one_by_one), together = time(in_batches), plain = time(textbook);
        const auto best = together && single ? std::optional(std::min(*together, *single)) : single;
        out << "| `" << each->solver << "` | " << each->size;
        for (const auto& ns : {single, together, time(two_threads), plain, time(by_boost), time(by_cbc)})
            out << " | " << cell(ns, scale);
        out << " | " << ratio(plain, best) << " |\n";
    }
    out << '\n';
}

void write_steps(std::ostream& out, const std::vector<step>& steps, const timings& times) {
    out << "Microseconds a step, forward and vjp; \"textbook, solves alone\" are as many solves by the "
           "textbook's "
           "solver, without noise, gradient or layer.\n\n"
           "| step | 1 thread | 2 threads | speed-up | textbook, solves alone | times faster |\n"
           "|---|---|---|---|---|---|\n";
    for (const step& each : steps) {
        const auto time = [&](const char* of_way) { return time_of(times, each.name, of_way); };
        const auto one = time(one_thread), two = time(two_threads), plain = time(textbook_solves);
        out << "| " << each.name << " | " << cell(one, 1e-3) << " | " << cell(two, 1e-3) << " | "
            << ratio(one, two) << " | " << cell(plain, 1e-3) << " | " << ratio(plain, one) << " |\n";
    }
    out << '\n';
}

void write_small_calls(std::ostream& out, const std::vector<step>& calls, const timings& times) {
    out << "Nanoseconds a call of `top_k` on one instance, with Gumbel noise; the last column is the call's "
           "time "
           "by the sum of noise and solves.\n\n"
           "| call | forward_into | noise alone | solves alone | ratio |\n"
           "|---|---|---|---|---|\n";
    for (const step& each : calls) {
        const auto time = [&](const char* of_way) { return time_of(times, each.name, of_way); };
        const auto whole = time(whole_call), noise = time(noise_alone), solves = time(solves_alone);
        const auto sum = noise && solves ? std::optional(*noise + *solves) : std::nullopt;
        out << "| " << each.name << " | " << cell(whole, 1) << " | " << cell(noise, 1) << " | "
            << cell(solves, 1) << " | " << ratio(whole, sum) << " |\n";
    }
    out << '\n';
}

std::string name_of(const growth_point& point) {
    return "growth, " + point.curve + ' ' + std::to_string(point.value);
}

/// One block for each curve, as gnuplot's `index` counts them.
void write_growth(std::ostream& out, const std::vector<growth_point>& points, const timings& times) {
    out << "# value; ms on 1 thread, on 2, textbook's solves alone, at the limit; MiB of forward, of "
           "marginals; "
           "0: none\n";
    std::string curve;
    for (const growth_point& point : points) {
        if (!curve.empty() && curve != point.curve) out << "\n\n";
        curve = point.curve;
        out << point.value;
        for (const char* of_way : {one_thread, two_threads, textbook_solves, limit})
            out << ' ' << time_of(times, name_of(point), of_way).value_or(0) * 1e-6;
        for (const auto& bytes : {point.sampled_bytes, point.marginals_bytes})
            out << ' ' << static_cast<double>(bytes()) / (1 << 20);
        out << '\n';
    }
}

int run(const std::string& growth_file) {
    const problem_list problems = library_problems();
#if defined(IMLE_BENCHMARK_BOOST)
    add_boost_ways(problems);
#endif
#if defined(IMLE_BENCHMARK_CBC)
    add_cbc_ways(problems);
#endif
    const std::vector<step> steps = layer_steps(), calls = small_calls();
    const std::vector<growth_point> growth =
        growth_file.empty() ? std::vector<growth_point>{} : growth_points();
    for (const auto& each : problems)
        for (const way& by : each->ways) add_benchmark(each->name() + '/' + by.name, by);
    for (const step& each : steps)
        for (const way& by : each.ways) add_benchmark(each.name + '/' + by.name, by);
    for (const step& each : calls)
        for (const way& by : each.ways) add_benchmark(each.name + '/' + by.name, by);
    for (const growth_point& point : growth)
        for (const way& by : point.ways) add_benchmark(name_of(point) + '/' + by.name, by);

    collector reporter(clock_kind::wall);
    benchmark::RunSpecifiedBenchmarks(&reporter);
    const timings times = reporter.summary();
    write_solvers(std::cout, problems, times);
    write_steps(std::cout, steps, times);
    write_small_calls(std::cout, calls, times);
    if (!growth_file.empty()) {
        std::ofstream out(growth_file);
        write_growth(out, growth, times);
        example_support::close_written(out, growth_file);
    }
    return 0;
}

}  // namespace
}  // namespace imle_benchmarks

int main(int count, char** arguments) {
    benchmark::Initialize(&count, arguments);
    std::string growth_file;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        constexpr std::string_view growth_flag = "--growth=";
        if (!argument.starts_with(growth_flag)) {
            std::cerr << "unknown argument '" << argument << "'; benchmarks/solvers/main.cpp lists them\n";
            return 2;
        }
        growth_file = argument.substr(growth_flag.size());
    }
    return example_support::run_program("imle_solver_benchmarks",
                                        [&] { return imle_benchmarks::run(growth_file); });
}
