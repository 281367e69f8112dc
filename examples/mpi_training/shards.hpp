#pragma once

/// @file
/// How the rows of a batch are divided into blocks, and the blocks among ranks.

#include <algorithm>
#include <vector>

#include <Eigen/Core>

namespace mpi_training {

/// The rows first to last - 1.
struct row_range {
    Eigen::Index first = 0;
    Eigen::Index last = 0;

    [[nodiscard]] Eigen::Index size() const noexcept { return last - first; }
};

/// Cuts a batch into blocks of `block` rows; the last may be shorter.
///
/// Floating-point sums depend on their order. So everything that is rounded over several rows, including
/// matrix products, is computed block by block. The blocks depend on the batch alone; ranks only share them.
class block_layout {
  public:
    block_layout(Eigen::Index batch, Eigen::Index block) : batch_(batch), block_(block) {}

    [[nodiscard]] Eigen::Index batch() const noexcept { return batch_; }
    [[nodiscard]] Eigen::Index count() const noexcept { return (batch_ + block_ - 1) / block_; }

    [[nodiscard]] row_range rows_of_block(Eigen::Index b) const noexcept {
        return {b * block_, std::min(batch_, (b + 1) * block_)};
    }

    /// The blocks of one rank out of `ranks`. They are consecutive, so that the ranks' blocks in order are
    /// the batch's. Numbers of blocks differ by at most 1; if there are more ranks than blocks, some ranks
    /// have none.
    [[nodiscard]] std::vector<row_range> blocks_of_rank(int rank, int ranks) const {
        std::vector<row_range> blocks;
        for (Eigen::Index b = count() * rank / ranks; b < count() * (rank + 1) / ranks; ++b)
            blocks.push_back(rows_of_block(b));
        return blocks;
    }

  private:
    Eigen::Index batch_;
    Eigen::Index block_;
};

}  // namespace mpi_training
