#pragma once

/// @file
/// The cumulant transform of the sum-of-gamma law for complex arguments, without cancellation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include <imle/core/elementary.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/core/portable_complex.hpp>
#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

using complex = portable_complex;

/// log(1 + z) - z, accurate for small z.
[[nodiscard]] inline complex log1p_minus(complex z) noexcept {
    if (norm(z) > 0.01) return elementary::log1p(z) - z;
    complex sum;
    for (int n = 17; n >= 2; --n) sum = sum * z + (n % 2 == 0 ? -1.0 : 1.0) / n;
    return sum * (z * z);
}

/// The series of Stirling's formula, lnGamma(z) = (z - 1/2) log z - z + log(2 pi) / 2 + stirling_tail(z): the
/// complex form of `elementary::stirling_series`. Within 1e-16 for |z| >= 20 and |arg z| <= 3/4 pi.
[[nodiscard]] inline complex stirling_tail(complex z) noexcept {
    constexpr double b[] = {1. / 12,        -1. / 360, 1. / 1260,       -1. / 1680,      1. / 1188,
                            -691. / 360360, 1. / 156,  -3617. / 122400, 43867. / 244188, -174611. / 125400};
    const complex w = 1 / z, w2 = w * w;
    complex sum(b[9]);
    for (int i = 9; i-- > 0;) sum = sum * w2 + b[i];
    return sum * w;
}

/// x^-n for n >= 0. For an integer x the powers are exact as long as 53 bits hold them.
[[nodiscard]] inline portable_double inverse_power(portable_double x, int n) noexcept {
    portable_double power = 1;
    for (; n > 0; n /= 2, x *= x)
        if (n % 2 == 1) power *= x;
    return 1 / power;
}

/// The sum of i^-n over i = 1..m for n >= 2; H_m - log m for n = 1. m = 0 means infinity, which gives zeta(n)
/// and Euler's constant. Terms up to 32 are summed directly, the rest by the Euler-Maclaurin formula.
[[nodiscard]] inline portable_double power_sum(int n, std::uint64_t m) {
    constexpr std::uint64_t cut = 32;
    const auto sum_to = [n](std::uint64_t last) {
        portable_double sum;
        for (std::uint64_t i = last; i > 0; --i) sum += inverse_power(static_cast<double>(i), n);
        return sum;
    };
    const portable_double a = cut, b = static_cast<double>(m);
    if (m != 0 && m <= cut) return n == 1 ? sum_to(m) - elementary::log(b) : sum_to(m);
    // The sum from x to infinity minus its integral: x^-n / 2 + sum of B_2j / (2j)! n (n+1) ... x^(-n-2j+1).
    const auto correction = [n](portable_double x) {
        constexpr double coefficients[] = {1. / 12,       -1. / 720,     1. / 30240,
                                           -1. / 1209600, 1. / 47900160, -691. / 1307674368000.};
        portable_double power = n * inverse_power(x, n + 1), sum;
        for (int j = 0; j < 6; ++j) {
            sum += coefficients[j] * power;
            power *= (n + 2 * j + 1.0) * (n + 2 * j + 2.0) / (x * x);
        }
        return 0.5 * inverse_power(x, n) + sum;
    };
    portable_double sum = sum_to(cut - 1) + correction(a);
    if (n == 1) {
        sum -= elementary::log(a);
        // The correction at a includes all terms from m on. Of these, only m is a term of the sum.
        return m == 0 ? sum : sum - correction(b) + 1 / b;
    }
    sum += inverse_power(a, n - 1) / (n - 1);
    return m == 0 ? sum : sum - correction(b) - inverse_power(b, n - 1) / (n - 1) + inverse_power(b, n);
}

