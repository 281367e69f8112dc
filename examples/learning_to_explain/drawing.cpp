#include "drawing.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace learning_to_explain {
namespace {

// The layout of the picture of the selections, in pixels.
constexpr int cell = 13;
constexpr int shown_of_each = 12;  // instances with the switch on, and as many with it off
constexpr int most_columns = 3;
constexpr int left = 40;
constexpr int gap = 22;
constexpr int top = 46;
constexpr int bottom = 72;
constexpr int panel_width = cell * features;

// Colours that colour-blind people can tell apart (Okabe and Ito's).
constexpr auto idle_colour = "#ececec";
constexpr auto missed_colour = "#e69f00";
constexpr auto needless_colour = "#000000";
constexpr auto found_colour = "#0072b2";

const char* line_colour(method how) {
    switch (how) {
        case method::imle:
            return "#0072b2";
        case method::straight_through:
            return "#e69f00";
        case method::standardized:
            return "#56b4e9";
        case method::no_random_masks:
            return "#cc79a7";
        case method::fixed:
            return "#009e73";
        case method::random:
            return "#606060";
    }
    return "#606060";
}

/// The first instances of each kind; those with the switch on come first.
std::vector<Eigen::Index> instances_to_show(const dataset& testing) {
    std::vector<Eigen::Index> shown;
    for (const bool on : {true, false}) {
        int count = 0;
        for (Eigen::Index row = 0; row < testing.size() && count < shown_of_each; ++row) {
            if ((testing.x(row, 0) > 0) != on) continue;
            shown.push_back(row);
            ++count;
        }
    }
    return shown;
}

/// A number for each instance and feature: 0 neither decides nor was selected, 1 decides, 2 was selected, 3
/// both.
void put_selections(std::ostream& out, const std::string& name, const matrix& selected,
                    const dataset& testing, std::span<const Eigen::Index> shown) {
    out << "$" << name << " << END_OF_DATA\n";
    for (const Eigen::Index row : shown)
        for (int i = 0; i < features; ++i)
            out << testing.deciding(row, i) + 2 * selected(row, i) << (i + 1 == features ? '\n' : ' ');
    out << "END_OF_DATA\n";
}

/// Places the next plot between these pixels, counted from the left and from the top.
void place(std::ostream& out, std::pair<int, int> across, std::pair<int, int> down, double width,
           double height) {
    out << "set lmargin at screen " << across.first / width << "\nset rmargin at screen "
        << across.second / width << "\nset tmargin at screen " << 1 - down.first / height
        << "\nset bmargin at screen " << 1 - down.second / height << '\n';
}

/// A legend for all panels, at the bottom: the key of an empty plot.
void put_legend(std::ostream& out, int width, int height, int lines,
                const std::vector<std::pair<std::string, std::string>>& colours_and_texts) {
    out << "unset title\nunset border\nunset tics\nunset xlabel\nunset ylabel\nunset grid\n";
    place(out, {0, width}, {0, height}, width, height);
    out << "set key at screen 0.5, screen " << 6.0 / height << " center bottom horizontal maxrows " << lines
        << " Left reverse samplen 1\nplot ";
    const char* separator = "";
    for (const auto& [colour, text] : colours_and_texts) {
        out << separator << "NaN with points pt 5 ps 1.6 lc rgb '" << colour << "' title '" << text << "'";
        separator = ", ";
    }
    out << '\n';
}

}  // namespace

