#pragma once

/// @file
/// Polynomials through a law's quantiles: the coefficients of `quantile_table`.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/function_ref.hpp>
#include <imle/core/rounded.hpp>
#include <imle/quantile/interpolation.hpp>
#include <imle/quantile/quantile_source.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Piecewise polynomials fitted to a source: to the standardised quantile function (x - location) / scale or,
/// if `logarithmic()`, to its base-2 logarithm.
///
/// `Layout` gives the knots and the order of the coefficients. Interval i is from `knot(i)` to `knot(i + 1)`
/// of the tail's probability; the last knot is 1/2. Entry 2 i belongs to the lower tail, entry 2 i + 1 to the
/// upper one. An entry has `degree + 1` coefficients of powers of t, padded to `stride`, where `unit` times t
/// is the position in the interval from 0 to 1. If an error is above `tolerance`, the logarithm is tried. No
/// coefficient may be below `smallest`.
template <class Scalar, class Layout>
class quantile_polynomials {
    using layout = Layout;
    static constexpr int degree = layout::degree;

  public:
    template <QuantileSource SourceT>
    explicit quantile_polynomials(const SourceT& source) {
        const auto offset = [&](tail side, double p) -> double { return source.offset(side, p); };
        const auto resolution = [&](tail side, double p) -> double {
            if constexpr (requires { source.resolution(side, p); })
                return source.resolution(side, p);
            else
                return 0;
        };
        if constexpr (requires { source.log_offset(tail::lower, 0.5); }) {
            const auto logarithm = [&](tail side, double p) -> double { return source.log_offset(side, p); };
            make_better({source.origin(), source.positive(), offset, resolution, true, logarithm});
        } else {
            make_better({source.origin(), source.positive(), offset, resolution, false, offset});
        }
        require_small_error();
    }

    quantile_polynomials(const quantile_polynomials&) = delete;
    quantile_polynomials& operator=(const quantile_polynomials&) = delete;

