#pragma once

/// @file
/// Integrals along a contour, by which a transform is inverted.

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <vector>

#include <imle/noise/detail/sum_of_gamma_transform.hpp>

namespace imle::inline IMLE_ABI::detail {

/// exp(z) for finite z.
[[nodiscard]] inline complex exp_of(complex z) noexcept {
    const double size = std::exp(z.real());
    return {size * std::cos(z.imag()), size * std::sin(z.imag())};
}
/// exp(z) - 1, accurate for small z.
[[nodiscard]] inline complex expm1_of(complex z) noexcept {
    const double size = std::expm1(z.real()), half = std::sin(0.5 * z.imag());
    return {size * std::cos(z.imag()) - 2 * half * half, (size + 1) * std::sin(z.imag())};
}

/// The upper half of the path
///
///     q(t) = crossing + width * (bend * (1 - cosh t) + i sinh t),        t >= 0,
///
/// whose end, for a bend of 1, leaves at 45 degrees between the growth of exp(q x) and a branch cut on the
/// negative real axis. The lower half is its mirror image, so that an integral is twice the imaginary part.
struct contour {
    double crossing;
    double width;
    double bend;

    /// For each offset x, with q0 the crossing and g(q) = `factor(q)`, of size 1 near q0:
    ///
    ///     over_q[i] = 1 / (2 pi i) * integral of g(q) exp((q - q0) x[i]) / q dq,       whole[i] without / q
    ///
    /// by the trapezoidal rule, which converges geometrically in 1 / step for what is analytic about the
    /// path: each halving doubles the number of correct digits. O(100 * (factor + offsets)).
    template <class Factor>
    void integrate(const Factor& factor, std::span<const double> x, std::span<double> over_q,
                   std::span<double> whole) const {
        std::fill(over_q.begin(), over_q.end(), 0.0);
        std::fill(whole.begin(), whole.end(), 0.0);
        std::vector<double> previous(x.size());
        double step = first_step;
        add_nodes(factor, x, 0, step, over_q, whole);
        for (int level = 0; level < max_levels; ++level) {
            for (std::size_t i = 0; i < x.size(); ++i) previous[i] = over_q[i] * step;
            add_nodes(factor, x, step / 2, step, over_q, whole);
            step /= 2;
            double error = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double now = over_q[i] * step;
                error = std::max(error, std::abs(now - previous[i]) / std::abs(now));
            }
            if (error < tolerance) break;
        }
        for (std::size_t i = 0; i < x.size(); ++i)
            over_q[i] *= step / std::numbers::pi, whole[i] *= step / std::numbers::pi;
    }

  private:
    static constexpr double first_step = 0.18;
    static constexpr int max_levels = 6;
    static constexpr double tolerance = 2e-11;

    /// Adds the nodes t = start, start + step, ...
    template <class Factor>
    void add_nodes(const Factor& factor, std::span<const double> x, double start, double step,
                   std::span<double> over_q, std::span<double> whole) const {
        int small = 0;
        for (int j = 0; j < 4000 && small < 3; ++j) {
            const double t = start + j * step;
            const double growth = std::exp(t);
            const double cosine = 0.5 * (growth + 1 / growth), sine = 0.5 * (growth - 1 / growth);
            const complex from_crossing(width * bend * (1 - cosine), width * sine);
            const complex q = crossing + from_crossing;
            // dq / dt; half of it at t = 0, which the other half of the path shares.
            complex dq(-width * bend * sine, width * cosine);
            if (t == 0) dq *= 0.5;
            const complex front = times(factor(q), dq);
            const complex front_over_q = times(front, inverse(q));
            const double size = std::abs(front), size_over_q = std::abs(front_over_q);
            bool negligible = true;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double left = std::exp(from_crossing.real() * x[i]);
                const double angle = from_crossing.imag() * x[i];
                const complex wave(left * std::cos(angle), left * std::sin(angle));
                over_q[i] += times(wave, front_over_q).imag();
                whole[i] += times(wave, front).imag();
                negligible &=
                    left * size < 1e-18 * width && left * size_over_q < 1e-18 * width / std::abs(crossing);
            }
            small = negligible ? small + 1 : 0;
        }
    }
};

}  // namespace imle::inline IMLE_ABI::detail
