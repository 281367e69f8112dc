#pragma once

/// @file
/// Arithmetic with the same bits for every compiler: products are rounded before they are used.
///
/// IEEE 754 fixes the bits of +, -, *, / and the square root. It leaves one choice to the compiler: to round
/// a product that feeds a sum, or to fuse it with the sum. The choice varies with the compiler, the
/// optimisation level and the instruction set. A barrier that costs no instruction removes the choice.

#include <array>
#include <cmath>
#include <compare>
#include <cstddef>
#include <type_traits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Returns x, a number or a vector of numbers. The compiler rounds the operation that made x, and does not
/// fuse it with the operation that uses x.
///
/// GCC and clang see an empty piece of assembly that may change x, so they cannot look past it. Visual C++
/// (2022 and later) fuses only on request, by /fp:fast or /fp:contract.
template <class T>
[[nodiscard, gnu::always_inline]] constexpr T rounded(T x) noexcept {
    if (std::is_constant_evaluated()) return x;
#if defined(__GNUC__) || defined(__clang__)
#if defined(__SSE2__)
#if defined(__AVX512VL__)
    asm("" : "+v"(x));  // any of 32 registers
#else
    asm("" : "+x"(x));
#endif
#elif defined(__aarch64__)
    asm("" : "+w"(x));
#elif defined(__s390x__) || (defined(__riscv_flen) && __riscv_flen >= 64) || defined(__loongarch_double_float)
    asm("" : "+f"(x));
#elif defined(__powerpc64__)
    asm("" : "+d"(x));
#elif defined(__wasm__)
    asm("" : "+r"(x));
#else
    asm("" : "+m"(x));
#endif
#endif
    return x;
}

/// A double whose arithmetic has the same bits everywhere. Formulas keep their form: declare their variables
/// as `portable_double`, and take `value()` at the end.
class portable_double {
  public:
    constexpr portable_double() noexcept = default;
    // Implicit, so that literals and doubles mix with it. A double may be a product that is not yet rounded.
    [[gnu::always_inline]] constexpr portable_double(double value) noexcept
        : value_(rounded_if_unknown(value)) {}

    [[nodiscard, gnu::always_inline]] constexpr double value() const noexcept { return value_; }
    [[nodiscard]] constexpr explicit operator double() const noexcept { return value_; }

    // Tables of quantiles take millions of these, in builds without optimisation too: no calls, few steps.
    [[gnu::always_inline]] constexpr portable_double& operator+=(portable_double b) noexcept {
        value_ += b.value_;
        return *this;
    }
    [[gnu::always_inline]] constexpr portable_double& operator-=(portable_double b) noexcept {
        value_ -= b.value_;
        return *this;
    }
    [[gnu::always_inline]] constexpr portable_double& operator*=(portable_double b) noexcept {
        value_ = rounded(value_ * b.value_);
        return *this;
    }
    // (Compilers turn a division by a power of two into a product.)
    [[gnu::always_inline]] constexpr portable_double& operator/=(portable_double b) noexcept {
        value_ = rounded(value_ / b.value_);
        return *this;
    }
    [[nodiscard, gnu::always_inline]] friend constexpr portable_double operator+(portable_double a,
                                                                                 portable_double b) noexcept {
        return a += b;
    }
    [[nodiscard, gnu::always_inline]] friend constexpr portable_double operator-(portable_double a,
                                                                                 portable_double b) noexcept {
        return a -= b;
    }
    [[nodiscard, gnu::always_inline]] friend constexpr portable_double operator*(portable_double a,
                                                                                 portable_double b) noexcept {
        return a *= b;
    }
    [[nodiscard, gnu::always_inline]] friend constexpr portable_double operator/(portable_double a,
                                                                                 portable_double b) noexcept {
        return a /= b;
    }
    [[nodiscard]] constexpr portable_double operator+() const noexcept { return *this; }
    [[nodiscard]] constexpr portable_double operator-() const noexcept {
        portable_double result;
        result.value_ = -value_;
        return result;
    }

    [[nodiscard]] friend constexpr bool operator==(portable_double, portable_double) noexcept = default;
    [[nodiscard]] friend constexpr std::partial_ordering operator<=>(portable_double,
                                                                     portable_double) noexcept = default;

    [[nodiscard]] friend portable_double abs(portable_double x) noexcept {
        x.value_ = std::abs(x.value_);
        return x;
    }
    /// Correctly rounded by IEEE 754.
    [[nodiscard]] friend portable_double sqrt(portable_double x) noexcept {
        x.value_ = std::sqrt(x.value_);
        return x;
    }

  private:
    [[nodiscard, gnu::always_inline]] static constexpr double rounded_if_unknown(double value) noexcept {
#if defined(__GNUC__) || defined(__clang__)
        // Constants stay known to the compiler.
        if (__builtin_constant_p(value)) return value;
#endif
        return rounded(value);
    }

    double value_ = 0;
};

/// c0 + c1 x + c2 x^2 + ..., by Horner's rule.
[[nodiscard]] constexpr portable_double horner(portable_double, portable_double c0) noexcept {
    return c0;
}
template <class... Rest>
[[nodiscard]] constexpr portable_double horner(portable_double x, portable_double c0, Rest... rest) noexcept {
    return c0 + x * horner(x, rest...);
}

/// A number of about 106 bits: the unevaluated sum of `high` and a `low` that is at most half a unit in its
/// last place.
struct double_double {
    portable_double high, low;
};

/// a + b exactly.
[[nodiscard]] constexpr double_double exact_sum(portable_double a, portable_double b) noexcept {
    const portable_double sum = a + b, b_in_sum = sum - a;
    return {sum, (a - (sum - b_in_sum)) + (b - b_in_sum)};
}

/// a + b exactly, if |a| >= |b| or a = 0.
[[nodiscard]] constexpr double_double exact_sum_of_ordered(portable_double a, portable_double b) noexcept {
    const portable_double sum = a + b;
    return {sum, b - (sum - a)};
}

/// A sum without rounding, of numbers that do not overlap, the largest last (Shewchuk, "Adaptive precision
/// floating-point arithmetic and fast robust geometric predicates", 1997).
class exact_total {
  public:
    void add(double x) noexcept {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const double_double sum = exact_sum(x, parts_[i]);
            if (sum.low != 0) parts_[kept++] = sum.low.value();
            x = sum.high.value();
        }
        if (x != 0) parts_[kept++] = x;
        size_ = kept;
    }
    [[nodiscard]] int sign() const noexcept { return size_ == 0 ? 0 : parts_[size_ - 1] > 0 ? 1 : -1; }

  private:
    // No two share a bit or have neighbouring ones, and doubles have 2098 places for bits.
    std::array<double, 1049> parts_;
    std::size_t size_ = 0;
};

/// Splits x = high + low into halves of 26 bits each (Veltkamp). For |x| < 2^996.
[[nodiscard]] constexpr double_double halves(portable_double x) noexcept {
    const portable_double scaled = x * 134217729., high = scaled - (scaled - x);
    return {high, x - high};
}

/// a * b exactly (Dekker), unless it underflows. For |a|, |b| < 2^996.
[[nodiscard]] constexpr double_double exact_product(portable_double a, portable_double b) noexcept {
    const double_double x = halves(a), y = halves(b);
    const portable_double product = a * b;
    const portable_double rest = ((x.high * y.high - product) + x.high * y.low) + x.low * y.high;
    return {product, rest + x.low * y.low};
}

}  // namespace imle::inline IMLE_ABI::detail
