#pragma once

/// @file
/// Tables of results, in Markdown that also reads well on a terminal.

#include <iosfwd>

#include "experiment.hpp"

namespace experiments {

/// What a row is compared with, if with anything: the recomputed figure where there is one, since that is of
/// the same data, else the published one.
[[nodiscard]] const reference_figure* reference_of(const experiment_row& row);

/// The title, the table and the note. Columns that no row fills are left out.
void print_table(std::ostream& out, const experiment_table& table);

}  // namespace experiments
