#pragma once

/// @file
/// The noise of the demo.

#include <imle/noise/sum_of_gamma.hpp>

#include "map_game.hpp"

namespace map_demo {

/// Sum-of-gamma noise whose k is about the length of a path, as the I-MLE paper recommends: the noise of a
/// path of k cells then sums to Gumbel noise. 16 * 1.3 and 100 terms are the reference's values.
[[nodiscard]] inline imle::sum_of_gamma map_noise() {
    return imle::sum_of_gamma{side * 1.3, 100};
}

}  // namespace map_demo
