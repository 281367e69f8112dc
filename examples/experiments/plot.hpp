#pragma once

/// @file
/// Parts that the pictures share.

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "experiment.hpp"

namespace experiments {

/// Colours that colour-blind people can tell apart (Okabe and Ito's).
namespace colour {
inline constexpr auto blue = "#0072b2";
inline constexpr auto orange = "#d55e00";
inline constexpr auto green = "#009e73";
inline constexpr auto purple = "#cc79a7";
inline constexpr auto grey = "#606060";
}  // namespace colour

/// Sets the terminal and the style for a picture of this size in pixels.
void set_up_picture(std::ostream& out, int width, int height);

/// Writes a named block of data, with one line per i: columns[0][i] columns[1][i] ...
void put_data(std::ostream& out, const std::string& name, std::span<const std::vector<double>> columns);

/// A row of points for each row of the table: ours with a bar of one standard deviation, and the references.
[[nodiscard]] example_support::picture draw_comparison(const std::string& file_name,
                                                       const experiment_table& table);

}  // namespace experiments
