#include "drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace map_demo {
namespace {

constexpr auto path_colour = "#1f78b4";
constexpr auto astray_colour = "#e6550d";
constexpr auto ground_colour = "#e9e3d3";
constexpr auto obstacle_colour = "#8f8475";

/// The layout of a picture, in pixels. A cell is a whole number of pixels wide, so all cells are equal.
struct canvas {
    int cell;
    int left;
    int right;   // to the right of the map: a colour bar with its numbers, or a margin
    int bottom;  // below the map: the column numbers, the legend, or both

    static constexpr int top = 56;
    [[nodiscard]] int map_size() const { return cell * side; }
    [[nodiscard]] int width() const { return left + map_size() + right; }
    [[nodiscard]] int height() const { return top + map_size() + bottom; }
};

constexpr canvas still_with_legend{26, 52, 24, 96};
constexpr canvas still_with_colour_bar{26, 52, 96, 48};
constexpr canvas animated_with_legend{18, 24, 24, 90};
constexpr canvas animated_with_colour_bar{18, 24, 96, 24};

void place_map(std::ostream& out, const canvas& where) {
    const double width = where.width();
    const double height = where.height();
    out << "set lmargin at screen " << where.left / width << "\n";
    out << "set rmargin at screen " << (where.left + where.map_size()) / width << "\n";
    out << "set tmargin at screen " << 1 - canvas::top / height << "\n";
    out << "set bmargin at screen " << where.bottom / height << "\n";
    // Rows are counted downward.
    out << "set xrange [-0.5:15.5]\nset yrange [15.5:-0.5]\nset border lc rgb '#808080'\n"
        << "set tics textcolor rgb 'black'\n";
}

void set_up_still(std::ostream& out, const canvas& where) {
    out << "set terminal pngcairo size " << where.width() << ',' << where.height()
        << " font 'DejaVu Sans,10'\n";
    place_map(out, where);
    out << "set xtics 0,3,15 out nomirror scale 0.4\nset ytics 0,3,15 out nomirror scale 0.4\n"
        << "set xlabel 'column' offset 0,0.6\nset ylabel 'row' offset 1.2,0\n";
}

/// Without numbers on the axes: drawing them again in each frame takes a third of gnuplot's time.
void set_up_animation(std::ostream& out, const canvas& where, int hundredths_of_a_second) {
    out << "set terminal gif animate delay " << hundredths_of_a_second << " loop 0 optimize size "
        << where.width() << ',' << where.height() << " font 'DejaVu Sans,9'\n";
    place_map(out, where);
    out << "unset xtics\nunset ytics\n";
}

void put_grid(std::ostream& out, const char* name, const grid& values) {
    out << "$" << name << " << END_OF_DATA\n";
    for (std::size_t i = 0; i < cells; ++i) out << values[i] << (i % side == side - 1 ? '\n' : ' ');
    out << "END_OF_DATA\n";
}

/// The cells of a path as points: column, row.
void put_points(std::ostream& out, const char* name, const grid& path) {
    out << "$" << name << " << END_OF_DATA\n";
    for (std::size_t i = 0; i < cells; ++i)
        if (path[i] != 0) out << i % side << ' ' << i / side << '\n';
    out << "END_OF_DATA\n";
}

void set_title(std::ostream& out, const std::string& first_line, const std::string& second_line = "") {
    out << "set title \"" << first_line;
    if (!second_line.empty()) out << "\\n" << second_line;
    out << "\"\n";
}

/// The kind of a cell of a drawn path: an index into `cell_kinds`.
grid kinds_of_cells(const grid& rewards, const grid& path) {
    grid kinds;
    for (std::size_t i = 0; i < cells; ++i)
        kinds[i] = static_cast<float>((path[i] != 0 ? 2 : 0) + (rewards[i] < ground_reward ? 1 : 0));
    return kinds;
}

/// Colours for `kinds_of_cells`, and the place of the legend below the map.
void set_up_paths(std::ostream& out) {
    out << "set cbrange [0:3]\nunset colorbox\n"
        << "set palette maxcolors 4 defined (0 '" << ground_colour << "', 1 '" << obstacle_colour << "', 2 '"
        << path_colour << "', 3 '" << astray_colour << "')\n"
        << "set key at screen 0.5, screen 0.01 center bottom horizontal maxcols 2 Left reverse samplen 0.5 "
           "spacing 1.2\n";
}

std::string square_key(const char* colour, const char* text) {
    return std::string("NaN with points pt 5 ps 1.8 lc rgb '") + colour + "' title '" + text + "'";
}

/// One frame, or picture, of a path on the map; the gold path, if given, is drawn as dots.
void plot_path(std::ostream& out, const grid& rewards, const grid& path, const grid* gold) {
    put_grid(out, "cells", kinds_of_cells(rewards, path));
    if (gold != nullptr) put_points(out, "gold", *gold);
    out << "plot $cells matrix with image notitle, " << square_key(ground_colour, "open ground (-1)") << ", "
        << square_key(obstacle_colour, "obstacle (-100)") << ", "
        << square_key(path_colour, gold != nullptr ? "sampled path" : "gold path");
    if (gold != nullptr)
        out << ", " << square_key(astray_colour, "over an obstacle")
            << ", $gold with points pt 7 ps 0.5 lc rgb 'black' title 'gold path'";
    out << '\n';
}

void set_up_marginals(std::ostream& out) {
    out << "set cbrange [0:1]\nset cbtics 0.2 scale 0.4\nset cblabel 'share of the samples'\n"
        << "set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')\n"
        << "unset key\n";
}

std::string with_thousands(int number) {
    std::string digits = std::to_string(number);
    for (auto place = static_cast<int>(digits.size()) - 3; place > 0; place -= 3)
        digits.insert(static_cast<std::size_t>(place), 1, ',');
    return digits;
}

std::string plural(int number, const char* noun) {
    return with_thousands(number) + " " + noun + (number == 1 ? "" : "s");
}

void plot_marginals(std::ostream& out, const grid& sums, int count) {
    grid marginals;
    for (std::size_t i = 0; i < cells; ++i) marginals[i] = sums[i] / static_cast<float>(count);
    set_title(out, "Marginals: how often a path takes a cell", "mean of " + plural(count, "sample"));
    put_grid(out, "marginals", marginals);
    out << "plot $marginals matrix with image\n";
}

/// "learning_in_5_target_0_samples_10": the start of a file's name.
std::string file_stem(const setting& which) {
    std::ostringstream out;
    out << "learning_in_" << which.input_temperature << "_target_" << which.target_temperature << "_samples_"
        << which.samples;
    return out.str();
}

std::string temperatures(const setting& which) {
    std::ostringstream out;
    out << "input temperature " << which.input_temperature << ", target temperature "
        << which.target_temperature;
    return out.str();
}

}  // namespace

