#include "painting.hpp"

#include <algorithm>

#include "support/dice.hpp"

namespace terrain {
namespace {

using example_support::dice;

struct colour {
    int red, green, blue;

    /// Lighter (or darker, if negative) in all channels.
    [[nodiscard]] constexpr colour plus(int light) const {
        return {red + light, green + light, blue + light};
    }
};

/// One tile while it is painted. Strokes beyond its edges are cut off.
class canvas {
  public:
    void fill(colour with) { pixels_.fill(with); }
    void put(int row, int column, colour with) {
        if (row < 0 || row >= tile_side || column < 0 || column >= tile_side) return;
        pixels_[static_cast<std::size_t>(row * tile_side + column)] = with;
    }
    [[nodiscard]] colour at(int row, int column) const {
        return pixels_[static_cast<std::size_t>(row * tile_side + column)];
    }

  private:
    std::array<colour, std::size_t{tile_side} * tile_side> pixels_{};
};

constexpr colour summer_grass = {112, 160, 70};
constexpr colour snow = {214, 220, 228};
constexpr colour leaves = {58, 112, 48};
constexpr colour needles = {52, 84, 66};
constexpr colour deep_water = {52, 104, 168};
constexpr colour ice = {158, 196, 222};
constexpr colour rock = {130, 118, 104};

/// Tufts and, in summer, flowers.
void paint_grass(canvas& on, season when, dice& roll) {
    const colour base = when == season::summer ? summer_grass : snow;
    on.fill(base);
    const int tufts = when == season::summer ? roll.between(3, 6) : roll.between(0, 3);
    for (int i = 0; i < tufts; ++i) {
        const int row = roll.between(1, 7);
        const int column = roll.between(0, 7);
        const colour blade = when == season::summer ? base.plus(-28) : colour{150, 148, 120};
        on.put(row, column, blade);
        on.put(row - 1, column + roll.between(-1, 1), blade.plus(10));
    }
    if (when == season::summer && roll.one_in(3))
        on.put(roll.between(0, 7), roll.between(0, 7), {228, 206, 92});
}

/// Round crowns, lit from the top left.
void paint_forest(canvas& on, season when, dice& roll) {
    const colour crown = when == season::summer ? leaves : needles;
    on.fill(when == season::summer ? summer_grass.plus(-44) : snow.plus(-46));
    for (int tree = 0; tree < 4; ++tree) {
        const int row = 2 + 4 * (tree / 2) + roll.between(-1, 1);
        const int column = 2 + 4 * (tree % 2) + roll.between(-1, 1);
        const colour shade = crown.plus(roll.between(-14, 14));
        for (int r = -2; r <= 1; ++r)
            for (int c = -2; c <= 1; ++c)
                if ((r != -2 && r != 1) || (c != -2 && c != 1))
                    on.put(row + r, column + c, shade.plus(-8 * (r + c)));
        if (when == season::winter) {
            on.put(row - 2, column - 1, snow.plus(-6));
            on.put(row - 1, column - 2, snow.plus(-18));
        }
    }
}

/// Waves in summer, cracks in winter.
void paint_water(canvas& on, season when, dice& roll) {
    if (when == season::summer) {
        on.fill(deep_water);
        for (int wave = 0; wave < 3; ++wave) {
            const int row = 1 + 3 * wave + roll.between(-1, 0);
            const int first = roll.between(-2, 5);
            const int length = roll.between(3, 5);
            for (int i = 0; i < length; ++i)
                on.put(row - (i == length / 2 ? 1 : 0), first + i,
                       deep_water.plus(i == length / 2 ? 56 : 34));
        }
        return;
    }
    on.fill(ice);
    for (int crack = roll.between(0, 2); crack > 0; --crack) {
        int row = 0;
        int column = roll.between(0, 7);
        for (; row < tile_side; ++row) {
            on.put(row, column, ice.plus(-36));
            column += roll.between(-1, 1);
        }
    }
}

/// A peak: its left side in the light, its right side in the shade, snow on top.
void paint_mountain(canvas& on, season when, dice& roll) {
    on.fill(when == season::summer ? rock.plus(-18) : snow.plus(-40));
    const int peak = 3 + roll.between(0, 1);
    const int top = roll.between(0, 1);
    const int snow_line = top + (when == season::summer ? roll.between(1, 2) : roll.between(2, 4));
    for (int row = top; row < tile_side; ++row) {
        const int reach = (row - top) * 5 / 8 + 1;
        for (int column = peak - reach; column < peak + reach; ++column) {
            const bool lit = column < peak;
            const colour stone = rock.plus(lit ? 38 : -42).plus(roll.between(-6, 6));
            on.put(row, column, row < snow_line ? snow.plus(lit ? 16 : -30) : stone);
        }
    }
}

/// The light of a map: a factor for each channel, in 256ths.
struct light {
    int red, green, blue;
};

light random_light(dice& roll) {
    const int brightness = roll.between(180, 290);
    const auto tinted = [&] { return brightness * roll.between(240, 272) / 256; };
    return {tinted(), tinted(), tinted()};
}

std::uint8_t channel(int value, int light, int grain) {
    return static_cast<std::uint8_t>(std::clamp(value * light / 256 + grain, 0, 255));
}

}  // namespace

pixels paint(const world& where, const imle::random_key& key) {
    dice roll(key);
    const light sky = random_light(roll);
    pixels picture{};
    for (int tile = 0; tile < static_cast<int>(tiles); ++tile) {
        canvas on;
        switch (where.what[static_cast<std::size_t>(tile)]) {
            case ground::grass:
                paint_grass(on, where.when, roll);
                break;
            case ground::forest:
                paint_forest(on, where.when, roll);
                break;
            case ground::water:
                paint_water(on, where.when, roll);
                break;
            case ground::mountain:
                paint_mountain(on, where.when, roll);
                break;
        }
        const int own_light = roll.between(-10, 10);
        for (int row = 0; row < tile_side; ++row) {
            for (int column = 0; column < tile_side; ++column) {
                const colour painted = on.at(row, column).plus(own_light);
                const int grain = roll.between(-7, 7);
                const int y = tile / side * tile_side + row;
                const int x = tile % side * tile_side + column;
                std::uint8_t* const to = &picture[static_cast<std::size_t>(3 * (y * picture_side + x))];
                to[0] = channel(painted.red, sky.red, grain);
                to[1] = channel(painted.green, sky.green, grain);
                to[2] = channel(painted.blue, sky.blue, grain);
            }
        }
    }
    return picture;
}

}  // namespace terrain
