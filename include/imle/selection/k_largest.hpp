#pragma once

/// @file
/// The largest, the k-th largest and the k largest of n numbers, for solvers and families.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <imle/selection/largest_in_lanes.hpp>
#include <imle/simd/lanes.hpp>
#include <imle/simd/wide_lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// A lower bound of the k-th largest number: the k-th largest of `Columns` column maxima, if the numbers are
/// written in rows of that length. k columns have a maximum of at least the bound, so k numbers reach it. Few
/// other numbers do, and it is found without a branch on the numbers. k <= Columns <= n.
template <std::size_t Columns, class Scalar>
[[nodiscard]] Scalar bound_by_columns(std::span<const Scalar> values, std::size_t k) noexcept {
    using count = lane_integer<Scalar>;
    std::array<Scalar, Columns> largest;
    std::copy_n(values.begin(), Columns, largest.begin());
    std::size_t row = Columns;
    for (; row + Columns <= values.size(); row += Columns)
        for (std::size_t j = 0; j < Columns; ++j)
            largest[j] = values[row + j] > largest[j] ? values[row + j] : largest[j];
    for (std::size_t j = 0; row + j < values.size(); ++j) largest[j] = std::max(largest[j], values[row + j]);

    std::array<count, Columns> at_least{};  // how many column maxima are at least this one
    for (std::size_t i = 0; i < Columns; ++i)
        for (std::size_t j = 0; j < Columns; ++j) at_least[j] += largest[i] >= largest[j] ? 1 : 0;
    Scalar bound = *std::min_element(largest.begin(), largest.end());
    for (std::size_t j = 0; j < Columns; ++j)
        if (at_least[j] >= static_cast<count>(k)) bound = std::max(bound, largest[j]);
    return bound;
}

/// The k-th largest of n <= Columns numbers, 1 <= k <= n: the largest number that at least k numbers reach.
/// Compares all pairs in lanes, since a compiler makes branches of a loop over an array.
template <std::size_t Columns, class Scalar>
[[nodiscard]] Scalar kth_largest_by_comparing(std::span<const Scalar> values, std::size_t k) noexcept {
    using lanes = widest_lanes<Scalar>;
    constexpr Scalar lowest = std::numeric_limits<Scalar>::lowest();
    const std::size_t n = values.size();
    // Not by a copy with padding: a vector is not loaded before the copy is in the cache.
    const auto column_from = [&](std::size_t first) {
        return first < n ? lanes::load_first(values.data() + first, n - first, lowest) : lanes(lowest);
    };
    return [&]<std::size_t... Part>(std::index_sequence<Part...>) {
        const lanes column[] = {column_from(Part * lanes::size)...};
        // With registers for two counts, numbers go to each in turn, so that one need not wait for the other.
        constexpr std::size_t turns = sizeof...(Part) <= 4 ? 2 : 1;
        lanes at_least[turns][sizeof...(Part)];
        for (auto& turn : at_least) ((turn[Part] = lanes(0)), ...);
        const auto count = [&](lanes& into, std::size_t part, Scalar value) {
            into = into + select(less(lanes(value), column[part]), lanes(0), lanes(1));
        };
        for (std::size_t i = n % turns; i < n; i += turns) {
            (count(at_least[0][Part], Part, values[i]), ...);
            if constexpr (turns == 2) (count(at_least[1][Part], Part, values[i + 1]), ...);
        }
        if (n % turns != 0) (count(at_least[0][Part], Part, values[0]), ...);
        if constexpr (turns == 2) ((at_least[0][Part] = at_least[0][Part] + at_least[1][Part]), ...);
        // All numbers reach the padding, and it is larger than none of them.
        lanes kth(lowest);
        ((kth = maximum(select(less(at_least[0][Part], lanes(static_cast<Scalar>(k))), kth, column[Part]),
                        kth)),
         ...);
        return across(kth, [](lanes a, lanes b) { return maximum(a, b); }).first();
    }
    (std::make_index_sequence<Columns / lanes::size>{});
}

/// The largest n for `kth_largest_of_few`.
inline constexpr std::size_t most_to_compare = 64;

