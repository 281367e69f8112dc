#pragma once

/// @file
/// a x + y for arrays, with the same bits on every instruction set.
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

/// out[i] = a x[i] + y[i] for i < n, or its negative, which are added to `check` in the same pass: this is
/// the loop that perturbs. `out` may be x or y. O(n).
template <bool Negated, class Scalar>
inline void write_scaled_sum(Scalar a, const Scalar* x, const Scalar* y, Scalar* out, std::size_t n,
                             finite_check<Scalar>& check) noexcept {
    using vector = widest_lanes<Scalar>;
    using word = typename vector::word;
    typename vector::words traces{};
    for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        Lanes sum = multiply_add(Lanes(a), Lanes::load(x + i), Lanes::load(y + i));
        if constexpr (Negated) sum = Lanes::of(-sum.v);
        sum.store(out + i);
        if constexpr (std::is_same_v<Lanes, vector>)
            traces |= finite_check<Scalar>::trace(sum.to_bits());
        else
            check.add(sum.v);
    });
    if (n < vector::size) return;
    word each[vector::size];
    store_vector<word, vector::size>(traces, each);
    for (const word trace : each) check.add_trace(trace);
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
