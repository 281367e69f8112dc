#pragma once

/// @file
/// Gamma draws, a group at a time, by Marsaglia and Tsang's rejection method.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <utility>

#include <imle/core/elementary.hpp>
#include <imle/core/rounded.hpp>
#include <imle/noise/exponential.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/philox.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>
#include <imle/simd/exponential.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The method's constants for a shape. Shapes below 1 are drawn with shape + 1, then boosted.
template <class Lanes>
struct gamma_constants {
    Lanes d;  ///< shape - 1/3
    Lanes c;  ///< 1 / sqrt(9 d)

    explicit gamma_constants(Lanes shape) noexcept {
        const Lanes one(1), zero(0), third(typename Lanes::scalar(1) / 3);
        d = shape + select(less(shape, one), one - third, zero - third);
        c = third / square_root(d);
    }
};

/// The factor of an exponential number E in the exponent of 2 that boosts a number of shape + 1 to shape: X
/// U^(1/shape) = X exp(-E / shape). 0 for shapes from 1 on. The boost is in logarithms because, for shape
/// 1/20, the power of a uniform number is below the smallest float half of the time.
template <class Lanes>
[[nodiscard]] inline Lanes gamma_boost(Lanes shape) noexcept {
    const Lanes rate = Lanes(typename Lanes::scalar(-std::numbers::log2e)) / shape;
    return select(less(shape, Lanes(1)), rate, Lanes(0));
}

/// The proposal from a normal number z: d w^3 with w = 1 + c z.
template <class Lanes>
struct gamma_proposal {
    Lanes w;
    Lanes x;

    gamma_proposal(Lanes z, Lanes d, Lanes c) noexcept
        : w(multiply_add(c, z, Lanes(1))), x(d * (w * w * w)) {}
};

/// True only if `gamma_accepts` is true for every number whose upper 24 bits are `upper` (as an integer). It
/// needs no logarithm and leaves little else than rejections to `gamma_accepts`.
///
/// The proposal is accepted with probability exp(h), h = 3 d (log(1 + y) - y + y^2 / 2 - y^3 / 3), y = c z.
/// The series of the bracket begins with -y^4 / 4. For y > 0 this term bounds it. For y < 0 the later terms
/// are smaller than a geometric series, and -y^4 / 4 / (1 + y) bounds it. With d c^2 = 1 / 9 it follows that
/// exp(h) >= 1 + h >= 1 - z^4 c^2 / (12 min(w, 1)). The margins are many times the rounding error.
template <class Lanes>
[[nodiscard]] inline typename Lanes::mask gamma_surely_accepts(Lanes z, Lanes c, Lanes w,
                                                               Lanes upper) noexcept {
    using scalar = typename Lanes::scalar;
    const Lanes square = z * z;
    const Lanes bound = square * square * (c * c) * Lanes(scalar(1.00001 / 12));
    // 1 - u for the largest u with these upper bits. If it is 0 or negative and w is negative, the product is
    // below the bound too.
    const Lanes rest = multiply_add(upper, Lanes(scalar(-0x1p-24)), Lanes(scalar(1 - 0x1p-24 - 1e-6)));
    return less(bound, rest * minimum(w, Lanes(1)));
}

/// log(1 + y) - y + y^2 / 2 - y^3 / 3 for y > -1.
[[nodiscard]] inline portable_double log1p_beyond_cube(portable_double y) noexcept {
    if (abs(y) > 0.1) return elementary::log1p(y) - y * (1 - y * (0.5 - y / 3));
    portable_double sum = 0;
    for (int n = 18; n >= 4; --n) sum = 1.0 / n - y * sum;
    return -sum * (y * y) * (y * y);
}

/// True if the proposal from a normal number z is accepted: u < exp(h), with u = (high + low() / 2^32) / 2^32
/// and h as above. `low` is called only if `high` alone cannot decide, once in 2^32 times.
template <class Low>
[[nodiscard]] inline bool gamma_accepts(double z, double d, std::uint32_t high, const Low& low) noexcept {
    const portable_double y = z / (3 * std::sqrt(d));
    if (!(1 + y > 0)) return false;
    const portable_double u = high * 0x1p-32;
    const portable_double rest = (elementary::exp(3 * d * log1p_beyond_cube(y)) - u) * 0x1p32;
    if (rest >= 1) return true;
    return rest > 0 && low() * 0x1p-32 < rest;
}

