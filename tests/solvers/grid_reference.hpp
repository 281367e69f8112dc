#pragma once

// Two oracles for grid_shortest_path, written apart from it and from each other: all simple paths of a small
// grid, and a plain Dijkstra over pairs (cost, cells) for larger ones. A grid is a vector of costs by row *
// columns + column, already clamped; an answer is the path's cells from the first to the last, none if there
// is no path.

#include <array>
#include <cstddef>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

namespace reference {

struct grid {
    int rows;
    int cols;
    int connectivity;
    int start = 0;
    int goal = rows * cols - 1;
    double diagonal_factor = 1;
    bool corner_cutting = true;
    std::vector<bool> open = {};  // empty: every cell is

    int size() const { return rows * cols; }
    bool is_open(int cell) const { return open.empty() || open[static_cast<std::size_t>(cell)]; }
    bool is_diagonal(int from, int to) const { return from / cols != to / cols && from % cols != to % cols; }
    struct cells {
        std::array<int, 8> numbers;
        int count = 0;
        const int* begin() const { return numbers.data(); }
        const int* end() const { return numbers.data() + count; }
    };
    cells neighbours(int cell) const {  // in increasing order
        cells found;
        if (!is_open(cell)) return found;
        const int r = cell / cols, c = cell % cols;
        for (int dr = -1; dr <= 1; ++dr)
            for (int dc = -1; dc <= 1; ++dc) {
                if (dr == 0 && dc == 0) continue;
                if (connectivity == 4 && dr != 0 && dc != 0) continue;
                if (r + dr < 0 || r + dr >= rows || c + dc < 0 || c + dc >= cols) continue;
                const int to = (r + dr) * cols + c + dc;
                if (!is_open(to)) continue;
                if (!corner_cutting && dr != 0 && dc != 0 &&
                    (!is_open(r * cols + c + dc) || !is_open((r + dr) * cols + c)))
                    continue;
                found.numbers[static_cast<std::size_t>(found.count++)] = to;
            }
        return found;
    }
};

/// What a step costs: of the costs of straight and of diagonal steps into cells.
template <class Scalar>
class step_costs {
  public:
    step_costs(const grid& g, const std::vector<Scalar>& costs) : grid_(g), straight_(costs) {
        for (const Scalar cost : costs) diagonal_.push_back(static_cast<Scalar>(g.diagonal_factor) * cost);
    }
    Scalar operator()(int from, int to) const {
        return (grid_.is_diagonal(from, to) ? diagonal_ : straight_)[static_cast<std::size_t>(to)];
    }

  private:
    const grid& grid_;
    std::vector<Scalar> straight_, diagonal_;
};

/// All simple paths from the start to the goal.
inline std::vector<std::vector<int>> all_paths(const grid& g) {
    std::vector<std::vector<int>> paths;
    if (!g.is_open(g.start)) return paths;
    std::vector<int> path{g.start};
    std::vector<bool> used(static_cast<std::size_t>(g.size()));
    used[static_cast<std::size_t>(g.start)] = true;
    auto visit = [&](auto& self) -> void {
        if (path.back() == g.goal) {
            paths.push_back(path);
            return;
        }
        for (const int next : g.neighbours(path.back())) {
            if (used[static_cast<std::size_t>(next)]) continue;
            used[static_cast<std::size_t>(next)] = true;
            path.push_back(next);
            self(self);
            path.pop_back();
            used[static_cast<std::size_t>(next)] = false;
        }
    };
    visit(visit);
    return paths;
}

/// The best of all paths: lowest cost, then fewest cells, then, read from the last cell back, lowest indices.
template <class Scalar>
std::vector<int> best_of(const grid& g, const std::vector<std::vector<int>>& paths,
                         const std::vector<Scalar>& costs) {
    const step_costs<Scalar> step(g, costs);
    const std::vector<int>* best = nullptr;
    Scalar best_cost = 0;
    for (const auto& path : paths) {
        Scalar cost = costs[static_cast<std::size_t>(path[0])];
        for (std::size_t i = 1; i < path.size(); ++i) cost += step(path[i - 1], path[i]);
        bool better = best == nullptr || cost < best_cost;
        if (best != nullptr && cost == best_cost)
            better = path.size() != best->size() ? path.size() < best->size()
                                                 : std::vector<int>(path.rbegin(), path.rend()) <
                                                       std::vector<int>(best->rbegin(), best->rend());
        if (better) {
            best = &path;
            best_cost = cost;
        }
    }
    return best == nullptr ? std::vector<int>{} : *best;
}

/// Dijkstra over (cost, cells), then back from the goal by the lowest predecessor that explains the
/// label.
template <class Scalar>
std::vector<int> lexicographic_dijkstra(const grid& g, const std::vector<Scalar>& costs) {
    using label = std::pair<Scalar, int>;
    const step_costs<Scalar> step(g, costs);
    std::vector<label> labels(costs.size(), label{0, -1});  // -1 cells: not reached
    std::vector<bool> settled(costs.size());
    std::priority_queue<std::pair<label, int>, std::vector<std::pair<label, int>>, std::greater<>> queue;
    if (!g.is_open(g.start) || !g.is_open(g.goal)) return {};
    labels[static_cast<std::size_t>(g.start)] = {costs[static_cast<std::size_t>(g.start)], 1};
    queue.push({labels[static_cast<std::size_t>(g.start)], g.start});
    const auto extended = [&](int from, int to) {
        const label& l = labels[static_cast<std::size_t>(from)];
        return label{l.first + step(from, to), l.second + 1};
    };
    while (!queue.empty()) {
        const int cell = queue.top().second;
        queue.pop();
        if (settled[static_cast<std::size_t>(cell)]) continue;
        settled[static_cast<std::size_t>(cell)] = true;
        for (const int next : g.neighbours(cell)) {
            const label found = extended(cell, next);
            label& known = labels[static_cast<std::size_t>(next)];
            if (known.second >= 0 && !(found < known)) continue;
            known = found;
            queue.push({found, next});
        }
    }
    if (labels[static_cast<std::size_t>(g.goal)].second < 0) return {};
    std::vector<int> back{g.goal};
    while (back.back() != g.start)
        for (const int from : g.neighbours(back.back()))
            if (extended(from, back.back()) == labels[static_cast<std::size_t>(back.back())]) {
                back.push_back(from);
                break;
            }
    return {back.rbegin(), back.rend()};
}

}  // namespace reference
