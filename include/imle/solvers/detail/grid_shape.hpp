#pragma once

/// @file
/// How a grid lies in memory.

#include <array>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
