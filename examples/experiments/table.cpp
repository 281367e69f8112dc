#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <stdexcept>

namespace experiments {

std::string fixed(double value, int digits) {
    std::ostringstream out;
    out << std::fixed << std::setprecision(digits) << value;
    return out.str();
}

namespace {

std::string with_sign(double value, int digits) {
    std::string text = fixed(value, digits);
    // A number that rounds to 0 has no sign.
    if (text.front() == '-' && text.find_first_not_of("-0.") == std::string::npos) text.front() = '+';
    if (text.front() != '-' && text.front() != '+') text.insert(text.begin(), '+');
    return text;
}

/// "0.181 (0.188)": a value and, in brackets, its standard deviation.
std::string figure(double value, const std::optional<double>& deviation, int digits) {
    std::string text = fixed(value, digits);
    if (deviation.has_value()) text += " (" + fixed(*deviation, digits) + ")";
    return text;
}

std::string figure(const std::optional<reference_figure>& reference, int digits) {
    return reference.has_value() ? figure(reference->value, reference->deviation, digits) : "";
}

/// The standard error of the difference, if it is known.
std::optional<double> difference_error(const experiment_row& row, const reference_figure& reference) {
    if (row.difference_error.has_value()) return row.difference_error;
    if (row.runs < 2 || !reference.deviation.has_value() || !reference.runs.has_value()) return std::nullopt;
    return std::sqrt(row.deviation * row.deviation / row.runs +
                     *reference.deviation * *reference.deviation / *reference.runs);
}

/// "+0.012 +- 0.027"
std::string difference(const experiment_row& row, int digits) {
    const reference_figure* reference = reference_of(row);
    if (reference == nullptr) return "";
    std::string text = with_sign(row.ours - reference->value, digits);
    if (const auto error = difference_error(row, *reference)) text += " +- " + fixed(*error, digits);
    return text;
}

struct column {
    std::string head;
    std::vector<std::string> cells;
    bool right = true;  // true for columns of numbers
};

std::vector<column> columns_of(const experiment_table& table) {
    const int digits = table.digits;
    std::vector<column> columns = {{"method", {}, false}};
    for (const char* head : {"ours (sd)", "runs", "published", "recomputed (sd)", "difference"})
        columns.push_back({head, {}});
    for (const std::string& head : table.extra_columns) columns.push_back({head, {}});
    for (const experiment_row& row : table.rows) {
        if (row.extra.size() != table.extra_columns.size())
            throw std::logic_error("the row '" + row.method + "' has " + std::to_string(row.extra.size()) +
                                   " extra cells, expected " + std::to_string(table.extra_columns.size()));
        std::vector<std::string> cells = {
            row.method,
            figure(row.ours, row.runs > 1 ? std::optional(row.deviation) : std::nullopt, digits),
            std::to_string(row.runs),
            figure(row.published, digits),
            figure(row.recomputed, digits),
            difference(row, digits)};
        if (table.only_extra) std::fill(cells.begin() + 1, cells.end(), "");
        cells.insert(cells.end(), row.extra.begin(), row.extra.end());
        for (std::size_t i = 0; i < cells.size(); ++i) columns[i].cells.push_back(cells[i]);
    }
    std::erase_if(columns, [](const column& each) {
        return std::all_of(each.cells.begin(), each.cells.end(),
                           [](const std::string& c) { return c.empty(); });
    });
    return columns;
}

}  // namespace

const reference_figure* reference_of(const experiment_row& row) {
    if (row.recomputed.has_value()) return &*row.recomputed;
    if (row.published.has_value()) return &*row.published;
    return nullptr;
}

void print_table(std::ostream& out, const experiment_table& table) {
    const std::vector<column> columns = columns_of(table);
    std::ostringstream text;
    text << table.title << "\nNumbers: " << table.quantity << ".\n\n";
    std::vector<std::size_t> widths;
    for (const column& each : columns) {
        std::size_t width = std::max<std::size_t>(3, each.head.size());
        for (const std::string& cell : each.cells) width = std::max(width, cell.size());
        widths.push_back(width);
    }
    const auto put_line = [&](auto&& cell_of) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            text << "| " << (columns[i].right ? std::right : std::left)
                 << std::setw(static_cast<int>(widths[i])) << cell_of(i) << ' ';
        text << "|\n";
    };
    put_line([&](std::size_t i) { return columns[i].head; });
    for (std::size_t i = 0; i < columns.size(); ++i)
        text << "|" << std::string(widths[i] + 1, '-') << (columns[i].right ? ":" : "-");
    text << "|\n";
    for (std::size_t row = 0; row < table.rows.size(); ++row)
        put_line([&](std::size_t i) { return columns[i].cells[row]; });
    if (!table.note.empty()) text << '\n' << table.note << '\n';
    out << text.str();
}

}  // namespace experiments
