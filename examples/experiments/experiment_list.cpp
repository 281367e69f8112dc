#include "experiment_list.hpp"

#include "bias.hpp"
#include "knapsack_benchmark.hpp"
#include "predict_then_optimize.hpp"
#include "sampling.hpp"
#include "steps.hpp"
#include "synthetic.hpp"

namespace experiments {

std::span<const experiment> all_experiments() {
    static constexpr experiment all[] = {
        {"synthetic", "Learning a subset (I-MLE paper, synthetic experiments)", synthetic, 1},
        {"bias", "The bias of gradients (adaptive I-MLE paper)", bias, 9},
        {"shortest-path", "Shortest paths by predicted costs (PyEPO's benchmark)", predict_then_optimize, 20},
        {"knapsack", "A knapsack of predicted values (PyEPO's benchmark)", knapsack_benchmark, 20},
        {"steps", "Adaptive steps from bad starts (ours)", steps, 8},
        {"sampling", "More from each solve (ours)", sampling, 120}};
    return all;
}

}  // namespace experiments
