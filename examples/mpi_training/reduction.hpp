#pragma once

/// @file
/// Sums over the blocks of a batch, wherever they are.

#include <cstdint>
#include <string>
#include <vector>

#include <imle/concepts/target_distribution.hpp>

#include "communicator.hpp"
#include "map_rows.hpp"

namespace mpi_training {

enum class reduction : std::int64_t {
    /// All blocks' numbers are gathered and added in the order of the blocks. Received by each rank: all
    /// blocks' numbers.
    ordered,
    /// Numbers are rounded to multiples of one power of two and added as integers, which is exact in any
    /// order. Two reductions of one number, then one of 8 bytes for each.
    fixed_point,
    /// Numbers are added as MPI likes: the last bits depend on the number of ranks.
    plain
};

/// "ordered", "fixed-point" or "plain", as on the command line.
[[nodiscard]] std::string name_of(reduction how);

/// What is added up besides gradients.
struct block_totals {
    /// What an adaptive target must know of the whole batch before it takes its step.
    imle::target_sums sums;
    double loss = 0;

    block_totals& operator+=(const block_totals& other) noexcept {
        sums += other.sums;
        loss += other.loss;
        return *this;
    }
};

/// The sum over all ranks' blocks, on every rank. Here `mine` has a row for each block of this rank. Throws
/// `std::invalid_argument` for numbers that are not finite where the way cannot add them.
[[nodiscard]] std::vector<float> sum_over_blocks(const communicator& ranks, reduction how,
                                                 const matrix& mine);

/// The same for totals; a few numbers, so that `fixed_point` gathers them as `ordered` does.
[[nodiscard]] block_totals sum_over_blocks(const communicator& ranks, reduction how,
                                           const std::vector<block_totals>& mine);

/// The sum of the ranks' counts; integers, so that no order matters.
[[nodiscard]] imle::target_sums sum_of_counts(const communicator& ranks, const imle::target_sums& mine);

}  // namespace mpi_training
