#pragma once

/// @file
/// From random words to draws by a table of polynomials: the hot loop of every noise.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <imle/core/multiply_add.hpp>
#include <imle/random/words.hpp>
#include <imle/simd/exponential.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// How a word becomes an interval and a position in it.
///
/// The lowest bit of the word is the tail. The other bits become a floating-point number f, and p is a fixed
/// multiple of f. The exponent of f and the upper bits of its mantissa are the interval; the lower bits are
/// the position t. The coefficients for both tails of an interval are adjacent: entry 2 * interval + tail.
template <class Scalar>
struct table_layout;

template <>
struct table_layout<float> {
    using word = std::uint32_t;
    static constexpr int degree = 3;
    static constexpr std::size_t stride = 4;
    /// f = (word >> 1) + 1/2 is from 1/2 to 2^31, and p = f / 2^32. There are 16 intervals in each of 32
    /// binades, and one more for an f that rounds up to 2^31.
    static constexpr std::size_t intervals = 32 * 16 + 1;
    static constexpr int place_bits = 23 - 4;
    static constexpr std::uint32_t place_mask = (1u << place_bits) - 1;
    static constexpr std::uint32_t first_entry = (126u << 4) << 1;
    static constexpr std::uint32_t one = std::uint32_t{127} << 23;
    /// t is in [0, 1/16): it is the position's bits under the exponent of 1, minus 1. (Converting the bits
    /// from an integer takes as long. The coefficient of its cube would then underflow where a law comes near
    /// its bound.)
    static constexpr double unit = 16;
    static constexpr double lowest = 0x1p-33;
    static constexpr double tolerance = 4e-7;
    static constexpr double smallest = 1e-36;
    static double knot(std::size_t i) {
        return std::ldexp(static_cast<double>(16 + i % 16), static_cast<int>(i / 16) - 37);
    }
};

template <>
struct table_layout<double> {
    using word = std::uint64_t;
    static constexpr int degree = 7;
    static constexpr std::size_t stride = 8;
    /// f = ((word >> 12) + 1/2) / 2^52 < 1, and p = f / 2. There are 8 intervals in each of 53 binades.
    static constexpr std::size_t intervals = 53 * 8 + 1;
    static constexpr int place_bits = 52 - 3;
    static constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
    static constexpr std::uint64_t first_entry = (std::uint64_t{1023 - 53} << 3) << 1;
    static constexpr std::uint64_t one = std::uint64_t{1023} << 52;
    /// t is in [0, 1/8): it is the position's bits under the exponent of 1, minus 1.
    static constexpr double unit = 8;
    static constexpr double lowest = 0x1p-54;
    static constexpr double tolerance = 1e-12;
    static constexpr double smallest = 1e-280;
    static double knot(std::size_t i) {
        return std::ldexp(static_cast<double>(8 + i % 8), static_cast<int>(i / 8) - 57);
    }
};

/// x -> location + scale * x, rounded nearly once. A lower bound like -log(100) / 20 is not a float. Its
/// rounding on top of the result's rounding would move every number near the bound.
template <class Scalar>
struct affine {
    Scalar high;
    Scalar low;
    Scalar scale;
    /// For x = 2^y: y may be cut off here. Next to a location, a number that is not normal is negligible, and
    /// subnormal numbers would take several times as long as others.
    Scalar lowest_power;

    affine(double location, double the_scale) noexcept
        : high(static_cast<Scalar>(location)),
          low(static_cast<Scalar>(location - static_cast<double>(high))),
          scale(static_cast<Scalar>(the_scale)),
          lowest_power(std::abs(location) > 0x1p-50 && the_scale <= 1 ? exp2_constants<Scalar>::least_normal
                                                                      : exp2_constants<Scalar>::deepest) {}
    /// location + x.
    template <class Lanes>
    [[nodiscard, gnu::always_inline]] Lanes operator()(Lanes x) const noexcept {
        return Lanes(high) +
               (sizeof(Scalar) == sizeof(double) ? x : x + Lanes(low));  // a double's `low` is 0
    }
    /// location + factor * x.
    template <class Lanes>
    [[nodiscard, gnu::always_inline]] Lanes operator()(Lanes x, Lanes factor) const noexcept {
        return (*this)(product(x, factor));
    }
};

