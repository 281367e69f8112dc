#pragma once

/// @file
/// The numbers that exact families count with. Each family is written once, by sums, products and quotients
/// of positive numbers, and gives another result for each kind of number:
///
/// | Number | What a sum over all states gives |
/// |---|---|
/// | `double` | their weight, where no product leaves the range of a double |
/// | `wide_number` | their weight, in any range |
/// | `sloped_number` | its derivative in one direction, too: so the marginals' vector-Jacobian product |
/// | `entropy_number` | the entropy of the law, too |
/// | `divergence_number` | the divergence between the laws of two sets of weights, too |
///
/// The last two never subtract large numbers: an entropy is a sum of entropies of choices between two sums,
/// not the difference of a log-partition and a mean score. (Both are expectation semirings: Li and Eisner,
/// "First- and second-order expectation semirings", 2009.)

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// mantissa * 2^(512 exponent), where the mantissa is 0 or 2^-256 <= |mantissa| < 2^256. The exponent is a
/// whole number below 2^53.
struct wide_number {
    double mantissa = 0;
    double exponent = 0;

    [[nodiscard]] static wide_number one() noexcept { return {1, 0}; }
    /// Of any mantissa between 2^-768 and 2^768.
    [[nodiscard]] static wide_number of(double mantissa, double exponent) noexcept {
        if (mantissa == 0) return {};
        if (std::abs(mantissa) >= 0x1p256) return {rounded(mantissa * 0x1p-512), exponent + 1};
        if (std::abs(mantissa) < 0x1p-256) return {rounded(mantissa * 0x1p512), exponent - 1};
        return {mantissa, exponent};
    }
    /// The nearest double; 0 or infinity beyond the range.
    [[nodiscard]] double to_double() const noexcept {
        if (exponent == 0) return mantissa;
        const double steps = std::clamp(exponent, -4.0, 4.0);
        double result = mantissa;
        for (double step = 0; step < std::abs(steps); ++step) result *= steps < 0 ? 0x1p-512 : 0x1p512;
        return result;
    }
};

/// 1 as a Number.
template <class Number>
[[nodiscard]] Number one_of() noexcept {
    if constexpr (std::is_same_v<Number, double>)
        return 1;
    else
        return Number::one();
}

// Sums, products and quotients, with the same names for each kind of number.
[[nodiscard]] inline double plus(double a, double b) noexcept {
    return a + b;
}
[[nodiscard]] inline double minus(double a, double b) noexcept {
    return a - b;
}
[[nodiscard]] inline double times(double a, double b) noexcept {
    return rounded(a * b);
}
[[nodiscard]] inline double over(double a, double b) noexcept {
    return rounded(a / b);
}
[[nodiscard]] inline wide_number plus(const wide_number& a, const wide_number& b) noexcept {
    if (a.mantissa == 0) return b;
    if (b.mantissa == 0) return a;
    if (a.exponent == b.exponent) return wide_number::of(a.mantissa + b.mantissa, a.exponent);
    const bool larger = a.exponent > b.exponent;
    const wide_number& high = larger ? a : b;
    const wide_number& low = larger ? b : a;
    if (high.exponent - low.exponent > 1) return high;  // 2^512 times as large or more
    return wide_number::of(high.mantissa + rounded(low.mantissa * 0x1p-512), high.exponent);
}
[[nodiscard]] inline wide_number minus(const wide_number& a, const wide_number& b) noexcept {
    return plus(a, wide_number{-b.mantissa, b.exponent});
}
[[nodiscard]] inline wide_number times(const wide_number& a, const wide_number& b) noexcept {
    return wide_number::of(rounded(a.mantissa * b.mantissa), a.exponent + b.exponent);
}
[[nodiscard]] inline wide_number over(const wide_number& a, const wide_number& b) noexcept {
    return wide_number::of(rounded(a.mantissa / b.mantissa), a.exponent - b.exponent);
}

/// Logarithms beyond this count as this: sums of 2000 of their exponents are exact, and below 2^50.
inline constexpr double farthest_log = 0x1p46;

