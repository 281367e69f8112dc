#pragma once

/// @file
/// Data-parallel training through an I-MLE layer.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "checkpoint.hpp"
#include "communicator.hpp"
#include "map_solver.hpp"
#include "reduction.hpp"
#include "shards.hpp"

namespace mpi_training {

/// A rank and a step at which something goes wrong, to test how the others react.
struct accident {
    std::int64_t step = 0;  // 0: never
    int rank = 0;
};

struct training_options {
    run_settings settings;
    std::uint64_t steps = 100;
    int threads = 1;
    /// The file for checkpoints, every `every` steps and after the last; empty: none. If the file exists
    /// already, it must be `resume_file`.
    std::string checkpoint_file;
    std::uint64_t every = 20;
    /// The checkpoint to resume from; empty: start from the beginning.
    std::string resume_file;
    /// The file to which rank 0 writes a digest of each instance's gradient, at each step; empty: none.
    std::string gradients_file;
    accident death;
    accident solver_failure;
};

/// One rank's share of a run.
class training {
  public:
    training(const communicator& ranks, const training_options& options);

    /// Runs all remaining steps; rank 0 prints.
    void run();

    /// One step. Returns the mean loss of the whole batch. Collective.
    double step(std::uint64_t number);

    /// The current state of the run.
    [[nodiscard]] checkpoint state() const;

    /// For how many of `count` unseen maps the model finds a path as cheap as the best. Collective.
    [[nodiscard]] std::uint64_t solved_maps(Eigen::Index count) const;

    /// Throws `std::runtime_error` unless all ranks have the same weights, bit for bit. Collective.
    void require_equal_weights() const;

    /// The layer, with its target in its current state.
    [[nodiscard]] const map_layer& layer() const noexcept { return layer_; }

    /// A digest of the weights' bits.
    [[nodiscard]] std::uint64_t weights_digest() const;

  private:
    [[nodiscard]] maps theta_of(const map_rows& rows) const;
    [[nodiscard]] std::vector<block_totals> totals_of(const maps& theta, const maps& cotangent) const;
    [[nodiscard]] matrix weight_gradients(const map_rows& rows, const maps& gradient) const;
    void require_free_checkpoint_file() const;
    void resume();
    void save() const;
    void write_gradients(std::uint64_t number, const maps& gradient) const;

    const communicator& ranks_;
    training_options options_;
    block_layout layout_;
    std::vector<row_range> blocks_;  // this rank's
    row_range rows_;                 // all rows of this rank
    imle::random_key key_;
    map_source source_;
    std::uint64_t last_step_ = 0;
    matrix weights_;  // [1 + features, cells]
    example_support::adam optimizer_;
    std::shared_ptr<bool> broken_;
    map_layer layer_;
};

}  // namespace mpi_training
