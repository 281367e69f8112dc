#pragma once

// One function per picture. Each prints a complete gnuplot script with its data, except the terminal and the
// file name, which draw.sh sets.

#include <iosfwd>

namespace solver_pictures {

// orders.cpp
void draw_k_of_groups(std::ostream& script);
void draw_knapsack(std::ostream& script);
void draw_ranking(std::ostream& script);
void draw_top_k(std::ostream& script);

// tours.cpp
void draw_assignment(std::ostream& script);
void draw_travelling_salesman(std::ostream& script);

// chains.cpp
void draw_alignment(std::ostream& script);
void draw_linear_chain(std::ostream& script);
void draw_semi_markov_chain(std::ostream& script);

// trees.cpp
void draw_arborescence(std::ostream& script);
void draw_projective_tree(std::ostream& script);

// graphs.cpp
void draw_all_or_nothing(std::ostream& script);
void draw_graph_cut(std::ostream& script);
void draw_grid_shortest_path(std::ostream& script);
void draw_matching(std::ostream& script);
void draw_shortest_path(std::ostream& script);
void draw_shortest_paths(std::ostream& script);
void draw_spanning_tree(std::ostream& script);

}  // namespace solver_pictures
