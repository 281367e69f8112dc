#pragma once

// A graph drawn several times side by side, with different widths and colours of its edges, as a gnuplot
// script.

#include <imle/solvers/directed_graph.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "mean_state.hpp"

namespace solver_pictures {

struct point {
    double x;
    double y;
};

// A text, centred at a point.
struct note {
    point at;
    std::string text;
};

enum class edge_shape {
    line,   // without direction
    arrow,  // with a head, to the right of its line
    arc     // above the nodes, with a head; a loop is an arrow from the top of the panel to its node
};

// Everything lies between (0, 0) and (1.3, 1).
struct graph_drawing {
    std::vector<point> nodes;
    std::vector<imle::graph_edge> edges;
    edge_shape shape = edge_shape::line;
    std::vector<int> terminals;  // nodes that are drawn large
    std::vector<note> notes;
};

// One panel: 0 to 1 for each edge, drawn as its width and darkness.
struct edge_shares {
    std::string title;
    std::vector<double> shares;
};

// A line of a panel whose width and darkness say `share`, 0 to 1.
void print_line(std::ostream& script, point from, point to, double share, bool head);

void print_graphs(std::ostream& script, const graph_drawing& graph, std::span<const edge_shares> panels);

// How the panels of `print_panels` are drawn.
struct panel_options {
    std::array<const char*, 3> titles;
    double temperature = 0.5;  // of the third panel
    double largest = 1;        // the largest number that z can have
};

// Three panels: theta scaled to 0 to 1, the best state, and the marginals. theta has a number for each edge.
template <class SolverT, class TensorT>
void print_panels(std::ostream& script, const graph_drawing& graph, const SolverT& solver,
                  const TensorT& theta, const panel_options& options) {
    const float* const end = theta.data() + theta.size();
    const float lowest = *std::min_element(theta.data(), end), highest = *std::max_element(theta.data(), end);
    const auto scaled = [](const TensorT& values, double from, double to) {
        std::vector<double> shares(values.data(), values.data() + values.size());
        for (double& share : shares) share = (share - from) / (to - from);
        return shares;
    };
    const auto state = [&](double temperature) {
        return scaled(mean_state(solver, theta, temperature), 0, options.largest);
    };
    const std::array<edge_shares, 3> panels{{{options.titles[0], scaled(theta, lowest, highest)},
                                             {options.titles[1], state(0)},
                                             {options.titles[2], state(options.temperature)}}};
    print_graphs(script, graph, panels);
}

}  // namespace solver_pictures
