#include "drawing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace routes {
namespace {

// The layout, in pixels.
constexpr int panel = 540;
constexpr int gap = 16;
constexpr int top = 40;
constexpr int bottom = 46;

// Colours that colour-blind people can tell apart (Okabe and Ito's).
constexpr auto road_colour = "#dcdcdc";
constexpr auto found_style = "lw 4 lc rgb '#0072b2'";
constexpr auto missed_style = "lw 4 lc rgb '#e69f00'";
constexpr auto needless_style = "lw 1.6 lc rgb '#000000'";
constexpr auto end_style = "pt 7 ps 0.9 lc rgb '#b22222'";

/// The smallest square around all nodes.
struct frame {
    float x, y, side;
};

frame frame_of(const road_network& network) {
    const auto [left, right] =
        std::minmax_element(network.positions.begin(), network.positions.end(),
                            [](const position& a, const position& b) { return a.x < b.x; });
    const auto [low, high] =
        std::minmax_element(network.positions.begin(), network.positions.end(),
                            [](const position& a, const position& b) { return a.y < b.y; });
    const float side = std::max({right->x - left->x, high->y - low->y, 1e-6F}) * 1.02F;
    return {(left->x + right->x - side) / 2, (low->y + high->y - side) / 2, side};
}

void put_head(std::ostream& out, const road_network& network, int panels) {
    const frame around = frame_of(network);
    out << "set terminal pngcairo size " << panels * (panel + gap) + gap << ',' << top + panel + bottom
        << " font 'DejaVu Sans,12'\nset multiplot\nunset tics\nset border lw 0.5 lc rgb '#808080'\nset key "
           "off\n"
        << "set xrange [" << around.x << ':' << around.x + around.side << "]\nset yrange [" << around.y << ':'
        << around.y + around.side << "]\n";
}

/// Places the next plot between these pixels, counted from the left and from the top.
void place(std::ostream& out, int panels, std::pair<int, int> across, std::pair<int, int> down) {
    const double width = panels * (panel + gap) + gap, height = top + panel + bottom;
    out << "set lmargin at screen " << across.first / width << "\nset rmargin at screen "
        << across.second / width << "\nset tmargin at screen " << 1 - down.first / height
        << "\nset bmargin at screen " << 1 - down.second / height << '\n';
}

/// Makes the next plot the i-th panel.
void place_panel(std::ostream& out, int i, int panels, const std::string& title) {
    const int left = gap + i * (panel + gap);
    place(out, panels, {left, left + panel}, {top, top + panel});
    out << "set title '" << title << "' offset 0,-0.4\n";
}

/// A line for each edge: x, y, dx, dy, and the result of `value`. An edge is drawn to the right of the line
/// between its nodes, so that both directions are visible.
template <class EdgesT, class ValueT>
void put_edges(std::ostream& out, const std::string& name, const road_network& network, const EdgesT& edges,
               const ValueT& value) {
    const float aside = frame_of(network).side / panel * 0.9F;
    out << "$" << name << " << END_OF_DATA\n";
    for (const Eigen::Index edge : edges) {
        const imle::graph_edge ends = network.graph.edges()[static_cast<std::size_t>(edge)];
        const position a = network.positions[static_cast<std::size_t>(ends.from)];
        const position b = network.positions[static_cast<std::size_t>(ends.to)];
        const float dx = b.x - a.x, dy = b.y - a.y, length = std::max(std::hypot(dx, dy), 1e-9F);
        out << a.x + aside * dy / length << ' ' << a.y - aside * dx / length << ' ' << dx << ' ' << dy << ' '
            << value(edge) << '\n';
    }
    out << "END_OF_DATA\n";
}

path all_edges(const road_network& network) {
    path edges(network.graph.edges().size());
    for (std::size_t e = 0; e < edges.size(); ++e) edges[e] = static_cast<Eigen::Index>(e);
    return edges;
}

}  // namespace

