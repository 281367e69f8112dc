#pragma once

// Matrices drawn side by side, as a gnuplot script.

#include <Eigen/Core>
#include <iosfwd>
#include <span>
#include <string>

namespace solver_pictures {

// The meaning of a heat map's colours.
enum class colours {
    numbers,  // any numbers: from the smallest (white) to the largest (dark blue)
    shares    // 0 (white) to 1 (dark blue): a state z, or the marginals
};

struct heat_map {
    std::string title;       // a word or two above it
    Eigen::MatrixXf values;  // row 0 is drawn at the top
    colours palette = colours::shares;
};

// Prints a complete script, with its data, that draws the maps from left to right. The axes are labelled
// once, at the first map.
void print_heat_maps(std::ostream& script, std::span<const heat_map> maps, const std::string& row_name,
                     const std::string& column_name);

}  // namespace solver_pictures
