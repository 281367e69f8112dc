#include "paths.hpp"

#include <algorithm>
#include <cstdlib>

#include <imle/core/tensor.hpp>
#include <imle/solvers/grid_shortest_path.hpp>

namespace terrain {

path cheapest_path(const grid<float>& costs) {
    return cheapest_paths({&costs, 1}).front();
}

std::vector<path> cheapest_paths(std::span<const grid<float>> costs) {
    std::vector<path> theta(costs.begin(), costs.end());  // the solver maximises: theta = -cost
    for (path& each : theta)
        for (float& number : each) number = -number;
    std::vector<path> paths(costs.size());
    if (paths.empty()) return paths;
    const auto count = static_cast<Eigen::Index>(costs.size());
    const imle::const_view<float, 3, Eigen::RowMajor> from(theta.front().data(), count, side, side);
    imle::mutable_view<float, 3, Eigen::RowMajor> to(paths.front().data(), count, side, side);
    imle::grid_shortest_path{}.solve_batch(from, to);
    return paths;
}

path cheapest_path(const grid<int>& costs_in_tenths) {
    grid<float> costs{};
    for (std::size_t i = 0; i < tiles; ++i) costs[i] = static_cast<float>(costs_in_tenths[i]);
    return cheapest_path(costs);
}

int cost_of(const path& tiles_taken, const grid<int>& costs_in_tenths) {
    int sum = 0;
    for (std::size_t i = 0; i < tiles; ++i)
        if (tiles_taken[i] != 0) sum += costs_in_tenths[i];
    return sum;
}

bool connects(const path& tiles_taken) {
    if (tiles_taken.front() == 0 || tiles_taken.back() == 0) return false;
    grid<bool> reached{};
    std::vector<int> to_visit = {0};
    reached[0] = true;
    while (!to_visit.empty()) {
        const int here = to_visit.back();
        to_visit.pop_back();
        for (int row = std::max(0, here / side - 1); row <= std::min(side - 1, here / side + 1); ++row) {
            for (int column = std::max(0, here % side - 1); column <= std::min(side - 1, here % side + 1);
                 ++column) {
                const auto next = static_cast<std::size_t>(row * side + column);
                if (tiles_taken[next] == 0 || reached[next]) continue;
                reached[next] = true;
                to_visit.push_back(static_cast<int>(next));
            }
        }
    }
    for (std::size_t i = 0; i < tiles; ++i)
        if (tiles_taken[i] != 0 && !reached[i]) return false;
    return true;
}

}  // namespace terrain
