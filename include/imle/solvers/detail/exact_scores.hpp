#pragma once

/// @file
/// Scores as whole numbers, so that sums of them are exact: every finite number is an odd whole number times a
/// power of two, and a list of them has a common unit.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <imle/core/backports.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A whole number of 64 * Words bits with a sign, in two's complement.
template <std::size_t Words>
class wide_integer {
  public:
    constexpr wide_integer() noexcept = default;
    constexpr wide_integer(std::int64_t value) noexcept {
        words_.fill(value < 0 ? ~std::uint64_t{0} : 0);
        words_[0] = static_cast<std::uint64_t>(value);
    }
    /// digits * 2^shift.
    [[nodiscard]] static constexpr wide_integer shifted(std::uint64_t digits, unsigned shift) noexcept {
        wide_integer result;
        const std::size_t word = shift / 64, bit = shift % 64;
        result.words_[word] = digits << bit;
        if (bit > 0 && word + 1 < Words) result.words_[word + 1] = digits >> (64 - bit);
        return result;
    }
    [[nodiscard]] static constexpr wide_integer largest() noexcept {
        wide_integer result(-1);
        result.words_[Words - 1] >>= 1;
        return result;
    }

    friend constexpr wide_integer operator+(const wide_integer& a, const wide_integer& b) noexcept {
        wide_integer sum;
        std::uint64_t carry = 0;
        for (std::size_t i = 0; i < Words; ++i) {
            const std::uint64_t part = a.words_[i] + b.words_[i];
            sum.words_[i] = part + carry;
            carry = static_cast<std::uint64_t>(part < a.words_[i]) |
                    static_cast<std::uint64_t>(sum.words_[i] < part);
        }
        return sum;
    }
    friend constexpr wide_integer operator-(const wide_integer& a, const wide_integer& b) noexcept {
        wide_integer difference;
        std::uint64_t borrow = 0;
        for (std::size_t i = 0; i < Words; ++i) {
            const std::uint64_t part = a.words_[i] - b.words_[i];
            difference.words_[i] = part - borrow;
            borrow = static_cast<std::uint64_t>(a.words_[i] < b.words_[i]) |
                     static_cast<std::uint64_t>(part < borrow);
        }
        return difference;
    }
    friend constexpr bool operator<(const wide_integer& a, const wide_integer& b) noexcept {
        const auto a_high = static_cast<std::int64_t>(a.words_[Words - 1]),
                   b_high = static_cast<std::int64_t>(b.words_[Words - 1]);
        if (a_high != b_high) return a_high < b_high;
        for (std::size_t i = Words - 1; i-- > 0;)
            if (a.words_[i] != b.words_[i]) return a.words_[i] < b.words_[i];
        return false;
    }
    friend constexpr bool operator==(const wide_integer&, const wide_integer&) noexcept = default;

    /// Half of an even number.
    [[nodiscard]] constexpr wide_integer half() const noexcept {
        wide_integer result;
        for (std::size_t i = 0; i + 1 < Words; ++i)
            result.words_[i] = (words_[i] >> 1) | (words_[i + 1] << 63);
        result.words_[Words - 1] =
            static_cast<std::uint64_t>(static_cast<std::int64_t>(words_[Words - 1]) >> 1);
        return result;
    }

  private:
    std::array<std::uint64_t, Words> words_{};  // the lowest first
};

/// Half of an even number.
[[nodiscard]] constexpr std::int64_t half(std::int64_t x) noexcept { return x >> 1; }
template <std::size_t Words>
[[nodiscard]] constexpr wide_integer<Words> half(const wide_integer<Words>& x) noexcept {
    return x.half();
}

/// What the functions below need to know of a type of whole numbers.
template <class Number>
struct whole_number;
template <>
struct whole_number<std::int64_t> {
    static constexpr int bits = 63;  // without the sign
    static constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
    [[nodiscard]] static constexpr std::int64_t shifted(std::uint64_t digits, unsigned shift) noexcept {
        return static_cast<std::int64_t>(digits << shift);
    }
};
template <std::size_t Words>
struct whole_number<wide_integer<Words>> {
    static constexpr int bits = 64 * static_cast<int>(Words) - 1;
    static constexpr wide_integer<Words> largest = wide_integer<Words>::largest();
    [[nodiscard]] static constexpr wide_integer<Words> shifted(std::uint64_t digits, unsigned shift) noexcept {
        return wide_integer<Words>::shifted(digits, shift);
    }
};

/// A finite number: digits * 2^exponent, the digits odd (or 0, if it is 0) and the sign apart.
struct binary_number {
    std::uint64_t digits;
    int exponent;
    bool is_negative;

    /// From the bits, so that no flag for subnormal numbers matters.
    template <class Scalar>
    explicit binary_number(Scalar x) noexcept {
        constexpr int digit_bits = std::numeric_limits<Scalar>::digits - 1,
                      sign_bit = 8 * static_cast<int>(sizeof(Scalar)) - 1;
        using word = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
        const std::uint64_t bits = detail::bit_cast<word>(x), one = 1;
        is_negative = (bits >> sign_bit) != 0;
        const auto field = static_cast<int>((bits & ((one << sign_bit) - 1)) >> digit_bits);
        digits = (bits & ((one << digit_bits) - 1)) | (field > 0 ? one << digit_bits : 0);
        const int zeros = digits == 0 ? 0 : std::countr_zero(digits);
        digits >>= zeros;
        exponent = std::max(field, 1) + zeros - (std::numeric_limits<Scalar>::max_exponent - 2 + digit_bits + 1);
    }
};

/// The powers of two that the numbers of a list lie between: the common unit is 2^lowest.
struct binary_range {
    int lowest = std::numeric_limits<int>::max();
    int highest = std::numeric_limits<int>::min();

    void add(const binary_number& number) noexcept {
        if (number.digits == 0) return;
        lowest = std::min(lowest, number.exponent);
        highest = std::max(highest, number.exponent + static_cast<int>(std::bit_width(number.digits)));
    }
    /// How many bits the largest number has.
    [[nodiscard]] int bits() const noexcept { return std::max(0, highest - std::min(lowest, highest)); }

    /// A number of the list in units of 2^(lowest - 1): an even one.
    template <class Number>
    [[nodiscard]] Number even(const binary_number& number) const noexcept {
        if (number.digits == 0) return Number(0);
        const Number size = whole_number<Number>::shifted(
            number.digits, static_cast<unsigned>(number.exponent - lowest) + 1);
        return number.is_negative ? Number(0) - size : size;
    }
};

}  // namespace imle::inline IMLE_ABI::detail
