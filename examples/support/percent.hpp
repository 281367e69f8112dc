#pragma once

/// @file
/// Shares as percentages.

#include <iomanip>
#include <sstream>
#include <string>

namespace example_support {

/// "12.3 %" for 0.123.
[[nodiscard]] inline std::string percent(double share) {
    std::ostringstream out;
    out << std::fixed << std::setprecision(1) << 100 * share << " %";
    return out.str();
}

}  // namespace example_support
