// The benchmarks. `sh benchmarks/run.sh` builds them, runs them and prints the table of docs/benchmarks.md.
//
//   imle_benchmarks [--short] [--numbers=N] [--outside=FILE]... [flags of Google Benchmark]
//
// --short         only the rows of this library
// --numbers=N     how many numbers each distance to the law is computed from (default 4194304, 2^22)
// --outside=FILE  rows that another program has measured, see outside.hpp
//
// Fails if a law of this library is farther from the truth than chance or its promise allows.

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include <imle/core/config.hpp>

#include "outside.hpp"
#include "sampler.hpp"
#include "support/output.hpp"
#include "table.hpp"
#include "timing.hpp"

namespace imle_benchmarks {
namespace {

struct options {
    bool own_only = false;
    std::size_t numbers = std::size_t{1} << 22;
    std::vector<std::string> outside_files;
};

/// Parses the flags that Google Benchmark left. Returns false if one is unknown.
bool parse(int count, char** arguments, options& into) {
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        const auto value_of = [&](std::string_view flag) -> const char* {
            return argument.starts_with(flag) ? arguments[i] + flag.size() : nullptr;
        };
        if (argument == "--short") {
            into.own_only = true;
        } else if (const char* numbers = value_of("--numbers=")) {
            into.numbers = std::bit_floor(static_cast<std::size_t>(std::strtoull(numbers, nullptr, 10)));
            if (into.numbers < 1024) {
                std::cerr << "--numbers was '" << numbers << "', expected a number from 1024 on\n";
                return false;
            }
        } else if (const char* file = value_of("--outside=")) {
            into.outside_files.emplace_back(file);
        } else {
            std::cerr << "unknown argument '" << argument << "'; benchmarks/main.cpp lists them\n";
            return false;
        }
    }
    return true;
}

build_description description() {
    build_description build{IMLE_BENCHMARK_COMPILER, IMLE_BENCHMARK_FLAGS, "", goals::none};
#if IMLE_VECTOR_BYTES == 64
    build.instruction_set = "AVX-512";
#elif IMLE_INTEGER_VECTOR_BYTES == 32
    build.instruction_set = "AVX2";
    build.goals = goals::avx2;
#elif defined(IMLE_HAS_NEON)
    build.instruction_set = "NEON";
#elif IMLE_VECTOR_BYTES != 0
    build.instruction_set = "SSE2";
    build.goals = goals::sse2;
#else
    build.instruction_set = "No vector instructions";
#endif
    return build;
}

template <class Scalar>
cell_results results_of(const sampler<Scalar>& draws, const timings& times, const std::string& name,
                        std::size_t numbers) {
    cell_results result;
    const auto found = times.find(name);
    if (found == times.end()) return result;
    result.time = found->second;
    if (draws.distance) {
        // About a second of drawing: four million numbers would take the literal sums too long.
        const double affordable = std::max(1024.0, 1e9 / found->second.best);
        const std::size_t count = std::min(numbers, std::bit_floor(static_cast<std::size_t>(affordable)));
        result.distance = {draws.distance(count), count};
    }
    if (draws.word_error) result.word_error = draws.word_error(std::min<std::size_t>(numbers, 1 << 14));
    return result;
}

/// Whether a law keeps this library's promises: a distance within chance, and the u-error of
/// `quantile_table`.
bool law_holds(const line_results& line) {
    const auto holds = [&](const cell_results& cell, double promised_error, const char* scalar) {
        const bool distance =
            !cell.distance || cell.distance->value <= distance_bound(cell.distance->numbers);
        const bool error = !cell.word_error || *cell.word_error <= promised_error;
        if (!distance || !error)
            std::cerr << "the law of " << line.name << " does not hold in " << scalar << '\n';
        return distance && error;
    };
    const bool floats = holds(line.floats, 2e-7, "float"), doubles = holds(line.doubles, 1e-12, "double");
    return floats && doubles;
}

int run(const options& choice) {
    const build_description build = description();
    std::vector<section> sections = library_sections();
    const std::vector<table_maker> makers = library_tables();
    if (!choice.own_only) {
        sections.push_back(standard_section());
#ifdef IMLE_BENCHMARK_EIGENRAND
        sections.push_back(eigenrand_section());
#endif
    }
    const timings times = measure(sections, makers);
    if (times.empty()) return EXIT_FAILURE;  // Google Benchmark has said why, or listed the names.

    bool correct = true;
    std::vector<section_results> results;
    for (const section& part : sections) {
        section_results into{part.title, {}};
        for (const row& line : part.rows) {
            line_results result;
            result.name = line.name;
            result.floats = results_of(line.floats, times, name_of("float", part, line), choice.numbers);
            result.doubles = results_of(line.doubles, times, name_of("double", part, line), choice.numbers);
            result.goal = build.goals == goals::avx2   ? line.goal
                          : build.goals == goals::sse2 ? line.sse2_goal
                                                       : 0;
            result.stretch_goal = build.goals == goals::avx2 ? line.stretch_goal : 0;
            if (!result.floats.time && !result.doubles.time) continue;  // filtered away
            if (part.own) correct = law_holds(result) && correct;
            into.lines.push_back(std::move(result));
        }
        if (!into.lines.empty()) results.push_back(std::move(into));
        std::cerr << '.' << std::flush;
    }
    std::cerr << '\n';
    for (const std::string& file : choice.outside_files) results.push_back(read_outside(file));

    write_heading(std::cout, build);
    write_lines(std::cout, results, choice.numbers);
    write_comparisons(std::cout, results, build.goals == goals::avx2);
    write_makers(std::cout, makers, times);
    return correct ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace imle_benchmarks

int main(int count, char** arguments) {
    // Fifteen short repetitions of each benchmark, in random order: other work on the machine then disturbs
    // only a few of them, and no row more than another. Flags on the command line come later and override
    // these.
    static char repetitions[] = "--benchmark_repetitions=15", time[] = "--benchmark_min_time=0.02",
                order[] = "--benchmark_enable_random_interleaving=true";
    std::vector<char*> all{arguments[0], repetitions, time, order};
    all.insert(all.end(), arguments + 1, arguments + count);
    all.push_back(nullptr);
    int left = static_cast<int>(all.size()) - 1;
    benchmark::Initialize(&left, all.data());

    imle_benchmarks::options choice;
    if (!imle_benchmarks::parse(left, all.data(), choice)) return 2;
    return example_support::run_program("imle_benchmarks", [&] { return imle_benchmarks::run(choice); });
}
