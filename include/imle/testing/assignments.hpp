#pragma once

/// @file
/// All assignments of a few rows to a few columns.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `assignment`: 0/1 matrices [rows, columns] with min(rows, columns) ones, at most one in each
/// row and column. `assignments(n, n)` are the n! permutation matrices. Sides of 1 to 7; others throw
/// `std::invalid_argument`.
class assignments : public enumerated_family<2> {
  public:
    /// Throws `std::invalid_argument` unless both sides are 1 to 7.
    assignments(Eigen::Index rows, Eigen::Index columns)
        : enumerated_family<2>(detail::message("the assignments of ", rows, " rows to ", columns, " columns"),
                               {rows, columns},
                               all(rows, columns, std::max<Eigen::Index>(rows - columns, 0))) {}

  private:
    friend class partial_assignments;

    /// without: how many rows may have no column.
    static std::vector<vector> all(Eigen::Index rows, Eigen::Index columns, Eigen::Index without) {
        if (rows < 1 || columns < 1 || rows > 7 || columns > 7)
            detail::throw_invalid("the matrix", detail::message(rows, " x ", columns), "sides of 1 to 7");
        const auto row_count = static_cast<std::size_t>(rows),
                   column_count = static_cast<std::size_t>(columns);
        std::vector<vector> states;
        vector state(row_count * column_count, 0);
        std::vector<bool> taken(column_count, false);
        // Assigns each free column in turn to the row, or none if some rows may still go without.
        const auto assign = [&](const auto& again, std::size_t row, Eigen::Index left) -> void {
            if (row == row_count) return states.push_back(state);
            for (std::size_t column = 0; column < column_count; ++column) {
                if (taken[column]) continue;
                double& here = state[row * column_count + column];
                taken[column] = true;
                here = 1;
                again(again, row + 1, left);
                here = 0;
                taken[column] = false;
            }
            if (left > 0) again(again, row + 1, left - 1);
        };
        assign(assign, 0, without);
        return states;
    }
};

/// The family of `assignment` with `assignment_options::partial`: 0/1 matrices [rows, columns] with at most
/// one 1 in each row and column. Sides of 1 to 7; others throw `std::invalid_argument`.
class partial_assignments : public enumerated_family<2> {
  public:
    /// Throws `std::invalid_argument` unless both sides are 1 to 7.
    partial_assignments(Eigen::Index rows, Eigen::Index columns)
        : enumerated_family<2>(
              detail::message("the partial assignments of ", rows, " rows to ", columns, " columns"),
              {rows, columns}, assignments::all(rows, columns, rows)) {}
};

}  // namespace imle::inline IMLE_ABI::testing
