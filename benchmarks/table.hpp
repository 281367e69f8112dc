#pragma once

// The table in Markdown.

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "timing.hpp"

namespace imle_benchmarks {

/// A Kolmogorov-Smirnov distance, and of how many numbers.
struct distance_result {
    double value = 0;
    std::size_t numbers = 0;
};

/// What is known about one line for one type; absent: not measured, or not known for such a line.
struct cell_results {
    std::optional<timing> time;
    std::optional<distance_result> distance;
    std::optional<double> word_error;
};

struct line_results {
    std::string name;
    cell_results floats;
    cell_results doubles;
    double goal = 0;
    double stretch_goal = 0;
};

struct section_results {
    std::string title;
    std::vector<line_results> lines;
};

/// For which instruction set there are goals.
enum class goals { none, sse2, avx2 };

/// How the program was compiled.
struct build_description {
    std::string compiler;
    std::string flags;
    std::string instruction_set;
    imle_benchmarks::goals goals = goals::none;
};

/// A number to three digits or, above a thousand, to the whole; words for what is no number.
[[nodiscard]] std::string figure(double value);

void write_heading(std::ostream& out, const build_description& build);
/// `numbers`: of how many the distances are where not said otherwise.
void write_lines(std::ostream& out, const std::vector<section_results>& sections, std::size_t numbers);
/// The goals that are not of one line: `sum_of_gamma` beside the words and beside the literal sum.
void write_comparisons(std::ostream& out, const std::vector<section_results>& sections, bool with_goals);
void write_makers(std::ostream& out, const std::vector<table_maker>& makers, const timings& times);

}  // namespace imle_benchmarks
