#pragma once

/// @file
/// Tables of results, in Markdown that is also readable on a terminal.

#include <iosfwd>
#include <string>

#include "experiment.hpp"

namespace experiments {

/// A number with as many digits after the point.
[[nodiscard]] std::string fixed(double value, int digits);

/// The reference of a row, if it has one: the recomputed figure if there is one, because it is of the same
/// data, otherwise the published one.
[[nodiscard]] const reference_figure* reference_of(const experiment_row& row);

/// Prints the title, the table and the note. Leaves out columns that no row fills.
void print_table(std::ostream& out, const experiment_table& table);

}  // namespace experiments
