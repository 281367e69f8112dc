#pragma once

/// @file
/// Maps to train and to test with.

#include <cstddef>
#include <vector>

#include <imle/random/random_key.hpp>

#include "painting.hpp"
#include "paths.hpp"
#include "world.hpp"

namespace terrain {

/// One map. A network gets the picture and, in training, the gold path; never the costs.
struct example {
    season when{};
    pixels picture{};
    path gold{};
    grid<int> costs_in_tenths{};
    int gold_cost_in_tenths = 0;
};

/// Maps number `first` to `first + count - 1` of the infinite sequence that the key determines.
[[nodiscard]] std::vector<example> make_examples(const imle::random_key& key, std::size_t first,
                                                 std::size_t count);

}  // namespace terrain