/// The k-th largest of n <= `most_to_compare` numbers.
template <class Scalar>
[[nodiscard]] Scalar kth_largest_of_few(std::span<const Scalar> values, std::size_t k) noexcept {
    if (values.size() <= 16) return kth_largest_by_comparing<16>(values, k);
    if (values.size() <= 32) return kth_largest_by_comparing<32>(values, k);
    return kth_largest_by_comparing<most_to_compare>(values, k);
}

/// A guess of the k-th largest number, learned from previous solves: a bound slightly below the last one, so
/// that a few more than k numbers reach it. A guess saves time and never changes an answer.
template <class Scalar>
class kth_guess {
  public:
    [[nodiscard]] bool known() const noexcept { return known_; }
    [[nodiscard]] Scalar bound() const noexcept { return bound_; }

    /// `bound`: the last bound tried; `kept`: how many numbers reached it; kth: the answer.
    void learn(Scalar kth, Scalar bound, std::size_t kept, std::size_t k) noexcept {
        if (!known_) {
            margin_ = kth - bound;
            known_ = true;
        } else if (kept < k) {
            margin_ *= 2;  // too high: the guess was of no use
        } else if (kept > k + k / 2 + 8) {
            margin_ *= Scalar(0.8);
        } else if (kept < k + 4) {
            margin_ *= Scalar(1.1);
        }
        const Scalar least = std::numeric_limits<Scalar>::epsilon() * (kth < 0 ? -kth : kth);
        margin_ = margin_ > least ? margin_ : least;
        bound_ = kth - margin_;
        known_ = margin_ <= std::numeric_limits<Scalar>::max();
    }

  private:
    bool known_ = false;
    Scalar bound_ = 0;
    Scalar margin_ = 0;
};

/// Calls f(i) for each number that reaches a bound, in order. 64 comparisons make one word of bits, so no
/// branch depends on the numbers that do not reach it.
template <class Scalar, class F>
void for_each_reaching(std::span<const Scalar> values, Scalar bound, F&& f) {
    using lanes = widest_lanes<Scalar>;
    constexpr std::size_t word = 64;
    for (std::size_t first = 0; first < values.size(); first += word) {
        const Scalar* const at = values.data() + first;
        const std::size_t size = std::min(word, values.size() - first);
        std::uint64_t reached = 0;
        std::size_t i = 0;
        if constexpr (lanes::size > 1) {
            constexpr std::uint32_t all = ~std::uint32_t{0} >> (32 - lanes::size);
            for (; i + lanes::size <= size; i += lanes::size)
                reached |= std::uint64_t{all & ~lanes::bits(less(lanes::load(at + i), lanes(bound)))} << i;
        }
        for (; i < size; ++i) reached |= std::uint64_t{at[i] >= bound} << i;
        for (; reached != 0; reached &= reached - 1)
            f(first + static_cast<std::size_t>(std::countr_zero(reached)));
    }
}

/// Sets z, n numbers, to 1 at the k largest of the candidates for that, and to 0 elsewhere: `count` numbers
/// and their places in z, in order, of which `kth` is the k-th largest.
template <class Scalar>
void select_candidates(const Scalar* numbers, const lane_word<Scalar>* at, std::size_t count, Scalar kth,
                       std::size_t n, std::size_t k, Scalar* z) noexcept {
    std::fill_n(z, n, Scalar(0));
    std::size_t reached = 0;
    for (std::size_t j = 0; j < count; ++j) {
        // Not by ?:, of which a compiler makes a branch: which numbers reach it is a matter of chance.
        const std::int32_t reaches = numbers[j] >= kth;
        z[at[j]] = static_cast<Scalar>(reaches);
        reached += static_cast<std::size_t>(reaches);
    }
    for (std::size_t j = count; reached > k; --j)
        if (numbers[j - 1] == kth) {
            z[at[j - 1]] = 0;
            --reached;
        }
}