/// exp(log) as a Number.
template <class Number>
[[nodiscard]] Number exponential_of(double log) noexcept;
template <>
[[nodiscard]] inline double exponential_of<double>(double log) noexcept {
    return elementary::exp(log);
}
template <>
[[nodiscard]] inline wide_number exponential_of<wide_number>(double log) noexcept {
    constexpr double step = 0x1.62e42fefap8, step_low = 0x1.cf79abc9e3b3ap-31;  // 512 log(2)
    const double x = std::clamp(log, -farthest_log, farthest_log);
    const double steps = std::floor(rounded(x / step) + 0.5);
    const double rest = (x - rounded(steps * step)) - rounded(steps * step_low);
    return wide_number::of(elementary::exp(std::clamp(rest, -178.0, 178.0)), steps);
}

/// The natural logarithm.
[[nodiscard]] inline double log_of(double a) noexcept {
    return elementary::log(a);
}
[[nodiscard]] inline double log_of(const wide_number& a) noexcept {
    const double high = rounded(a.exponent * 0x1.62e42fefap8),
                 low = rounded(a.exponent * 0x1.cf79abc9e3b3ap-31);
    return high + (low + elementary::log(a.mantissa));
}
/// x as a Number.
template <class Number>
[[nodiscard]] Number number_of(double x) noexcept;
template <>
[[nodiscard]] inline double number_of<double>(double x) noexcept {
    return x;
}
template <>
[[nodiscard]] inline wide_number number_of<wide_number>(double x) noexcept {
    const wide_number once = wide_number::of(x, 0);  // x may be tiny
    return wide_number::of(once.mantissa, once.exponent);
}
/// A number as a double.
[[nodiscard]] inline double to_double(double a) noexcept {
    return a;
}
[[nodiscard]] inline double to_double(const wide_number& a) noexcept {
    return a.to_double();
}
[[nodiscard]] inline wide_number to_wide(double a) noexcept {
    return number_of<wide_number>(a);
}
[[nodiscard]] inline wide_number to_wide(const wide_number& a) noexcept {
    return a;
}
/// a / b as a double.
[[nodiscard]] inline double ratio(double a, double b) noexcept {
    return over(a, b);
}
[[nodiscard]] inline double ratio(const wide_number& a, const wide_number& b) noexcept {
    return over(a, b).to_double();
}

/// A number and its derivative in one direction.
template <class Number>
struct sloped_number {
    Number value{};
    Number slope{};

    [[nodiscard]] static sloped_number one() noexcept { return {one_of<Number>(), Number{}}; }
};
template <class Number>
[[nodiscard]] sloped_number<Number> plus(const sloped_number<Number>& a,
                                         const sloped_number<Number>& b) noexcept {
    return {plus(a.value, b.value), plus(a.slope, b.slope)};
}
template <class Number>
[[nodiscard]] sloped_number<Number> times(const sloped_number<Number>& a,
                                          const sloped_number<Number>& b) noexcept {
    return {times(a.value, b.value), plus(times(a.value, b.slope), times(a.slope, b.value))};
}
template <class Number>
[[nodiscard]] sloped_number<Number> over(const sloped_number<Number>& a,
                                         const sloped_number<Number>& b) noexcept {
    const Number quotient = over(a.value, b.value);
    return {quotient, over(minus(a.slope, times(quotient, b.slope)), b.value)};
}

/// A weight, and the entropy of the choice among all that it sums.
struct entropy_number {
    wide_number value;
    double entropy = 0;

    [[nodiscard]] static entropy_number one() noexcept { return {wide_number::one(), 0}; }
};
[[nodiscard]] inline entropy_number plus(const entropy_number& a, const entropy_number& b) noexcept {
    if (a.value.mantissa == 0) return b;
    if (b.value.mantissa == 0) return a;
    const wide_number sum = plus(a.value, b.value);
    const double p = ratio(a.value, sum), q = ratio(b.value, sum);
    double entropy = 0;
    if (p > 0) entropy += rounded(p * (a.entropy - elementary::log(p)));
    if (q > 0) entropy += rounded(q * (b.entropy - elementary::log(q)));
    return {sum, entropy};
}
[[nodiscard]] inline entropy_number times(const entropy_number& a, const entropy_number& b) noexcept {
    return {times(a.value, b.value), a.entropy + b.entropy};
}
[[nodiscard]] inline entropy_number over(const entropy_number& a, const entropy_number& b) noexcept {
    return {over(a.value, b.value), a.entropy - b.entropy};
}

