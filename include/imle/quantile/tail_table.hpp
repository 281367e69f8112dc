#pragma once

/// @file
/// The survival function and the density of one law as piecewise polynomials, for many arguments at once.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/core/rounded.hpp>
#include <imle/quantile/cdf_source.hpp>
#include <imle/quantile/interpolation.hpp>
#include <imle/quantile/quantile_source.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A `tail_table`'s polynomials: 2^step_bits of them in each binade.
template <class Scalar>
struct tail_layout;

template <>
struct tail_layout<float> {
    using word = std::uint32_t;
    static constexpr std::size_t degree = 3;
    static constexpr std::size_t stride = 4;
    static constexpr int mantissa_bits = 23;
    static constexpr int step_bits = 5;
    static constexpr word one = word{127} << 23;
    static constexpr int bias = 127;
    /// The exponent of the first binade if the law has a lower bound.
    static constexpr int first_at_bound = -12;
    static constexpr double tolerance = 1e-6;
};

template <>
struct tail_layout<double> {
    using word = std::uint64_t;
    static constexpr std::size_t degree = 7;
    static constexpr std::size_t stride = 8;
    static constexpr int mantissa_bits = 52;
    static constexpr int step_bits = 4;
    static constexpr word one = word{1023} << 52;
    static constexpr int bias = 1023;
    static constexpr int first_at_bound = -24;
    static constexpr double tolerance = 1e-10;
};

/// P(X > x) and the density of X for arrays of x, each by a look-up and a short polynomial.
///
/// x becomes y = (x - origin) / unit. The origin is the law's lower bound, if it is near the bulk, or the
/// median; the unit is about the distance between the quartiles. Then v = |y| + shift, with a power of two as
/// the shift. The bits of v hold the interval and the place in it, as in `quantile_table`, and the sign of y
/// chooses the side. Intervals are short next to the origin and grow with the distance from it. Next to a
/// lower bound, where the functions may be like a power of the distance, they are very short (shift 2^-12 or
/// 2^-24); next to a median a kink does no harm (shift 1).
///
/// - float: cubics, 32 intervals in each binade; errors are below 1e-6.
/// - double: degree 7, 16 intervals in each binade; errors are below 1e-10.
///
/// The error of the density is relative to 1 / unit, and does not count within 2^-9 units of a lower bound,
/// where the density may be a power of the distance. The polynomials are fitted in the upper tail itself, so
/// small survival probabilities keep a relative accuracy: see tests/quantile/tail_table.test.cpp. Survival
/// probabilities below 1e-30 become 0.
///
/// A law has `cdf(x)` and `pdf(x)`, const and in double, and optionally `quantile(u)`, `survival(x)`,
/// `lower_bound()` and `upper_bound()`, as for `quantile_table`; and optionally `write_tail(x, survival,
/// pdf)` for several x that are close to one another, if that is faster.
template <class Scalar>
class tail_table {
    using layout = tail_layout<Scalar>;
    using word = typename layout::word;
    static constexpr std::size_t degree = layout::degree, stride = layout::stride;
    static constexpr std::size_t steps = std::size_t{1} << layout::step_bits;

  public:
    /// Evaluates the law at about 2,000 (float) or 6,000 (double) places. Throws `std::invalid_argument` if
    /// its functions are not finite, not a distribution function and its derivative, or too rough.
    template <HasDensity LawT>
    explicit tail_table(const LawT& law) {
        choose_scale(law);
        make(law);
    }

    tail_table(const tail_table&) = delete;
    tail_table& operator=(const tail_table&) = delete;

    /// out[i] = P(X > x[i]), from 0 to 1, for i < n. x may be infinite; `out` may be x. The bits of a number
    /// depend on its x alone. O(n).
    void write_survivals(const Scalar* x, Scalar* out, std::size_t n) const noexcept {
        look_up_all(first_of(survival_), x, out, n, []<class Lanes>(Lanes p) {
            return minimum(maximum(p, Lanes(Scalar(0))), Lanes(Scalar(1)));
        });
    }
    /// out[i] = the density at x[i], at least 0, for i < n. `out` may be x. O(n).
    void write_densities(const Scalar* x, Scalar* out, std::size_t n) const noexcept {
        look_up_all(first_of(density_), x, out, n,
                    []<class Lanes>(Lanes f) { return maximum(f, Lanes(Scalar(0))); });
    }