picture draw_paths(const road_network& network, const trips& seen, std::span<const std::uint64_t> ids,
                   std::span<const path> before, std::span<const path> after) {
    std::ostringstream out;
    put_head(out, network, 2);
    const auto no_value = [](Eigen::Index) { return ""; };
    put_edges(out, "roads", network, all_edges(network), no_value);
    out << "$ends << END_OF_DATA\n";
    for (const std::uint64_t id : ids) {
        const imle::od_pair trip = seen.solver.base().pairs()[static_cast<std::size_t>(id)];
        for (const Eigen::Index node : {trip.from, trip.to}) {
            const position at = network.positions[static_cast<std::size_t>(node)];
            out << at.x << ' ' << at.y << '\n';
        }
    }
    out << "END_OF_DATA\n";
    for (int i = 0; i < 2; ++i) {
        std::set<Eigen::Index> found, missed, needless;
        for (std::size_t trip = 0; trip < ids.size(); ++trip) {
            const path& observed = seen.observed[static_cast<std::size_t>(ids[trip])];
            const path& predicted = (i == 0 ? before : after)[trip];
            for (const Eigen::Index edge : observed)
                (std::binary_search(predicted.begin(), predicted.end(), edge) ? found : missed).insert(edge);
            for (const Eigen::Index edge : predicted)
                if (!std::binary_search(observed.begin(), observed.end(), edge)) needless.insert(edge);
        }
        const std::pair<const char*, const std::set<Eigen::Index>&> kinds[] = {
            {"found", found}, {"missed", missed}, {"needless", needless}};
        for (const auto& [name, edges] : kinds)
            put_edges(out, name + std::to_string(i), network, edges, no_value);
        place_panel(out, i, 2,
                    i == 0 ? "Before: cheapest by the first costs" : "After: cheapest by learned costs");
        out << "plot $roads using 1:2:3:4 with vectors nohead lw 0.6 lc rgb '" << road_colour << "'";
        const auto add = [&](const std::set<Eigen::Index>& edges, const char* name,
                             const std::string& style) {
            // gnuplot refuses empty data.
            if (!edges.empty()) out << ", $" << name << i << " using 1:2:3:4 with vectors nohead " << style;
        };
        add(missed, "missed", missed_style);
        add(found, "found", found_style);
        add(needless, "needless", needless_style);
        out << ", $ends using 1:2 with points " << end_style << '\n';
    }
    // The legend is the key of an empty plot.
    place(out, 2, {0, 2 * (panel + gap) + gap}, {top + panel, top + panel + bottom});
    out << "unset title\nunset border\nset key center center horizontal maxrows 1 Left reverse samplen 3 "
           "width 1\n"
        << "plot NaN with lines " << found_style << " title 'driven and predicted', NaN with lines "
        << missed_style << " title 'driven only', NaN with lines " << needless_style
        << " title 'predicted only', NaN with points " << end_style
        << " title 'ends of trips'\nunset multiplot\n";
    return {"paths.png", out.str()};
}

picture draw_costs(const road_network& network, std::span<const float> learned,
                   std::span<const float> hidden) {
    std::ostringstream out;
    put_head(out, network, 2);
    const auto a_metre = [&](std::span<const float> costs, Eigen::Index edge) {
        const auto e = static_cast<std::size_t>(edge);
        return std::log2(std::max(costs[e], 1e-12F) / std::max(network.lengths[e], 1e-12F));
    };
    out << "set palette maxcolors 11 defined (-1.5 '#2166ac', -0.75 '#67a9cf', 0 '#dadada', 0.75 '#ef8a62', "
           "1.5 '#b2182b')\nset cbrange [-1.5:1.5]\nset colorbox horizontal user origin screen 0.3, screen "
        << 28.0 / (top + panel + bottom) << " size screen 0.4, screen " << 12.0 / (top + panel + bottom)
        << "\nset cbtics ('half' -1, 'median' 0, 'twice' 1) scale 0 offset 0,0.5 textcolor rgb 'black'\n";
    const path edges = all_edges(network);
    const std::pair<const char*, std::span<const float>> maps[] = {{"Learned costs of a metre", learned},
                                                                   {"Hidden costs of a metre", hidden}};
    for (int i = 0; i < 2; ++i) {
        const auto& [title, costs] = maps[i];
        std::vector<float> numbers;
        for (const Eigen::Index edge : edges) numbers.push_back(a_metre(costs, edge));
        const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
        std::nth_element(numbers.begin(), middle, numbers.end());
        const std::string name = "edges" + std::to_string(i);
        put_edges(out, name, network, edges, [&, median = *middle, shown = costs](Eigen::Index edge) {
            return std::clamp(a_metre(shown, edge) - median, -1.5F, 1.5F);
        });
        place_panel(out, i, 2, title);
        out << "plot $" << name << " using 1:2:3:4:5 with vectors nohead lw 1.4 lc palette\nunset colorbox\n";
    }
    out << "unset multiplot\n";
    return {"costs.png", out.str()};
}

}  // namespace routes