/// y -> scale * 2^y. A power that is too small to be normal, but not once scaled, is not lost.
template <class Lanes>
[[nodiscard]] inline Lanes scaled_power(Lanes y, const affine<typename Lanes::scalar>& map) noexcept {
    const exp2_parts<Lanes> power = split_exp2(y, map.lowest_power);
    return times_power_of_two(power.fraction * power.half * Lanes(map.scale), power.rest);
}
/// y -> location + scale * 2^y.
template <class Lanes>
[[nodiscard]] inline Lanes affine_power(Lanes y, const affine<typename Lanes::scalar>& map) noexcept {
    const exp2_parts<Lanes> power = split_exp2(y, map.lowest_power);
    const Lanes scaled = power.fraction * power.half * Lanes(map.scale);
    return map(scaled, power.rest);
}

/// For each word, the beginning of its coefficients and its position t in the interval. `row` is an index
/// into the table, counted from the entry that the bits 0 would have.
template <class Lanes>
struct table_places {
    typename Lanes::words row;
    Lanes t;

    [[gnu::always_inline]] explicit table_places(const typename Lanes::words& word) noexcept {
        using layout = table_layout<typename Lanes::scalar>;
        using bits_type = typename layout::word;
        Lanes f;
        if constexpr (sizeof(bits_type) == 4)
            f = Lanes::of_whole(word >> 1) + Lanes(0.5f);
        else
            f = Lanes::of_bits((word >> 12) | layout::one) - Lanes(1 - 0x1p-53);
        const typename Lanes::words bits = f.to_bits();
        // stride * ((bits >> place_bits) * 2 + tail), which saves a multiplication for each lane later.
        constexpr int stride_bits = std::countr_zero(layout::stride);
        row = ((bits >> (layout::place_bits - 1 - stride_bits)) & ~bits_type{2 * layout::stride - 1}) |
              ((word << stride_bits) & bits_type{layout::stride});
        t = Lanes::of_bits((bits & layout::place_mask) | layout::one) - Lanes(1);
    }
};

/// The address of an entry's coefficients.
template <class Scalar>
[[nodiscard]] inline const Scalar* table_row(const Scalar* table,
                                             typename table_layout<Scalar>::word row) noexcept {
    using layout = table_layout<Scalar>;
    return table + (static_cast<std::size_t>(row) - layout::first_entry * layout::stride);
}

/// The table's value for one word.
template <class Scalar>
[[nodiscard]] inline Scalar lookup_one(const Scalar* table,
                                       typename table_layout<Scalar>::word word) noexcept {
    using one = scalar_lanes<Scalar>;
    const table_places<one> places(word);
    Scalar c[table_layout<Scalar>::stride];
    look_up<one>([&](std::size_t) { return table_row(table, places.row); }, c);
    return polynomial<table_layout<Scalar>::degree>(places.t, [&](std::size_t i) { return one(c[i]); }).v;
}

/// The words of a group as they are drawn.
struct drawn_words {
    const std::uint32_t* words;

    /// The table's words from number i on.
    template <class Lanes>
    [[nodiscard]] typename Lanes::words at(std::size_t i) const noexcept {
        return Lanes::load_words(words + i * sizeof(typename Lanes::word) / sizeof(std::uint32_t));
    }
};

/// The words of a group in the order of their quantiles: words of B bits are u = (word + 1/2) / 2^B. The
/// lower half is the lower tail; a word of the upper half and its complement are equally far from their ends.
template <class Word>
struct ordered_words {
    const Word* words;

    template <class Lanes>
    [[nodiscard]] typename Lanes::words at(std::size_t i) const noexcept {
        using lanes_of_words = typename Lanes::words;
        using integers = vector_of<lane_integer<typename Lanes::scalar>, Lanes::size>;
        const lanes_of_words u = load_vector<Word, Lanes::size>(words + i);
        const lanes_of_words upper =
            lanes_of_words(integers(u) >> (8 * sizeof(Word) - 1));  // all bits or none
        return ((u ^ upper) << 1) - upper;
    }
};

