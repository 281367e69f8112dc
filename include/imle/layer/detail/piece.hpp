#pragma once

/// @file
/// A piece of a call, whose items one worker perturbs and solves together, and what is done with their
/// numbers. Some of its items may have been dropped: `worker.items` are those that are solved.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

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

/// The forward pass's z of the items that are left, one after another.
template <class SolverT, class Scalar>
[[nodiscard]] const Scalar* kept_samples(worker<SolverT>& worker, const piece& part, Eigen::Index n,
                                         const Scalar* z) {
    if (worker.item_count() == part.count) return z + part.first * n;
    Scalar* const result = worker.template scratch_of<Scalar>().z.take(part.count * n);
    for (Eigen::Index j = 0; j < worker.item_count(); ++j)
        std::copy_n(z + worker.item(j) * n, n, result + j * n);
    return result;
}

/// Replaces `far`, the numbers of the items that were solved, by change(far, near), each at its item's place
/// within the piece, and by 0 where an item was dropped.
template <class SolverT, class Scalar, class Change>
void spread(const worker<SolverT>& worker, const piece& part, Eigen::Index n, Scalar* far, const Scalar* near,
            const Change& change) {
    if (worker.item_count() == part.count) {
        for (Eigen::Index i = 0; i < part.count * n; ++i) far[i] = change(far[i], near[i]);
        return;
    }
    // From the last: an item's place is never before where its numbers are.
    Eigen::Index end = part.count;
    for (Eigen::Index j = worker.item_count(); j-- > 0;) {
        const Eigen::Index place = worker.item(j) - part.first;
        std::fill_n(far + (place + 1) * n, (end - place - 1) * n, Scalar(0));
        for (Eigen::Index i = 0; i < n; ++i) far[place * n + i] = change(far[j * n + i], near[j * n + i]);
        end = place;
    }
    std::fill_n(far, end * n, Scalar(0));
}

/// Counts a piece's differences for the statistics, and those that are zero.
template <class SolverT, class Scalar>
void count_differences(worker<SolverT>& worker, const piece& part, Eigen::Index n,
                       const Scalar* differences) {
    worker.statistics.differences += static_cast<std::uint64_t>(part.count);
    for (Eigen::Index j = 0; j < part.count; ++j, differences += n)
        worker.statistics.zero_differences +=
            std::all_of(differences, differences + n, [](Scalar x) { return x == Scalar(0); });
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
