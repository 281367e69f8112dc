#pragma once

/// @file
/// Which rows of a batch belong together, and to which rank.

#include <algorithm>
#include <vector>

#include <Eigen/Core>

namespace mpi_training {

/// Rows first to last - 1.
struct row_range {
    Eigen::Index first = 0;
    Eigen::Index last = 0;

    [[nodiscard]] Eigen::Index size() const noexcept { return last - first; }
};

/// Cuts a batch into blocks of `block` rows, the last perhaps shorter.
///
/// Floating-point sums depend on their order. So everything that is rounded over several rows, matrix
/// products included, is computed block by block: the blocks depend on the batch alone, ranks only share
/// them out.
class block_layout {
  public:
    block_layout(Eigen::Index batch, Eigen::Index block) : batch_(batch), block_(block) {}

    [[nodiscard]] Eigen::Index batch() const noexcept { return batch_; }
    [[nodiscard]] Eigen::Index count() const noexcept { return (batch_ + block_ - 1) / block_; }

    [[nodiscard]] row_range rows_of_block(Eigen::Index b) const noexcept {
        return {b * block_, std::min(batch_, (b + 1) * block_)};
    }

    /// The blocks of one rank of `ranks`: neighbours, so that the ranks' blocks one after another are the
    /// batch's. Numbers of blocks differ by at most 1; with more ranks than blocks some ranks have none.
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
