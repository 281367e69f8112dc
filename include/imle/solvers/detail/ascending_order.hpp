#pragma once

/// @file
/// The order of n numbers, by a radix sort.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <imle/core/backports.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// 32 bits that are ordered as the finite number x is: all of a float, the upper half of a double. 0.0 and
/// -0.0 have the same.
template <class Scalar>
[[nodiscard]] std::uint32_t ordered_bits(Scalar x) noexcept {
    using bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
    constexpr bits sign = bits{1} << (8 * sizeof(bits) - 1);
    bits b = bit_cast<bits>(x);
    b &= bits{0} - bits{b != sign};  // -0.0 becomes 0.0
    // Positive numbers go above the negative ones, whose order is turned round. Without a branch: signs are
    // random, and a branch on them takes half of a sort's time (measured).
    b ^= (bits{0} - (b >> (8 * sizeof(bits) - 1))) | sign;
    return static_cast<std::uint32_t>(b >> (8 * sizeof(bits) - 32));
}

/// One element of an order: `ordered_bits` above, the index below.
using order_entry = std::uint64_t;

/// The index that an entry stands for.
[[nodiscard]] inline std::uint32_t index_of(order_entry entry) noexcept {
    return static_cast<std::uint32_t>(entry);
}

/// The entries of n < 2^32 finite numbers from the smallest number to the largest; of equal ones the highest
/// index first (so that, read from the end, the lowest index is first). scratch: 2 n entries, among them the
/// result. O(n): a radix sort, least significant digit first, in at most four passes, each of which is
/// stable. Where doubles agree in their upper 32 bits, a sort of those, O(n log n).
template <class Scalar>
[[nodiscard]] std::span<const order_entry> ascending_order(std::span<const Scalar> values,
                                                           std::span<order_entry> scratch) {
    constexpr int digits = 4;
    constexpr std::size_t radix = 256;
    const std::size_t n = values.size();
    std::array<std::array<std::uint32_t, radix>, digits> starts{};
    const auto digit = [](order_entry entry, int d) {
        return static_cast<std::size_t>(entry >> (32 + 8 * d)) % radix;
    };
    order_entry* from = scratch.data();
    order_entry* to = from + n;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = n - 1 - i;
        const order_entry entry =
            (order_entry{ordered_bits(values[at])} << 32) | static_cast<std::uint32_t>(at);
        from[i] = entry;
        ++starts[0][digit(entry, 0)];
        ++starts[1][digit(entry, 1)];
        ++starts[2][digit(entry, 2)];
        ++starts[3][digit(entry, 3)];
    }
    for (int d = 0; d < digits; ++d) {
        auto& start = starts[static_cast<std::size_t>(d)];
        if (n == 0 || start[digit(from[0], d)] == n) continue;  // all have this digit
        std::uint32_t below = 0;
        for (std::uint32_t& count : start) below += std::exchange(count, below);
        for (std::size_t i = 0; i < n; ++i) to[start[digit(from[i], d)]++] = from[i];
        std::swap(from, to);
    }
    if constexpr (sizeof(Scalar) > 4) {
        const auto less = [&](order_entry a, order_entry b) {
            const Scalar x = values[index_of(a)], y = values[index_of(b)];
            return x < y || (x == y && index_of(a) > index_of(b));
        };
        for (std::size_t first = 0; first < n;) {
            std::size_t end = first + 1;
            while (end < n && from[end] >> 32 == from[first] >> 32) ++end;
            if (end - first > 1) std::sort(from + first, from + end, less);
            first = end;
        }
    }
    return {from, n};
}

}  // namespace imle::inline IMLE_ABI::detail
