#pragma once

/// @file
/// Which random words a table turns into large numbers, so that the others need not become numbers at all.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <imle/core/backports.hpp>
#include <imle/core/rounded.hpp>
#include <imle/random/detail/table_lookup.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// For any x, the words whose numbers may reach x. A number is a decreasing function of its word's `order`,
/// up to rounding, so these are the words up to some order. Two things are rounded up: the largest number of
/// each interval of the table, and x. The bound then admits up to a tenth more words than reach x.
template <class Scalar>
class reaching_words {
    using layout = table_layout<Scalar>;
    using word = typename layout::word;

  public:
    /// Words are compared as signed integers, which every instruction set can.
    using order_type = lane_integer<Scalar>;

    /// The numbers are location + scale * y, or location + scale * 2^y if the table is `logarithmic`; y is
    /// the table's value.
    reaching_words(const Scalar* table, bool logarithmic, double location, double scale)
        : location_(location), scale_(scale), logarithmic_(logarithmic) {
        constexpr std::size_t half = layout::intervals - 1,
                              quarter = half - static_cast<std::size_t>(layout::unit);
        const auto of = [&](std::size_t entry) { return highest(table + entry * layout::stride); };
        spread_ = std::max(of(2 * quarter + 1) - of(2 * quarter), 1e-30);
        median_ = static_cast<Scalar>(of(2 * half));
        inverse_ = static_cast<Scalar>(1 / spread_);
        last_.fill(std::numeric_limits<order_type>::min());
        for (std::size_t i = 0; i < layout::intervals; ++i) {
            // Of the tail's probability. The margin is for a word that rounds to another interval.
            const double begin = rounded(layout::knot(i) * (1 - margin)),
                         end = layout::knot(std::min(i + 1, layout::intervals - 1)) * (1 + margin);
            note(of(2 * i), 1 - begin);
            note(of(2 * i + 1), end);
        }
        for (std::size_t cell = cells - 1; cell-- > 0;) last_[cell] = std::max(last_[cell], last_[cell + 1]);
        // Twice, since the bounds of the first interval are only bounds from above.
        largest_ = 2 * std::max(std::abs(of(0)), std::abs(of(1)));
    }

    /// A word's place in the order of decreasing numbers, as far as the upper tail. The lower tail comes
    /// later, in any order.
    template <class Words>
    [[nodiscard, gnu::always_inline]] static auto order(const Words& words) noexcept {
        constexpr int last_bit = 8 * sizeof(word) - 1;
        return integers_of((words >> 1) | (words << last_bit));
    }