/// exp(h) - u with an error below 1e-6: if it is above 1e-5, its sign decides. The rounding of 1 + y makes an
/// error of up to 3e-16 d. From d = 1e9 on, the result is 0, which decides nothing.
template <class Lanes>
[[nodiscard]] inline Lanes gamma_odds(Lanes y, Lanes d, Lanes u) noexcept {
    static_assert(sizeof(typename Lanes::scalar) == sizeof(double));
    const Lanes one(1), w = one + y;
    // log w from the exponent of w and 2 artanh((m - 1) / (m + 1)) of its mantissa m, from the square root of
    // 1/2 to that of 2.
    const typename Lanes::words bits = w.to_bits(), above = bits + 0x00095f6200000000u;
    const Lanes exponent = Lanes::of_bits((above >> 52) | 0x4330000000000000u) - Lanes(0x1p52 + 1023);
    const Lanes m = Lanes::of_bits(bits - (above & 0xfff0000000000000u) + 0x3ff0000000000000u);
    const Lanes t = (m - one) / (m + one), s = product(t, t);
    const Lanes log_m = product(
        t + t, polynomial<4>(s, [](std::size_t i) { return Lanes(1.0 / (2 * static_cast<double>(i) + 1)); }));
    const Lanes log_w = multiply_add(exponent, Lanes(std::numbers::ln2), log_m);
    const Lanes cube = product(y, one - product(y, Lanes(0.5) - product(y, Lanes(1.0 / 3))));
    const Lanes h = product(product(Lanes(3), d), log_w - cube);
    const Lanes odds = select(less(Lanes(0), w), exp_of(h), Lanes(-1)) - u;
    return select(less(d, Lanes(1e9)), odds, Lanes(0));
}

/// Numbers are made in groups of this size, and up to this many groups at a time.
inline constexpr std::size_t gammas_per_group = words_per_group;
inline constexpr std::size_t most_gamma_groups = 8;

/// The sequences from which gamma numbers are made. Attempt 0 at element i uses element i of a sequence of
/// normal numbers and word i of another sequence. Attempt a > 0, which few elements need, uses block i of its
/// own key. An element is therefore a pure function of the key and its index, independent of its neighbours.
class gamma_keys {
  public:
    explicit gamma_keys(const random_key& key) noexcept
        : normals(key.fold_in(0)), decision_words(key.fold_in(1)), boosts(key.fold_in(2)), key_(key) {}

    /// Block i is the four words of an attempt at element i: two for a normal number (a float uses the
    /// first), two for the decision. Attempt 0 uses only the last of them.
    [[nodiscard]] random_key attempts(std::uint64_t number) const noexcept {
        return key_.fold_in(3 + number);
    }

    random_key normals;
    mutable philox_schedule decision_words;
    random_key boosts;

  private:
    random_key key_;
};

/// One shape and one scale for all numbers.
template <class Scalar>
class one_gamma_law {
  public:
    using one = scalar_lanes<Scalar>;
    using vector = widest_lanes<Scalar>;
    one_gamma_law(Scalar shape, Scalar scale) noexcept
        : one_constants_(one(shape)), shape_(shape), scale_(scale), constants_(shape_) {}

    [[nodiscard]] const gamma_constants<one>& one_constants(std::size_t) const noexcept {
        return one_constants_;
    }
    [[nodiscard]] vector shape(std::size_t) const noexcept { return shape_; }
    [[nodiscard]] vector scale(std::size_t) const noexcept { return scale_; }
    [[nodiscard]] const gamma_constants<vector>& constants(std::size_t) const noexcept { return constants_; }

  private:
    gamma_constants<one> one_constants_;
    vector shape_;
    vector scale_;
    gamma_constants<vector> constants_;
};

/// A shape and a scale for each number of a piece.
template <class Scalar>
class gamma_laws {
  public:
    using one = scalar_lanes<Scalar>;
    using vector = widest_lanes<Scalar>;
    gamma_laws(const Scalar* shapes, const Scalar* scales) noexcept : shapes_(shapes), scales_(scales) {}

    [[nodiscard]] gamma_constants<one> one_constants(std::size_t i) const noexcept {
        return gamma_constants<one>(one(shapes_[i]));
    }
    [[nodiscard]] vector shape(std::size_t i) const noexcept { return vector::load(shapes_ + i); }
    [[nodiscard]] vector scale(std::size_t i) const noexcept { return vector::load(scales_ + i); }
    [[nodiscard]] gamma_constants<vector> constants(std::size_t i) const noexcept {
        return gamma_constants<vector>(shape(i));
    }

  private:
    const Scalar* shapes_;
    const Scalar* scales_;
};