/// The same by vectors, which read up to one beyond the candidates; count <= `most_to_compare`. Faster,
/// unless the candidates have just been written: then it waits for them.
template <class Scalar>
void select_candidates_by_vectors(const Scalar* numbers, const lane_word<Scalar>* at, std::size_t count,
                                  Scalar kth, std::size_t n, std::size_t k, Scalar* z) noexcept {
    using lanes = widest_lanes<Scalar>;
    if constexpr (Compresses<lanes>) {
        std::array<lane_word<Scalar>, most_to_compare + 2 * lanes::size> chosen;
        std::size_t reached = 0;
        const auto choose = [&](std::size_t j) {
            const std::uint32_t unused = ~std::uint32_t{0}
                                         << std::min(lanes::size, count - std::min(count, j));
            const std::uint32_t which = ~(lanes::bits(less(lanes::load(numbers + j), lanes(kth))) | unused);
            const lanes places = lanes::of_bits(load_vector<lane_word<Scalar>, lanes::size>(at + j));
            store_vector<lane_word<Scalar>, lanes::size>(compressed(which, places).to_bits(),
                                                         chosen.data() + reached);
            reached += static_cast<std::size_t>(std::popcount(which));
        };
        // Two at a time, which is the usual number.
        for (std::size_t j = 0; j < count; j += 2 * lanes::size) {
            choose(j);
            choose(j + lanes::size);
        }
        // There are more only if some equal the k-th largest.
        if (reached == k) {
            std::fill_n(z, n, Scalar(0));
            for (std::size_t j = 0; j < k; ++j) z[chosen[j]] = 1;
            return;
        }
    }
    select_candidates(numbers, at, count, kth, n, k, z);
}

/// The numbers that can be among the k largest of many, in order, if they are few enough to compare all
/// pairs.
template <class Scalar>
class candidates {
  public:
    /// Finds them among n > `most_to_compare` numbers, 1 <= k <= n, if k is small compared with n: the guess
    /// discards most numbers or, if too few reach the guess, `bound_by_columns` does. Returns false if they
    /// are too many.
    [[nodiscard]] bool find(std::span<const Scalar> values, std::size_t k, kth_guess<Scalar>& guess) {
        if (k <= 16) {
            Scalar bound = guess.bound();
            const bool guesses = guess.known();
            if (guesses) keep_from(values, bound);
            const std::size_t guessed = count_;
            if (!guesses || !are_few(k)) keep_from(values, bound = bound_by_columns<32>(values, k));
            if (!are_few(k)) return false;
            find_kth(k);
            guess.learn(kth_, bound, guesses ? guessed : count_, k);
            return true;
        }
        if (k > most_to_compare || values.size() < 512) return false;
        keep_from(values, bound_by_columns<128>(values, k));
        if (!are_few(k)) return false;
        find_kth(k);
        return true;
    }

    /// The k-th largest number.
    [[nodiscard]] Scalar kth() const noexcept { return kth_; }

    /// Sets z to 1 at the k largest of n numbers, and to 0 elsewhere.
    void select(std::size_t n, std::size_t k, Scalar* z) const {
        select_candidates(numbers_.data(), at_.data(), count_, kth_, n, k, z);
    }

  private:
    using lanes = widest_lanes<Scalar>;
    /// As wide as Scalar, so that indices are compressed as numbers are.
    using word = lane_word<Scalar>;

