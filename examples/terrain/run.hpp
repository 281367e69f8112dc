#pragma once

/// @file
/// One network: trained, tested, saved and loaded again.

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "dataset.hpp"
#include "model.hpp"
#include "scoring.hpp"

namespace terrain {

/// The results after one epoch.
struct epoch_record {
    double loss = 0;        ///< the mean over the training maps, while they were learned from
    double cost_match = 0;  ///< share of the test maps, by the solver on the predicted costs
};

/// One network's results on the test maps.
struct run_record {
    method how{};
    std::vector<epoch_record> epochs;  ///< none for a model that was loaded
    std::vector<grid<float>> costs;    ///< what it thinks that tiles cost, of each test map
    std::vector<path> paths;           ///< the solver's path for these costs
    scores solved;                     ///< of these paths
    std::vector<path> tiles_taken;     ///< per tile only: the tiles more likely on the path than not
    scores thresholded;                ///< of these
    double seconds = 0;                ///< of training, with the test after each epoch
    double processor_seconds = 0;      ///< the same, all threads together
};

/// Fills in all results on the test maps.
void test(const model& which, std::span<const example> examples, run_record& record);

/// Trains a network, saves it to `file`, loads it again and tests the loaded network. Throws
/// `std::runtime_error` unless it has the same costs, bit for bit, as the saved one. Calls `on_progress` with
/// the number of maps processed.
[[nodiscard]] run_record run(method how, const training_options& options, std::span<const example> training,
                             std::span<const example> testing, const std::filesystem::path& file,
                             const std::function<void(int epoch, std::size_t maps)>& on_progress);

}  // namespace terrain
