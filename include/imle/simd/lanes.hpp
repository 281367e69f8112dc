#pragma once

/// @file
/// Vectors of numbers, on which kernels are written once for all instruction sets.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <imle/core/backports.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/simd/neon.hpp>
#include <imle/simd/x86.hpp>

namespace imle::inline IMLE_ABI::detail {

/// `Size` numbers. A kernel written on this type does the same operations in the same order for every size,
/// so the bits of a number do not depend on which lane or instruction set computed it. One lane is the
/// reference.
///
/// Add products to sums only by `multiply_add`, or after `product`. Elsewhere a compiler may fuse them or
/// not.
template <class ScalarT, std::size_t Size>
struct vector_lanes {
    using scalar = ScalarT;
    using word = lane_word<scalar>;
    using vector = vector_of<scalar, Size>;
    using words = vector_of<word, Size>;
    using mask = decltype(instructions::less(vector{}, vector{}));
    static constexpr std::size_t size = Size;

    vector v;

    vector_lanes() = default;
    /// The same number in all lanes. (Subtracting 0 keeps the sign of 0.)
    explicit vector_lanes(scalar x) noexcept : v(x - vector{}) {}
    [[nodiscard]] static vector_lanes of(const vector& v) noexcept {
        vector_lanes lanes;
        lanes.v = v;
        return lanes;
    }

    [[nodiscard]] static vector_lanes load(const scalar* from) noexcept {
        return of(load_vector<scalar, Size>(from));
    }
    /// The first `count` numbers from memory, and `rest` in the lanes after them. It reads nothing else.
    [[nodiscard]] static vector_lanes load_first(const scalar* from, std::size_t count,
                                                 scalar rest) noexcept {
        if (count >= Size) return load(from);
        const vector_lanes others(rest);
        if constexpr (requires(vector v) {
                          { instructions::load_first(from, count, v) } -> std::same_as<vector>;
                      }) {
            return of(instructions::load_first(from, count, others.v));
        } else {
            scalar numbers[Size];
            others.store(numbers);
            for (std::size_t i = 0; i < count; ++i) numbers[i] = from[i];
            return load(numbers);
        }
    }
    void store(scalar* to) const noexcept { store_vector<scalar, Size>(v, to); }

    /// The number in lane 0.
    [[nodiscard]] scalar first() const noexcept {
        if constexpr (Size == 1)
            return v;
        else
            return v[0];
    }

    /// Numbers from their bits, and back.
    [[nodiscard]] static vector_lanes of_bits(const words& bits) noexcept {
        return of(bit_cast<vector>(bits));
    }
    [[nodiscard]] words to_bits() const noexcept { return bit_cast<words>(v); }

    /// As many bits as a lane has: one word for a float; two words, the lower first, for a double.
    [[nodiscard]] static words load_words(const std::uint32_t* from) noexcept {
        if constexpr (sizeof(word) == 4)
            return load_vector<word, Size>(from);
        else if constexpr (Size == 1)
            return (word{from[1]} << 32) | from[0];
        else
            return bit_cast<words>(load_vector<std::uint32_t, 2 * Size>(from));
    }
    /// Integers as numbers. They are below 2^31, so signed and unsigned conversion agree.
    template <class Words>
    [[nodiscard]] static vector_lanes of_whole(const Words& whole) noexcept {
        return of(convert_vector<std::int32_t, scalar, Size>(vector_of<std::int32_t, Size>(whole)));
    }
    /// The upper 24 bits of each word, as an integer.
    [[nodiscard]] static vector_lanes upper_bits(const std::uint32_t* from) noexcept {
        return of_whole(load_vector<std::uint32_t, Size>(from) >> 8);
    }

