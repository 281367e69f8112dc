#include "dataset.hpp"

namespace terrain {

std::vector<example> make_examples(const imle::random_key& key, std::size_t first, std::size_t count) {
    std::vector<example> examples(count);
    for (std::size_t i = 0; i < count; ++i) {
        const imle::random_key own = key.fold_in(first + i);
        const world where = random_world(own.fold_in(0));
        example& made = examples[i];
        made.when = where.when;
        made.picture = paint(where, own.fold_in(1));
        made.costs_in_tenths = costs_in_tenths(where);
        made.gold = cheapest_path(made.costs_in_tenths);
        made.gold_cost_in_tenths = cost_of(made.gold, made.costs_in_tenths);
    }
    return examples;
}

}  // namespace terrain
