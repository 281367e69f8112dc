#pragma once

// Rows that another program has measured.

#include <string>

#include "table.hpp"

namespace imle_benchmarks {

/// Reads a file of lines with five fields, separated by tabs: the name, then the median and the best time in
/// ns for a float and for a double, with `-` for a missing time. The first line is the title of the section.
/// Throws `std::runtime_error` with the file's name if the file has another form.
[[nodiscard]] section_results read_outside(const std::string& file);

}  // namespace imle_benchmarks
