#include "plot.hpp"

#include <algorithm>
#include <limits>
#include <ostream>
#include <sstream>
#include <string_view>

namespace experiments {
namespace {

/// A text for gnuplot's double quotes; characters such as an underscore, which would make a subscript, are
/// escaped.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') result += '\\';
        if (std::string_view("_^{}@&~").find(c) != std::string_view::npos) result += "\\\\";
        result += c;
    }
    return result + '"';
}

/// Breaks a title at its colon, if it has one.
std::string in_two_lines(std::string title) {
    if (const auto colon = title.find(": "); colon != std::string::npos) title.replace(colon, 2, ":\n");
    return title;
}

/// The figures of one kind as points; nothing if there are none.
struct point_series {
    std::string name;
    std::string title;
    std::string looks;
    std::ostringstream rows;
    bool any = false;
};

}  // namespace

void set_up_picture(std::ostream& out, int width, int height) {
    out << "set terminal pngcairo size " << width << ',' << height << " font 'DejaVu Sans,10'\n"
        << "set border lc rgb '#808080'\nset tics textcolor rgb 'black'\n"
        << "set grid lc rgb '#dddddd' lt 1\nset encoding utf8\n";
}

void put_data(std::ostream& out, const std::string& name, std::span<const std::vector<double>> columns) {
    out << "$" << name << " << END_OF_DATA\n";
    for (std::size_t i = 0; i < columns.front().size(); ++i) {
        for (const std::vector<double>& column : columns) out << column[i] << ' ';
        out << '\n';
    }
    out << "END_OF_DATA\n";
}

example_support::picture draw_comparison(const std::string& file_name, const experiment_table& table) {
    point_series series[] = {{"ours", "ours (one sd)", "", {}},
                             {"recomputed", "recomputed", "", {}},
                             {"published", "published", "", {}}};
    series[0].looks =
        std::string("using 1:2:3 with xerrorbars pt 7 ps 1.1 lw 1.6 lc rgb '") + colour::blue + "'";
    series[1].looks = std::string("using 1:2 with points pt 6 ps 1.6 lw 1.6 lc rgb '") + colour::orange + "'";
    series[2].looks = std::string("using 1:2 with points pt 2 ps 1.3 lw 1.6 lc rgb '") + colour::grey + "'";

    const auto rows = static_cast<int>(table.rows.size());
    double least = 0, largest = 0;
    std::ostringstream names;
    for (int i = 0; i < rows; ++i) {
        const experiment_row& row = table.rows[static_cast<std::size_t>(i)];
        const int place = rows - i;  // the first row on top
        names << (i == 0 ? "" : ", ") << quoted(row.method) << ' ' << place;
        const auto put = [&](point_series& to, double value, double deviation) {
            to.rows << value << ' ' << place << ' ' << deviation << '\n';
            to.any = true;
            least = std::min(least, value - deviation);
            largest = std::max(largest, value + deviation);
        };
        put(series[0], row.ours, row.deviation);
        if (row.recomputed.has_value()) put(series[1], row.recomputed->value, 0);
        if (row.published.has_value()) put(series[2], row.published->value, 0);
    }

    std::size_t longest = 0;
    for (const experiment_row& row : table.rows) longest = std::max(longest, row.method.size());
    std::ostringstream out;
    const int height = 165 + 30 * rows;
    set_up_picture(out, 520 + 7 * static_cast<int>(longest), height);
    // The title is centred in the picture, which is wider than the plot. The legend is below the axis label,
    // so that it covers no point.
    out << "set label 1 " << quoted(in_two_lines(table.title)) << " at screen 0.5, screen "
        << 1 - 20.0 / height << " center\nset tmargin at screen " << 1 - 58.0 / height
        << "\nset bmargin at screen " << 78.0 / height
        << "\nset key at screen 0.5, screen 0.01 center bottom horizontal maxrows 1 Left reverse samplen 1\n";
    for (const point_series& each : series)
        if (each.any) out << "$" << each.name << " << END_OF_DATA\n" << each.rows.str() << "END_OF_DATA\n";
    out << "set xlabel " << quoted(table.quantity) << "\nset ytics (" << names.str()
        << ")\nset yrange [0.4:" << rows + 0.6 << "]\nset xrange [" << 1.05 * least << ':' << 1.05 * largest
        << "]\n";
    const char* separator = "plot ";
    for (const point_series& each : series) {
        if (!each.any) continue;
        out << separator << "$" << each.name << ' ' << each.looks << " title " << quoted(each.title);
        separator = ", ";
    }
    out << '\n';
    return {file_name, out.str()};
}

}  // namespace experiments
