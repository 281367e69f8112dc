#pragma once

/// @file
/// Sums over the blocks of a batch, on whichever ranks they are.

#include <cstdint>
#include <string>
#include <vector>

#include <imle/concepts/target_distribution.hpp>

#include "communicator.hpp"
#include "map_rows.hpp"

namespace mpi_training {

enum class reduction : std::int64_t {
    /// Gathers all blocks' numbers and adds them in the order of the blocks. Each rank receives all blocks'
    /// numbers.
    ordered,
    /// Rounds numbers to multiples of one power of two and adds them as integers, which is exact in any
    /// order. Two reductions of one number, then one of 8 bytes per number.
    fixed_point,
    /// Adds numbers in an order that MPI chooses: the last bits depend on the number of ranks.
    plain
};

/// "ordered", "fixed-point" or "plain", as on the command line.
[[nodiscard]] std::string name_of(reduction how);

/// The totals besides gradients.
struct block_totals {
    /// The sums over the whole batch that an adaptive target needs before its step.
    imle::target_sums sums;
    double loss = 0;

    block_totals& operator+=(const block_totals& other) noexcept {
        sums += other.sums;
        loss += other.loss;
        return *this;
    }
};

/// The sum over all ranks' blocks, on every rank. `mine` has a row for each block of this rank. Throws
/// `std::invalid_argument` for numbers that are not finite if `how` cannot add them.
[[nodiscard]] std::vector<float> sum_over_blocks(const communicator& ranks, reduction how,
                                                 const matrix& mine);

/// The same for totals. They are only a few numbers, so `fixed_point` gathers them as `ordered` does.
[[nodiscard]] block_totals sum_over_blocks(const communicator& ranks, reduction how,
                                           const std::vector<block_totals>& mine);

/// The sum of the ranks' counts. They are integers, so the order does not matter.
[[nodiscard]] imle::target_sums sum_of_counts(const communicator& ranks, const imle::target_sums& mine);

}  // namespace mpi_training