    friend vector_lanes operator+(vector_lanes a, vector_lanes b) noexcept { return of(a.v + b.v); }
    friend vector_lanes operator-(vector_lanes a, vector_lanes b) noexcept { return of(a.v - b.v); }
    friend vector_lanes operator*(vector_lanes a, vector_lanes b) noexcept { return of(a.v * b.v); }
    friend vector_lanes operator/(vector_lanes a, vector_lanes b) noexcept { return of(a.v / b.v); }
    friend vector_lanes multiply_add(vector_lanes a, vector_lanes b, vector_lanes c) noexcept {
        return of(detail::multiply_add(a.v, b.v, c.v));
    }
    /// a * b, rounded before it is added to anything.
    friend vector_lanes product(vector_lanes a, vector_lanes b) noexcept {
        return of(rounded(vector(a.v * b.v)));
    }
    friend vector_lanes square_root(vector_lanes a) noexcept { return of(instructions::square_root(a.v)); }
    friend vector_lanes minimum(vector_lanes a, vector_lanes b) noexcept { return of(a.v < b.v ? a.v : b.v); }
    friend vector_lanes maximum(vector_lanes a, vector_lanes b) noexcept { return of(a.v > b.v ? a.v : b.v); }
    /// The nearest integer, ties to even, for |a| < 2^31. A zero may have either sign.
    friend vector_lanes nearest(vector_lanes a) noexcept { return of(instructions::nearest(a.v)); }
    /// 2^n, for integers n in the exponent range of normal numbers.
    friend vector_lanes power_of_two(vector_lanes n) noexcept {
        // At the size of this number, the last bits of the mantissa are n plus the exponent's bias.
        constexpr scalar large = sizeof(scalar) == 4 ? scalar(0x1.8p23 + 127) : scalar(0x1.8p52 + 1023);
        return of_bits((n + vector_lanes(large)).to_bits() << (sizeof(scalar) == 4 ? 23 : 52));
    }

    friend mask less(vector_lanes a, vector_lanes b) noexcept { return instructions::less(a.v, b.v); }
    friend vector_lanes select(mask which, vector_lanes yes, vector_lanes no) noexcept {
        return of(instructions::select(which, yes.v, no.v));
    }
    /// A mask as an integer: bit i is lane i.
    [[nodiscard]] static std::uint32_t bits(const mask& m) noexcept {
        if constexpr (sizeof(mask) == sizeof(vector))
            return instructions::bits(bit_cast<vector>(m));
        else
            return instructions::bits(m);
    }

