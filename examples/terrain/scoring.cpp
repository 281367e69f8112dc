#include "scoring.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>

namespace terrain {

bool is_as_cheap(const path& predicted, const example& what) {
    return connects(predicted) && cost_of(predicted, what.costs_in_tenths) == what.gold_cost_in_tenths;
}

scores score(std::span<const path> predicted, std::span<const example> examples) {
    scores made;
    for (std::size_t i = 0; i < examples.size(); ++i) {
        made.connected += connects(predicted[i]) ? 1 : 0;
        made.cost_match += is_as_cheap(predicted[i], examples[i]) ? 1 : 0;
        made.path_match += predicted[i] == examples[i].gold ? 1 : 0;
    }
    const auto count = static_cast<double>(examples.size());
    return {made.connected / count, made.cost_match / count, made.path_match / count};
}

std::vector<path> likely_tiles(std::span<const grid<float>> costs) {
    std::vector<path> sets(costs.size());
    for (std::size_t i = 0; i < costs.size(); ++i)
        for (std::size_t tile = 0; tile < tiles; ++tile)
            sets[i][tile] = costs[i][tile] < std::numbers::ln2_v<float> ? 1.0F : 0.0F;
    return sets;
}

}  // namespace terrain
