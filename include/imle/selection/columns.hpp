#pragma once

/// @file
/// Groups of n numbers, transposed: column i is a vector with number i of each group, so that each lane
/// handles one group.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// How many groups are handled at the same time.
template <class Scalar>
inline constexpr std::size_t group_lanes = widest_lanes<Scalar>::size;

/// The memory for the columns of n numbers, which begin at an address that is a multiple of a vector's size.
template <class Scalar>
[[nodiscard]] constexpr std::size_t column_memory(std::size_t n) noexcept {
    constexpr std::size_t lanes = group_lanes<Scalar>;
    return (n + lanes - 1) / lanes * lanes * lanes + lanes;
}
template <class Scalar>
[[nodiscard]] Scalar* aligned_columns(std::span<Scalar> memory) noexcept {
    constexpr std::size_t bytes = group_lanes<Scalar> * sizeof(Scalar);
    void* begin = memory.data();
    std::size_t room = memory.size_bytes();
    return static_cast<Scalar*>(std::align(bytes, bytes, begin, room));
}

/// columns[i * lanes + lane] = values[lane * n + i]. There are `groups` >= 1 groups of n numbers at `values`.
/// If that is fewer than there are lanes, the last group fills the rest; if it is more, the others are not
/// used, but may be read.
template <class Scalar>
void write_columns(const Scalar* values, std::size_t groups, std::size_t n, Scalar* columns) noexcept {
    constexpr std::size_t size = group_lanes<Scalar>;
    if constexpr (size == 1) {
        std::copy_n(values, n, columns);
    } else {
        const Scalar* const end = values + groups * n;
        const std::size_t used = std::min(groups, size);
        std::array<const Scalar*, size> rows;
        const Scalar* row = values;
        for (std::size_t lane = 0; lane < size; ++lane) {
            rows[lane] = row;
            row += lane + 1 < used ? n : 0;
        }
        // A vector may read beyond its group, but not beyond the last group.
        std::array<std::array<Scalar, size>, size> last_rows;
        for (std::size_t i = 0; i < n; i += size, columns += size * size) {
            if (end - rows[used - 1] < std::ptrdiff_t{size}) {
                for (std::size_t lane = used; lane-- > 0 && end - rows[lane] < std::ptrdiff_t{size};) {
                    last_rows[lane].fill(0);
                    std::copy_n(rows[lane], n - i, last_rows[lane].data());
                    rows[lane] = last_rows[lane].data();
                }
                std::fill(rows.begin() + static_cast<std::ptrdiff_t>(used), rows.end(), rows[used - 1]);
            }
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                vector_of<Scalar, size> block[] = {load_vector<Scalar, size>(rows[I])...};
                transpose<Scalar, size>(block);
                (store_vector<Scalar, size>(block[I], columns + I * size), ...);
                ((rows[I] += size), ...);
            }
            (std::make_index_sequence<size>{});
        }
    }
}

/// The inverse of `write_columns`: writes the groups to z, which has memory for `groups` >= 1 groups of n
/// numbers. Of more groups than there are lanes, the first are written, and up to a vector after them may
/// change.
template <class Scalar>
void write_groups(const Scalar* columns, std::size_t groups, std::size_t n, Scalar* z) noexcept {
    constexpr std::size_t size = group_lanes<Scalar>;
    if constexpr (size == 1) {
        std::copy_n(columns, n, z);
    } else {
        const Scalar* const end = z + groups * n;
        const std::size_t used = std::min(groups, size);
        // From the last block to the first: a vector that is written beyond its group's end changes numbers
        // of the next group, which are written later.
        for (std::size_t i = (n + size - 1) / size * size; i > 0;) {
            i -= size;
            std::array<std::array<Scalar, size>, size> rows;
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                vector_of<Scalar, size> block[] = {load_vector<Scalar, size>(columns + (i + I) * size)...};
                transpose<Scalar, size>(block);
                (store_vector<Scalar, size>(block[I], rows[I].data()), ...);
            }
            (std::make_index_sequence<size>{});
            for (std::size_t lane = 0; lane < used; ++lane) {
                Scalar* const to = z + lane * n + i;
                if (end - to >= std::ptrdiff_t{size})
                    store_vector<Scalar, size>(load_vector<Scalar, size>(rows[lane].data()), to);
                else
                    std::copy_n(rows[lane].data(), std::min(size, n - i), to);
            }
        }
    }
}

}  // namespace imle::inline IMLE_ABI::detail
