#pragma once

/// @file
/// From instances one after the other to instances side by side.

#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/lanes.hpp>

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define IMLE_DETAIL_SHUFFLE 1
#endif
#endif

namespace imle::inline IMLE_ABI {
namespace detail {

#if defined(IMLE_DETAIL_SHUFFLE)

/// One step of a transposition: of the square blocks of Step x Step numbers in two rows that are Step rows
/// apart, the right one of the upper row and the left one of the lower row change places.
template <int Step, class L, int... Lane>
inline void exchange_blocks(typename L::number_cell& upper, typename L::number_cell& lower,
                            std::integer_sequence<int, Lane...>) noexcept {
    const typename L::number a = upper.lane, b = lower.lane;
    upper.lane = __builtin_shufflevector(a, b, ((Lane & Step) != 0 ? L::width + Lane - Step : Lane)...);
    lower.lane = __builtin_shufflevector(a, b, ((Lane & Step) != 0 ? L::width + Lane : Lane + Step)...);
}

/// Transposes a square of numbers, row i of which is rows[i].
template <int Step, class L>
inline void transpose_square(std::array<typename L::number_cell, L::width>& rows) noexcept {
    if constexpr (Step < L::width) {
        for (std::size_t i = 0; i < rows.size(); ++i)
            if ((i & Step) == 0)
                exchange_blocks<Step, L>(rows[i], rows[i + Step],
                                         std::make_integer_sequence<int, L::width>{});
        transpose_square<2 * Step, L>(rows);
    }
}

#endif

/// Calls put(i, numbers) for each i < n in increasing order, where lane l of numbers is
/// instances[l][i].
template <class L, class PutT>
void for_each_across(const std::array<const typename L::Scalar*, L::width>& instances, std::size_t n,
                     PutT&& put) {
    using number = typename L::number;
    constexpr std::size_t width = L::width;
    std::size_t i = 0;
    if constexpr (width == 1) {
        for (; i < n; ++i) put(i, instances[0][i]);
    } else {
#if defined(IMLE_DETAIL_SHUFFLE)
        for (; i + width <= n; i += width) {
            std::array<typename L::number_cell, width> rows;
            for (std::size_t lane = 0; lane < width; ++lane)
                std::memcpy(&rows[lane], instances[lane] + i, sizeof(number));
            transpose_square<1, L>(rows);
            for (std::size_t j = 0; j < width; ++j) put(i + j, rows[j].lane);
        }
#endif
        for (; i < n; ++i) {
            typename L::number_cell across;
            for (std::size_t lane = 0; lane < width; ++lane)
                L::set(across, static_cast<int>(lane), instances[lane][i]);
            put(i, across.lane);
        }
    }
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI

#undef IMLE_DETAIL_SHUFFLE