picture draw_selections(std::span<const method_record> records, const dataset& testing) {
    const std::vector<Eigen::Index> shown = instances_to_show(testing);
    const int rows = static_cast<int>(shown.size());
    const int panel_height = cell * rows;
    const int panels = static_cast<int>(records.size());
    const int columns = std::min(panels, most_columns);
    const int width = left + std::max(columns, 2) * (panel_width + gap);
    const int height = (panels + columns - 1) / columns * (top + panel_height) + bottom;

    std::ostringstream out;
    out << "set terminal pngcairo size " << width << ',' << height
        << " font 'DejaVu Sans,10'\nset multiplot\nset xrange [-0.5:" << features - 0.5 << "]\nset yrange ["
        << rows - 0.5 << ":-0.5]\nset cbrange [0:3]\nset palette maxcolors 4 defined (0 '" << idle_colour
        << "', 1 '" << missed_colour << "', 2 '" << needless_colour << "', 3 '" << found_colour
        << "')\nunset colorbox\nset key off\nset border lw 0.5 lc rgb '#808080'\n"
        << "set tics textcolor rgb 'black' scale 0\nset xtics 0,2 offset 0,0.4\nunset ytics\n";
    // Lines between the cells.
    for (int i = 1; i < features; ++i)
        out << "set arrow from " << i - 0.5 << ",-0.5 to " << i - 0.5 << ',' << rows - 0.5
            << " nohead front lw 1 lc rgb 'white'\n";
    for (int i = 1; i < rows; ++i)
        out << "set arrow from -0.5," << i - 0.5 << " to " << features - 0.5 << ',' << i - 0.5
            << " nohead front lw 1 lc rgb 'white'\n";
    for (int i = 0; i < panels; ++i) {
        const method_record& record = records[static_cast<std::size_t>(i)];
        const std::string name = "selections" + std::to_string(i);
        put_selections(out, name, record.runs.front().selected, testing, shown);
        const int from = left + i % columns * (panel_width + gap);
        const int above = i / columns * (top + panel_height) + top;
        place(out, {from, from + panel_width}, {above, above + panel_height}, width, height);
        out << "set title '" << title(record.how) << "' offset 0,-0.5\n"
            << (i % columns == 0 ? "set ylabel 'switch off  |  switch on' offset 0.5,0\n" : "unset ylabel\n")
            << "plot $" << name << " matrix with image pixels\n";
    }
    out << "unset arrow\n";
    put_legend(out, width, height, 2,
               {{found_colour, "decides, and was selected"},
                {missed_colour, "decides, but was missed"},
                {needless_colour, "selected, but does not decide"},
                {idle_colour, "neither"}});
    out << "unset multiplot\n";
    return {"selections.png", out.str()};
}

picture draw_learning_curves(std::span<const method_record> records) {
    std::ostringstream out;
    int steps = 2;
    for (std::size_t i = 0; i < records.size(); ++i) {
        for (std::size_t run = 0; run < records[i].runs.size(); ++run) {
            out << "$curve" << i << '_' << run << " << END_OF_DATA\n";
            for (const curve_point& point : records[i].runs[run].curve) {
                out << point.step << ' ' << 100 * point.reached.found << ' ' << 100 * point.reached.accuracy
                    << '\n';
                steps = std::max(steps, point.step);
            }
            out << "END_OF_DATA\n";
        }
    }
    constexpr int width = 960;
    constexpr int height = 460;
    out << "set terminal pngcairo size " << width << ',' << height
        << " font 'DejaVu Sans,10'\nset multiplot\nset xrange [0:" << steps
        << "]\nset grid lc rgb '#dddddd' lt 1\nset border lc rgb '#808080'\n"
        << "set tics textcolor rgb 'black'\nset xlabel 'step'\nset format y '%g %%'\nset key off\n";
    const auto plot = [&](int column) {
        const char* separator = "plot ";
        for (std::size_t i = 0; i < records.size(); ++i) {
            for (std::size_t run = 0; run < records[i].runs.size(); ++run) {
                out << separator << "$curve" << i << '_' << run << " using 1:" << column
                    << " with linespoints lw 1.6 pt 7 ps 0.4 lc rgb '" << line_colour(records[i].how) << "'";
                separator = ", ";
            }
        }
        out << '\n';
    };
    out << "set title 'Deciding features that were found'\nset yrange [0:104]\n";
    place(out, {60, 470}, {36, 350}, width, height);
    plot(2);
    out << "set title 'Labels predicted right'\nset yrange [45:85]\n";
    place(out, {530, 940}, {36, 350}, width, height);
    plot(3);
    std::vector<std::pair<std::string, std::string>> legend;
    for (const method_record& record : records)
        legend.emplace_back(line_colour(record.how), title(record.how));
    put_legend(out, width, height, 2, legend);
    out << "unset multiplot\n";
    return {"learning_curves.png", out.str()};
}

}  // namespace learning_to_explain
