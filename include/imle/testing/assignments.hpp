#pragma once

/// @file
/// All assignments of a few rows to a few columns.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// The family of `assignment`: 0/1 matrices [rows, columns] with min(rows, columns) ones, at most one in each
/// row and column; `assignments(n, n)` are the n! permutation matrices. Sides of 1 to 7, else
/// `std::invalid_argument`.
class assignments : public enumerated_family<2> {
  public:
    assignments(Eigen::Index rows, Eigen::Index columns)
        : enumerated_family<2>(detail::message("the assignments of ", rows, " rows to ", columns, " columns"),
                               {rows, columns}, all_assignments(rows, columns)) {}

  private:
    static std::vector<vector> all_assignments(Eigen::Index rows, Eigen::Index columns) {
        if (rows < 1 || columns < 1 || rows > 7 || columns > 7)
            detail::throw_invalid("the matrix", detail::message(rows, " x ", columns), "sides of 1 to 7");
        std::vector<vector> states;
        const table of{static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)};
        vector state(of.rows * of.columns, 0);
        std::vector<bool> taken(of.columns, false);
        assign(of, 0, of.rows - std::min(of.rows, of.columns), state, taken, states);
        return states;
    }

    struct table {
        std::size_t rows;
        std::size_t columns;
    };

    /// Gives a row each free column in turn, or none if some rows may still go without.
    static void assign(const table& of, std::size_t row, std::size_t without, vector& state,
                       std::vector<bool>& taken, std::vector<vector>& states) {
        if (row == of.rows) {
            states.push_back(state);
            return;
        }
        for (std::size_t column = 0; column < of.columns; ++column) {
            if (taken[column]) continue;
            double& here = state[row * of.columns + column];
            taken[column] = true;
            here = 1;
            assign(of, row + 1, without, state, taken, states);
            here = 0;
            taken[column] = false;
        }
        if (without > 0) assign(of, row + 1, without - 1, state, taken, states);
    }
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
