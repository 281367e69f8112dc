#include "drawing.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "table.hpp"

namespace terrain {
namespace {

// The layout of the picture of the maps, in pixels. A tile is 24 wide, so a pixel of the map is 3.
constexpr int panel = 24 * side;
constexpr int gap = 14;
constexpr int top = 44;
constexpr int bottom = 62;
constexpr double highest_cost = 9.2;

constexpr auto gold_colour = "#ffc400";
constexpr auto right_colour = "#ffffff";
constexpr auto wrong_colour = "#ff3fb4";
constexpr auto palette = "(0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')";

std::string line_colour(method how) {
    switch (how) {
        case method::imle:
            return "#1b9e77";
        case method::blackbox:
            return "#d95f02";
        case method::per_tile:
            return "#7570b3";
    }
    return {};
}

/// A path as its steps: column, row, and their changes. A cheapest path has no short cuts, so each pair of
/// neighbouring tiles on it is a step.
void put_steps(std::ostream& out, const std::string& name, const path& taken) {
    out << "$" << name << " << END_OF_DATA\n";
    const auto has = [&](int row, int column) {
        return row < side && column >= 0 && column < side &&
               taken[static_cast<std::size_t>(row * side + column)] != 0;
    };
    constexpr int steps[4][2] = {{0, 1}, {1, -1}, {1, 0}, {1, 1}};
    for (int row = 0; row < side; ++row)
        for (int column = 0; column < side; ++column)
            for (const auto& [down, right] : steps)
                if (has(row, column) && has(row + down, column + right))
                    out << column << ' ' << row << ' ' << right << ' ' << down << '\n';
    out << "END_OF_DATA\n";
}

void put_tiles(std::ostream& out, const std::string& name, const path& taken) {
    out << "$" << name << " << END_OF_DATA\n";
    for (int tile = 0; tile < static_cast<int>(tiles); ++tile)
        if (taken[static_cast<std::size_t>(tile)] != 0) out << tile % side << ' ' << tile / side << '\n';
    out << "END_OF_DATA\n";
}

void put_costs(std::ostream& out, const std::string& name, const grid<float>& costs) {
    out << "$" << name << " << END_OF_DATA\n";
    for (std::size_t i = 0; i < tiles; ++i) out << costs[i] << (i % side == side - 1 ? '\n' : ' ');
    out << "END_OF_DATA\n";
}

/// Each pixel: its place in units of tiles, and its colour. A pixel of the map is written as `zoom` x `zoom`
/// pixels of the picture, because gnuplot would blur it when enlarging.
void put_pixels(std::ostream& out, const std::string& name, const pixels& of) {
    constexpr int zoom = panel / picture_side;
    out << "$" << name << " << END_OF_DATA\n";
    for (int y = 0; y < zoom * picture_side; ++y) {
        for (int x = 0; x < zoom * picture_side; ++x) {
            const std::uint8_t* const at =
                &of[static_cast<std::size_t>(3 * (y / zoom * picture_side + x / zoom))];
            out << (x + 0.5) / (zoom * tile_side) - 0.5 << ' ' << (y + 0.5) / (zoom * tile_side) - 0.5 << ' '
                << int{at[0]} << ' ' << int{at[1]} << ' ' << int{at[2]} << '\n';
        }
    }
    out << "END_OF_DATA\n";
}

/// A line with a dark edge, so that it is visible on any ground.
std::string outlined(const std::string& steps, const char* colour) {
    return "$" + steps + " using 1:2:3:4 with vectors nohead lw 6.5 lc rgb '#202020' notitle, $" + steps +
           " using 1:2:3:4 with vectors nohead lw 3.2 lc rgb '" + colour + "' notitle";
}

std::string dots(const std::string& name, const char* colour, int mark, double size) {
    std::ostringstream out;
    out << "$" << name << " with points pt " << mark << " ps " << size << " lc rgb '#202020' notitle, $"
        << name << " with points pt " << mark << " ps " << size * 0.62 << " lc rgb '" << colour
        << "' notitle";
    return out.str();
}

/// Places the next panel in a row and a column of the picture.
class layout {
  public:
    layout(std::size_t rows, std::size_t columns)
        : rows_(static_cast<int>(rows)), columns_(static_cast<int>(columns)) {}

