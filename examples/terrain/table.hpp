#pragma once

/// @file
/// The table of results.

#include <iosfwd>
#include <string>

#include "run.hpp"

namespace terrain {

/// The method's name in tables and legends, for example "I-MLE".
[[nodiscard]] std::string title(method how);

/// Prints the table's head for this many test maps.
void print_table_head(std::ostream& out, std::size_t test_maps);

/// Prints the results of one network: a row, or two if it was trained per tile.
void print_table_rows(std::ostream& out, const run_record& record);

}  // namespace terrain