/// The places of a group's words, in memory: an address is a scalar.
template <class Scalar>
class group_places {
    using layout = table_layout<Scalar>;
    using vector = widest_lanes<Scalar>;
    using word = typename layout::word;

  public:
    /// The numbers of a group.
    static constexpr std::size_t count = words_per_group * sizeof(std::uint32_t) / sizeof(word);
    /// The vectors of a group.
    static constexpr std::size_t vectors = count / vector::size;

    /// Sets those of the first `end` words, by whole vectors.
    template <class WordsT>
    [[gnu::always_inline]] void set(const WordsT& words, std::size_t end = count) noexcept {
        for (std::size_t i = 0; i < end; i += vector::size) {
            const table_places<vector> places(words.template at<vector>(i));
            store_vector<word, vector::size>(places.row, rows_ + i);
            places.t.store(t_ + i);
        }
    }
    /// The table's values for numbers first, first + 1, ... of a vector.
    [[nodiscard, gnu::always_inline]] vector values(const Scalar* table, std::size_t first) const noexcept {
        static_assert(layout::stride == layout::degree + 1);
        typename vector::vector c[layout::stride];
        look_up<vector>(row_of{table, rows_ + first}, c);
        return polynomial<layout::degree>(vector::load(t_ + first), coefficient_of{c});
    }

  private:
    // Not lambdas, which compilers do not always inline.
    struct row_of {
        const Scalar* table;
        const word* rows;
        [[gnu::always_inline]] const Scalar* operator()(std::size_t lane) const noexcept {
            return table_row(table, rows[lane]);
        }
    };
    struct coefficient_of {
        const typename vector::vector* columns;
        [[gnu::always_inline]] vector operator()(std::size_t j) const noexcept {
            return vector::of(columns[j]);
        }
    };

    alignas(64) word rows_[count];
    alignas(64) Scalar t_[count];
};

/// Replaces numbers `first` to `end` of a group, by whole vectors, by 2 to their power, mapped.
template <class Scalar>
inline void raise_group(const affine<Scalar>& map, Scalar* out, std::size_t first = 0,
                        std::size_t end = group_places<Scalar>::count) noexcept {
    using vector = widest_lanes<Scalar>;
    // A separate loop, so that a processor has more of its iterations in flight.
    const auto raise_all = [=](auto power_of) {
        for (std::size_t i = first; i < end; i += vector::size)
            power_of(vector::load(out + i)).store(out + i);
    };
    if (map.high == 0)
        raise_all([=](vector y) { return scaled_power(y, map); });
    else
        raise_all([=](vector y) { return affine_power(y, map); });
}

/// Draws groups of numbers by a table. A vector of values becomes numbers by a sum (a location), by a product
/// and a sum (a scale and a location) or by a power: most draws need no factor, and the kernel without one
/// has no product to wait for.
template <class Scalar>
class table_draws {
  public:
    using vector = widest_lanes<Scalar>;
    using places = group_places<Scalar>;

    /// A `logarithmic` table holds logarithms of numbers.
    table_draws(const Scalar* table, bool logarithmic, const affine<Scalar>& map) noexcept
        : table_(table), map_(map), logarithmic_(logarithmic) {}

