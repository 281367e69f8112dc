#pragma once

/// @file
/// All alignments of two short sequences.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `alignment`: 0/1 maps [rows, columns] of the cells on a path from cell (0, 0) to the last
/// cell, by moves right, down and diagonal. Their number is a Delannoy number: 63 for 4 x 4, 1683 for 6 x 6.
/// Sides of 1 to 6; others throw `std::invalid_argument`.
///
/// Paths are in the order of their moves from the last cell back: diagonal, down, right. So `map`, which
/// returns the first of several best states, breaks ties as the solver does.
class alignments : public enumerated_family<2> {
  public:
    /// Throws `std::invalid_argument` unless both sides are 1 to 6.
    alignments(Eigen::Index rows, Eigen::Index columns)
        : enumerated_family<2>(detail::message("the alignments of ", rows, " x ", columns, " cells"),
                               {rows, columns}, all_alignments(rows, columns)) {}

  private:
    static std::vector<vector> all_alignments(Eigen::Index rows, Eigen::Index columns) {
        if (rows < 1 || columns < 1 || rows > 6 || columns > 6)
            detail::throw_invalid("the matrix", detail::message(rows, " x ", columns), "sides of 1 to 6");
        std::vector<vector> states;
        vector state(static_cast<std::size_t>(rows * columns), 0);
        const auto walk_back = [&](const auto& again, Eigen::Index row, Eigen::Index column) -> void {
            if (row < 0 || column < 0) return;
            double& here = state[static_cast<std::size_t>(row * columns + column)];
            here = 1;
            if (row == 0 && column == 0) {
                states.push_back(state);
            } else {
                again(again, row - 1, column - 1);
                again(again, row - 1, column);
                again(again, row, column - 1);
            }
            here = 0;
        };
        walk_back(walk_back, rows - 1, columns - 1);
        return states;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
