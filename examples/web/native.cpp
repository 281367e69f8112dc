// Runs the page's computations, with the same code compiled for this machine:  web SCENARIO
//
// SCENARIO is a file with settings, a map and a drawing (test/*.txt), or - for the standard input. The output
// has only whole numbers, so that it can be compared with the page's character by character.

#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "map_session.hpp"
#include "support/output.hpp"

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
    bool is_drawn = false;  // without a drawing, the wanted path is the best path of the map
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

/// Throws `std::runtime_error` for an invalid scenario.
scenario read_scenario(std::istream& in) {
    scenario read;
    for (std::string word; in >> word;) {
        bool is_right = false;
        if (word == "seed") is_right = bool(in >> read.settings.seed);
        if (word == "temperature") is_right = bool(in >> read.settings.temperature);
        if (word == "k") is_right = bool(in >> read.settings.k);
        if (word == "samples") is_right = bool(in >> read.settings.samples);
        if (word == "draws") is_right = bool(in >> read.draws);
        if (word == "steps") is_right = bool(in >> read.steps);
        if (word == "map")
            is_right =
                read_rows(in, read.terrains, [](char c) { return c >= '1' && c <= '4' ? c - '1' : -1; });
        if (word == "drawing")
            is_right = read.is_drawn = read_rows(in, read.drawing, [](char c) {
                return c == '#' ? 1 : c == '.' ? 0 : -1;
            });
        if (!is_right) throw std::runtime_error("the scenario is wrong at '" + word + "'");
    }
    return read;
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

    session.want(wish.is_drawn ? web_demo::map_session::path_through(wish.drawing) : session.best_path());
    print_path("wanted path", session.wanted_path());
    std::cout << "losses\n";
    for (int step = 1; step <= wish.steps; ++step)
        std::cout << session.learn() << (step % side == 0 || step == wish.steps ? '\n' : ' ');
    print_path("learned path", session.learned_path());
    std::cout << "first learned at step " << session.first_right_step() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    return example_support::run_program("web", [&] {
        if (argc != 2) throw std::runtime_error("expected one argument: a scenario's file, or -");
        const std::string name = argv[1];
        std::ifstream file;
        if (name != "-") file.open(name);
        std::istream& in = name == "-" ? std::cin : file;
        if (!in) throw std::runtime_error("cannot read " + name);
        run(read_scenario(in));
        return 0;
    });
}
