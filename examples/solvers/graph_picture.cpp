#include "graph_picture.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>

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

void print_edge(std::ostream& script, const graph_drawing& graph, std::size_t e, double share) {
    const point a = graph.nodes[static_cast<std::size_t>(graph.edges[e].from)];
    const point b = graph.nodes[static_cast<std::size_t>(graph.edges[e].to)];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    const double along_x = (b.x - a.x) / length, along_y = (b.y - a.y) / length;
    // The two directions of an edge are drawn side by side, and end short of the nodes.
    const double aside = graph.directed ? 0.016 : 0, gap = graph.directed ? 0.035 : 0;
    script << "set arrow from " << a.x + aside * along_y + gap * along_x << ','
           << a.y - aside * along_x + gap * along_y << " to " << b.x + aside * along_y - gap * along_x << ','
           << b.y - aside * along_x - gap * along_y << ' '
           << (graph.directed ? "head filled size first 0.022,22 fixed" : "nohead") << " lw " << 1 + 4 * share
           << " lc rgb '" << colour(share) << "' back\n";
}

}  // namespace

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
    for (const edge_shares& panel : panels) {
        script << "unset arrow\nset title '" << panel.title << "' offset 0,-0.5\n";
        // Draws the lightest edges first, so that the darkest are on top.
        for (int tenth = 0; tenth <= 10; ++tenth)
            for (std::size_t e = 0; e < graph.edges.size(); ++e)
                if (static_cast<int>(10 * panel.shares[e]) == tenth)
                    print_edge(script, graph, e, panel.shares[e]);
        script << "plot $nodes with points pt 7 ps 1 lc rgb '#303030'";
        if (!graph.terminals.empty()) script << ", $terminals with points pt 7 ps 2 lc rgb '#cb181d'";
        script << '\n';
    }
    script << "unset multiplot\n";
}

}  // namespace solver_pictures