/// A weight by two sets of scores, and the divergence of the second law from the first of the choice among
/// all that it sums.
struct divergence_number {
    wide_number value;
    wide_number other;
    double divergence = 0;

    [[nodiscard]] static divergence_number one() noexcept {
        return {wide_number::one(), wide_number::one(), 0};
    }
};
[[nodiscard]] inline divergence_number plus(const divergence_number& a, const divergence_number& b) noexcept {
    if (a.value.mantissa == 0) return b;
    if (b.value.mantissa == 0) return a;
    const wide_number sum = plus(a.value, b.value), other_sum = plus(a.other, b.other);
    const auto part = [&](const divergence_number& of) {
        const double p = ratio(of.value, sum);
        if (p == 0) return 0.0;
        // log(p / q): of two numbers that may be close to 1, or far below.
        const double surprise = log_of(over(times(of.value, other_sum), times(of.other, sum)));
        return rounded(p * (of.divergence + surprise));
    };
    return {sum, other_sum, part(a) + part(b)};
}
[[nodiscard]] inline divergence_number times(const divergence_number& a,
                                             const divergence_number& b) noexcept {
    return {times(a.value, b.value), times(a.other, b.other), a.divergence + b.divergence};
}
[[nodiscard]] inline divergence_number over(const divergence_number& a, const divergence_number& b) noexcept {
    return {over(a.value, b.value), over(a.other, b.other), a.divergence - b.divergence};
}

/// Divides a number by 2^(512 exponent). A double has no room for that.
inline void lower(double&, double) noexcept {}
inline void lower(wide_number& a, double exponent) noexcept {
    a.exponent -= exponent;
}
template <class Number>
void lower(sloped_number<Number>& a, double exponent) noexcept {
    lower(a.value, exponent);
    lower(a.slope, exponent);
}
inline void lower(entropy_number& a, double exponent) noexcept {
    lower(a.value, exponent);
}
inline void lower(divergence_number& a, double exponent) noexcept {
    lower(a.value, exponent);
    lower(a.other, exponent);
}

/// y[i] = y[i] + a x[i] for i < n.
template <class Number>
inline void add_multiple(const Number& a, const Number* x, Number* y, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) y[i] = plus(times(a, x[i]), y[i]);
}
template <>
inline void add_multiple<double>(const double& a, const double* x, double* y, std::size_t n) noexcept {
    scaled_sum(a, x, y, y, n);
}

/// The place in which a number u of (0, 1) falls, if it is divided in proportion to n chances. One of chance
/// 0 is never chosen.
[[nodiscard]] inline std::size_t drawn_of(const double* chances, std::size_t n, double u) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += chances[i];
    const double wanted = rounded(u * sum);
    double below = 0;
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (chances[i] == 0) continue;
        chosen = i;
        below += chances[i];
        if (wanted < below) break;
    }
    return chosen;
}

/// The sum of x[i] y[i] for i < n.
template <class Number>
[[nodiscard]] inline Number sum_of_products(const Number* x, const Number* y, std::size_t n) noexcept {
    Number sum{};
    for (std::size_t i = 0; i < n; ++i) sum = plus(sum, times(x[i], y[i]));
    return sum;
}
/// In four lanes on every instruction set.
template <>
[[nodiscard]] inline double sum_of_products<double>(const double* x, const double* y,
                                                    std::size_t n) noexcept {
    using vector = vector_lanes<double, std::min<std::size_t>(4, widest_lanes<double>::size)>;
    constexpr std::size_t chains = 4 / vector::size;
    double sums[4] = {0, 0, 0, 0};
    std::size_t i = 0;
    if (n >= 4) {
        vector parts[chains];
        for (std::size_t c = 0; c < chains; ++c)
            parts[c] = product(vector::load(x + c * vector::size), vector::load(y + c * vector::size));
        for (i = 4; i + 4 <= n; i += 4)
            for (std::size_t c = 0; c < chains; ++c) {
                const std::size_t at = i + c * vector::size;
                parts[c] = multiply_add(vector::load(x + at), vector::load(y + at), parts[c]);
            }
        for (std::size_t c = 0; c < chains; ++c) parts[c].store(sums + c * vector::size);
    }
    for (std::size_t lane = 0; i < n; ++i, ++lane) sums[lane] += rounded(x[i] * y[i]);
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

}  // namespace imle::inline IMLE_ABI::detail
