#pragma once

/// @file
/// The network that predicts the costs of tiles, and the three ways to train it. This header includes no
/// header of libtorch, because one takes half a minute to compile: only model.cpp includes them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataset.hpp"
#include "world.hpp"

namespace terrain {

/// How the network learns from gold paths.
enum class method {
    imle,      ///< through the solver, by I-MLE
    blackbox,  ///< through the solver, by blackbox backprop: no noise, gradient divided by the step
    per_tile,  ///< without the solver: whether a path takes the tile, tile by tile
};

/// The largest number of residual blocks in a network.
inline constexpr int most_blocks = 16;

struct training_options {
    int epochs = 20;
    int batch = 20;
    /// The rate of Adam in the first step. By default the one of 0.001, 0.002, 0.005 and 0.01 with the lowest
    /// training loss: 0.002 for blackbox backprop, 0.01 for the others.
    std::optional<double> learning_rate;
    std::uint64_t seed = 0;
    int threads = 1;  ///< of libtorch and of the layer; 0 means all cores
    /// Residual blocks, which let tiles use information from each other. By default 3 for the per-tile
    /// method, which has to recognise the path as a whole, and 0 for training through a solver, which takes
    /// care of that.
    std::optional<int> blocks;
};

/// A network and its training state.
class model {
  public:
    /// The seed determines the weights. libtorch has one generator and one number of threads for the whole
    /// program; this sets both.
    model(method how, const training_options& options);
    ~model();
    model(model&&) noexcept;
    model& operator=(model&&) noexcept;

    [[nodiscard]] method how() const;

    /// One pass over the examples in random order; returns the mean loss of an example. `epoch`, counted from
    /// 0, determines the order, the noise and the learning rate. Calls `on_batch` with the number of examples
    /// processed.
    double train_epoch(std::span<const example> examples, int epoch,
                       const std::function<void(std::size_t)>& on_batch);

    /// The predicted costs of the tiles of each picture: positive numbers in the network's own unit. For a
    /// network trained per tile: -log of the probability that the gold path takes the tile.
    [[nodiscard]] std::vector<grid<float>> costs(std::span<const example> examples) const;

    /// Writes the weights and the method to a file. Throws `std::runtime_error` if that fails.
    void save(const std::filesystem::path& file) const;

    /// Reads a file that `save` wrote. Throws `std::runtime_error` for a file that is not a saved model.
    [[nodiscard]] static model load(const std::filesystem::path& file, int threads);

  private:
    struct parts;
    explicit model(std::unique_ptr<parts> made);
    std::unique_ptr<parts> parts_;
};

}  // namespace terrain
