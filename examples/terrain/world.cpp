#include "world.hpp"

#include <algorithm>

#include "support/dice.hpp"

namespace terrain {
namespace {

using example_support::dice;

/// Value noise: random heights on a coarse lattice, interpolated between its points. Whole numbers, from 0 to
/// 255 * spacing^2.
grid<int> smooth_noise(dice& roll, int spacing) {
    constexpr int most_points = side + 2;
    std::array<std::array<int, most_points>, most_points> lattice{};
    const int points = side / spacing + 3;
    for (int row = 0; row < points; ++row)
        for (int column = 0; column < points; ++column)
            lattice[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = roll.between(0, 255);

    // The lattice is shifted, so that its points are on different tiles of each map.
    const int row_shift = roll.between(0, spacing - 1);
    const int column_shift = roll.between(0, spacing - 1);
    grid<int> noise{};
    for (int row = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column) {
            const auto r = static_cast<std::size_t>((row + row_shift) / spacing);
            const auto c = static_cast<std::size_t>((column + column_shift) / spacing);
            const int down = (row + row_shift) % spacing;
            const int right = (column + column_shift) % spacing;
            const int above = lattice[r][c] * (spacing - right) + lattice[r][c + 1] * right;
            const int below = lattice[r + 1][c] * (spacing - right) + lattice[r + 1][c + 1] * right;
            noise[static_cast<std::size_t>(row * side + column)] = above * (spacing - down) + below * down;
        }
    }
    return noise;
}

/// Each tile's rank, from 0 (the lowest) to `tiles` - 1.
grid<int> ranks(const grid<int>& heights) {
    grid<int> order{};
    for (std::size_t i = 0; i < tiles; ++i) order[i] = static_cast<int>(i);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return heights[static_cast<std::size_t>(a)] < heights[static_cast<std::size_t>(b)];
    });
    grid<int> rank{};
    for (std::size_t i = 0; i < tiles; ++i) rank[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
    return rank;
}

/// Large shapes with ragged edges: smooth noise of two scales.
grid<int> landscape(dice& roll) {
    const grid<int> coarse = smooth_noise(roll, 4);
    const grid<int> fine = smooth_noise(roll, 2);
    grid<int> heights{};
    for (std::size_t i = 0; i < tiles; ++i) heights[i] = coarse[i] + 2 * fine[i];  // 16 * 255 and 2 * 4 * 255
    return ranks(heights);
}

}  // namespace

int cost_in_tenths(ground what, season when) {
    constexpr std::array<std::array<int, 4>, 2> costs = {{{8, 24, 61, 92}, {16, 40, 8, 92}}};
    return costs[static_cast<std::size_t>(when)][static_cast<std::size_t>(what)];
}

grid<int> costs_in_tenths(const world& where) {
    grid<int> costs{};
    for (std::size_t i = 0; i < tiles; ++i) costs[i] = cost_in_tenths(where.what[i], where.when);
    return costs;
}

world random_world(const imle::random_key& key) {
    dice roll(key);
    world made;
    made.when = roll.one_in(2) ? season::winter : season::summer;
    const grid<int> height = landscape(roll);
    const grid<int> moisture = landscape(roll);
    // Shares of the map in tiles; they vary from map to map.
    const int water = roll.between(20, 45);
    const int mountains = roll.between(20, 45);
    const int dry = roll.between(50, 90);
    for (std::size_t i = 0; i < tiles; ++i) {
        if (height[i] < water)
            made.what[i] = ground::water;
        else if (height[i] >= static_cast<int>(tiles) - mountains)
            made.what[i] = ground::mountain;
        else
            made.what[i] = moisture[i] < dry ? ground::grass : ground::forest;
    }
    return made;
}

}  // namespace terrain