/// k K(q), where K(q) = log E exp(-q eps) and eps = ( sum_{i=1..m} Gamma(1/k, rate i/k) - log m ) / k:
///
///     k K(q) = q log m - L(q)
///     L(q) = sum_{i=1..m} log(1 + q / i) = lnGamma(m+1+q) - lnGamma(m+1) - lnGamma(1+q)
///
/// for q off the branch cut (-infinity, -1], in O(1) for any m. m = 0 means infinitely many terms, where k
/// K(q) = lnGamma(1 + q). For large m or large q the difference of log-gammas would cancel to nothing, so
/// each region has its own form, in which nothing large is subtracted.
class sum_of_gamma_transform {
  public:
    explicit sum_of_gamma_transform(std::uint64_t terms)
        : m_(terms), n_(static_cast<double>(terms)), log_m_(terms == 0 ? 0 : elementary::log(n_)) {
        for (std::size_t n = 1; n <= series_terms; ++n) sums_[n] = power_sum(static_cast<int>(n), terms);
    }

    /// k K(q), with a relative accuracy of 1e-15 near q = 0.
    [[nodiscard]] complex cumulants(complex q) const noexcept {
        if (norm(q) < radius * radius) return series(q, sums_[1]);
        if (m_ == 0) return log_gamma1p(q);
        if (m_ <= direct_terms) return q * log_m_ - log_product(q, m_);
        if (norm(q) >= n_ * n_) return q * log_m_ - far(q);
        return log_gamma1p(q) - remainder(q);
    }

    /// L(q) for finitely many terms. -L(q) / k is the transform of the law counted from its lower bound.
    [[nodiscard]] complex logarithms(complex q) const noexcept {
        if (norm(q) < radius * radius) return -series(q, sums_[1] + log_m_);
        if (m_ <= direct_terms) return log_product(q, m_);
        if (norm(q) >= n_ * n_) return far(q);
        return remainder(q) + q * log_m_ - log_gamma1p(q);
    }

    /// The first derivative of L(q) - q log m (of -lnGamma(1 + q) for infinitely many terms) for real q > -1.
    /// It is accurate enough to place a contour, for which 1e-6 is sufficient.
    [[nodiscard]] portable_double slope(portable_double q) const noexcept {
        if (m_ != 0 && m_ <= direct_terms) {
            portable_double sum = -log_m_;
            for (std::uint64_t i = 1; i <= m_; ++i) sum += 1 / (static_cast<double>(i) + q);
            return sum;
        }
        if (m_ == 0) return -digamma(1 + q);
        // digamma(N + q) - log m - digamma(1 + q): the first two cancel for large m.
        const portable_double end = n_ + 1 + q;
        return elementary::log1p((1 + q) / n_) - 0.5 / end - 1 / (12 * end * end) - digamma(1 + q);
    }
    /// Minus the second derivative of L, the sum of (i + q)^-2, for real q > -1.
    [[nodiscard]] portable_double curvature(portable_double q) const noexcept {
        if (m_ != 0 && m_ <= direct_terms) {
            portable_double sum;
            for (std::uint64_t i = 1; i <= m_; ++i) sum += inverse_power(static_cast<double>(i) + q, 2);
            return sum;
        }
        return trigamma(1 + q) - (m_ == 0 ? 0 : 1 / (n_ + 0.5 + q));
    }

    /// lnGamma(m + 1).
    [[nodiscard]] portable_double log_factorial() const noexcept { return elementary::log_gamma(n_ + 1); }
    /// H_m - log m for n = 1, the sum of i^-n for n > 1.
    [[nodiscard]] portable_double sum(std::size_t n) const {
        return n <= series_terms ? sums_[n] : power_sum(static_cast<int>(n), m_);
    }
    [[nodiscard]] portable_double log_terms() const noexcept { return log_m_; }
    [[nodiscard]] std::uint64_t terms() const noexcept { return m_; }

  private:
    static constexpr std::size_t series_terms = 40;
    static constexpr double radius = 0.35;
    static constexpr std::uint64_t direct_terms = 24;

