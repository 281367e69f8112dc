#pragma once

// A graph drawn several times side by side, with different widths and colours of its edges, as a gnuplot
// script.

#include <imle/solvers/directed_graph.hpp>

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace solver_pictures {

struct point {
    double x;
    double y;
};

struct graph_drawing {
    std::vector<point> nodes;
    std::vector<imle::graph_edge> edges;
    bool directed = false;       // if true, an edge has an arrow head and is drawn to the right of its line
    std::vector<int> terminals;  // nodes that are drawn large
};

// One panel: 0 to 1 for each edge, drawn as its width and darkness.
struct edge_shares {
    std::string title;
    std::vector<double> shares;
};

void print_graphs(std::ostream& script, const graph_drawing& graph, std::span<const edge_shares> panels);

}  // namespace solver_pictures