    /// The numbers that begin one element before `here`; `before` is the vector before `here`.
    friend vector_lanes one_before(vector_lanes before, vector_lanes here) noexcept {
        if constexpr (Size == 1)
            return before;
        else
            return of(lanes_from<scalar, Size, Size - 1>(before.v, here.v));
    }
    /// The numbers that begin one element after `here` does; `after` is the vector after `here`.
    friend vector_lanes one_after(vector_lanes here, vector_lanes after) noexcept {
        if constexpr (Size == 1)
            return after;
        else
            return of(lanes_from<scalar, Size, 1>(here.v, after.v));
    }
};

/// The widest lanes of the instruction set in use.
template <class Scalar>
using widest_lanes = vector_lanes<Scalar, IMLE_VECTOR_BYTES == 0 ? 1 : IMLE_VECTOR_BYTES / sizeof(Scalar)>;
template <class Scalar>
using scalar_lanes = vector_lanes<Scalar, 1>;

/// Whether the instruction set has `compressed`.
template <class Lanes>
concept Compresses = requires(const typename Lanes::vector& v) {
    instructions::compress(std::uint32_t{}, v);
};
/// The lanes of which bits of `which` are set, one after the other.
template <Compresses Lanes>
[[nodiscard]] inline Lanes compressed(std::uint32_t which, const Lanes& from) noexcept {
    return Lanes::of(instructions::compress(which, from.v));
}

template <class Lanes, std::size_t Columns, class RowT, std::size_t... J>
[[gnu::always_inline]] inline void load_columns(RowT row, typename Lanes::vector (&columns)[Columns],
                                                std::index_sequence<J...>) noexcept {
    using scalar = typename Lanes::scalar;
    constexpr std::size_t size = Lanes::size;
    if constexpr (Columns >= size) {
        // Square blocks, side by side.
        ((columns[J] = load_vector<scalar, size>(row(J % size) + J / size * size)), ...);
    } else if constexpr (size == 2 * Columns) {
        ((columns[J] = instructions::load_fours(row(J), row(J + 4))), ...);
    } else {
        static_assert(size == 4 * Columns && Columns == 4);
        ((columns[J] = instructions::load_fours(row(J), row(J + 4), row(J + 8), row(J + 12))), ...);
    }
}

/// Column j < Columns of a table's rows, where row(i) is the beginning of the row for lane i.
///
/// The numbers of a row are contiguous, so one load brings several of them, and a transposition sorts them
/// into vectors. (A gather instruction for each column would need as many loads.)
template <class Lanes, std::size_t Columns, class RowT>
[[gnu::always_inline]] inline void look_up(RowT row, typename Lanes::vector (&columns)[Columns]) noexcept {
    load_columns<Lanes>(row, columns, std::make_index_sequence<Columns>{});
    if constexpr (Lanes::size != 1) transpose<typename Lanes::scalar, Lanes::size>(columns);
}

/// All lanes combined by f, as `minimum` or `maximum` combines two; the result is in each lane.
template <class Lanes, class F, std::size_t Step = Lanes::size / 2>
[[nodiscard, gnu::always_inline]] inline Lanes across(const Lanes& numbers, F f) noexcept {
    if constexpr (Step == 0)
        return numbers;
    else
        return across<Lanes, F, Step / 2>(
            f(numbers,
              Lanes::of(lanes_from<typename Lanes::scalar, Lanes::size, Step>(numbers.v, numbers.v))),
            f);
}

/// The lowest of the places of those lanes that have `number` in all of its lanes; some lane must. Without a
/// branch unless there are several: which lane it is cannot be predicted.
template <class Lanes>
[[nodiscard, gnu::always_inline]] inline int lowest_place_of(const Lanes& number, const Lanes& numbers,
                                                             const Lanes& places) noexcept {
    typename Lanes::scalar each[Lanes::size];
    places.store(each);
    constexpr std::uint32_t all = Lanes::size == 1 ? 1u : (1u << Lanes::size) - 1;
    std::uint32_t equal = all & ~(Lanes::bits(less(number, numbers)) | Lanes::bits(less(numbers, number)));
    auto lowest = each[std::countr_zero(equal)];
    while ((equal &= equal - 1) != 0) {
        const auto other = each[std::countr_zero(equal)];
        lowest = other < lowest ? other : lowest;
    }
    return static_cast<int>(lowest);
}

/// The sum of coefficient(First + i) t^i for i < Count, by halves; powers[b] is t^(2^b).
template <std::size_t First, std::size_t Count, class Lanes, std::size_t Powers, class CoefficientT>
[[nodiscard, gnu::always_inline]] inline Lanes polynomial_part(const Lanes (&powers)[Powers],
                                                               CoefficientT coefficient) noexcept {
    if constexpr (Count == 1) {
        return coefficient(First);
    } else {
        constexpr std::size_t half = std::bit_floor(Count - 1);
        return multiply_add(polynomial_part<First + half, Count - half>(powers, coefficient),
                            powers[std::countr_zero(half)],
                            polynomial_part<First, half>(powers, coefficient));
    }
}

/// The sum of coefficient(i) t^i for i <= Degree, by Estrin's scheme. Horner's rule is one chain of
/// multiplications and additions; without fused operations its latency would dominate a kernel.
template <std::size_t Degree, class Lanes, class CoefficientT>
[[nodiscard, gnu::always_inline]] inline Lanes polynomial(Lanes t, CoefficientT coefficient) noexcept {
    Lanes powers[std::bit_width(Degree)];
    powers[0] = t;
    if constexpr (Degree >= 2) powers[1] = product(t, t);
    if constexpr (Degree >= 4) powers[2] = product(powers[1], powers[1]);
    if constexpr (Degree >= 8) powers[3] = product(powers[2], powers[2]);
    static_assert(Degree < 16);
    return polynomial_part<0, Degree + 1>(powers, coefficient);
}

}  // namespace imle::inline IMLE_ABI::detail
