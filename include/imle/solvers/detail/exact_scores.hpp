#pragma once

/// @file
/// Scores as whole numbers, so that sums of them are exact: every finite number is an odd whole number times
/// a power of two, and a list of them has a common unit.

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
[[nodiscard]] constexpr std::int64_t half(std::int64_t x) noexcept {
    return x >> 1;
}
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
    [[nodiscard]] static constexpr wide_integer<Words> shifted(std::uint64_t digits,
                                                               unsigned shift) noexcept {
        return wide_integer<Words>::shifted(digits, shift);
    }
};

/// A finite number: digits * 2^exponent, with the sign apart. From the bits, so that no flag for subnormal
/// numbers matters.
template <class Scalar>
struct binary_number {
    using word = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
    static constexpr int digit_bits = std::numeric_limits<Scalar>::digits - 1,
                         least_exponent = std::numeric_limits<Scalar>::min_exponent - 1 - digit_bits;

    word magnitude;
    bool is_negative;

    explicit binary_number(Scalar x) noexcept {
        constexpr int sign = 8 * static_cast<int>(sizeof(Scalar)) - 1;
        const auto bits = detail::bit_cast<word>(x);
        magnitude = bits & ~(word{1} << sign);
        is_negative = (bits >> sign) != 0;
    }
    [[nodiscard]] bool is_zero() const noexcept { return magnitude == 0; }
    [[nodiscard]] static int exponent(word magnitude) noexcept {
        return std::max(static_cast<int>(magnitude >> digit_bits), 1) - 1 + least_exponent;
    }
    [[nodiscard]] static std::uint64_t digits(word magnitude) noexcept {
        constexpr word leading = word{1} << digit_bits;
        return (magnitude & (leading - 1)) | (magnitude >= leading ? leading : 0);
    }
};

/// The powers of two between which the numbers of a list lie: all are whole numbers of units of 2^lowest.
template <class Scalar>
class binary_range {
  public:
    /// From the smallest and the largest magnitude, both 0 if there is none but 0. Numbers may all be whole
    /// numbers of a larger unit: see `raise`.
    using word = typename binary_number<Scalar>::word;
    binary_range(word smallest, word largest) noexcept {
        if (largest == 0) return;
        lowest_ = binary_number<Scalar>::exponent(smallest);
        highest_ = binary_number<Scalar>::exponent(largest) +
                   static_cast<int>(std::bit_width(binary_number<Scalar>::digits(largest)));
    }
    /// The largest unit for numbers whose zeros at the end are so many: see `lowest_bit`.
    void raise(int lowest) noexcept { lowest_ = std::min(lowest, highest_); }
    /// The exponent of a number's lowest bit that is 1.
    [[nodiscard]] static int lowest_bit(word magnitude) noexcept {
        return binary_number<Scalar>::exponent(magnitude) +
               std::countr_zero(binary_number<Scalar>::digits(magnitude));
    }

    /// How many bits the largest number has.
    [[nodiscard]] int bits() const noexcept { return highest_ - lowest_; }
    /// A number of the list in units of 2^(lowest - 1): an even one.
    template <class Number>
    [[nodiscard]] Number even(const binary_number<Scalar>& number) const noexcept {
        const Number size = even<Number>(number.magnitude);
        return number.is_negative ? Number(0) - size : size;
    }
    template <class Number>
    [[nodiscard, gnu::always_inline]] inline Number even(word magnitude) const noexcept {
        const std::uint64_t digits = binary_number<Scalar>::digits(magnitude);
        const int shift = binary_number<Scalar>::exponent(magnitude) - lowest_ + 1;
        return whole_number<Number>::shifted(digits >> std::clamp(-shift, 0, 63),
                                             static_cast<unsigned>(std::max(shift, 0)));
    }

  private:
    int lowest_ = 0, highest_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