    void keep_from(std::span<const Scalar> values, Scalar bound) {
        if constexpr (Compresses<lanes>)
            if (values.size() <= std::numeric_limits<std::int32_t>::max()) {
                count_ = keep_vectors_from(values, bound);
                return;
            }
        count_ = 0;
        for_each_reaching(values, bound, [&](std::size_t i) {
            const std::size_t place = std::min(count_, most_to_compare);  // the last one is never read
            numbers_[place] = values[i];
            at_[place] = static_cast<word>(i);
            ++count_;
        });
    }
    /// The same without a branch on a number. Ends as soon as there are too many. Returns how many it kept.
    [[nodiscard]] std::size_t keep_vectors_from(std::span<const Scalar> values, Scalar bound) {
        typename lanes::words places;
        for (std::size_t lane = 0; lane < lanes::size; ++lane) places[lane] = static_cast<word>(lane);
        std::size_t count = 0;
        const auto keep = [&](std::size_t i, std::uint32_t which) {
            const lanes numbers = lanes::load(values.data() + i);
            const lanes at = lanes::of_bits(places + static_cast<word>(i));
            const std::uint32_t reached = ~lanes::bits(less(numbers, lanes(bound))) & which;
            compressed(reached, numbers).store(numbers_.data() + count);
            store_vector<word, lanes::size>(compressed(reached, at).to_bits(), at_.data() + count);
            count += static_cast<std::size_t>(std::popcount(reached));
        };
        constexpr std::uint32_t all = ~std::uint32_t{0} >> (32 - lanes::size);
        const std::size_t last = values.size() - lanes::size;
        std::size_t i = 0;
        for (; i < last && count <= most_to_compare; i += lanes::size) keep(i, all);
        // The last vector may overlap the one before.
        if (count <= most_to_compare) keep(last, all & all << (i - last));
        return count;
    }
    [[nodiscard]] bool are_few(std::size_t k) const noexcept {
        return count_ >= k && count_ <= most_to_compare;
    }
    void find_kth(std::size_t k) noexcept {
        kth_ = kth_largest_of_few(std::span<const Scalar>(numbers_).first(count_), k);
    }

    std::array<Scalar, most_to_compare + 1 + lanes::size> numbers_;
    std::array<word, most_to_compare + 1 + lanes::size> at_;
    std::size_t count_ = 0;
    Scalar kth_ = 0;
};

/// The k-th largest of n numbers, 1 <= k <= n, by copying and dividing them. scratch: n numbers.
template <class Scalar>
[[nodiscard]] Scalar kth_largest_of_many(std::span<const Scalar> values, std::size_t k,
                                         std::span<Scalar> scratch) {
    std::copy(values.begin(), values.end(), scratch.begin());
    const auto kth = scratch.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(scratch.begin(), kth, scratch.begin() + static_cast<std::ptrdiff_t>(values.size()),
                     std::greater<>{});
    return *kth;
}

/// The value of the k-th largest of n numbers, 1 <= k <= n. scratch: n numbers. O(n) on average. Up to 64
/// numbers are compared pair by pair.
template <class Scalar>
[[nodiscard]] Scalar kth_largest(std::span<const Scalar> values, std::size_t k, std::span<Scalar> scratch,
                                 kth_guess<Scalar>& guess) {
    if (values.size() <= most_to_compare) return kth_largest_of_few(values, k);
    candidates<Scalar> found;
    return found.find(values, k, guess) ? found.kth() : kth_largest_of_many(values, k, scratch);
}

/// `first_largest` of at least as many numbers as there are lanes: finds the largest number, then its place.
/// Up to 64 numbers have no branch that depends on them.
template <class Lanes, class Scalar>
[[nodiscard]] std::size_t first_largest_by_lanes(std::span<const Scalar> values) noexcept {
    // The last vector may overlap the one before.
    const std::size_t last = values.size() - Lanes::size;
    Lanes largest = Lanes::load(values.data() + last);
    for (std::size_t i = 0; i < last; i += Lanes::size)
        largest = maximum(Lanes::load(values.data() + i), largest);
    largest = across(largest, [](Lanes a, Lanes b) { return maximum(a, b); });
    const auto reached_from = [&](std::size_t i) {
        constexpr std::uint32_t all = ~std::uint32_t{0} >> (32 - Lanes::size);
        return std::uint64_t{all & ~Lanes::bits(less(Lanes::load(values.data() + i), largest))};
    };
    const auto first = [](std::uint64_t bits) { return static_cast<std::size_t>(std::countr_zero(bits)); };
    if (values.size() <= 64) {
        std::uint64_t reached = reached_from(last) << last;
        for (std::size_t i = 0; i < last; i += Lanes::size) reached |= reached_from(i) << i;
        return first(reached);
    }
    for (std::size_t i = 0; i < last; i += Lanes::size)
        if (const std::uint64_t reached = reached_from(i); reached != 0) return i + first(reached);
    return last + first(reached_from(last));
}

