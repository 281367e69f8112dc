#include "graph_picture.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <sstream>

namespace solver_pictures {
namespace {

// From light grey to dark blue.
std::string colour(double share) {
    const double light[] = {222, 226, 230}, dark[] = {8, 69, 148};
    std::array<char, 8> text{};
    const auto mix = [&](int i) { return static_cast<unsigned>(light[i] + share * (dark[i] - light[i])); };
    std::snprintf(text.data(), text.size(), "#%02x%02x%02x", mix(0), mix(1), mix(2));
    return text.data();
}

// As the end of a gnuplot command.
std::string line_style(double share) {
    std::ostringstream style;
    style << " lw " << 1 + 4 * share << " lc rgb '" << colour(share) << "'";
    return style.str();
}

// An edge between two nodes. The two directions are drawn side by side, and end short of the nodes.
void print_straight(std::ostream& script, const graph_drawing& graph, point a, point b, double share) {
    const bool directed = graph.shape == edge_shape::arrow;
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    const double along_x = (b.x - a.x) / length, along_y = (b.y - a.y) / length;
    const double aside = directed ? 0.016 : 0, gap = directed ? 0.035 : 0;
    print_line(script, {a.x + aside * along_y + gap * along_x, a.y - aside * along_x + gap * along_y},
               {b.x + aside * along_y - gap * along_x, b.y - aside * along_x - gap * along_y}, share,
               directed);
}

// Half an ellipse with a head, as a part of a plot command: it is higher the further apart a and b are. Arcs
// leave a node at the side to which they lead, and end in its middle. Between all pairs of nodes they are
// many, so those of share 0 are left out.
void print_arc(std::ostream& script, std::ostream& curves, point a, point b, double share) {
    if (share < 0.005) return;
    if (a.x == b.x) {
        print_line(script, {b.x, 1}, {b.x, b.y + 0.03}, share, true);
        return;
    }
    const double start = a.x + (b.x > a.x ? 0.03 : -0.03), end = b.y + 0.08;
    const double height = 0.1 + 0.68 * std::abs(b.x - a.x) / 1.3 + (b.x > a.x ? 0.02 : 0);
    curves << "[0:1] '+' using (" << start << '+' << b.x - start << "*(1-cos(pi*$1))/2):(" << end << '+'
           << height << "*sin(pi*$1)) with lines" << line_style(share) << ", ";
    print_line(script, {b.x, end}, {b.x, b.y + 0.03}, share, true);
}

}  // namespace

void print_line(std::ostream& script, point from, point to, double share, bool head) {
    script << "set arrow from " << from.x << ',' << from.y << " to " << to.x << ',' << to.y << ' '
           << (head ? "head filled size first 0.022,22 fixed" : "nohead") << line_style(share) << " back\n";
}

void print_graphs(std::ostream& script, const graph_drawing& graph, std::span<const edge_shares> panels) {
    script << "# size 900,270\n$nodes << END_OF_DATA\n";
    for (const point& node : graph.nodes) script << node.x << ' ' << node.y << '\n';
    script << "END_OF_DATA\n$terminals << END_OF_DATA\n";
    for (const int node : graph.terminals) {
        const point& at = graph.nodes[static_cast<std::size_t>(node)];
        script << at.x << ' ' << at.y << '\n';
    }
    script << "END_OF_DATA\n"
           << "set multiplot layout 1," << panels.size() << " margins 0.01,0.99,0.02,0.89 spacing 0.02\n"
           << "unset key\nunset border\nunset tics\nset size ratio -1\n"
           << "set xrange [-0.05:1.35]\nset yrange [-0.06:1.06]\n";
    for (const note& one : graph.notes)
        script << "set label '" << one.text << "' at " << one.at.x << ',' << one.at.y
               << " centre font ',9'\n";
    for (const edge_shares& panel : panels) {
        script << "unset arrow\nset title '" << panel.title << "' offset 0,-0.5\n";
        std::ostringstream curves;
        // Draws the lightest edges first, so that the darkest are on top.
        for (int tenth = 0; tenth <= 10; ++tenth)
            for (std::size_t e = 0; e < graph.edges.size(); ++e) {
                const double share = panel.shares[e];
                if (static_cast<int>(10 * share) != tenth) continue;
                const point from = graph.nodes[static_cast<std::size_t>(graph.edges[e].from)];
                const point to = graph.nodes[static_cast<std::size_t>(graph.edges[e].to)];
                if (graph.shape == edge_shape::arc)
                    print_arc(script, curves, from, to, share);
                else
                    print_straight(script, graph, from, to, share);
            }
        const std::string arcs = curves.str();
        script << "plot " << (arcs.empty() ? "" : "sample ") << arcs
               << "$nodes with points pt 7 ps 1 lc rgb '#303030'";
        if (!graph.terminals.empty()) script << ", $terminals with points pt 7 ps 2 lc rgb '#cb181d'";
        script << '\n';
    }
    script << "unset multiplot\n";
}

}  // namespace solver_pictures
