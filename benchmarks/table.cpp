#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <string_view>

namespace imle_benchmarks {
namespace {

constexpr std::string_view words_name = "random words";

std::string printed(const char* format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

const line_results* find(const std::vector<section_results>& sections, std::string_view beginning) {
    for (const section_results& part : sections)
        for (const line_results& line : part.lines)
            if (std::string_view(line.name).substr(0, beginning.size()) == beginning) return &line;
    return nullptr;
}

std::string time_cell(const cell_results& cell) {
    if (!cell.time) return "–";
    return figure(cell.time->median) + " (" + figure(cell.time->best) + ")";
}

std::string ratio_cell(const cell_results& cell, const cell_results& words) {
    if (!cell.time || !words.time) return "–";
    return figure(cell.time->median / words.time->median);
}

std::string distance_cell(const cell_results& cell, std::size_t usual) {
    if (!cell.distance) return "–";
    const auto [value, numbers] = *cell.distance;
    std::string text = std::isnan(value) ? "NaN" : printed("%.1e", value);
    if (!(value <= distance_bound(numbers))) text = "**" + text + "**";
    if (numbers != usual) text += " [2^" + printed("%.0f", std::log2(static_cast<double>(numbers))) + "]";
    return text;
}

std::string error_cell(const cell_results& cell) {
    if (!cell.word_error) return "–";
    return *cell.word_error == 0 ? "0" : printed("%.1e", *cell.word_error);
}

std::string verdict(double value, double goal) {
    return value <= goal ? "met" : "missed";
}

std::string goal_cell(const line_results& line) {
    if (line.goal == 0 || !line.floats.time) return "–";
    const double time = line.floats.time->median;
    std::string text = figure(line.goal) + ": " + verdict(time, line.goal);
    if (line.stretch_goal != 0)
        text += "; " + figure(line.stretch_goal) + ": " + verdict(time, line.stretch_goal);
    return text;
}

}  // namespace

std::string figure(double value) {
    if (value == 0) return "0";
    if (value >= 1000) {
        const std::string digits = printed("%.0f", value);
        std::string text;
        for (std::size_t i = 0; i < digits.size(); ++i) {
            if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
            text += digits[i];
        }
        return text;
    }
    // Three digits, but no thousandths.
    return printed(value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f", value);
}

void write_heading(std::ostream& out, const build_description& build) {
    out << "### " << build.instruction_set << "\n\nBy " << build.compiler << " with `" << build.flags
        << "`.\n\n";
}

void write_lines(std::ostream& out, const std::vector<section_results>& sections, std::size_t numbers) {
    const line_results* words = find(sections, words_name);
    const line_results none;
    if (words == nullptr) words = &none;
    out << "| | float, ns | double, ns | float, times words | double, times words | KS float (right: < "
        << printed("%.1e", distance_bound(numbers)) << ") | KS double | u-error float | u-error double | "
        << "goal for float, ns |\n"
        << "|---|---|---|---|---|---|---|---|---|---|\n";
    for (const section_results& part : sections) {
        out << "| **" << part.title << "** | | | | | | | | | |\n";
        for (const line_results& line : part.lines) {
            const std::string cells[] = {
                line.name,
                time_cell(line.floats),
                time_cell(line.doubles),
                ratio_cell(line.floats, words->floats),
                ratio_cell(line.doubles, words->doubles),
                distance_cell(line.floats, numbers),
                distance_cell(line.doubles, numbers),
                error_cell(line.floats),
                error_cell(line.doubles),
                goal_cell(line),
            };
            for (const std::string& cell : cells) out << "| " << cell << ' ';
            out << "|\n";
        }
    }
    out << '\n';
}

void write_comparisons(std::ostream& out, const std::vector<section_results>& sections, bool with_goals) {
    const line_results* words = find(sections, words_name);
    const line_results* by_table = find(sections, "sum_of_gamma{20.8, 100}");
    if (by_table == nullptr || !by_table->floats.time) return;

    if (words != nullptr && words->floats.time) {
        double worst = 0;
        std::string worst_name;
        for (const section_results& part : sections) {
            for (const line_results& line : part.lines) {
                const bool counts =
                    line.name.starts_with("sum_of_gamma{") || line.name.starts_with("sum_of_gamma::");
                if (!counts || !line.floats.time) continue;
                const double ratio = line.floats.time->median / words->floats.time->median;
                if (ratio <= worst) continue;
                worst = ratio;
                worst_name = line.name;
            }
        }
        out << "- `sum_of_gamma`, float: at most " << figure(worst) << " times the random words (`"
            << worst_name << "`)";
        if (with_goals) out << "; goal 2.5: " << verdict(worst, 2.5);
        out << ".\n";
    }
    for (const section_results& part : sections) {
        for (const line_results& line : part.lines) {
            const bool literal = line.name.find("literal sum, 100 ") != std::string::npos ||
                                 line.name == "sum_of_gamma_series{20.8, 100}";
            if (!literal) continue;
            // The type is float if it was measured: numpy, for one, has no literal sum of floats.
            const auto& time = line.floats.time ? line.floats.time : line.doubles.time;
            if (!time) continue;
            const double ratio = time->median / by_table->floats.time->median;
            out << "- " << line.name << " (" << part.title << ", " << (line.floats.time ? "float" : "double")
                << "): " << figure(ratio) << " times `sum_of_gamma{20.8, 100}`, float";
            // The goal is for the sum as a C++ user would write it, and for the paper's implementation.
            const bool has_goal = part.title.starts_with("the C++") || part.title.starts_with("PyTorch");
            if (with_goals && has_goal) out << "; goal 3,000: " << (ratio >= 3000 ? "met" : "missed");
            out << ".\n";
        }
    }
    out << '\n';
}

void write_makers(std::ostream& out, const std::vector<table_maker>& makers, const timings& times) {
    const auto cell = [&](const std::string& name) -> std::string {
        const auto found = times.find(name);
        if (found == times.end()) return "–";
        return figure(found->second.median / 1e6) + " (" + figure(found->second.best / 1e6) + ")";
    };
    bool first = true;
    for (const table_maker& maker : makers) {
        if (!times.contains(name_of("float", maker)) && !times.contains(name_of("double", maker))) continue;
        if (first) out << "| making a table | float, ms | double, ms |\n|---|---|---|\n";
        first = false;
        out << "| " << maker.name << " | " << cell(name_of("float", maker)) << " | "
            << cell(name_of("double", maker)) << " |\n";
    }
    out << '\n';
}

}  // namespace imle_benchmarks
