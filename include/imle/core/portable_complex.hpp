#pragma once

/// @file
/// Complex numbers whose arithmetic and elementary functions have the same bits on every machine.
///
/// std::complex takes products and quotients from the compiler's library, and the rest from the C library.
/// This class uses the plain formulas. They hold for numbers whose squares neither overflow nor underflow.

#include <imle/core/circular.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A complex number made of two `portable_double`s.
class portable_complex {
  public:
    constexpr portable_complex() noexcept = default;
    constexpr portable_complex(portable_double real, portable_double imag = 0) noexcept
        : real_(real), imag_(imag) {}

    [[nodiscard]] constexpr portable_double real() const noexcept { return real_; }
    [[nodiscard]] constexpr portable_double imag() const noexcept { return imag_; }

    [[nodiscard]] friend constexpr portable_complex operator+(portable_complex a,
                                                              portable_complex b) noexcept {
        return {a.real_ + b.real_, a.imag_ + b.imag_};
    }
    [[nodiscard]] friend constexpr portable_complex operator-(portable_complex a,
                                                              portable_complex b) noexcept {
        return {a.real_ - b.real_, a.imag_ - b.imag_};
    }
    [[nodiscard]] friend constexpr portable_complex operator*(portable_complex a,
                                                              portable_complex b) noexcept {
        return {a.real_ * b.real_ - a.imag_ * b.imag_, a.real_ * b.imag_ + a.imag_ * b.real_};
    }
    [[nodiscard]] friend constexpr portable_complex operator/(portable_complex a,
                                                              portable_complex b) noexcept {
        return a * portable_complex(b.real_, -b.imag_) / norm(b);
    }
    // Mixed operations: a complex and a real number.
    [[nodiscard]] friend constexpr portable_complex operator+(portable_complex a,
                                                              portable_double b) noexcept {
        return {a.real_ + b, a.imag_};
    }
    [[nodiscard]] friend constexpr portable_complex operator+(portable_double a,
                                                              portable_complex b) noexcept {
        return b + a;
    }
    [[nodiscard]] friend constexpr portable_complex operator-(portable_complex a,
                                                              portable_double b) noexcept {
        return {a.real_ - b, a.imag_};
    }
    [[nodiscard]] friend constexpr portable_complex operator-(portable_double a,
                                                              portable_complex b) noexcept {
        return {a - b.real_, -b.imag_};
    }
    [[nodiscard]] friend constexpr portable_complex operator*(portable_complex a,
                                                              portable_double b) noexcept {
        return {a.real_ * b, a.imag_ * b};
    }
    [[nodiscard]] friend constexpr portable_complex operator*(portable_double a,
                                                              portable_complex b) noexcept {
        return b * a;
    }
    [[nodiscard]] friend constexpr portable_complex operator/(portable_complex a,
                                                              portable_double b) noexcept {
        return {a.real_ / b, a.imag_ / b};
    }
    [[nodiscard]] friend constexpr portable_complex operator/(portable_double a,
                                                              portable_complex b) noexcept {
        const portable_double size = norm(b);
        return {a * b.real_ / size, -(a * b.imag_) / size};
    }
    [[nodiscard]] constexpr portable_complex operator-() const noexcept { return {-real_, -imag_}; }

    template <class Number>
    constexpr portable_complex& operator+=(Number b) noexcept {
        return *this = *this + b;
    }
    template <class Number>
    constexpr portable_complex& operator-=(Number b) noexcept {
        return *this = *this - b;
    }
    template <class Number>
    constexpr portable_complex& operator*=(Number b) noexcept {
        return *this = *this * b;
    }
    template <class Number>
    constexpr portable_complex& operator/=(Number b) noexcept {
        return *this = *this / b;
    }

    [[nodiscard]] friend constexpr bool operator==(portable_complex, portable_complex) noexcept = default;

    /// |z|^2.
    [[nodiscard]] friend constexpr portable_double norm(portable_complex z) noexcept {
        return z.real_ * z.real_ + z.imag_ * z.imag_;
    }
    [[nodiscard]] friend portable_double abs(portable_complex z) noexcept { return sqrt(norm(z)); }

  private:
    portable_double real_, imag_;
};

namespace elementary {

[[nodiscard]] inline portable_complex exp(portable_complex z) noexcept {
    const auto [sine, cosine] = sin_cos(z.imag());
    return exp(z.real()) * portable_complex(cosine, sine);
}

/// exp(z) - 1. For small z the real part is accurate too.
[[nodiscard]] inline portable_complex expm1(portable_complex z) noexcept {
    const portable_double size = expm1(z.real()), half = sin(0.5 * z.imag());
    const auto [sine, cosine] = sin_cos(z.imag());
    return {size * cosine - 2 * half * half, (size + 1) * sine};
}

/// The principal logarithm.
[[nodiscard]] inline portable_complex log(portable_complex z) noexcept {
    return {0.5 * log(norm(z)), atan2(z.imag(), z.real())};
}

/// log(1 + z). For small z the real part is accurate too.
[[nodiscard]] inline portable_complex log1p(portable_complex z) noexcept {
    const portable_double x = z.real(), y = z.imag();
    return {0.5 * log1p(x * (2 + x) + y * y), atan2(y, 1 + x)};
}

}  // namespace elementary

}  // namespace imle::inline IMLE_ABI::detail
