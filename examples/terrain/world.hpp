#pragma once

/// @file
/// Terrain: the ground of a map's tiles, and the costs of crossing them.

#include <array>
#include <cstddef>

#include <imle/random/random_key.hpp>

namespace terrain {

/// A map has 12 x 12 tiles.
inline constexpr int side = 12;
inline constexpr std::size_t tiles = std::size_t{side} * side;

/// One number per tile, row by row from the top left.
template <class Number>
using grid = std::array<Number, tiles>;

enum class ground { grass, forest, water, mountain };
enum class season { summer, winter };

/// The ground of each tile, and the season. The network gets a picture of it (`painting.hpp`), never this
/// object.
struct world {
    season when = season::summer;
    grid<ground> what{};
};

/// The cost of crossing a tile, in tenths: whole numbers, so that costs of paths can be compared exactly.
///
///             grass  forest  water  mountain
///     summer    0.8     2.4    6.1       9.2
///     winter    1.6     4.0    0.8       9.2
///
/// In winter, snow makes walking harder, but the water is frozen and can be crossed.
[[nodiscard]] int cost_in_tenths(ground what, season when);

/// The costs of all tiles, in tenths.
[[nodiscard]] grid<int> costs_in_tenths(const world& where);

/// A random map: lakes where the land is low, mountains where it is high, forests where it is moist, and
/// grass elsewhere. Half of the maps are in each season.
[[nodiscard]] world random_world(const imle::random_key& key);

}  // namespace terrain
