// Pictures of the built-in solvers: theta, the best state z, and the marginals of the layer.
//
//     solvers NAME     prints the gnuplot script of one picture
//     solvers          prints the names
//
// `sh examples/solvers/draw.sh` draws all of them.

#include <algorithm>
#include <iostream>
#include <string_view>

#include "drawings.hpp"
#include "support/output.hpp"

namespace {

struct drawing {
    std::string_view name;
    void (*draw)(std::ostream& script);
};

constexpr drawing drawings[] = {
    {"alignment", solver_pictures::draw_alignment},
    {"all_or_nothing", solver_pictures::draw_all_or_nothing},
    {"arborescence", solver_pictures::draw_arborescence},
    {"assignment", solver_pictures::draw_assignment},
    {"graph_cut", solver_pictures::draw_graph_cut},
    {"grid_shortest_path", solver_pictures::draw_grid_shortest_path},
    {"k_of_groups", solver_pictures::draw_k_of_groups},
    {"knapsack", solver_pictures::draw_knapsack},
    {"linear_chain", solver_pictures::draw_linear_chain},
    {"matching", solver_pictures::draw_matching},
    {"projective_tree", solver_pictures::draw_projective_tree},
    {"ranking", solver_pictures::draw_ranking},
    {"semi_markov_chain", solver_pictures::draw_semi_markov_chain},
    {"shortest_path", solver_pictures::draw_shortest_path},
    {"shortest_paths", solver_pictures::draw_shortest_paths},
    {"spanning_tree", solver_pictures::draw_spanning_tree},
    {"top_k", solver_pictures::draw_top_k},
    {"travelling_salesman", solver_pictures::draw_travelling_salesman},
};

void print_names(std::ostream& out) {
    for (const drawing& one : drawings) out << one.name << '\n';
}

int run(int count, char** arguments) {
    if (count == 1) {
        print_names(std::cout);
        return 0;
    }
    const std::string_view name = arguments[1];
    const auto found = std::find_if(std::begin(drawings), std::end(drawings),
                                    [&](const drawing& one) { return one.name == name; });
    if (count > 2 || found == std::end(drawings)) {
        std::cerr << "solvers: expected the name of one picture, of these:\n";
        print_names(std::cerr);
        return 2;
    }
    found->draw(std::cout);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    return example_support::run_program("solvers", [&] { return run(count, arguments); });
}
