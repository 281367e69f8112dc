// What the page computes, by the same code compiled for this machine:  native [STEPS] < SCENARIO
//
// A scenario is settings, a map and a drawing (test/*.txt). The output has whole numbers only, so that the
// page's can be compared with it letter by letter. STEPS replaces the scenario's.

#include <cstdlib>
#include <iostream>
#include <string>

#include "map_session.hpp"

namespace {

using web_demo::cells;
using web_demo::grid;
using web_demo::side;

using numbers = std::array<std::uint8_t, cells>;

struct scenario {
    web_demo::settings settings;
    int draws = 0;
    int steps = 0;
    numbers terrains{};  // 0 to 3
    numbers drawing{};
    bool is_drawn = false;  // without a drawing, the best path of the map is the wanted one
};

/// Reads 16 rows of 16 characters.
template <class Meaning>
bool read_rows(std::istream& in, numbers& out, Meaning meaning) {
    for (int row = 0; row < side; ++row) {
        std::string line;
        if (!(in >> line) || line.size() != side) return false;
        for (int column = 0; column < side; ++column) {
            const int value = meaning(line[static_cast<std::size_t>(column)]);
            if (value < 0) return false;
            out[static_cast<std::size_t>(row * side + column)] = static_cast<std::uint8_t>(value);
        }
    }
    return true;
}

bool read_scenario(std::istream& in, scenario& out) {
    for (std::string word; in >> word;) {
        bool is_right = false;
        if (word == "seed") is_right = bool(in >> out.settings.seed);
        if (word == "temperature") is_right = bool(in >> out.settings.temperature);
        if (word == "k") is_right = bool(in >> out.settings.k);
        if (word == "samples") is_right = bool(in >> out.settings.samples);
        if (word == "draws") is_right = bool(in >> out.draws);
        if (word == "steps") is_right = bool(in >> out.steps);
        if (word == "map")
            is_right =
                read_rows(in, out.terrains, [](char c) { return c >= '1' && c <= '4' ? c - '1' : -1; });
        if (word == "drawing")
            is_right = out.is_drawn = read_rows(in, out.drawing, [](char c) {
                return c == '#' ? 1 : c == '.' ? 0 : -1;
            });
        if (!is_right) {
            std::cerr << "native: the scenario is wrong at '" << word << "'\n";
            return false;
        }
    }
    return web_demo::is_valid(out.settings);
}

void print_path(const char* name, const grid& path) {
    std::cout << name << '\n';
    for (std::size_t i = 0; i < cells; ++i)
        std::cout << (path[i] != 0 ? '#' : '.') << (i % side == side - 1 ? "\n" : "");
}

void run(const scenario& wish) {
    web_demo::map_session session(wish.settings);
    session.paint(wish.terrains);
    print_path("best path", session.best_path());

    for (int i = 0; i < wish.draws; ++i) session.sample();
    std::cout << "counts of " << session.sampled() << '\n';
    for (std::size_t i = 0; i < cells; ++i)
        std::cout << session.counts()[i] << (i % side == side - 1 ? '\n' : ' ');

    const grid wanted =
        wish.is_drawn ? web_demo::map_session::path_through(wish.drawing) : session.best_path();
    print_path("wanted path", wanted);
    int first_step = 0;
    std::cout << "losses\n";
    for (int step = 1; step <= wish.steps; ++step) {
        std::cout << session.learn(wanted) << (step % side == 0 || step == wish.steps ? '\n' : ' ');
        if (first_step == 0 && session.learned_path() == wanted) first_step = step;
    }
    print_path("learned path", session.learned_path());
    std::cout << "first learned at step " << first_step << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    scenario wish;
    if (!read_scenario(std::cin, wish)) return 1;
    if (argc > 1) wish.steps = std::atoi(argv[1]);
    run(wish);
    return std::cout.flush() ? 0 : 1;
}