/// The index of the largest of n >= 1 numbers, the first of equal ones.
template <class Scalar>
[[nodiscard]] std::size_t first_largest(std::span<const Scalar> values) noexcept {
    using lanes = widest_lanes<Scalar>;
    if constexpr (lanes::size > 1)
        if (values.size() >= lanes::size) return first_largest_by_lanes<lanes>(values);
    // As wide as Scalar, so that both are selected in the same way.
    using index = lane_integer<Scalar>;
    Scalar largest = values[0];
    index at = 0;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const bool larger = values[i] > largest;
        at = larger ? static_cast<index>(i) : at;
        largest = larger ? values[i] : largest;
    }
    return static_cast<std::size_t>(at);
}

/// `first_largest` among the numbers that a mask allows; n if there is none. Forbidden numbers are not read.
template <class Scalar>
[[nodiscard]] std::size_t first_largest_allowed(std::span<const Scalar> values,
                                                std::span<const bool> mask) noexcept {
    Scalar largest = -std::numeric_limits<Scalar>::infinity();  // any number is larger
    std::size_t at = values.size();
    for (std::size_t i = 0; i < values.size(); ++i) {
        const bool larger = mask[i] && values[i] > largest;
        at = larger ? i : at;
        largest = larger ? values[i] : largest;
    }
    return at;
}

/// Sets z to 1 where a number reaches the k-th largest value, and to 0 elsewhere. If ties make that too many,
/// the last of the equal ones are set back to 0.
template <class Scalar>
void select_from(std::span<const Scalar> values, Scalar kth, std::size_t k, Scalar* z) noexcept {
    const std::size_t n = values.size(), reached = write_reached(values.data(), n, n, kth, z);
    if (reached > k) drop_last_equal(values.data(), n, kth, reached, k, z);
}

/// Sets z to 1 at the k largest of n numbers, and to 0 elsewhere; of equal ones the lowest indices are
/// chosen. 0 <= k <= n; scratch: n numbers.
template <class Scalar>
void select_largest(std::span<const Scalar> values, std::size_t k, std::span<Scalar> scratch,
                    kth_guess<Scalar>& guess, Scalar* z) {
    if (k == 0 || k == values.size()) {
        std::fill_n(z, values.size(), Scalar(k == 0 ? 0 : 1));
    } else if (k == 1) {
        std::fill_n(z, values.size(), Scalar(0));
        z[first_largest(values)] = 1;
    } else if (values.size() <= most_to_compare) {
        select_from(values, kth_largest_of_few(values, k), k, z);
    } else if (candidates<Scalar> found; found.find(values, k, guess)) {
        found.select(values.size(), k, z);
    } else {
        select_from(values, kth_largest_of_many(values, k, scratch), k, z);
    }
}

/// Whether selecting in lanes is faster than one group at a time (measured for floats).
template <class Scalar>
[[nodiscard]] constexpr bool is_for_lanes(std::size_t n, std::size_t k) noexcept {
    if (k == 1) return n <= 16;
    return n <= most_to_compare || (n <= 200 && k <= 16 && group_lanes<Scalar> >= 8);
}

/// The scratch for `select_largest_of_groups`.
template <class Scalar>
[[nodiscard]] constexpr std::size_t selection_memory(std::size_t n, std::size_t k) noexcept {
    return is_for_lanes<Scalar>(n, k) ? column_memory<Scalar>(n) : n;
}

/// `select_largest` for each of several groups of n numbers, contiguous in memory. scratch:
/// `selection_memory` numbers.
template <class Scalar>
void select_largest_of_groups(const Scalar* values, std::size_t groups, std::size_t n, std::size_t k,
                              std::span<Scalar> scratch, kth_guess<Scalar>& guess, Scalar* z) {
    std::size_t group = 0;
    if (k > 0 && k < n && is_for_lanes<Scalar>(n, k)) {
        // A single one is faster alone.
        group = groups % group_lanes<Scalar> == 1 ? groups - 1 : groups;
        if (group > 0) select_largest_in_lanes(values, group, n, k, scratch, z);
    }
    for (; group < groups; ++group)
        select_largest(std::span<const Scalar>(values + group * n, n), k, scratch, guess, z + group * n);
}

}  // namespace imle::inline IMLE_ABI::detail