/// The elements of `groups` groups from `group` on, of `laws`. `out` may be the memory of `laws`.
///
/// Each step is done for all groups before the next. Its numbers do not wait for one another, so a processor
/// works on many at a time, and few branches depend on which of them are rejected.
template <class Laws, class Scalar>
inline void gamma_groups(const gamma_keys& keys, const Laws& laws, std::uint64_t group, std::size_t groups,
                         Scalar* out) noexcept {
    using vector = widest_lanes<Scalar>;
    using one = scalar_lanes<Scalar>;
    using wide = widest_lanes<double>;
    constexpr std::size_t most = most_gamma_groups * gammas_per_group;
    const std::uint64_t first = group * gammas_per_group;
    const std::size_t count = groups * gammas_per_group;
    alignas(64) Scalar z[most];
    alignas(64) Scalar x[most];
    alignas(64) std::uint32_t words[most];
    const auto& normals = standard_table<standard_normal, Scalar>();
    normals.fill(keys.normals, first, std::span<Scalar>(z, count));

    std::uint16_t waiting[most];  // the numbers that have not been accepted
    std::size_t left = 0;
    bool boosted = false;
    for (std::size_t begin = 0; begin < count; begin += gammas_per_group) {
        word_group(keys.decision_words, (first + begin) / 4, words + begin);
        std::uint64_t undecided = 0;
        std::uint32_t small = 0;
        for (std::size_t i = begin; i < begin + gammas_per_group; i += vector::size) {
            const gamma_constants<vector>& constants = laws.constants(i);
            const vector normal = vector::load(z + i);
            const gamma_proposal<vector> proposal(normal, constants.d, constants.c);
            proposal.x.store(x + i);
            const auto accepted =
                gamma_surely_accepts(normal, constants.c, proposal.w, vector::upper_bits(words + i));
            constexpr std::uint64_t all = (std::uint64_t{1} << vector::size) - 1;
            undecided |= (vector::bits(accepted) ^ all) << (i - begin);
            small |= vector::bits(less(laws.shape(i), vector(1)));
        }
        boosted |= small != 0;
        for (; undecided != 0; undecided &= undecided - 1)
            waiting[left++] =
                static_cast<std::uint16_t>(begin + static_cast<std::size_t>(std::countr_zero(undecided)));
    }

    for (std::uint64_t number = 0; left != 0; ++number) {
        const random_key attempts = keys.attempts(number);
        for (std::size_t j = 0; number != 0 && j < left; ++j) {
            const std::size_t i = waiting[j];
            const philox4x32_block drawn = attempts.block(first + i);
            if constexpr (sizeof(Scalar) == sizeof(float))
                z[i] = normals(drawn[0]);
            else
                z[i] = normals(drawn[0], drawn[1]);
            words[i] = drawn[2];
            const gamma_constants<one>& constants = laws.one_constants(i);
            x[i] = gamma_proposal<one>(one(z[i]), constants.d, constants.c).x.v;
        }
        for (std::size_t begin = 0, all = std::exchange(left, 0); begin < all; begin += gammas_per_group) {
            const std::size_t size = std::min(all - begin, gammas_per_group);
            alignas(64) double y[gammas_per_group], d[gammas_per_group], u[gammas_per_group];
            for (std::size_t j = 0; j < size; ++j) {
                const std::size_t i = waiting[begin + j];
                const gamma_constants<one>& constants = laws.one_constants(i);
                y[j] = static_cast<double>(z[i]) * static_cast<double>(constants.c.v);
                d[j] = static_cast<double>(constants.d.v);
                u[j] = words[i] * 0x1p-32;
            }
            for (std::size_t j = size; j % wide::size != 0; ++j) y[j] = d[j] = u[j] = 1;
            for (std::size_t j = 0; j < size; j += wide::size)
                gamma_odds(wide::load(y + j), wide::load(d + j), wide::load(u + j)).store(u + j);
            for (std::size_t j = 0; j < size; ++j) {
                const std::uint16_t i = waiting[begin + j];
                bool accepted = u[j] > 0;
                if (std::abs(u[j]) < 1e-5)
                    accepted = gamma_accepts(static_cast<double>(z[i]), d[j], words[i], [&] {
                        return static_cast<double>(attempts.block(first + i)[3]);
                    });
                waiting[left] = i;
                left += !accepted;
            }
        }
    }

    if (!boosted) {
        for (std::size_t i = 0; i < count; i += vector::size)
            (vector::load(x + i) * laws.scale(i)).store(out + i);
        return;
    }
    // Without a boost the exponent is 0 and the power exactly 1, so a number does not depend on whether its
    // neighbours are boosted.
    standard_table<standard_exponential, Scalar>().fill(keys.boosts, first, std::span<Scalar>(z, count));
    for (std::size_t i = 0; i < count; i += vector::size) {
        // Multiply by the scale between the powers of two: it may make a small number normal.
        const exp2_parts<vector> parts =
            split_exp2(vector::load(z + i) * gamma_boost(laws.shape(i)), exp2_constants<Scalar>::deepest);
        const vector number = vector::load(x + i) * parts.fraction * parts.half;
        times_power_of_two(number * laws.scale(i), parts.rest).store(out + i);
    }
}

}  // namespace imle::inline IMLE_ABI::detail