    [[nodiscard]] int width() const { return gap + columns_ * (panel + gap); }
    [[nodiscard]] int height() const { return top + rows_ * (panel + gap) + bottom; }

    void place(std::ostream& out, std::size_t row, std::size_t column) const {
        const double left = gap + static_cast<int>(column) * (panel + gap);
        const double above = top + static_cast<int>(row) * (panel + gap);
        out << "set lmargin at screen " << left / width() << "\nset rmargin at screen "
            << (left + panel) / width() << "\nset tmargin at screen " << 1 - above / height()
            << "\nset bmargin at screen " << 1 - (above + panel) / height() << '\n';
    }

  private:
    int rows_;
    int columns_;
};

/// The factor that brings a network's costs closest to the hidden ones, over all test maps: each network has
/// its own unit. Per tile there is no such factor, because a probability is not a cost.
double scale_of(const run_record& record, std::span<const example> examples) {
    double products = 0;
    double squares = 0;
    for (std::size_t i = 0; i < examples.size(); ++i) {
        for (std::size_t tile = 0; tile < tiles; ++tile) {
            const double cost = record.costs[i][tile];
            products += cost * examples[i].costs_in_tenths[tile] / 10;
            squares += cost * cost;
        }
    }
    return squares > 0 ? products / squares : 1;
}

grid<float> shown_costs(const run_record& record, std::size_t map, double scale) {
    grid<float> shown = record.costs[map];
    for (float& cost : shown)
        cost = record.how == method::per_tile ? std::exp(-cost) : cost * static_cast<float>(scale);
    return shown;
}

}  // namespace

picture draw_maps(std::span<const example> examples, std::span<const std::size_t> shown,
                  std::span<const run_record> records) {
    const layout panels(shown.size(), 2 + records.size());
    std::ostringstream out;
    out << "set terminal pngcairo size " << panels.width() << ',' << panels.height()
        << " font 'DejaVu Sans,11'\nset multiplot\nset xrange [-0.5:11.5]\nset yrange [11.5:-0.5]\n"
        << "unset tics\nset border lw 0.5 lc rgb '#606060'\nset key off\n"
        << "set palette defined " << palette << "\nunset colorbox\n";
    for (std::size_t row = 0; row < shown.size(); ++row) {
        const std::size_t map = shown[row];
        const example& what = examples[map];
        const std::string number = std::to_string(row);
        put_pixels(out, "pixels" + number, what.picture);
        put_steps(out, "gold" + number, what.gold);
        put_tiles(out, "gold_tiles" + number, what.gold);
        grid<float> hidden{};
        for (std::size_t tile = 0; tile < tiles; ++tile)
            hidden[tile] = static_cast<float>(what.costs_in_tenths[tile]) / 10;
        put_costs(out, "hidden" + number, hidden);

        const auto head = [&](const std::string& text) {
            if (row == 0)
                out << "set title '" << text << "' offset 0,-0.4\n";
            else
                out << "unset title\n";
        };
        head("what the network sees");
        panels.place(out, row, 0);
        out << "plot $pixels" << number << " using 1:2:3:4:5 with rgbimage, "
            << outlined("gold" + number, gold_colour) << '\n';
        head("the hidden costs");
        panels.place(out, row, 1);
        out << "set cbrange [0:" << highest_cost << "]\n";
        // All panels share one colour bar, below them.
        if (row == 0)
            out << "set colorbox horizontal user origin screen 0.03, screen " << 40.0 / panels.height()
                << " size screen 0.3, screen " << 12.0 / panels.height()
                << "\nset cbtics 2 scale 0.3 offset 0,0.5\n";
        out << "plot $hidden" << number << " matrix with image pixels, "
            << outlined("gold" + number, gold_colour) << "\nunset colorbox\n";

        for (std::size_t i = 0; i < records.size(); ++i) {
            const run_record& record = records[i];
            const bool per_tile = record.how == method::per_tile;
            const std::string own = number + "_" + std::to_string(i);
            put_costs(out, "costs" + own, shown_costs(record, map, scale_of(record, examples)));
            head(per_tile ? "per tile: probability, 0 to 1" : title(record.how) + ": learned costs");
            panels.place(out, row, 2 + i);
            const path& predicted = per_tile ? record.tiles_taken[map] : record.paths[map];
            const char* const colour = is_as_cheap(predicted, what) ? right_colour : wrong_colour;
            if (per_tile)
                put_tiles(out, "taken" + own, predicted);
            else
                put_steps(out, "taken" + own, predicted);
            out << "set cbrange [0:" << (per_tile ? 1 : highest_cost) << "]\nplot $costs" << own
                << " matrix with image pixels, "
                << (per_tile ? dots("taken" + own, colour, 5, 1.9) : outlined("taken" + own, colour)) << ", "
                << dots("gold_tiles" + number, gold_colour, 7, 0.8) << '\n';
        }
    }
    // The legend: an empty plot below the panels.
    out << "unset title\nunset border\nset key at screen 0.99, screen " << 30.0 / panels.height()
        << " right center horizontal Left reverse samplen 1.6 spacing 1.1 width 1\nplot "
        << "NaN with lines lw 7 lc rgb '" << gold_colour << "' title 'gold path', "
        << "NaN with lines lw 7 lc rgb '#b8b8b8' title 'white: a path as cheap', "
        << "NaN with lines lw 7 lc rgb '" << wrong_colour << "' title 'dearer, or no path'\n"
        << "unset multiplot\n";
    return {"maps.png", out.str()};
}

picture draw_learning_curves(std::span<const run_record> records) {
    std::ostringstream out;
    std::size_t epochs = 2;
    for (std::size_t i = 0; i < records.size(); ++i) {
        out << "$curve" << i << " << END_OF_DATA\n";
        for (std::size_t epoch = 0; epoch < records[i].epochs.size(); ++epoch)
            out << epoch + 1 << ' ' << records[i].epochs[epoch].loss << ' '
                << 100 * records[i].epochs[epoch].cost_match << '\n';
        out << "END_OF_DATA\n";
        epochs = std::max(epochs, records[i].epochs.size());
    }
    out << "set terminal pngcairo size 960,400 font 'DejaVu Sans,10'\nset multiplot layout 1,2\n"
        << "set xrange [1:" << epochs << "]\nset grid lc rgb '#dddddd' lt 1\nset border lc rgb '#808080'\n"
        << "set tics textcolor rgb 'black'\nset xlabel 'epoch'\n";
    const auto plot = [&](int column, bool with_losses) {
        const char* separator = "plot ";
        for (std::size_t i = 0; i < records.size(); ++i) {
            const bool per_tile = records[i].how == method::per_tile;
            std::string name = title(records[i].how);
            if (per_tile) name += with_losses ? " (cross-entropy, nats)" : ", then the solver";
            out << separator << "$curve" << i << " using 1:" << column
                << " with linespoints lw 2 pt 7 ps 0.5 lc rgb '" << line_colour(records[i].how) << "' title '"
                << name << "'";
            separator = ", ";
        }
        out << '\n';
    };
    out << "set title 'Test maps whose predicted path is a cheapest one'\nset yrange [0:100]\n"
        << "set format y '%g %%'\nset key bottom right Left reverse samplen 2\n";
    plot(3, false);
    out << "set title 'Loss of a training map'\nset yrange [*:*]\nset logscale y\nset format y '%g'\n"
        << "set ytics (1, 2, 5, 10, 20, 50, 100)\n"
        << "set ylabel 'tiles that differ from the gold path'\nset key top right Left reverse samplen 2\n";
    plot(2, true);
    out << "unset multiplot\n";
    return {"learning_curves.png", out.str()};
}

}  // namespace terrain
