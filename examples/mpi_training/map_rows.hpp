#pragma once

/// @file
/// Synthetic data: each row has features, hidden costs of a map's cells, and the map's best path.

#include <cstdint>

#include <imle/core/tensor.hpp>
#include <imle/random/random_key.hpp>

namespace mpi_training {

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using maps = Eigen::Tensor<float, 3, Eigen::RowMajor>;  // [batch, row, column]

struct map_rows {
    /// [rows, 1 + features]: a 1, then numbers uniform in (-1, 1).
    matrix features;
    /// [rows, side, side]: max(0.1, 1 + features times a fixed random matrix).
    maps costs;
    /// [rows, side, side]: 1 on the cheapest path.
    maps gold;
};

/// The source of the rows. Row i is a function of the key and i, so each rank makes its own rows, and nothing
/// has to be read or sent.
class map_source {
  public:
    map_source(imle::random_key key, Eigen::Index side, Eigen::Index features);

    /// Makes the rows first to first + count - 1.
    [[nodiscard]] map_rows make(std::uint64_t first, Eigen::Index count) const;

  private:
    imle::random_key key_;
    Eigen::Index side_;
    matrix cost_of_features_;  // [1 + features, cells]
};

}  // namespace mpi_training
