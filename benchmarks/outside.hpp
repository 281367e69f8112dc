#pragma once

// Lines that another program has measured.

#include <string>

#include "table.hpp"

namespace imle_benchmarks {

/// Reads a file of lines with five fields, separated by tabs: the name, then the median and the best time of
/// a float and of a double in ns, `-` where there is none. The first line is the title of all. Throws
/// `std::runtime_error` with the file's name if it is not such a file.
[[nodiscard]] section_results read_outside(const std::string& file);

}  // namespace imle_benchmarks
