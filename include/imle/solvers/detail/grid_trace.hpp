#pragma once

/// @file
/// How a grid lies in memory, what steps over it cost, and the way from distances back to the path that the
/// tie rule names.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A cell by its line and its place in the line.
struct grid_place {
    Eigen::Index outer;
    Eigen::Index inner;
};

/// A grid of `outer` lines of `inner` cells, a line being contiguous: for a row-major instance the lines are
/// its rows, for a column-major one its columns. Sizes that are known at compile time stay so.
///
/// The solver works on a copy with a margin of one cell on all sides, so that every cell has eight
/// neighbours: line -1 to `outer`, place -1 to `inner`. If the copy is cut into tiles of TileOuter lines and
/// TileInner places, there are more cells beyond, which complete the last ones.
template <Eigen::Index Outer, Eigen::Index Inner, Eigen::Index TileOuter = 1, Eigen::Index TileInner = 1>
class grid_shape {
  public:
    grid_shape(Eigen::Index outer, Eigen::Index inner) noexcept : outer_(outer), inner_(inner) {}

    [[nodiscard]] constexpr Eigen::Index outer() const noexcept {
        return Outer == Eigen::Dynamic ? outer_ : Outer;
    }
    [[nodiscard]] constexpr Eigen::Index inner() const noexcept {
        return Inner == Eigen::Dynamic ? inner_ : Inner;
    }
    /// Tiles on top of each other, and side by side.
    [[nodiscard]] constexpr Eigen::Index outer_tiles() const noexcept {
        return (outer() + TileOuter - 1) / TileOuter;
    }
    [[nodiscard]] constexpr Eigen::Index inner_tiles() const noexcept {
        return (inner() + TileInner - 1) / TileInner;
    }
    /// Cells of the instance.
    [[nodiscard]] constexpr Eigen::Index size() const noexcept { return outer() * inner(); }
    /// From a cell of the padded copy to the same place in the next line. Lines of a tile should not be a
    /// multiple of a page apart: they would all compete for the same few places of the cache.
    [[nodiscard]] constexpr Eigen::Index stride() const noexcept {
        const Eigen::Index least = inner_tiles() * TileInner + 2;
        return TileInner > 1 && least % 512 < 16 ? least + 16 : least;
    }
    /// Cells of the padded copy.
    [[nodiscard]] constexpr Eigen::Index padded_size() const noexcept {
        return (outer_tiles() * TileOuter + 2) * stride();
    }
    /// The first cell of a line in the padded copy.
    [[nodiscard]] constexpr Eigen::Index line(Eigen::Index number) const noexcept {
        return (number + 1) * stride() + 1;
    }
    /// A cell's number in the padded copy, and in the instance.
    [[nodiscard]] constexpr Eigen::Index padded(const grid_place& cell) const noexcept {
        return line(cell.outer) + cell.inner;
    }
    [[nodiscard]] constexpr Eigen::Index plain(const grid_place& cell) const noexcept {
        return cell.outer * inner() + cell.inner;
    }

  private:
    Eigen::Index outer_;
    Eigen::Index inner_;
};

/// Which steps there are.
enum class grid_moves {
    /// To the 4 neighbours.
    four,
    /// To the 8 neighbours, each at the cost of the cell that is entered.
    eight,
    /// To the 8 neighbours, where diagonal steps have costs of their own and none cuts a closed corner.
    octile
};

template <grid_moves Moves>
inline constexpr int neighbours_of = Moves == grid_moves::four ? 4 : 8;

/// What steps into the cells cost, in padded copies.
template <class L>
struct grid_costs {
    /// Costs of the cells, infinite where a cell is blocked: of all steps, or of the straight ones of
    /// `octile`.
    const typename L::number_cell* straight;
    /// Only for `octile`: of diagonal steps; infinite on cells beside which no diagonal step may pass,
    /// elsewhere 0.
    const typename L::number_cell* diagonal;
    const typename L::number_cell* corner;
};

/// A step to a neighbour: in the padded copy, and in the instance.
struct grid_step {
    Eigen::Index padded;
    Eigen::Index plain;
};

/// The steps to a cell's neighbours in the order of their index row * columns + column, lowest first: with it
/// "the first that fits" is the tie rule.
template <grid_moves Moves, bool RowMajor, class Shape>
[[nodiscard]] constexpr std::array<grid_step, neighbours_of<Moves>> grid_steps(const Shape& shape) noexcept {
    std::array<grid_step, neighbours_of<Moves>> steps{};
    std::size_t count = 0;
    for (int down = -1; down <= 1; ++down)
        for (int right = -1; right <= 1; ++right) {
            const int moves = (down != 0 ? 1 : 0) + (right != 0 ? 1 : 0);
            if (moves == 0 || (Moves == grid_moves::four && moves == 2)) continue;
            const int outer = RowMajor ? down : right;
            const int inner = RowMajor ? right : down;
            steps[count++] = {outer * shape.stride() + inner, outer * shape.inner() + inner};
        }
    return steps;
}

/// For each of 8 steps in that order: the two straight steps that lead to the same cell if it is diagonal, or
/// else twice the step itself.
inline constexpr std::array<std::array<std::size_t, 2>, 8> straight_parts{
    {{1, 3}, {1, 1}, {1, 4}, {3, 3}, {4, 4}, {6, 3}, {6, 6}, {6, 4}}};

