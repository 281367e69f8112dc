#pragma once

// Writes the table in Markdown.

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "timing.hpp"

namespace imle_benchmarks {

/// A Kolmogorov-Smirnov distance, and the number of numbers that it was computed from.
struct distance_result {
    double value = 0;
    std::size_t numbers = 0;
};

/// The results of one row for one type. A field is absent if it was not measured or is not known for such a
/// row.
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

/// The instruction set that the goals are for.
enum class goals { none, sse2, avx2 };

/// How the program was compiled.
struct build_description {
    std::string compiler;
    std::string flags;
    std::string instruction_set;
    imle_benchmarks::goals goals = goals::none;
};

/// A number to three digits or, above a thousand, to the nearest integer; words for what is not a number.
[[nodiscard]] std::string figure(double value);

void write_heading(std::ostream& out, const build_description& build);
/// `numbers`: how many numbers the distances were computed from, unless a row says otherwise.
void write_lines(std::ostream& out, const std::vector<section_results>& sections, std::size_t numbers);
/// Compares `sum_of_gamma` with the random words and with the literal sum, and states these goals.
void write_comparisons(std::ostream& out, const std::vector<section_results>& sections, bool with_goals);
void write_makers(std::ostream& out, const std::vector<table_maker>& makers, const timings& times);

}  // namespace imle_benchmarks
