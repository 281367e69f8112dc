#pragma once

/// @file
/// Ones at the k largest of n numbers.

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/kth_largest.hpp>
#include <imle/solvers/detail/lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The index of the largest of n >= 1 numbers, the first of equal ones. Short and without a branch on the
/// numbers, for a few of them.
template <class Scalar>
[[nodiscard]] std::size_t first_largest(std::span<const Scalar> values) noexcept {
    // As wide as Scalar, so that both are selected alike.
    using index = lane_integer<Scalar>;
    Scalar largest = values[0];
    index at = 0;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const bool larger = values[i] > largest;
        at = larger ? static_cast<index>(i) : at;
        largest = larger ? values[i] : largest;
    }
    return static_cast<std::size_t>(at);
}

/// z: 1 at whatever reaches the k-th largest value, 0 elsewhere; if several equal it and so too many are
/// taken, the last of those are given back.
template <class Scalar>
void select_from(std::span<const Scalar> values, Scalar kth, std::size_t k, Scalar* z) noexcept {
    // Counts as wide as Scalar let the loop vectorise; a block is too short for them to overflow.
    using count = lane_integer<Scalar>;
    constexpr std::size_t block = 4096;
    std::size_t taken = 0;
    for (std::size_t first = 0; first < values.size(); first += block) {
        count reached = 0;
        for (std::size_t i = first; i < std::min(first + block, values.size()); ++i) {
            reached += values[i] >= kth ? 1 : 0;
            z[i] = values[i] >= kth ? Scalar(1) : Scalar(0);
        }
        taken += static_cast<std::size_t>(reached);
    }
    for (std::size_t i = values.size(); taken > k; --i)
        if (values[i - 1] == kth) {
            z[i - 1] = 0;
            --taken;
        }
}

/// z: 1 at the k largest of n numbers, 0 elsewhere; of equal ones the lowest indices are chosen.
/// 0 <= k <= n; scratch: n numbers.
template <class Scalar>
void select_largest(std::span<const Scalar> values, std::size_t k, std::span<Scalar> scratch,
                    kth_guess<Scalar>& guess, Scalar* z) {
    if (k == 0 || k == values.size())
        std::fill_n(z, values.size(), Scalar(k == 0 ? 0 : 1));
    else
        select_from(values, kth_largest(values, k, scratch, guess), k, z);
}

/// The most groups that are worth a place in a register each, and the largest k for which that is faster than
/// to go through the groups one by one (measured).
inline constexpr std::size_t group_lanes = 16;
inline constexpr std::size_t largest_k_in_lanes = 4;

/// `select_largest` for `group_lanes` groups, one after the other in memory, each of n > k numbers,
/// 1 <= k <= largest_k_in_lanes: one group in each lane, where the k largest so far are kept in order. A
/// number goes past those that are at least as large and shifts the others by one place: no branch depends on
/// the numbers.
template <class Scalar>
void select_in_lanes(const Scalar* values, std::size_t n, std::size_t k, Scalar* z) {
    using integer = lane_integer<Scalar>;
    using numbers = std::array<Scalar, group_lanes>;
    using integers = std::array<integer, group_lanes>;
    std::array<numbers, largest_k_in_lanes> largest;
    std::array<integers, largest_k_in_lanes> at{};
    for (numbers& each : largest)
        each.fill(-std::numeric_limits<Scalar>::infinity());  // any number is larger
    for (std::size_t i = 0; i < n; ++i) {
        numbers number;
        integers index, shifts{};
        index.fill(static_cast<integer>(i));
        for (std::size_t lane = 0; lane < group_lanes; ++lane) number[lane] = values[lane * n + i];
        for (std::size_t place = 0; place < k; ++place)
            for (std::size_t lane = 0; lane < group_lanes; ++lane) {
                const Scalar kept = largest[place][lane];
                const integer kept_at = at[place][lane];
                shifts[lane] |= number[lane] > kept ? -1 : 0;
                const bool shift = shifts[lane] != 0;
                largest[place][lane] = shift ? number[lane] : kept;
                at[place][lane] = shift ? index[lane] : kept_at;
                number[lane] = shift ? kept : number[lane];
                index[lane] = shift ? kept_at : index[lane];
            }
    }
    std::fill_n(z, group_lanes * n, Scalar(0));
    for (std::size_t place = 0; place < k; ++place)
        for (std::size_t lane = 0; lane < group_lanes; ++lane)
            z[lane * n + static_cast<std::size_t>(at[place][lane])] = 1;
}

/// `select_largest` for each of several groups of n numbers, one after the other in memory.
template <class Scalar>
void select_largest_of_groups(const Scalar* values, std::size_t groups, std::size_t n, std::size_t k,
                              std::span<Scalar> scratch, Scalar* z) {
    if (k == 1) {
        std::fill_n(z, groups * n, Scalar(0));
        for (std::size_t group = 0; group < groups; ++group)
            z[group * n + first_largest(std::span<const Scalar>(values + group * n, n))] = 1;
        return;
    }
    kth_guess<Scalar> guess;
    std::size_t group = 0;
    if (k > 0 && k < n && k <= largest_k_in_lanes)
        for (; group + group_lanes <= groups; group += group_lanes)
            select_in_lanes(values + group * n, n, k, z + group * n);
    for (; group < groups; ++group)
        select_largest(std::span<const Scalar>(values + group * n, n), k, scratch, guess, z + group * n);
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
