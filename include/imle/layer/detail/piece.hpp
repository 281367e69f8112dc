#pragma once

/// @file
/// A piece of a call, whose items one worker perturbs and solves together. Some of them may be dropped:
/// `worker.items` are those that are solved.

#include <algorithm>
#include <cstdint>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/layer/detail/worker.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Consecutive items of a call.
struct piece {
    Eigen::Index first;
    Eigen::Index count;
};

/// Drops the items of instances that have failed before; `failed` are rows, rising.
template <class SolverT>
void drop_failed(worker<SolverT>& worker, Eigen::Index samples, std::span<const Eigen::Index> failed) {
    std::erase_if(worker.items, [&](Eigen::Index item) {
        return std::binary_search(failed.begin(), failed.end(), item / samples);
    });
}

/// How many numbers of a piece's differences, difference_of(j)(i) for its j-th item that is left, are not
/// zero.
template <class SolverT, class DifferenceT>
[[nodiscard]] std::uint64_t count_nonzeros(const worker<SolverT>& worker, Eigen::Index n,
                                           DifferenceT&& difference_of) {
    Eigen::Index count = 0;
    for (std::size_t j = 0; j < worker.items.size(); ++j) {
        const auto difference = difference_of(j);
        for (Eigen::Index i = 0; i < n; ++i) count += difference(i) != 0;
    }
    return static_cast<std::uint64_t>(count);
}

/// Counts a piece's differences for the statistics, and those that are zero.
template <class SolverT, class DifferenceT>
void count_differences(worker<SolverT>& worker, const piece& part, Eigen::Index n,
                       DifferenceT&& difference_of) {
    Eigen::Index nonzero = 0;
    for (std::size_t j = 0; j < worker.items.size(); ++j) {
        const auto difference = difference_of(j);
        // To the end, without a branch: that is faster than to look for the first.
        std::int32_t any = 0;
        for (Eigen::Index i = 0; i < n; ++i) any |= difference(i) != 0;
        nonzero += any;
    }
    worker.statistics.differences += static_cast<std::uint64_t>(part.count);
    worker.statistics.zero_differences += static_cast<std::uint64_t>(part.count - nonzero);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
