#pragma once

/// @file
/// The ranks of n numbers, for many groups of n numbers at the same time: each lane handles one group.

#include <algorithm>
#include <cstddef>
#include <span>

#include <imle/selection/columns.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// ranks: 1 for the smallest number of each lane, n for the largest; of equal ones the lowest index ranks
/// highest. Compares all pairs, without a branch: each pair raises the rank of one of the two.
template <class Scalar>
void rank_columns(const Scalar* columns, std::size_t n, Scalar* ranks) noexcept {
    using lanes = widest_lanes<Scalar>;
    constexpr std::size_t size = lanes::size;
    const lanes one(1), zero(0);
    // Number i has n - 1 - i later ones, which it beats unless they are larger.
    for (std::size_t i = 0; i < n; ++i) lanes(static_cast<Scalar>(n - i)).store(ranks + i * size);
    const auto compare = [&](const lanes& number, const lanes& later, lanes& rank, lanes& later_rank) {
        const lanes larger = select(less(number, later), one, zero);
        rank = rank - larger;
        later_rank = later_rank + larger;
    };
    const auto number_at = [&](std::size_t i) { return lanes::load(columns + i * size); };
    const auto rank_at = [&](std::size_t i) { return lanes::load(ranks + i * size); };
    // Two at a time, so that the later ones are loaded and stored half as often.
    std::size_t i = 0;
    for (; i + 2 <= n; i += 2) {
        const lanes a = number_at(i), b = number_at(i + 1);
        lanes a_rank = rank_at(i), b_rank = rank_at(i + 1);
        compare(a, b, a_rank, b_rank);
        for (std::size_t j = i + 2; j < n; ++j) {
            const lanes later = number_at(j);
            lanes later_rank = rank_at(j);
            compare(a, later, a_rank, later_rank);
            compare(b, later, b_rank, later_rank);
            later_rank.store(ranks + j * size);
        }
        a_rank.store(ranks + i * size);
        b_rank.store(ranks + (i + 1) * size);
    }
}

/// z: the ranks of each of `groups` groups of n >= 1 numbers, contiguous in memory. memory: 2 *
/// `column_memory(n)` numbers. O(n^2) for each group.
template <class Scalar>
void rank_in_lanes(const Scalar* values, std::size_t groups, std::size_t n, std::span<Scalar> memory,
                   Scalar* z) noexcept {
    constexpr std::size_t size = group_lanes<Scalar>;
    Scalar* const columns = aligned_columns(memory.first(memory.size() / 2));
    Scalar* const ranks = aligned_columns(memory.subspan(memory.size() / 2));
    while (groups > 0) {
        write_columns(values, groups, n, columns);
        rank_columns(columns, n, ranks);
        write_groups(ranks, groups, n, z);
        const std::size_t used = std::min(groups, size);
        values += used * n;
        z += used * n;
        groups -= used;
    }
}

}  // namespace imle::inline IMLE_ABI::detail