[[nodiscard]] constexpr bool is_diagonal(std::size_t step) noexcept {
    return straight_parts[step][0] != straight_parts[step][1];
}

/// What it costs to enter `entered`, one end of the i-th step from `cell`; the other end may be entered too.
template <class L, grid_moves Moves>
[[nodiscard]] typename L::Scalar cost_of_step(const grid_costs<L>& costs, std::span<const grid_step> steps,
                                              Eigen::Index cell, std::size_t i, Eigen::Index entered,
                                              int lane) noexcept {
    if constexpr (Moves == grid_moves::octile) {
        if (is_diagonal(i)) {
            const auto& [first, second] = straight_parts[i];
            return L::get(costs.diagonal[entered], lane) +
                   (L::get(costs.corner[cell + steps[first].padded], lane) +
                    L::get(costs.corner[cell + steps[second].padded], lane));
        }
    }
    return L::get(costs.straight[entered], lane);
}

/// Goes from the goal back to the start, for one lane at a time, marking z.
///
/// A step from u to v is tight if fl(distance(u) + cost(v)) = distance(v). Where each cell on the way back
/// has one tight predecessor only, there is one path of least cost and nothing more to know; that is the rule
/// for costs with noise. Where there are several (plateaus of cost 0, equal costs, costs that rounding
/// absorbs) following any of them may go round in a loop; then the counts of `grid_cell_counts` are needed,
/// which fall by 1 in each step of a path of fewest cells.
template <class L, grid_moves Moves>
class grid_trace {
    static constexpr std::size_t connectivity = neighbours_of<Moves>;

  public:
    using Scalar = typename L::Scalar;

    grid_trace(const std::array<grid_step, neighbours_of<Moves>>& steps, const grid_costs<L>& costs,
               const typename L::number_cell* distance) noexcept
        : costs_(costs), distance_(distance) {
        std::copy(steps.begin(), steps.end(), steps_.begin());
    }

    /// Where a trace has come to: a cell of the padded copy and of the instance.
    struct place {
        Eigen::Index padded;
        Eigen::Index plain;
    };

    /// Marks cells as long as there is one tight predecessor, in the lanes from `lane` on for which there is
    /// a place in `at`, and leaves there where each stopped. starts, zs: the first cells, in the padded copy,
    /// and the states of these lanes.
    ///
    /// Where a path goes next is chance: a branch on it would be mispredicted half of the time. One path
    /// alone guesses that it goes on as before, so that it need not wait for the numbers where it does.
    template <std::size_t Group>
    void while_unique(std::span<place, Group> at, std::span<const Eigen::Index, Group> starts, int lane,
                      std::span<Scalar* const, Group> zs) const noexcept {
        std::size_t guess = connectivity;
        grid_step guessed = steps_[guess];
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < Group; ++i) {
                zs[i][at[i].plain] = 1;
                const unsigned unless_arrived = at[i].padded == starts[i] ? 0u : ~0u;
                const unsigned tight = tight_steps(at[i], lane + static_cast<int>(i)) & unless_arrived;
                const bool unique = std::has_single_bit(tight);
                const std::size_t step =
                    unique ? static_cast<std::size_t>(std::countr_zero(tight)) : connectivity;
                moved |= unique;
                if constexpr (Group == 1) {
                    if (step != guess) guessed = steps_[guess = step];
                    advance(at[i], guessed);
                } else {
                    advance(at[i], steps_[step]);
                }
            }
        }
    }

    /// Marks the path of fewest cells from here to where the counts begin: of tight predecessors one cell
    /// nearer to it, the lowest. Returns where that is.
    place by_cell_counts(place at, int lane, const typename L::integer_cell* cells,
                         Scalar* z) const noexcept {
        for (auto count = L::get(cells[at.padded], lane) - 1; count > 0; --count) {
            const unsigned tight = tight_steps(at, lane);
            std::size_t chosen = 0;
            while (!((tight >> chosen) & 1u) ||
                   L::get(cells[at.padded + steps_[chosen].padded], lane) != count)
                ++chosen;
            advance(at, steps_[chosen]);
            z[at.plain] = 1;
        }
        return at;
    }

  private:
    /// Bit i: the step from the i-th neighbour to this cell is tight. It is never below the cell's distance;
    /// <= costs less than ==, which must look at a flag more.
    [[nodiscard]] unsigned tight_steps(const place& at, int lane) const noexcept {
        const Scalar distance = L::get(distance_[at.padded], lane);
        unsigned tight = 0;
        for (std::size_t i = 0; i < connectivity; ++i)
            tight |= static_cast<unsigned>(
                         L::get(distance_[at.padded + steps_[i].padded], lane) +
                             cost_of_step<L, Moves>(costs_, steps_, at.padded, i, at.padded, lane) <=
                         distance)
                     << i;
        return tight;
    }

    static void advance(place& at, const grid_step& step) noexcept {
        at.padded += step.padded;
        at.plain += step.plain;
    }

    /// The last one stays where it is.
    std::array<grid_step, connectivity + 1> steps_{};
    grid_costs<L> costs_;
    const typename L::number_cell* distance_;
};

}  // namespace imle::inline IMLE_ABI::detail