    /// out[i] is the last order that a number of at least x[i] can have, i < n. O(n).
    void write_last_orders(const Scalar* x, std::size_t n, order_type* out) const noexcept {
        alignas(64) word places[block];
        for (std::size_t first = 0; first < n; first += block) {
            const std::size_t size = std::min(block, n - first);
            for_each_lanes<Scalar>(size, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
                store_vector<word, Lanes::size>(place_of(Lanes::load(x + first + i)), places + i);
            });
            for (std::size_t i = 0; i < size; ++i)
                out[first + i] = last_[static_cast<std::size_t>(places[i])];
        }
    }

    /// Writes those of n words whose order is at most their own of `last_orders`, and their places, in order.
    /// n is at least the size of a vector; up to a vector more is written. Returns how many there are, or
    /// more than `most` as soon as there are more.
    [[nodiscard]] static std::size_t keep(const word* words, const order_type* last_orders, std::size_t n,
                                          std::size_t most, word* kept, word* at) noexcept {
        std::size_t count = 0;
        if constexpr (Compresses<lanes>) {
            typename lanes::words places;
            for (std::size_t lane = 0; lane < lanes::size; ++lane) places[lane] = static_cast<word>(lane);
            const auto keep_some = [&](std::size_t i, std::uint32_t which) {
                const typename lanes::words own = load_vector<word, lanes::size>(words + i);
                const std::uint32_t reached = reached_bits(own, last_orders + i) & which;
                store_vector<word, lanes::size>(compressed(reached, lanes::of_bits(own)).to_bits(),
                                                kept + count);
                store_vector<word, lanes::size>(compressed(reached, lanes::of_bits(places)).to_bits(),
                                                at + count);
                count += static_cast<std::size_t>(std::popcount(reached));
            };
            const std::size_t last = n - lanes::size;
            std::size_t i = 0;
            for (; i < last && count <= most; i += lanes::size) {
                keep_some(i, all_lanes);
                places += static_cast<word>(lanes::size);
            }
            if (count > most) return count;
            // The last vector may overlap the one before.
            places -= static_cast<word>(i - last);
            keep_some(last, all_lanes & all_lanes << (i - last));
        } else {
            constexpr std::size_t together = 64;
            for (std::size_t first = 0; first < n; first += together) {
                const std::size_t size = std::min(together, n - first);
                std::uint64_t reached = 0;
                std::size_t i = 0;
                for (; i + lanes::size <= size; i += lanes::size)
                    reached |= std::uint64_t{reached_bits(load_vector<word, lanes::size>(words + first + i),
                                                          last_orders + first + i)}
                               << i;
                for (; i < size; ++i)
                    reached |= std::uint64_t{order(words[first + i]) <= last_orders[first + i]} << i;
                if (count + static_cast<std::size_t>(std::popcount(reached)) > most) return most + 1;
                for (; reached != 0; reached &= reached - 1) {
                    const std::size_t place = first + static_cast<std::size_t>(std::countr_zero(reached));
                    kept[count] = words[place];
                    at[count++] = static_cast<word>(place);
                }
            }
        }
        return count;
    }

    /// A bound of the numbers' magnitudes.
    [[nodiscard]] double largest() const noexcept { return largest_; }
    [[nodiscard]] double location() const noexcept { return location_; }
    /// The distance of the quartiles, about.
    [[nodiscard]] double spread() const noexcept { return spread_; }
    /// How far, relative to what is added up, a number may be from what its word says.
    static constexpr double margin = sizeof(Scalar) == 4 ? 0x1p-18 : 0x1p-46;

  private:
    using lanes = widest_lanes<Scalar>;
    static constexpr std::uint32_t all_lanes = ~std::uint32_t{0} >> (32 - lanes::size);

    /// Bit i: whether the word in lane i is to be kept.
    [[nodiscard, gnu::always_inline]] static std::uint32_t reached_bits(
        const typename lanes::words& words, const order_type* last_orders) noexcept {
        const auto above =
            instructions::less(load_vector<order_type, lanes::size>(last_orders), order(words));
        if constexpr (sizeof(above) == sizeof(typename lanes::vector))
            return all_lanes & ~instructions::bits(bit_cast<typename lanes::vector>(above));
        else
            return all_lanes & ~instructions::bits(above);
    }

    /// A cell of x has one bound. Beginning at the median, cells grow with the distance: 32 in each binade.
    static constexpr int cell_bits = 5;
    static constexpr int binades = 20;
    static constexpr std::size_t block = 256;
    static constexpr std::size_t cells = std::size_t{binades} << cell_bits;
    static constexpr Scalar last_place = static_cast<Scalar>(1 << binades) * Scalar(0.99);

    /// A bound of the numbers of an interval: a polynomial is between its Bernstein coefficients.
    [[nodiscard]] double highest(const Scalar* coefficients) const {
        constexpr int degree = layout::degree;
        double a[degree + 1], power = 1, sum = 0;
        for (int j = 0; j <= degree; ++j, power /= layout::unit) {
            a[j] = static_cast<double>(coefficients[j]) * power;
            sum += std::abs(a[j]);
        }
        double y = -std::numeric_limits<double>::infinity();
        for (int i = 0; i <= degree; ++i) {
            double value = 0, choices = 1;  // (i over j) / (degree over j)
            for (int j = 0; j <= i; ++j) {
                value += rounded(choices * a[j]);
                choices *= static_cast<double>(i - j) / static_cast<double>(degree - j);
            }
            y = std::max(y, value);
        }
        y += rounded(margin * sum);
        const double x =
            rounded(scale_ * (logarithmic_ ? rounded(std::exp2(y) * (1 + 64 * margin)) + 1e-36 : y));
        return location_ + x + rounded(margin * (std::abs(location_) + std::abs(x)));
    }

    /// Notes that words up to a `share` of all, in decreasing order, may have numbers up to x.
    void note(double x, double share) noexcept {
        constexpr double all = sizeof(Scalar) == 4 ? 0x1p32 : 0x1p64,
                         slack = sizeof(Scalar) == 4 ? 4 : 0x1p13;
        constexpr auto first = std::numeric_limits<order_type>::min();
        const double order = rounded(share * all) + slack;
        // Of the lower tail there is no order: it is all or nothing.
        const order_type last = order >= all / 2 ? std::numeric_limits<order_type>::max()
                                                 : first + static_cast<order_type>(order);
        order_type& of_place =
            last_[static_cast<std::size_t>(place_of(scalar_lanes<Scalar>(static_cast<Scalar>(x))))];
        of_place = std::max(of_place, last);
    }
    template <class Lanes>
    [[nodiscard, gnu::always_inline]] typename Lanes::words place_of(Lanes x) const noexcept {
        constexpr int bits = std::numeric_limits<Scalar>::digits - 1 - cell_bits;
        constexpr word first = bit_cast<word>(Scalar(1)) >> bits;
        const Lanes at = maximum(product(x - Lanes(median_), Lanes(inverse_)), Lanes(0)) + Lanes(1);
        return (minimum(at, Lanes(last_place)).to_bits() >> bits) - first;
    }
    template <class Words>
    [[nodiscard, gnu::always_inline]] static auto integers_of(const Words& words) noexcept {
        return vector_of<order_type, sizeof(Words) / sizeof(word)>(words);
    }

    double location_, scale_, spread_ = 1, largest_ = 0;
    bool logarithmic_;
    Scalar median_ = 0, inverse_ = 1;
    std::array<order_type, cells> last_;
};

}  // namespace imle::inline IMLE_ABI::detail
