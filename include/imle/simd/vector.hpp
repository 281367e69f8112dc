#pragma once

/// @file
/// The compiler's vector types, and shuffles of their lanes.

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The signed integer as wide as Scalar: comparing vectors of Scalar gives a vector of `lane_integer`.
template <class Scalar>
using lane_integer = std::conditional_t<sizeof(Scalar) == 4, std::int32_t, std::int64_t>;
template <class Scalar>
using lane_word = std::make_unsigned_t<lane_integer<Scalar>>;

#if IMLE_VECTOR_BYTES != 0
template <class T, std::size_t Size>
struct vector_types {
    typedef T vector __attribute__((vector_size(sizeof(T) * Size)));
    /// The same type without alignment, for memory of any type.
    typedef T unaligned __attribute__((vector_size(sizeof(T) * Size), aligned(alignof(T)), may_alias));
};
#else
template <class T, std::size_t Size>
struct vector_types;
#endif

template <class T>
struct vector_types<T, 1> {
    using vector = T;
    using unaligned = T;
};

/// `Size` numbers or integers: T itself if Size is 1, else a type whose operators, comparisons and ?: act
/// lane by lane. Each lane rounds as a scalar does.
template <class T, std::size_t Size>
using vector_of = typename vector_types<T, Size>::vector;

template <class T, std::size_t Size>
[[nodiscard]] inline vector_of<T, Size> load_vector(const T* from) noexcept {
    return *reinterpret_cast<const typename vector_types<T, Size>::unaligned*>(from);
}
template <class T, std::size_t Size>
inline void store_vector(const vector_of<T, Size>& v, T* to) noexcept {
    *reinterpret_cast<typename vector_types<T, Size>::unaligned*>(to) = v;
}

/// Converts the lanes of a vector from `From` to `To`.
template <class From, class To, std::size_t Size>
[[nodiscard]] inline vector_of<To, Size> convert_vector(const vector_of<From, Size>& v) noexcept {
#if IMLE_VECTOR_BYTES != 0
    if constexpr (Size != 1)
        return __builtin_convertvector(v, vector_of<To, Size>);
    else
#endif
        return static_cast<To>(v);
}

#if IMLE_VECTOR_BYTES != 0

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define IMLE_DETAIL_SHUFFLE 1
#endif
#endif

/// Lane i of the result is lane place(i) of a if place(i) < Size, else lane place(i) - Size of b.
template <class T, std::size_t Size, class PlaceT, std::size_t... I>
[[nodiscard, gnu::always_inline]] inline vector_of<T, Size> shuffle(const vector_of<T, Size>& a,
                                                                    const vector_of<T, Size>& b, PlaceT place,
                                                                    std::index_sequence<I...>) noexcept {
    static_cast<void>(place);
#if defined(IMLE_DETAIL_SHUFFLE)
    return __builtin_shufflevector(a, b, static_cast<int>(PlaceT{}(I))...);
#else
    using places = vector_of<lane_integer<T>, Size>;
    return __builtin_shuffle(a, b, places{static_cast<lane_integer<T>>(PlaceT{}(I))...});
#endif
}
template <class T, std::size_t Size, class PlaceT>
[[nodiscard, gnu::always_inline]] inline vector_of<T, Size> shuffle(const vector_of<T, Size>& a,
                                                                    const vector_of<T, Size>& b,
                                                                    PlaceT place) noexcept {
    return shuffle<T, Size>(a, b, place, std::make_index_sequence<Size>{});
}
#undef IMLE_DETAIL_SHUFFLE

/// Lanes First, First + 1, ... of a followed by b.
template <class T, std::size_t Size, std::size_t First>
[[nodiscard, gnu::always_inline]] inline vector_of<T, Size> lanes_from(const vector_of<T, Size>& a,
                                                                       const vector_of<T, Size>& b) noexcept {
    return shuffle<T, Size>(a, b, [](std::size_t i) { return First + i; });
}

/// The number of lanes in 16 bytes. Shuffles within 16 bytes are cheap.
template <class T>
inline constexpr std::size_t lanes_per_part = 16 / sizeof(T);

/// Within each 16 bytes: the lanes of the lower (upper) halves of a and b, alternating.
template <class T, std::size_t Size, bool Upper>
[[nodiscard, gnu::always_inline]] inline vector_of<T, Size> interleave(const vector_of<T, Size>& a,
                                                                       const vector_of<T, Size>& b) noexcept {
    // As integers: x86 processors have more units for that.
    using integer = lane_integer<T>;
    using integers = vector_of<integer, Size>;
    return vector_of<T, Size>(shuffle<integer, Size>(integers(a), integers(b), [](std::size_t i) {
        constexpr std::size_t part = lanes_per_part<T>;
        return i / part * part + i % part / 2 + (Upper ? part / 2 : 0) + i % 2 * Size;
    }));
}

/// Exchanges blocks of Step x Step numbers in two rows that are Step rows apart: the right block of the upper
/// row and the left block of the lower row change places.
template <class T, std::size_t Size, std::size_t Step>
[[gnu::always_inline]] inline void exchange_blocks(vector_of<T, Size>& upper,
                                                   vector_of<T, Size>& lower) noexcept {
    const vector_of<T, Size> a = upper, b = lower;
    upper = shuffle<T, Size>(a, b, [](std::size_t i) { return i & Step ? Size + i - Step : i; });
    lower = shuffle<T, Size>(a, b, [](std::size_t i) { return i & Step ? Size + i : i + Step; });
}

template <class T, std::size_t Size, std::size_t Step, std::size_t Rows, std::size_t... I>
[[gnu::always_inline]] inline void transposition_step(vector_of<T, Size> (&rows)[Rows],
                                                      std::index_sequence<I...>) noexcept {
    constexpr std::size_t part = lanes_per_part<T>;
    if constexpr (Step < part) {
        // Interleaves `part` rows with each other, once for each doubling up to `part`.
        const vector_of<T, Size> old[] = {rows[I]...};
        ((rows[I] = interleave<T, Size, I % 2 != 0>(old[I / part * part + I % part / 2],
                                                    old[I / part * part + I % part / 2 + part / 2])),
         ...);
    } else {
        ((I & Step ? void() : exchange_blocks<T, Size, Step>(rows[I], rows[(I + Step) % Rows])), ...);
    }
}

/// Transposes each square of numbers, as large as fits: first within parts of 16 bytes, by interleaving, then
/// in whole parts. Packs expand all loops, since g++ at -O2 keeps an array that a loop indexes in memory.
template <class T, std::size_t Size, std::size_t Step = 1, std::size_t Rows>
[[gnu::always_inline]] inline void transpose(vector_of<T, Size> (&rows)[Rows]) noexcept {
    constexpr std::size_t side = Rows < Size ? Rows : Size;
    static_assert(side % lanes_per_part<T> == 0 && Rows % side == 0 && Size % side == 0);
    transposition_step<T, Size, Step>(rows, std::make_index_sequence<Rows>{});
    if constexpr (2 * Step < side) transpose<T, Size, 2 * Step>(rows);
}

#endif

}  // namespace imle::inline IMLE_ABI::detail
