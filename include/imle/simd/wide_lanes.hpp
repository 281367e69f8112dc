#pragma once

/// @file
/// Vectors of numbers with one lane for each instance that is solved at the same time.

#include <array>
#include <cstddef>
#include <cstdint>

#include <imle/simd/vector.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The number of lanes of Scalar in the widest register of this build; 1 without vectors.
template <class Scalar>
inline constexpr int native_lanes = IMLE_VECTOR_BYTES == 0 ? 1 : int{IMLE_VECTOR_BYTES / sizeof(Scalar)};

/// The types for `Width` lanes. `number` and `integer` are vectors of the compiler: +, comparison and ?: act
/// lane by lane. Each lane rounds as a scalar does, so an instance solved in a lane has the same bits as one
/// solved alone. `Width` must be 1, which gives plain scalars, or at most `native_lanes<Scalar>`: g++ 12
/// splits wider vectors into scalars.
template <class Scalar_, int Width>
struct lanes {
    using Scalar = Scalar_;
    static constexpr int width = Width;
    using number = vector_of<Scalar, Width>;
    using integer = vector_of<lane_integer<Scalar>, Width>;
    /// The element type of arrays: as template arguments, bare vectors would lose their alignment.
    struct number_cell {
        number lane;
    };
    struct integer_cell {
        integer lane;
    };

    static void set(number_cell& cell, int lane, Scalar value) noexcept {
        if constexpr (Width == 1)
            cell.lane = value;
        else
            cell.lane[lane] = value;
    }
    template <class Cell>
    [[nodiscard]] static auto get(const Cell& cell, int lane) noexcept {
        if constexpr (Width == 1)
            return cell.lane;
        else
            return cell.lane[lane];
    }
    /// a == b ? yes : no, without a branch.
    [[nodiscard]] static integer if_equal(const number& a, const number& b, const integer& yes,
                                          const integer& no) noexcept {
        if constexpr (Width == 1)
            return by_bits(a == b, yes, no);
        else
            return a == b ? yes : no;
    }
    /// The smaller number in each lane.
    [[nodiscard]] static number least(const number& a, const number& b) noexcept { return a < b ? a : b; }
    [[nodiscard]] static integer least(const integer& a, const integer& b) noexcept {
        if constexpr (Width == 1)
            return by_bits(a < b, a, b);
        else
            return a < b ? a : b;
    }
    /// Nonzero in the lanes where a and b differ in any bit (for one lane: in value).
    [[nodiscard]] static integer difference(const number& a, const number& b) noexcept {
        if constexpr (Width == 1)
            return a != b;
        else
            return integer(a) ^ integer(b);
    }
    [[nodiscard]] static integer difference(const integer& a, const integer& b) noexcept { return a ^ b; }
    /// True if any lane is nonzero.
    [[nodiscard]] static bool any(const integer& flags) noexcept {
        return joined<lane_integer<Scalar>>(
                   flags, [](const integer& a, const integer& b) noexcept { return a | b; }) != 0;
    }
    /// The least of the lanes.
    [[nodiscard, gnu::always_inline]] static Scalar least_lane(const number& of) noexcept {
        return joined<Scalar>(of, [](const number& a, const number& b) noexcept { return least(a, b); });
    }

  private:
    /// All lanes joined by an operation of any order, by halves: g++ takes lanes out of a register one by
    /// one.
    template <class T, std::size_t Step = Width / 2, class JoinT>
    [[nodiscard, gnu::always_inline]] static T joined(const vector_of<T, Width>& of, JoinT join) noexcept {
        if constexpr (Width == 1)
            return of;
        else if constexpr (Step == 0)
            return of[0];
        else
            return joined<T, Step / 2>(
                join(of, shuffle<T, std::size_t{Width}>(of, of, [](std::size_t i) { return i ^ Step; })),
                join);
    }

    // Compilers turn ?: into a branch here, which ties predict badly (twice the time, measured).
    [[nodiscard]] static integer by_bits(bool which, integer yes, integer no) noexcept {
        const integer mask = -integer{which};
        return (yes & mask) | (no & ~mask);
    }
};

/// Calls put(i, numbers) for each i < n in increasing order, where lane l of `numbers` is instances[l][i].
template <class L, class PutT>
void for_each_across(const std::array<const typename L::Scalar*, L::width>& instances, std::size_t n,
                     PutT&& put) {
    using Scalar = typename L::Scalar;
    constexpr std::size_t width = L::width;
    std::size_t i = 0;
    if constexpr (width != 1) {
        for (; i + width <= n; i += width) {
            typename L::number rows[width];
            for (std::size_t lane = 0; lane < width; ++lane)
                rows[lane] = load_vector<Scalar, width>(instances[lane] + i);
            transpose<Scalar, width>(rows);
            for (std::size_t j = 0; j < width; ++j) put(i + j, rows[j]);
        }
    }
    for (; i < n; ++i) {
        typename L::number_cell across;
        for (std::size_t lane = 0; lane < width; ++lane)
            L::set(across, static_cast<int>(lane), instances[lane][i]);
        put(i, across.lane);
    }
}

}  // namespace imle::inline IMLE_ABI::detail
