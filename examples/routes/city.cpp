#include "city.hpp"

#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "support/dice.hpp"

namespace routes {
namespace {

using example_support::dice;

constexpr float metres_between = 100;
constexpr float street_speed = 25 / 3.6F;  // metres a second
constexpr float arterial_speed = 50 / 3.6F;
constexpr int arterial_every = 9;

/// A place for a possible road.
struct site {
    int from;
    int to;
    bool is_arterial;
};

/// The connected components of the crossings.
class components {
  public:
    explicit components(int nodes) : parent_(static_cast<std::size_t>(nodes)) {
        std::iota(parent_.begin(), parent_.end(), 0);
    }
    /// Returns false if they were connected already.
    bool join(int a, int b) {
        const int first = root(a), second = root(b);
        parent_[static_cast<std::size_t>(first)] = second;
        return first != second;
    }

  private:
    int root(int node) {
        int& parent = parent_[static_cast<std::size_t>(node)];
        return parent == node ? node : parent = root(parent);
    }
    std::vector<int> parent_;
};

/// All neighbours in the grid, in random order, but arterial roads first.
std::vector<site> sites(int nodes, int columns, dice& roll) {
    std::vector<site> arterials, streets;
    for (int node = 0; node < nodes; ++node) {
        const int row = node / columns, column = node % columns;
        const auto add = [&](int to, int across) {
            if (to >= nodes) return;
            const bool is_arterial = across % arterial_every == arterial_every / 2;
            (is_arterial ? arterials : streets).push_back({node, to, is_arterial});
        };
        if (column + 1 < columns) add(node + 1, row);
        add(node + columns, column);
    }
    for (std::size_t i = streets.size(); i > 1; --i)
        std::swap(streets[i - 1],
                  streets[static_cast<std::size_t>(roll.between(0, static_cast<int>(i) - 1))]);
    arterials.insert(arterials.end(), streets.begin(), streets.end());
    return arterials;
}

}  // namespace

road_network make_city(int nodes, const imle::random_key& key) {
    dice roll(key);
    road_network city;
    city.name = "a generated city";
    const int columns = static_cast<int>(std::ceil(std::sqrt(nodes)));
    for (int node = 0; node < nodes; ++node) {
        const auto shifted = [&](int place) {
            return metres_between *
                   (static_cast<float>(place) + static_cast<float>(roll.between(-30, 30)) / 100);
        };
        const float x = shifted(node % columns);
        city.positions.push_back({x, shifted(node / columns)});
    }

    std::vector<imle::graph_edge> edges;
    const auto add = [&](int from, int to, bool is_arterial) {
        const position a = city.positions[static_cast<std::size_t>(from)];
        const position b = city.positions[static_cast<std::size_t>(to)];
        const float length = std::hypot(a.x - b.x, a.y - b.y);
        edges.push_back({from, to});
        city.lengths.push_back(length);
        city.free_flow_times.push_back(length / (is_arterial ? arterial_speed : street_speed));
    };
    components joined(nodes);
    for (const site& road : sites(nodes, columns, roll)) {
        // Roads between crossings that are connected already may be left out or be one-way: each crossing can
        // still be reached.
        const bool is_needed = joined.join(road.from, road.to) || road.is_arterial;
        if (!is_needed && roll.one_in(5)) continue;
        const bool is_one_way = !is_needed && roll.one_in(6);
        const bool is_turned = roll.one_in(2);
        if (!is_one_way || !is_turned) add(road.from, road.to, road.is_arterial);
        if (!is_one_way || is_turned) add(road.to, road.from, road.is_arterial);
    }
    city.graph = imle::directed_graph{nodes, std::move(edges)};
    return city;
}

}  // namespace routes
