#include "map_game.hpp"

#include <imle/imle.hpp>

namespace map_demo {
namespace {

void fill_rectangle(grid& values, int first_row, int last_row, int first_column, int last_column,
                    float value) {
    for (int row = first_row; row <= last_row; ++row)
        for (int column = first_column; column <= last_column; ++column)
            values[static_cast<std::size_t>(row * side + column)] = value;
}

}  // namespace

grid map_rewards() {
    grid rewards;
    rewards.fill(ground_reward);
    fill_rectangle(rewards, 1, 5, 0, 11, obstacle_reward);
    fill_rectangle(rewards, 8, 11, 1, 15, obstacle_reward);
    fill_rectangle(rewards, 14, 15, 6, 9, obstacle_reward);
    return rewards;
}

grid best_path(const grid& weights) {
    grid path;
    imle::const_view<float, 2, Eigen::RowMajor> theta(weights.data(), side, side);
    imle::mutable_view<float, 2, Eigen::RowMajor> z(path.data(), side, side);
    imle::grid_shortest_path solver{};
    solver(theta, z);
    return path;
}

int hamming_distance(const grid& a, const grid& b) {
    int distance = 0;
    for (std::size_t i = 0; i < cells; ++i) distance += a[i] != b[i] ? 1 : 0;
    return distance;
}

}  // namespace map_demo
