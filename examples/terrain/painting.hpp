#pragma once

/// @file
/// The picture of a map, the only input of the network.

#include <array>
#include <cstddef>
#include <cstdint>

#include <imle/random/random_key.hpp>

#include "world.hpp"

namespace terrain {

/// A tile has 8 x 8 pixels, a picture 96 x 96.
inline constexpr int tile_side = 8;
inline constexpr int picture_side = side * tile_side;
inline constexpr std::size_t picture_bytes = std::size_t{3} * picture_side * picture_side;

/// Red, green, blue of each pixel, row by row from the top left: [96, 96, 3].
using pixels = std::array<std::uint8_t, picture_bytes>;

/// Paints the map with random textures: no two tiles are alike. The light varies between maps by more than
/// grass and forest differ in colour, so a colour alone does not identify a tile.
[[nodiscard]] pixels paint(const world& where, const imle::random_key& key);

}  // namespace terrain