    /// The largest error of the survival function's polynomials that was seen while they were made.
    [[nodiscard]] double survival_error() const noexcept { return survival_error_; }
    /// The same for the density, times the unit.
    [[nodiscard]] double density_error() const noexcept { return density_error_; }

  private:
    static constexpr int last_binade = 40;
    static constexpr double negligible = 1e-30;
    /// A place is one number for each node.
    using numbers = polynomial_numbers<degree>;

    [[noreturn]] static void refuse(const std::string& was, const char* expected) {
        throw_invalid("the law of the noise", was, expected);
    }

    // -- The law's scale ---------------------------------------------------------------------------------

    template <class LawT>
    [[nodiscard]] static double quantile_of_law(const LawT& law, double u) {
        if constexpr (HasQuantile<LawT>) {
            return static_cast<double>(law.quantile(u));
        } else {
            const cdf_source<LawT> source(law);
            return source.origin() + source.offset(u > 0.5 ? tail::upper : tail::lower, std::min(u, 1 - u));
        }
    }

    template <class LawT>
    void choose_scale(const LawT& law) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        double lowest = -infinity;
        if constexpr (HasLowerBound<LawT>) lowest = law.lower_bound();
        if constexpr (HasUpperBound<LawT>) highest_ = law.upper_bound();
        const double lower = quantile_of_law(law, 0.25), median = quantile_of_law(law, 0.5),
                     upper = quantile_of_law(law, 0.75), spread = upper - lower;
        // A bound far from the bulk is a smooth end, and intervals would be too long at the bulk.
        bounded_ = is_finite(lowest) && median - lowest < 3 * spread;
        origin_ = bounded_ ? lowest : median;
        // A skewed law changes faster on one side of its median.
        unit_ = bounded_ ? spread : 2 * std::min(median - lower, upper - median);
        first_binade_ = bounded_ ? layout::first_at_bound : 0;
        shift_ = std::ldexp(1.0, first_binade_);
        if (is_finite(highest_) && spread > 0 && highest_ > origin_) {
            // An upper bound becomes a knot: the beginning of a binade.
            const double width = highest_ - origin_;
            binades_at_bound_ = std::max(1, std::ilogb(width / unit_) + 1);
            unit_ = width / (std::ldexp(1.0, binades_at_bound_) - shift_);
        }
        inverse_unit_ = 1 / unit_;
        constexpr double most = static_cast<double>(std::numeric_limits<Scalar>::max()) / 4;
        constexpr double least = static_cast<double>(std::numeric_limits<Scalar>::min()) * 4;
        if (!(std::abs(origin_) < most && unit_ > least && unit_ < most && inverse_unit_ > least &&
              inverse_unit_ < most))
            refuse(message("not usable: its median is ", median, " and its quartiles are ", spread, " apart"),
                   "quartiles whose distance, and its inverse, the scalar of theta holds");
    }

    // -- The polynomials ---------------------------------------------------------------------------------

    /// P(X > x) and the density at places that are close to one another.
    template <class LawT>
    void evaluate(const LawT& law, std::span<const double> x, std::span<double> survival,
                  std::span<double> density) const {
        if constexpr (requires { law.write_tail(x, survival, density); }) {
            law.write_tail(x, survival, density);
        } else {
            for (std::size_t j = 0; j < x.size(); ++j) {
                if constexpr (HasSurvival<LawT>)
                    survival[j] = static_cast<double>(law.survival(x[j]));
                else
                    survival[j] = 1 - static_cast<double>(law.cdf(x[j]));
                density[j] = static_cast<double>(law.pdf(x[j]));
            }
        }
        for (std::size_t j = 0; j < x.size(); ++j) {
            if (!(survival[j] >= -1e-9 && survival[j] <= 1 + 1e-9))
                refuse(message("not a law: P(X > ", x[j], ") is ", survival[j]), "a probability");
            if (!(density[j] >= 0) || !is_finite(density[j]))
                refuse(message("of density ", density[j], " at ", x[j]),
                       bounded_ && x[j] <= origin_
                           ? "a density that is finite at the lower bound (gamma of shape 1 or more, "
                             "sum_of_gamma with at least k terms): elsewhere the gradient's variance may be "
                             "infinite"
                           : "a finite density that is not negative");
        }
    }

    [[nodiscard]] double place(tail side, double y) const noexcept {
        const double x = multiply_add(side == tail::lower ? -unit_ : unit_, y, origin_);
        return std::min(x, highest_);
    }

    /// Whether nothing is left of both tails from v on.
    template <class LawT>
    [[nodiscard]] bool ends_before(const LawT& law, int binade) const {
        if (binade >= last_binade) return true;
        const double y = std::ldexp(1.0, binade) - shift_;
        double survival = 0, density = 0;
        const auto at = [&](tail side) {
            const double x = place(side, y);
            evaluate(law, {&x, 1}, {&survival, 1}, {&density, 1});
        };
        if (binades_at_bound_ == 0) {
            at(tail::upper);
            if (!(survival <= negligible)) return false;
        } else if (binade < binades_at_bound_) {
            return false;
        }
        if (bounded_) return true;
        return static_cast<double>(law.cdf(place(tail::lower, y))) <= negligible;
    }

    template <class LawT>
    void make(const LawT& law) {
        int end = first_binade_ + 1;
        while (!ends_before(law, end)) ++end;
        intervals_ = static_cast<std::size_t>(end - first_binade_) * steps;
        const std::size_t size = 2 * (intervals_ + 1) * stride + 64 / sizeof(Scalar);
        survival_.assign(size, Scalar(0));
        density_.assign(size, Scalar(0));
        const numbers nodes = chebyshev_places<degree>(0), between = chebyshev_places<degree>(0.5);
        for (const tail side : {tail::lower, tail::upper}) {
            const std::size_t own = side == tail::lower ? 1 : 0;
            // Below a lower bound everything is above x.
            bool ended = side == tail::lower && bounded_;
            for (std::size_t i = 0; i < intervals_; ++i) {
                Scalar* const row = first_of(survival_) + (2 * i + own) * stride;
                if (ended)
                    row[0] = side == tail::lower ? 1 : 0;
                else
                    ended =
                        fit(law, side, i, nodes, between, row, first_of(density_) + (2 * i + own) * stride);
            }
            // Beyond the last interval.
            first_of(survival_)[(2 * intervals_ + own) * stride] = side == tail::lower ? 1 : 0;
        }
        if (survival_error_ > layout::tolerance)
            refuse(
                message("too rough: its distribution function between knots is wrong by ", survival_error_,
                        " near ", worst_),
                "a density without jumps between lower_bound() and upper_bound(), and without kinks except "
                "at the median");
    }

    /// Returns whether nothing of the tail is left at the interval's end.
    template <class LawT>
    bool fit(const LawT& law, tail side, std::size_t i, const numbers& nodes, const numbers& between,
             Scalar* survival_row, Scalar* density_row) {
        const double binade = std::ldexp(1.0, first_binade_ + static_cast<int>(i / steps));
        const double width = binade / static_cast<double>(steps);
        const portable_double begin =
            portable_double(binade) + width * static_cast<double>(i % steps) - shift_;
        // The nodes, and the place between two of them where an odd degree is worst.
        std::array<double, degree + 2> x, survival, density;
        const std::size_t middle = degree + 1;
        const portable_double t = between[degree / 2];
        for (std::size_t j = 0; j <= degree; ++j) x[j] = place(side, (begin + width * nodes[j]).value());
        x[middle] = place(side, (begin + width * t).value());
        evaluate(law, x, survival, density);
        numbers y, f;
        for (std::size_t j = 0; j <= degree; ++j) {
            y[j] = survival[j];
            f[j] = density[j];
        }
        const numbers c = interpolate(nodes, y), d = interpolate(nodes, f);
        portable_double value = 0, slope = 0, height = 0;
        for (std::size_t j = degree + 1; j-- > 0;) {
            slope = slope * t + value;
            value = value * t + c[j];
            height = height * t + d[j];
        }
        const double error = abs(value - survival[middle]).value();
        if (error > survival_error_) {
            survival_error_ = error;
            worst_ = x[middle];
        }
        if (width >= 0x1p-9) {
            density_error_ = std::max(density_error_, (abs(height - density[middle]) * unit_).value());
            // The slope is minus the density. Both times the unit.
            const portable_double own = portable_double(density[middle]) * unit_,
                                  fall = slope / (side == tail::lower ? width : -width);
            if (!(abs(fall - own) < 1e-3))
                refuse(message("of density ", density[middle], " at ", x[middle],
                               ", where its distribution function rises by ", fall.value() / unit_),
                       "a pdf that is the derivative of the cdf");
        }
        // In the kernel, `steps` times t is the place in the interval.
        double power = 1;
        for (std::size_t j = 0; j <= degree; ++j, power *= static_cast<double>(steps)) {
            survival_row[j] = static_cast<Scalar>((c[j] * power).value());
            density_row[j] = static_cast<Scalar>((d[j] * power).value());
        }
        return side == tail::upper
                   ? survival[degree] <= negligible
                   : survival[degree] > 1 - 1e-14 && density[degree] <= negligible * inverse_unit_;
    }

    // -- The kernel --------------------------------------------------------------------------------------

    /// The first coefficient, at the beginning of a cache line.
    [[nodiscard]] static const Scalar* first_of(const std::vector<Scalar>& storage) noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(storage.data());
        return storage.data() + ((64 - address % 64) % 64) / sizeof(Scalar);
    }
    [[nodiscard]] static Scalar* first_of(std::vector<Scalar>& storage) noexcept {
        return const_cast<Scalar*>(first_of(static_cast<const std::vector<Scalar>&>(storage)));
    }

    static constexpr std::size_t block = 64;

    template <class Finish>
    void look_up_all(const Scalar* table, const Scalar* x, Scalar* out, std::size_t n,
                     const Finish& finish) const noexcept {
        for (; n >= block; n -= block, x += block, out += block) look_up_block(table, x, out, block, finish);
        if (n == 0) return;
        alignas(64) Scalar rest[block] = {};
        std::copy_n(x, n, rest);
        constexpr std::size_t size = widest_lanes<Scalar>::size;
        look_up_block(table, rest, rest, (n + size - 1) / size * size, finish);
        std::copy_n(rest, n, out);
    }

    /// `count`: a multiple of the widest lanes, at most `block`.
    template <class Finish>
    void look_up_block(const Scalar* table, const Scalar* x, Scalar* out, std::size_t count,
                       const Finish& finish) const noexcept {
        using lanes = widest_lanes<Scalar>;
        constexpr int word_bits = sizeof(word) * 8;
        constexpr int place_bits = layout::mantissa_bits - layout::step_bits;
        constexpr int stride_bits = std::countr_zero(stride);
        constexpr word place_mask = (word{1} << place_bits) - 1;
        constexpr word magnitude = (word{1} << (word_bits - 1)) - 1;
        const lanes origin(static_cast<Scalar>(origin_)), inverse(static_cast<Scalar>(inverse_unit_)),
            shift(static_cast<Scalar>(shift_)),
            end(static_cast<Scalar>(std::ldexp(1.0, first_binade_ + static_cast<int>(intervals_ / steps))));
        const std::size_t first_row =
            (static_cast<std::size_t>(layout::bias + first_binade_) << (layout::step_bits + 1)) * stride;
        alignas(64) word rows[block];
        alignas(64) Scalar places[block];
        for (std::size_t i = 0; i < count; i += lanes::size) {
            const typename lanes::words y = product(lanes::load(x + i) - origin, inverse).to_bits();
            const typename lanes::words v = minimum(lanes::of_bits(y & magnitude) + shift, end).to_bits();
            const typename lanes::words row =
                ((v >> (place_bits - 1 - stride_bits)) & ~word{2 * stride - 1}) |
                ((y >> (word_bits - 1 - stride_bits)) & word{stride});
            store_vector<word, lanes::size>(row, rows + i);
            (lanes::of_bits((v & place_mask) | layout::one) - lanes(Scalar(1))).store(places + i);
        }
        for (std::size_t i = 0; i < count; i += lanes::size) {
            typename lanes::vector c[stride];
            look_up<lanes>(
                [&](std::size_t lane) {
                    return table + (static_cast<std::size_t>(rows[i + lane]) - first_row);
                },
                c);
            finish(polynomial<degree>(lanes::load(places + i), [&](std::size_t j) {
                return lanes::of(c[j]);
            })).store(out + i);
        }
    }

    double origin_ = 0, unit_ = 1, inverse_unit_ = 1, shift_ = 1;
    double highest_ = std::numeric_limits<double>::infinity();
    int first_binade_ = 0;
    int binades_at_bound_ = 0;  // the binade that begins at the upper bound, if there is one
    bool bounded_ = false;      // below
    std::size_t intervals_ = 0;
    std::vector<Scalar> survival_, density_;
    double survival_error_ = 0, density_error_ = 0, worst_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
