#pragma once

/// @file
/// The network that says what tiles cost, and the three ways to train it. No header of libtorch is needed
/// here, since one takes half a minute to compile: only model.cpp has them.

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

/// The most residual blocks that a network may have.
inline constexpr int most_blocks = 16;

struct training_options {
    int epochs = 20;
    int batch = 20;
    /// Of Adam in the first step. By default that of 0.001, 0.002, 0.005 and 0.01 by which the training loss
    /// fell lowest: 0.002 for blackbox backprop, 0.01 for the others.
    std::optional<double> learning_rate;
    std::uint64_t seed = 0;
    int threads = 1;  ///< of libtorch and of the layer; 0 means all cores
    /// Residual blocks, by which tiles know about each other. By default 3 per tile, where the path has to be
    /// seen as a whole, and 0 through a solver, which sees to that.
    std::optional<int> blocks;
};

/// A network and what it needs to learn.
class model {
  public:
    /// With weights that the seed determines. libtorch has one generator and one number of threads for the
    /// whole program, both of which this sets.
    model(method how, const training_options& options);
    ~model();
    model(model&&) noexcept;
    model& operator=(model&&) noexcept;

    [[nodiscard]] method how() const;

    /// One pass over the examples in random order; returns the mean loss of an example. `epoch` counts from
    /// 0: it determines the order, the noise and the learning rate. `on_batch` is told how many examples were
    /// seen.
    double train_epoch(std::span<const example> examples, int epoch,
                       const std::function<void(std::size_t)>& on_batch);

    /// What the network thinks that the tiles cost, of each picture: a positive number in a unit of its own.
    /// Of a network that learned per tile: -log of the probability that the gold path takes the tile.
    [[nodiscard]] std::vector<grid<float>> costs(std::span<const example> examples) const;

    /// Writes the weights and the method to a file. Throws `std::runtime_error` if that fails.
    void save(const std::filesystem::path& file) const;

    /// Reads what `save` wrote. Throws `std::runtime_error` for a file that is not a saved model.
    [[nodiscard]] static model load(const std::filesystem::path& file, int threads);

  private:
    struct parts;
    explicit model(std::unique_ptr<parts> made);
    std::unique_ptr<parts> parts_;
};

}  // namespace terrain