    /// The first coefficient, at the beginning of a cache line.
    [[nodiscard]] const Scalar* coefficients() const noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(coefficients_.data());
        return coefficients_.data() + ((64 - address % 64) % 64) / sizeof(Scalar);
    }
    [[nodiscard]] double location() const noexcept { return location_; }
    [[nodiscard]] double scale() const noexcept { return scale_; }
    [[nodiscard]] bool logarithmic() const noexcept { return logarithmic_; }
    [[nodiscard]] double interpolation_error() const noexcept { return interpolation_error_; }

  private:
    using array = polynomial_numbers<degree>;
    using value_function = function_ref<portable_double(tail side, double p)>;

    static constexpr double min_spread = 1e-290;
    /// Every table keeps at least the accuracy that a float table promises for its tails.
    static constexpr double largest_error = 1e-3;

    /// Makes the plain or the logarithmic polynomials, whichever are better.
    void make_better(const quantile_source& source) {
        const double median = source.offset(tail::lower, 0.5);
        const double spread = source.offset(tail::upper, 0.25) - source.offset(tail::lower, 0.25);
        // Use offsets from the bound if the law comes close to it, so that the smallest numbers keep their
        // accuracy. Otherwise use offsets from the median, so that the bulk is accurate.
        bool positive = source.positive;
        bool at_bound = positive && source.offset(tail::lower, layout::lowest) < median / 1024;
        bool plain = is_finite(median) && spread > min_spread && is_finite(spread) &&
                     spread > 0x1p-48 * std::abs(median);
        double ends[2];
        for (const tail side : {tail::lower, tail::upper}) {
            const double end = ends[side == tail::upper] = source.offset(side, layout::lowest);
            const double furthest = source.origin + end;
            if (!(std::abs(furthest) <= static_cast<double>(std::numeric_limits<Scalar>::max())))
                throw_invalid(
                    "the law of a quantile_table",
                    message("too wide: its quantile of ", describe(side, layout::lowest), " is ", furthest),
                    sizeof(Scalar) == 4 ? "quantiles that a float holds" : "finite quantiles");
        }
        // A law may come close to 0 without passing it, and not say so. Next to 0, and nowhere else, the
        // output's type has room for the smallest distances.
        if (!positive && source.origin == 0) positive = at_bound = ends[0] > 0 && ends[0] < median / 1024;
        const bool below_zero = source.origin == 0 && ends[1] <= 0 && ends[1] > median / 1024;
        // Elsewhere the location is a number of the output's type, so that no remainder needs to be added.
        // The scale is 1 if that leaves room for the smallest coefficients.
        const double location = source.origin + (at_bound || below_zero ? 0 : median);
        const double center = at_bound || below_zero ? 0 : static_cast<Scalar>(location) - source.origin;
        const double unit = spread > 0x1p-20 && spread < 0x1p+20 ? 1 : spread;
        // Coefficients would underflow at the bound: use the logarithm if at all possible.
        if (at_bound && !(source.offset(tail::lower, layout::lowest) > layout::smallest * unit))
            plain = false;
        if (plain) {
            location_ = source.origin + center;
            scale_ = unit;
            make([&](tail side, double p) { return portable_double(source.offset(side, p) - center) / unit; },
                 source.resolution);
            if (interpolation_error_ <= layout::tolerance || !positive) return;
        } else if (!positive) {
            throw_invalid(
                "the law of a quantile_table",
                message("not a law: its median is ", median, " and its quartiles are ", spread, " apart"),
                "finite quantiles that increase");
        }
        const double plain_error = interpolation_error_, plain_worst = worst_;
        // Swap, do not copy: the position of the first coefficient depends on the storage's address.
        std::vector<Scalar> plain_coefficients;
        plain_coefficients.swap(coefficients_);
        make([&](tail side, double p) { return source.log(side, p) * std::numbers::log2e; },
             source.resolution);
        if (plain && plain_error <= interpolation_error_) {
            coefficients_.swap(plain_coefficients);
            interpolation_error_ = plain_error;
            worst_ = plain_worst;
            return;
        }
        logarithmic_ = true;
        location_ = source.origin;
        scale_ = 1;
    }

    void require_small_error() const {
        if (interpolation_error_ > largest_error)
            throw_invalid("the law of a quantile_table",
                          message("too rough: its quantiles between knots are wrong by ",
                                  interpolation_error_, " of the probability, near that of ", worst_),
                          "a density without gaps, and lower_bound() where there is a bound");
    }

    /// Interpolates `value(side, p)` on every interval, and records the largest error between the nodes.
    void make(value_function value, quantile_source::function resolution) {
        const std::size_t stride = layout::stride;
        std::vector<Scalar> storage(2 * layout::intervals * stride + 64 / sizeof(Scalar));
        coefficients_.swap(storage);
        Scalar* first = const_cast<Scalar*>(coefficients());
        const array& t = nodes_;
        interpolation_error_ = 0;
        for (const tail side : {tail::lower, tail::upper}) {
            const double sign = side == tail::lower ? 1 : -1;
            portable_double at_knot = checked(value, side, layout::knot(0));
            for (std::size_t i = 0; i + 1 < layout::intervals; ++i) {
                const portable_double p0 = layout::knot(i), width = layout::knot(i + 1) - p0;
                array y;
                for (std::size_t j = 0; j <= degree; ++j) {
                    y[j] = j == 0 ? at_knot : checked(value, side, p0 + width * t[j]);
                    if (j > 0 && !(sign * (y[j] - y[j - 1]) >= 0)) {
                        const double p = (p0 + width * t[j]).value();
                        if (width * (t[j] - t[j - 1]) > 64 * resolution(side, p)) not_monotone(side, p);
                        y[j] = y[j - 1];
                    }
                }
                at_knot = y[degree];
                const array c = interpolate(t, y);
                note_error(c, value, resolution, side, p0, width);
                double unit = 1;
                for (std::size_t j = 0; j <= degree; ++j, unit *= layout::unit)
                    first[(2 * i + (side == tail::upper)) * stride + j] =
                        static_cast<Scalar>((c[j] * unit).value());
            }
            // A probability that rounds up to 1/2 gives the median.
            first[(2 * (layout::intervals - 1) + (side == tail::upper)) * stride] =
                static_cast<Scalar>(at_knot.value());
        }
    }

    static portable_double checked(value_function value, tail side, portable_double p) {
        const portable_double y = value(side, p.value());
        if (!is_finite(y.value()))
            throw_invalid("the law of a quantile_table",
                          "not a law: a quantile is not finite, that of " + describe(side, p.value()),
                          "finite quantiles that increase");
        return y;
    }
    static std::string describe(tail side, double p) { return message(side == tail::lower ? "" : "1 - ", p); }
    [[noreturn]] static void not_monotone(tail side, double p) {
        throw_invalid("the law of a quantile_table",
                      "not a law: its quantile function decreases at " + describe(side, p),
                      "finite quantiles that increase");
    }

    void note_error(const array& c, value_function value, quantile_source::function resolution, tail side,
                    portable_double p0, portable_double width) {
        // Between two nodes. Begin where odd degrees are worst; go elsewhere only if the error there is too
        // large.
        for (std::size_t j = 0; j < degree; ++j) {
            const std::size_t node = (degree / 2 + j) % degree;
            const portable_double t = between_[node];
            portable_double y = 0, slope = 0;
            for (std::size_t i = degree + 1; i-- > 0;) {
                slope = slope * t + y;
                y = y * t + c[i];
            }
            const portable_double p = p0 + width * t, difference = abs(y - checked(value, side, p));
            portable_double error = difference == 0 ? 0 : difference / abs(slope) * width / p;
            const bool good = error <= layout::tolerance;
            if (!good) {
                // The rounding of y and of the law's own functions is not an error of the polynomial.
                const portable_double blur =
                    resolution(side, p.value()) / p + abs(y / slope) * width / p * 0x1p-52;
                error = blur < 1e-3 ? error - 8 * blur : 0;
            }
            if (error > interpolation_error_) {
                interpolation_error_ = error.value();
                worst_ = (side == tail::lower ? p : 1 - p).value();
            }
            if (good) break;
        }
    }

    const array nodes_ = chebyshev_places<degree>(0), between_ = chebyshev_places<degree>(0.5);
    std::vector<Scalar> coefficients_;
    double location_ = 0;
    double scale_ = 1;
    double interpolation_error_ = 0;
    double worst_ = 0.5;  // the u of the largest error
    bool logarithmic_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
