#pragma once

/// @file
/// Gamma draws, a group at a time, by Marsaglia and Tsang's rejection method.

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

/// log(1 + y) - y + y^2 / 2 - y^3 / 3 for a normal w = 1 + y > 0, with an error below 1e-8 y^4 and a few units
/// in the last place of y: by the exponent of w and 2 artanh((m - 1) / (m + 1)) of its mantissa m.
[[nodiscard]] inline double log1p_beyond_cube_nearly(double y) noexcept {
    const double w = 1 + y;
    const auto above = bit_cast<std::uint64_t>(w) - 0x3fe6a09e00000000u;  // the square root of 1/2
    const auto power = static_cast<double>(static_cast<std::int32_t>(static_cast<std::int64_t>(above) >> 52));
    const double m = bit_cast<double>(bit_cast<std::uint64_t>(w) - (above & 0xfff0000000000000u));
    const double t = (m - 1) / (m + 1), s = t * t;
    const double log_m = 2 * t * (1 + s * (1. / 3 + s * (1. / 5 + s * (1. / 7 + s * (1. / 9)))));
    return (power * std::numbers::ln2 + log_m) - y * (1 - y * (0.5 - y / 3));
}

/// True if the proposal from a normal number z is accepted: u < exp(h), with u = (high + low() / 2^32) / 2^32
/// and h as above. `low` is called only if `high` alone cannot decide, once in 2^32 times.
template <class Low>
[[nodiscard]] inline bool gamma_accepts(double z, double d, std::uint32_t high, const Low& low) noexcept {
    const portable_double y = z / (3 * std::sqrt(d));
    if (!(1 + y > 0)) return false;
    const portable_double u = high * 0x1p-32;
    // Nearly always an approximation decides. The margin is many times its error, so that it does not matter
    // how a compiler rounds it.
    if (d < 1e12) {
        const double h = 3 * d * log1p_beyond_cube_nearly(y.value());
        const double distance = exp_of(scalar_lanes<double>(h)).v - high * 0x1p-32;
        if (std::abs(distance) > 1e-5) return distance > 0;
    }
    const portable_double rest = (elementary::exp(3 * d * log1p_beyond_cube(y)) - u) * 0x1p32;
    if (rest >= 1) return true;
    return rest > 0 && low() * 0x1p-32 < rest;
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
    using vector = widest_lanes<Scalar>;
    one_gamma_law(Scalar shape, Scalar scale) noexcept
        : one_shape_(shape), shape_(shape), scale_(scale), constants_(shape_) {}

    [[nodiscard]] Scalar one_shape(std::size_t) const noexcept { return one_shape_; }
    [[nodiscard]] vector shape(std::size_t) const noexcept { return shape_; }
    [[nodiscard]] vector scale(std::size_t) const noexcept { return scale_; }
    [[nodiscard]] const gamma_constants<vector>& constants(std::size_t) const noexcept { return constants_; }

  private:
    Scalar one_shape_;
    vector shape_;
    vector scale_;
    gamma_constants<vector> constants_;
};

/// A shape and a scale for each number of a piece.
template <class Scalar>
class gamma_laws {
  public:
    using vector = widest_lanes<Scalar>;
    gamma_laws(const Scalar* shapes, const Scalar* scales) noexcept : shapes_(shapes), scales_(scales) {}

    [[nodiscard]] Scalar one_shape(std::size_t i) const noexcept { return shapes_[i]; }
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
            const gamma_constants<vector> constants = laws.constants(i);
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
            waiting[left++] = static_cast<std::uint16_t>(
                begin + static_cast<std::size_t>(std::countr_zero(undecided)));
    }

    // Keeps waiting[j] in the list unless the attempt is accepted.
    for (std::size_t j = 0, all = std::exchange(left, 0); j < all; ++j) {
        const std::size_t i = waiting[j];
        const gamma_constants<one> constants{one(laws.one_shape(i))};
        waiting[left] = static_cast<std::uint16_t>(i);
        left += !gamma_accepts(static_cast<double>(z[i]), static_cast<double>(constants.d.v), words[i],
                               [&] { return static_cast<double>(keys.attempts(0).block(first + i)[3]); });
    }
    for (std::uint64_t number = 1; left != 0; ++number) {
        const random_key attempts = keys.attempts(number);
        for (std::size_t j = 0, all = std::exchange(left, 0); j < all; ++j) {
            const std::size_t i = waiting[j];
            const philox4x32_block drawn = attempts.block(first + i);
            one normal;
            if constexpr (sizeof(Scalar) == sizeof(float))
                normal.v = normals(drawn[0]);
            else
                normal.v = normals(drawn[0], drawn[1]);
            const gamma_constants<one> constants{one(laws.one_shape(i))};
            const gamma_proposal<one> proposal(normal, constants.d, constants.c);
            x[i] = proposal.x.v;
            if (gamma_surely_accepts(normal, constants.c, proposal.w, one::upper_bits(&drawn[2]))) continue;
            if (gamma_accepts(static_cast<double>(normal.v), static_cast<double>(constants.d.v), drawn[2],
                              [&] { return static_cast<double>(drawn[3]); }))
                continue;
            waiting[left++] = static_cast<std::uint16_t>(i);
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
