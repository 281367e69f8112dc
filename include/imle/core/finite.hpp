#pragma once

/// @file
/// Tests for NaN and infinity that survive -ffast-math.
///
/// Under -ffinite-math-only a compiler may replace `std::isfinite(x)` by `true`. This library promises an
/// error for a NaN, so it tests the bits of the exponent as integers.

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <imle/core/backports.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI::detail {

template <class Scalar>
struct exponent_mask {
    static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>);
    using bits = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
    static constexpr bits value = static_cast<bits>(sizeof(Scalar) == 4 ? 0x7f800000u : 0x7ff0000000000000u);
};

/// True unless x is NaN or infinite.
template <class Scalar>
[[nodiscard]] constexpr bool is_finite(Scalar x) noexcept {
    using mask = exponent_mask<Scalar>;
    return (bit_cast<typename mask::bits>(x) & mask::value) != mask::value;
}

/// Tests whether many values are all finite. It has no branch, so that a loop over them vectorises.
template <class Scalar>
class finite_check {
  public:
    /// Of a value's bits, or of a vector of them: a number whose sign bit is set unless the value is finite.
    template <class Bits>
    [[nodiscard]] static constexpr Bits trace(const Bits& bits) noexcept {
        // If an exponent is all ones, adding one at its lowest place overflows into the sign bit.
        return (bits & mask::value) + (mask::value & (~mask::value + 1u));
    }
    constexpr void add(Scalar x) noexcept { add_trace(trace(bit_cast<typename mask::bits>(x))); }
    /// Adds values whose traces were combined by `|`.
    constexpr void add_trace(typename exponent_mask<Scalar>::bits traces) noexcept { bad_ |= traces; }
    [[nodiscard]] constexpr bool all_finite() const noexcept {
        return (bad_ >> (sizeof(Scalar) * 8 - 1)) == 0;
    }

  private:
    using mask = exponent_mask<Scalar>;
    typename mask::bits bad_ = 0;
};

/// True if every value is finite.
template <class Scalar>
[[nodiscard]] bool all_finite(std::span<const Scalar> values) noexcept {
    finite_check<Scalar> check;
    for (const Scalar x : values) check.add(x);
    return check.all_finite();
}

/// The index of the first value that is not finite; `values.size()` if all are finite.
template <class Scalar>
[[nodiscard]] std::size_t first_not_finite(std::span<const Scalar> values) noexcept {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!is_finite(values[i])) return i;
    return values.size();
}

/// Throws `std::invalid_argument` unless every value is finite.
template <class Scalar>
void require_finite(const char* argument, std::span<const Scalar> values) {
    if (all_finite(values)) return;
    const std::size_t at = first_not_finite(values);
    throw_invalid(argument, message(values[at], " at element ", at, " in the order of memory"),
                  "finite numbers");
}

/// Throws `std::invalid_argument` unless `size` is n, the size of theta.
inline void require_size(const char* argument, std::size_t size, std::size_t n) {
    if (size != n) throw_invalid(argument, message("of ", size, " numbers"), message(n, ", theta's size"));
}

/// The NaN that z is filled with before a solver sees it. Made from bits, so that it survives -ffast-math.
template <class Scalar>
[[nodiscard]] constexpr Scalar unwritten() noexcept {
    using mask = exponent_mask<Scalar>;
    return bit_cast<Scalar>(static_cast<typename mask::bits>(mask::value | (mask::value >> 1)));
}

}  // namespace imle::inline IMLE_ABI::detail
