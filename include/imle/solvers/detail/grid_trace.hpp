#pragma once

/// @file
/// From distances over a grid back to the one path that the tie rule names.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/grid_shape.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