    /// Writes one number for each word, or for those of the first `end`, by whole vectors.
    template <class WordsT>
    void draw(const WordsT& words, Scalar* out, std::size_t end = places::count) const noexcept {
        places here;
        here.set(words, end);
        draw_at(here, out, 0, end);
    }
    /// Writes one number for each place, or at least for those from `first` to `end`.
    void draw_at(const places& here, Scalar* out, std::size_t first = 0,
                 std::size_t end = places::count) const noexcept {
        first -= first % vector::size;
        if (adds_only())
            look_up_some(here, out, first, end, shifting());
        else
            look_up_some(here, out, first, end, scaling{map_});
        if (logarithmic_) raise_group(map_, out, first, end);
    }
    /// The same; then sets the places to those of the group of words that begins at `block`. Look-ups keep
    /// other units of a processor busy than Philox's multiplications, so both are done at the same time.
    void draw_at(places& here, Scalar* out, philox_schedule& schedule, std::uint64_t block) const noexcept {
        alignas(64) std::uint32_t words[words_per_group];
        if (adds_only())
            word_group_beside<places::vectors>(schedule, block, words,
                                               look_ups_beside<shift_of>{table_, here, out, shifting()});
        else
            word_group_beside<places::vectors>(schedule, block, words,
                                               look_ups_beside<scaling>{table_, here, out, scaling{map_}});
        if (logarithmic_) raise_group(map_, out);
        here.set(drawn_words{words});
    }

  private:
    /// From a table's value to the number.
    struct shift_of {
        affine<Scalar> map;
        [[gnu::always_inline]] vector operator()(vector y) const noexcept { return map(y); }
    };
    struct scaling {
        affine<Scalar> map;
        [[gnu::always_inline]] vector operator()(vector y) const noexcept {
            return map(y, vector(map.scale));
        }
    };
    [[nodiscard]] bool adds_only() const noexcept { return logarithmic_ || map_.scale == 1; }
    /// Logarithms stay as they are: adding -0 changes no bit.
    [[nodiscard]] shift_of shifting() const noexcept {
        shift_of shift{map_};
        if (logarithmic_) shift.map.high = shift.map.low = -Scalar(0);
        return shift;
    }

    template <class Finish>
    [[gnu::always_inline]] void look_up_some(const places& here, Scalar* out, std::size_t first,
                                             std::size_t end, const Finish& finish) const noexcept {
        for (std::size_t i = first; i < end; i += vector::size) finish(here.values(table_, i)).store(out + i);
    }
    /// The look-ups of a group, a vector at a time.
    template <class Finish>
    struct look_ups_beside {
        const Scalar* table;
        const places& here;
        Scalar* out;
        Finish finish;

        template <std::size_t Vector>
        [[gnu::always_inline]] void step() const noexcept {
            constexpr std::size_t i = Vector * vector::size;
            finish(here.values(table, i)).store(out + i);
        }
    };

    const Scalar* table_;
    affine<Scalar> map_;
    bool logarithmic_;
};

/// The draws of a key's sequence, one group after the other: a call for each group from the first to `last`.
template <class Scalar>
class drawn_groups {
  public:
    drawn_groups(const table_draws<Scalar>& draws, const random_key& key, std::uint64_t last) noexcept
        : draws_(draws), schedule_(key), last_(last) {}

    void operator()(std::uint64_t group, Scalar* out) noexcept {
        const std::uint64_t block = group * blocks_per_group;
        if constexpr (widest_words::size >= 4 && widest_lanes<Scalar>::size >= 4 && IMLE_VECTOR_BYTES >= 32) {
            if (!placed_) set_places(block);
            placed_ = group != last_;
            if (placed_)
                draws_.draw_at(places_, out, schedule_, block + blocks_per_group);
            else
                draws_.draw_at(places_, out);
        } else {
            // Shorter vectors would need more registers than there are.
            set_places(block);
            draws_.draw_at(places_, out);
        }
    }

    /// Writes the numbers of a group from `first` to `end`, and maybe some beside them.
    void draw_part(std::uint64_t group, std::size_t first, std::size_t end, Scalar* out) noexcept {
        set_places(group * blocks_per_group);
        draws_.draw_at(places_, out, first, end);
    }

  private:
    void set_places(std::uint64_t block) noexcept {
        alignas(64) std::uint32_t words[words_per_group];
        word_group(schedule_, block, words);
        places_.set(drawn_words{words});
    }

    table_draws<Scalar> draws_;
    philox_schedule schedule_;
    group_places<Scalar> places_;
    std::uint64_t last_;
    bool placed_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