    /// -first * q + sum over n >= 2 of (sum of i^-n) (-q)^n / n.
    [[nodiscard]] complex series(complex q, portable_double first) const noexcept {
        complex sum;
        for (std::size_t n = series_terms; n >= 2; --n) sum = sum * -q + sums_[n] / static_cast<double>(n);
        return (sum * q - first) * q;
    }

    /// For Im q >= 0: log of the product of (1 + q / i) for i = 1..count, on the branch that is real for real
    /// q. It takes one logarithm: each factor turns by less than pi, so sign changes of the imaginary part
    /// count the half turns.
    [[nodiscard]] static complex log_product(complex q, std::uint64_t count) noexcept {
        complex product(1);
        int half_turns = 0;
        portable_double scale;
        for (std::uint64_t i = 1; i <= count; ++i) {
            product *= 1 + q * (1 / static_cast<double>(i));
            if ((product.imag() < 0) != (half_turns % 2 == 1) && product.imag() != 0) ++half_turns;
            const portable_double size = norm(product);
            if (size > 1e200 || size < 1e-200) {
                scale += 0.5 * elementary::log(size);
                product /= sqrt(size);
            }
        }
        if (half_turns % 2 == 1) product = -product;
        return elementary::log(product) + complex(scale, half_turns * portable_double(std::numbers::pi));
    }

    /// lnGamma(1 + q) by Stirling's formula, after as many steps upwards as it needs.
    [[nodiscard]] static complex log_gamma1p(complex q) noexcept {
        std::uint64_t steps = 0;
        complex z = 1 + q;
        while (norm(z) < 400 || (z.real() < 0 && -z.real() > 1.2 * z.imag())) {
            z += 1;
            ++steps;
            if (steps > 100000) break;
        }
        // Gamma(1 + q) = Gamma(z) / product of (q + i), i = 1..steps.
        const complex up = (z - 0.5) * elementary::log(z) - z + 0.91893853320467274178 + stirling_tail(z);
        if (steps == 0) return up;
        return up - log_product(q, steps) - elementary::log_gamma(static_cast<double>(steps) + 1);
    }

    /// lnGamma(N + q) - lnGamma(N) - q log m with N = m + 1, for |q| <= m, m > direct_terms.
    [[nodiscard]] complex remainder(complex q) const noexcept {
        const portable_double n = n_ + 1;
        const complex r = q / n;
        const complex rest = log1p_minus(r);
        return n * rest - 0.5 * (rest + r) + q * elementary::log1p((1 + q) / n_) + stirling_tail(n + q) -
               elementary::stirling_series(n);
    }

    /// L(q) for |q| >= m > direct_terms: lnGamma(z + m) - lnGamma(z) - lnGamma(m + 1) with z = 1 + q.
    [[nodiscard]] complex far(complex q) const noexcept {
        const complex z = 1 + q;
        const complex r = n_ / z;
        const complex rest = log1p_minus(r);
        return z * rest - 0.5 * (rest + r) + n_ * elementary::log(z + n_) + stirling_tail(z + n_) -
               stirling_tail(z) - log_factorial();
    }

    [[nodiscard]] static portable_double digamma(portable_double z) noexcept {
        portable_double sum;
        for (; z < 8; z += 1) sum -= 1 / z;
        const portable_double w = 1 / (z * z);
        return sum + elementary::log(z) - 0.5 / z - w * (1. / 12 - w * (1. / 120 - w / 252));
    }
    [[nodiscard]] static portable_double trigamma(portable_double z) noexcept {
        portable_double sum;
        for (; z < 8; z += 1) sum += 1 / (z * z);
        const portable_double w = 1 / (z * z);
        return sum + 1 / z + 0.5 * w + w / z * (1. / 6 - w * (1. / 30 - w / 42));
    }

    std::uint64_t m_;
    portable_double n_;
    portable_double log_m_;
    std::array<portable_double, series_terms + 1> sums_{};
};

}  // namespace imle::inline IMLE_ABI::detail
