#pragma once

// One function a picture. Each prints a complete gnuplot script, data included, but for the terminal and the
// name of the file, which draw.sh sets.

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

// graphs.cpp
void draw_grid_shortest_path(std::ostream& script);
void draw_shortest_path(std::ostream& script);
void draw_spanning_tree(std::ostream& script);

}  // namespace solver_pictures
