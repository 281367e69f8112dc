#pragma once

/// @file
/// How a grid lies in memory, and the way from distances over it back to the path that the tie rule names.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A grid of `outer` lines of `inner` cells, a line being contiguous: for a row-major instance the lines are
/// its rows, for a column-major one its columns. Sizes that are known at compile time stay so.
///
/// The solver works on a copy with a margin of one cell on all sides, so that every cell has eight
/// neighbours: line -1 to `outer`, place -1 to `inner`.
template <Eigen::Index Outer, Eigen::Index Inner>
class grid_shape {
  public:
    grid_shape(Eigen::Index outer, Eigen::Index inner) noexcept : outer_(outer), inner_(inner) {}

    [[nodiscard]] constexpr Eigen::Index outer() const noexcept {
        return Outer == Eigen::Dynamic ? outer_ : Outer;
    }
    [[nodiscard]] constexpr Eigen::Index inner() const noexcept {
        return Inner == Eigen::Dynamic ? inner_ : Inner;
    }
    /// Cells of the instance.
    [[nodiscard]] constexpr Eigen::Index size() const noexcept { return outer() * inner(); }
    /// From a cell of the padded copy to the same place in the next line.
    [[nodiscard]] constexpr Eigen::Index stride() const noexcept { return inner() + 2; }
    /// Cells of the padded copy.
    [[nodiscard]] constexpr Eigen::Index padded_size() const noexcept { return (outer() + 2) * stride(); }
    /// The first cell of a line in the padded copy.
    [[nodiscard]] constexpr Eigen::Index line(Eigen::Index number) const noexcept {
        return (number + 1) * stride() + 1;
    }

  private:
    Eigen::Index outer_;
    Eigen::Index inner_;
};

/// A step to a neighbour: in the padded copy, and in the instance.
struct grid_step {
    Eigen::Index padded;
    Eigen::Index plain;
};

/// The steps to a cell's neighbours in the order of their index row * columns + column, lowest first: with it
/// "the first that fits" is the tie rule.
template <int Connectivity, bool RowMajor, class Shape>
[[nodiscard]] constexpr std::array<grid_step, Connectivity> grid_steps(const Shape& shape) noexcept {
    std::array<grid_step, Connectivity> steps{};
    std::size_t count = 0;
    for (int down = -1; down <= 1; ++down)
        for (int right = -1; right <= 1; ++right) {
            const int moves = (down != 0 ? 1 : 0) + (right != 0 ? 1 : 0);
            if (moves == 0 || (Connectivity == 4 && moves == 2)) continue;
            const int outer = RowMajor ? down : right;
            const int inner = RowMajor ? right : down;
            steps[count++] = {outer * shape.stride() + inner, outer * shape.inner() + inner};
        }
    return steps;
}

/// Goes from the last cell back to the first, for one lane at a time, marking z.
///
/// A step from u to v is tight if fl(distance(u) + cost(v)) = distance(v). Where each cell on the way back
/// has one tight predecessor only, there is one path of least cost and nothing more to know; that is the rule
/// for costs with noise. Where there are several (plateaus of cost 0, equal costs, costs that rounding
/// absorbs) following any of them may go round in a loop; then the counts of `grid_cell_counts` are needed,
/// which fall by 1 in each step of a path of fewest cells.
template <class L, class Shape, std::size_t Connectivity>
class grid_trace {
  public:
    using Scalar = typename L::Scalar;

    grid_trace(const Shape& shape, const std::array<grid_step, Connectivity>& steps,
               const typename L::number_cell* cost, const typename L::number_cell* distance) noexcept
        : cost_(cost),
          distance_(distance),
          start_(shape.line(0)),
          goal_(shape.line(shape.outer() - 1) + shape.inner() - 1) {
        std::copy(steps.begin(), steps.end(), steps_.begin());
    }

    /// Where a trace has come to: a cell of the padded copy and of the instance.
    struct place {
        Eigen::Index padded;
        Eigen::Index plain;
    };

    /// The last cell.
    [[nodiscard]] place goal(const Shape& shape) const noexcept { return {goal_, shape.size() - 1}; }
    /// True at the first cell.
    [[nodiscard]] bool arrived(const place& at) const noexcept { return at.padded == start_; }

    /// Marks cells as long as there is one tight predecessor, in the lanes from `lane` on for which there is
    /// a place in `at`, and leaves there where each stopped. zs: the states of these lanes.
    ///
    /// Where a path goes next is chance: a branch on it would be mispredicted half of the time.
    template <std::size_t Group>
    void while_unique(std::span<place, Group> at, int lane,
                      std::span<Scalar* const, Group> zs) const noexcept {
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < Group; ++i) {
                zs[i][at[i].plain] = 1;
                const unsigned unless_arrived = arrived(at[i]) ? 0u : ~0u;
                const unsigned tight = tight_steps(at[i], lane + static_cast<int>(i)) & unless_arrived;
                const bool unique = std::has_single_bit(tight);
                const std::size_t step =
                    unique ? static_cast<std::size_t>(std::countr_zero(tight)) : Connectivity;
                advance(at[i], step);
                moved |= unique;
            }
        }
    }

    /// Marks the path of fewest cells from here to the first cell: of tight predecessors one cell nearer to
    /// the first, the lowest.
    void by_cell_counts(place at, int lane, const typename L::integer_cell* cells, Scalar* z) const noexcept {
        for (auto count = L::get(cells[at.padded], lane) - 1; count > 0; --count) {
            const unsigned tight = tight_steps(at, lane);
            std::size_t chosen = 0;
            while (!((tight >> chosen) & 1u) ||
                   L::get(cells[at.padded + steps_[chosen].padded], lane) != count)
                ++chosen;
            advance(at, chosen);
            z[at.plain] = 1;
        }
    }

  private:
    /// Bit i: the step from the i-th neighbour to this cell is tight. It is never below the cell's distance;
    /// <= costs less than ==, which must look at a flag more.
    [[nodiscard]] unsigned tight_steps(const place& at, int lane) const noexcept {
        const Scalar cost = L::get(cost_[at.padded], lane);
        const Scalar distance = L::get(distance_[at.padded], lane);
        unsigned tight = 0;
        for (std::size_t i = 0; i < Connectivity; ++i)
            tight |= static_cast<unsigned>(L::get(distance_[at.padded + steps_[i].padded], lane) + cost <=
                                           distance)
                     << i;
        return tight;
    }

    void advance(place& at, std::size_t step) const noexcept {
        at.padded += steps_[step].padded;
        at.plain += steps_[step].plain;
    }

    /// The last one stays where it is.
    std::array<grid_step, Connectivity + 1> steps_{};
    const typename L::number_cell* cost_;
    const typename L::number_cell* distance_;
    Eigen::Index start_;
    Eigen::Index goal_;
};

}  // namespace imle::inline IMLE_ABI::detail
