#pragma once

/// @file
/// a x + y for arrays, with the same bits on every instruction set; and sums of rows with what all rows
/// share.
///
/// A loop over `multiply_add` gives the same result but does not vectorise: compilers do not look across the
/// barrier between the product and the sum.

#include <cstddef>
#include <type_traits>

#include <imle/core/finite.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Calls f(std::type_identity<Lanes>{}, i): for the widest lanes at i as long as they end before n, then for
/// single lanes.
template <class Scalar, class F>
[[gnu::always_inline]] inline void for_each_lanes(std::size_t n, F&& f) {
    using vector = widest_lanes<Scalar>;
    std::size_t i = 0;
    for (; i + vector::size <= n; i += vector::size) f(std::type_identity<vector>{}, i);
    if constexpr (vector::size != 1)
        for (; i < n; ++i) f(std::type_identity<scalar_lanes<Scalar>>{}, i);
}

/// out[i] = a x[i] + y[i] for i < n. `out` may be x or y. O(n).
template <class Scalar>
inline void scaled_sum(Scalar a, const Scalar* x, const Scalar* y, Scalar* out, std::size_t n) noexcept {
    for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        multiply_add(Lanes(a), Lanes::load(x + i), Lanes::load(y + i)).store(out + i);
    });
}

/// `for_each_lanes` over `rows` rows of n numbers, one after the other, which have the same y[0] to y[n - 1]
/// beside them: calls f(lanes of y, i). If n is small, lanes reach over several rows: one row alone would
/// leave most of them empty.
template <class Scalar, class F>
[[gnu::always_inline]] inline void for_each_repeated(const Scalar* y, std::size_t n, std::size_t rows,
                                                     F&& f) {
    using vector = widest_lanes<Scalar>;
    constexpr std::size_t few = 64;
    if (rows == 1 || n > few || vector::size == 1) {
        for (std::size_t row = 0; row < rows; ++row)
            for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
                f(Lanes::load(y + i), row * n + i);
            });
        return;
    }
    if (n == 0) return;
    // So many that lanes can begin at each of the n. Each vector ends in zeros, which the next overwrites.
    alignas(64) Scalar repeated[2 * few + vector::size];
    for (std::size_t first = 0; first < n + vector::size; first += n)
        for (std::size_t i = 0; i < n; i += vector::size)
            vector::load_first(y + i, n - i, Scalar(0)).store(repeated + first + i);
    const std::size_t step = n > vector::size ? vector::size : vector::size % n;
    std::size_t at = 0;
    for_each_lanes<Scalar>(rows * n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        f(Lanes::load(repeated + at), i);
        at += Lanes::size == 1 ? 1 : step;
        at -= at >= n ? n : 0;
    });
}

/// out[i] = f(lanes of y, i) for rows of n numbers with the same y, or its negative. Returns the check with
/// `out` added, in the same pass. O(rows * n).
template <bool Negated, class Scalar, class F>
[[nodiscard]] inline finite_check<Scalar> write_repeated(const Scalar* y, std::size_t n, std::size_t rows,
                                                         Scalar* out, finite_check<Scalar> check,
                                                         const F& f) noexcept {
    using vector = widest_lanes<Scalar>;
    using word = typename vector::word;
    typename vector::words traces{};
    for_each_repeated(y, n, rows, [&]<class Lanes>(const Lanes& repeated, std::size_t i) {
        Lanes result = f(repeated, i);
        if constexpr (Negated) result = Lanes::of(-result.v);
        result.store(out + i);
        if constexpr (std::is_same_v<Lanes, vector>)
            traces |= finite_check<Scalar>::trace(result.to_bits());
        else
            check.add(result.v);
    });
    if (rows * n < vector::size) return check;
    word each[vector::size];
    store_vector<word, vector::size>(traces, each);
    for (const word trace : each) check.add_trace(trace);
    return check;
}

/// out[i] = a x[i] + b y[i] for i < n. `out` may be x or y. O(n).
template <class Scalar>
inline void scaled_sum(Scalar a, const Scalar* x, Scalar b, const Scalar* y, Scalar* out,
                       std::size_t n) noexcept {
    for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        multiply_add(Lanes(a), Lanes::load(x + i), product(Lanes(b), Lanes::load(y + i))).store(out + i);
    });
}

}  // namespace imle::inline IMLE_ABI::detail
