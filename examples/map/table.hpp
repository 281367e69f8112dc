#pragma once

/// @file
/// The table of results.

#include <iosfwd>

#include "training.hpp"

namespace map_demo {

/// Prints the table's head for runs of this many steps.
void print_table_head(std::ostream& out, int steps);

/// Prints one run as a row.
void print_table_row(std::ostream& out, const learning_record& record);

}  // namespace map_demo
