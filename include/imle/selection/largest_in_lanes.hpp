#pragma once

/// @file
/// The k largest of n numbers, for many groups of n numbers at the same time: each lane handles one group.
///
/// The k-th largest of each lane is found without a branch on the numbers. Each group's own numbers are then
/// compared with it, in the order of memory.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/selection/columns.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Takes the `Places` largest numbers of each lane (or the smallest) out of n columns, and returns the last
/// of them. The other numbers move to the columns from number `Places` on.
template <std::size_t Places, bool Smallest, class Scalar>
[[nodiscard]] widest_lanes<Scalar> take_out(Scalar* columns, std::size_t n) noexcept {
    using lanes = widest_lanes<Scalar>;
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    // In order. A number takes the place of the first that it beats, which goes on to the next place.
    return [&]<std::size_t... Place>(std::index_sequence<Place...>) {
        lanes kept[] = {(static_cast<void>(Place), lanes(Smallest ? infinity : -infinity))...};
        for (std::size_t i = 0; i < n; ++i) {
            lanes number = lanes::load(columns + i * lanes::size);
            const auto pass = [&](lanes& place) {
                const lanes smaller = minimum(number, place), larger = maximum(number, place);
                place = Smallest ? smaller : larger;
                number = Smallest ? larger : smaller;
            };
            (pass(kept[Place]), ...);
            number.store(columns + i * lanes::size);
        }
        return kept[Places - 1];
    }
    (std::make_index_sequence<Places>{});
}

/// `take_out` of 1 to 8 numbers.
template <bool Smallest, class Scalar>
[[nodiscard]] widest_lanes<Scalar> take_out(Scalar* columns, std::size_t n, std::size_t places) noexcept {
    switch (places) {
        case 1:
            return take_out<1, Smallest>(columns, n);
        case 2:
            return take_out<2, Smallest>(columns, n);
        case 3:
            return take_out<3, Smallest>(columns, n);
        case 4:
            return take_out<4, Smallest>(columns, n);
        case 5:
            return take_out<5, Smallest>(columns, n);
        case 6:
            return take_out<6, Smallest>(columns, n);
        case 7:
            return take_out<7, Smallest>(columns, n);
        default:
            return take_out<8, Smallest>(columns, n);
    }
}

/// The k-th largest (or smallest) number of each lane, 1 <= k <= n. The columns lose their order. O(k n).
template <bool Smallest, class Scalar>
[[nodiscard]] widest_lanes<Scalar> kth_in_lanes(Scalar* columns, std::size_t n, std::size_t k) noexcept {
    // As many at a time as stay in registers. Equal rounds: of few places, one waits for another.
    constexpr std::size_t most_places = 8;
    for (std::size_t rounds = (k + most_places - 1) / most_places;; --rounds) {
        const std::size_t places = (k + rounds - 1) / rounds;
        const auto last = take_out<Smallest>(columns, n, places);
        if (rounds == 1) return last;
        columns += places * group_lanes<Scalar>;
        n -= places;
        k -= places;
    }
}

/// z_i = 1 for the first n numbers that reach `kth`, and 0 for the others. Returns how many reach it. The
/// memory of values and of z has `room` >= n numbers. Of z, up to a vector beyond the n numbers may change.
template <class Scalar>
[[nodiscard]] std::size_t write_reached(const Scalar* values, std::size_t n, std::size_t room, Scalar kth,
                                        Scalar* z) noexcept {
    using lanes = widest_lanes<Scalar>;
    std::size_t reached = 0, i = 0;
    if constexpr (lanes::size > 1) {
        const lanes bound(kth), zero(0), one(1);
        for (; i < n && i + lanes::size <= room; i += lanes::size) {
            const auto below = less(lanes::load(values + i), bound);
            select(below, zero, one).store(z + i);
            const std::uint32_t used = ~std::uint32_t{0} >> (32 - std::min(lanes::size, n - i));
            reached += static_cast<std::size_t>(std::popcount(~lanes::bits(below) & used));
        }
    }
    for (; i < n; ++i) {
        // Not by ?:, of which a compiler makes a branch: which numbers reach it is a matter of chance.
        const std::int32_t reaches = values[i] >= kth;
        z[i] = static_cast<Scalar>(reaches);
        reached += static_cast<std::size_t>(reaches);
    }
    return reached;
}

/// Sets z back to 0 at the last of the numbers that equal `kth`, so many that of `reached` numbers k are
/// left.
template <class Scalar>
void drop_last_equal(const Scalar* values, std::size_t n, Scalar kth, std::size_t reached, std::size_t k,
                     Scalar* z) noexcept {
    for (std::size_t i = n; reached > k; --i)
        if (values[i - 1] == kth) {
            z[i - 1] = 0;
            --reached;
        }
}

/// For each of `groups` groups of n numbers, contiguous in memory: sets z to 1 at the k largest and to 0
/// elsewhere; of equal ones the lowest indices are chosen. 1 <= k <= n. memory: `column_memory(n)` numbers.
template <class Scalar>
void select_largest_in_lanes(const Scalar* values, std::size_t groups, std::size_t n, std::size_t k,
                             std::span<Scalar> memory, Scalar* z) noexcept {
    constexpr std::size_t size = group_lanes<Scalar>;
    Scalar* const columns = aligned_columns(memory);
    const std::size_t from_below = n - k + 1;
    std::array<Scalar, size> kth;
    for (; groups > 0; groups -= std::min(groups, size)) {
        write_columns(values, groups, n, columns);
        (k <= from_below ? kth_in_lanes<false>(columns, n, k) : kth_in_lanes<true>(columns, n, from_below))
            .store(kth.data());
        for (std::size_t lane = 0; lane < std::min(groups, size); ++lane, values += n, z += n) {
            const std::size_t reached = write_reached(values, n, (groups - lane) * n, kth[lane], z);
            if (reached > k) drop_last_equal(values, n, kth[lane], reached, k, z);
        }
    }
}

}  // namespace imle::inline IMLE_ABI::detail
