#pragma once

/// @file
/// Contour integrals, which invert a transform.

#include <algorithm>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <imle/core/circular.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/portable_complex.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/detail/sum_of_gamma_transform.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The upper half of the path
///
///     q(t) = crossing + width * (bend * (1 - cosh t) + i sinh t),        t >= 0,
///
/// With a bend of 1 its end leaves at 45 degrees, between the growth of exp(q x) and a branch cut on the
/// negative real axis. The lower half is its mirror image, so an integral is twice the imaginary part.
struct contour {
    portable_double crossing;
    portable_double width;
    portable_double bend;

    /// For each offset x, with q0 the crossing and g(q) = `factor(q)`, of size 1 near q0:
    ///
    ///     over_q[i] = 1 / (2 pi i) * integral of g(q) exp((q - q0) x[i]) / q dq,       whole[i] without / q
    ///
    /// by the trapezoidal rule. It converges geometrically in 1 / step if the integrand is analytic around
    /// the path: each halving doubles the number of correct digits. O(100 * (factor + offsets)).
    template <class Factor>
    void integrate(const Factor& factor, std::span<const double> x, std::span<double> over_q,
                   std::span<double> whole) const {
        std::fill(over_q.begin(), over_q.end(), 0.0);
        std::fill(whole.begin(), whole.end(), 0.0);
        std::vector<double> previous(x.size());
        portable_double step = first_step;
        add_nodes(factor, x, 0, step, over_q, whole);
        for (int level = 0; level < max_levels; ++level) {
            for (std::size_t i = 0; i < x.size(); ++i) previous[i] = (over_q[i] * step).value();
            add_nodes(factor, x, step / 2, step, over_q, whole);
            step /= 2;
            portable_double error;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const portable_double now = over_q[i] * step;
                error = std::max(error, abs(now - previous[i]) / abs(now));
            }
            if (error < tolerance) break;
        }
        const portable_double share = step / std::numbers::pi;
        for (std::size_t i = 0; i < x.size(); ++i) {
            over_q[i] = (over_q[i] * share).value();
            whole[i] = (whole[i] * share).value();
        }
    }

  private:
    static constexpr double first_step = 0.18;
    static constexpr int max_levels = 6;
    static constexpr double tolerance = 2e-11;

    /// Adds the nodes t = start, start + step, ... until three in a row are negligible.
    template <class Factor>
    void add_nodes(const Factor& factor, std::span<const double> x, portable_double start,
                   portable_double step, std::span<double> over_q, std::span<double> whole) const {
        int small = 0;
        for (int j = 0; j < 4000 && small < 3; ++j) {
            const portable_double t = start + j * step;
            const portable_double growth = elementary::exp(t);
            const portable_double cosh = 0.5 * (growth + 1 / growth), sinh = 0.5 * (growth - 1 / growth);
            const complex from_crossing(width * bend * (1 - cosh), width * sinh);
            const complex q = crossing + from_crossing;
            // dq / dt. At t = 0 only half of it, since the other half of the path shares this node.
            complex dq(-width * bend * sinh, width * cosh);
            if (t == 0) dq *= 0.5;
            const complex front = factor(q) * dq, front_over_q = front / q;
            const portable_double largest = std::max(abs(front), abs(front_over_q) * abs(crossing));
            bool negligible = true;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const portable_double left = elementary::exp(from_crossing.real() * x[i]);
                const auto [sine, cosine] = elementary::sin_cos(from_crossing.imag() * x[i]);
                over_q[i] += (left * (sine * front_over_q.real() + cosine * front_over_q.imag())).value();
                whole[i] += (left * (sine * front.real() + cosine * front.imag())).value();
                negligible &= left * largest < 1e-18 * width;
            }
            small = negligible ? small + 1 : 0;
        }
    }
};

}  // namespace imle::inline IMLE_ABI::detail