picture draw_map(const grid& rewards) {
    std::ostringstream out;
    set_up_still(out, still_with_legend);
    set_up_paths(out);
    set_title(out, "The map game: the rewards of a 16 x 16 grid");
    put_grid(out, "cells", kinds_of_cells(rewards, grid{}));
    out << "plot $cells matrix with image notitle, " << square_key(ground_colour, "open ground (-1)") << ", "
        << square_key(obstacle_colour, "obstacle (-100)") << '\n';
    return {"map.png", out.str()};
}

picture draw_gold_path(const grid& rewards, const grid& gold) {
    const auto length = static_cast<int>(std::count(gold.begin(), gold.end(), 1.0F));
    std::ostringstream out;
    set_up_still(out, still_with_legend);
    set_up_paths(out);
    set_title(out, "The gold path: the best path of the map",
              plural(length, "cell") + ", steps to 8 neighbours");
    plot_path(out, rewards, gold, nullptr);
    return {"gold_path.png", out.str()};
}

picture draw_sampled_paths(const grid& rewards, const grid& gold, const std::vector<grid>& samples) {
    std::ostringstream out;
    set_up_animation(out, animated_with_legend, 15);
    set_up_paths(out);
    const auto count = static_cast<int>(samples.size());
    for (int i = 0; i < count; ++i) {
        set_title(out, "Paths sampled at input temperature 1",
                  "sample " + std::to_string(i + 1) + " of " + std::to_string(count));
        plot_path(out, rewards, samples[static_cast<std::size_t>(i)], &gold);
    }
    return {"sampled_paths.gif", out.str()};
}

picture draw_running_marginals(const std::vector<grid>& samples) {
    std::ostringstream out;
    set_up_animation(out, animated_with_colour_bar, 10);
    set_up_marginals(out);
    grid sums{};
    const auto count = static_cast<int>(samples.size());
    for (int i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < cells; ++j) sums[j] += samples[static_cast<std::size_t>(i)][j];
        plot_marginals(out, sums, i + 1);
    }
    return {"running_marginals.gif", out.str()};
}

picture draw_marginals(const std::vector<grid>& samples) {
    std::ostringstream out;
    set_up_still(out, still_with_colour_bar);
    set_up_marginals(out);
    grid sums{};
    for (const grid& sample : samples)
        for (std::size_t j = 0; j < cells; ++j) sums[j] += sample[j];
    plot_marginals(out, sums, static_cast<int>(samples.size()));
    return {"marginals.png", out.str()};
}

picture draw_learned_paths(const learning_record& record, const grid& rewards, const grid& gold) {
    std::ostringstream out;
    set_up_animation(out, animated_with_legend, 10);
    set_up_paths(out);
    for (const learning_frame& frame : record.frames) {
        set_title(out,
                  "A sampled path at step " + with_thousands(frame.step) + ", " +
                      plural(record.which.samples, "sample"),
                  temperatures(record.which));
        plot_path(out, rewards, frame.sampled_path, &gold);
    }
    return {file_stem(record.which) + "_path.gif", out.str()};
}

picture draw_learned_weights(const learning_record& record) {
    float largest = 0;
    for (const learning_frame& frame : record.frames)
        for (const float weight : frame.weights) largest = std::max(largest, std::abs(weight));

    std::ostringstream out;
    set_up_animation(out, animated_with_colour_bar, 10);
    out << "unset key\n";
    // All frames have the same range, with white at 0. Weights above 0 are negative costs, which count as 0.
    // There are few colours, because pixels that do not change from frame to frame take no room in the file.
    out << "set cbrange [" << -largest << ':' << largest << "]\nset format cb '%g'\nset cbtics scale 0.4\n"
        << "set cblabel 'weight'\n"
        << "set palette maxcolors 41 defined (-1 '#b2182b', -0.5 '#f4a582', 0 '#ffffff', 0.5 '#92c5de', 1 "
           "'#2166ac')\n";
    for (const learning_frame& frame : record.frames) {
        set_title(out,
                  "The weights at step " + with_thousands(frame.step) + ", " +
                      plural(record.which.samples, "sample"),
                  temperatures(record.which));
        put_grid(out, "weights", frame.weights);
        out << "plot $weights matrix with image\n";
    }
    return {file_stem(record.which) + "_weights.gif", out.str()};
}

}  // namespace map_demo
