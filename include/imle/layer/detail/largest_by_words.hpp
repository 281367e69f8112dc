#pragma once

/// @file
/// The k largest of theta + T * eps, without drawing eps where it cannot matter.
///
/// Samples of one theta have nearly the same k-th largest number. A bound slightly below it is a bound of
/// each coordinate's noise, (bound - theta_i) / T, and so of its random word (`reaching_words`). Comparing
/// the words of a sample with those bounds leaves a few coordinates, which get noise. If k of them reach the
/// bound, no other can be among the k largest; otherwise all noise is drawn, and the bound is set anew.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include <imle/core/finite.hpp>
#include <imle/core/rounded.hpp>
#include <imle/layer/detail/worker.hpp>
#include <imle/random/quantile_table.hpp>
#include <imle/selection/k_largest.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Solves items for z = 1 at the k largest of n numbers theta + T * eps. The bits of z are those of drawing
/// all eps, whatever bound an item is tried with.
template <class Scalar>
class largest_by_words {
    using lanes = widest_lanes<Scalar>;
    using word = word_of<Scalar>;
    using reach = reaching_words<Scalar>;
    using order = typename reach::order_type;
    using kept_memory = drawing_memory<Scalar>;

  public:
    /// Whether it is of use for n numbers, and runs of so many items with the same theta (measured for
    /// floats).
    [[nodiscard]] static bool is_for(std::size_t n, std::size_t k, std::size_t run) noexcept {
        constexpr std::size_t most_chosen = 16, shortest_run = 8;
        return k > 0 && k <= most_chosen && n >= 112 + 3 * k && run >= shortest_run &&
               n <= std::numeric_limits<std::int32_t>::max();
    }

    /// all, scratch: memory for n numbers each.
    largest_by_words(const law_of_words<Scalar>& law, const random_key& key, Scalar temperature,
                     std::size_t n, std::size_t k, kept_memory& memory, Scalar* all, Scalar* scratch)
        : law_(law),
          schedule_(key),
          temperature_(temperature),
          n_(n),
          k_(k),
          memory_(memory),
          all_(all),
          scratch_(scratch) {
        memory.reserve(n);
        reaching_ = memory.words.take(0);
        at_ = reaching_ + kept_memory::most_kept;
        words_ = at_ + kept_memory::most_kept;
        numbers_ = memory.numbers.take(0);
        thetas_ = numbers_ + kept_memory::most_kept;
        least_noise_ = thetas_ + kept_memory::most_kept;
        last_orders_ = memory.last_orders.take(0);

        const double unit = static_cast<double>(temperature) * law.scale, center = law.location / law.scale;
        per_unit_ = static_cast<Scalar>(1 / unit);
        const double slack = reach::margin * (std::abs(center) + std::abs(law.reaching.location()));
        slack_ = static_cast<Scalar>(center + rounded(slack));
        margin_unit_ = static_cast<Scalar>(unit * law.reaching.spread());
        // With a theta of at most this size, no sum overflows.
        constexpr double most = static_cast<double>(std::numeric_limits<Scalar>::max()) / 16;
        const double largest_noise = std::abs(law.location) + rounded(law.scale * law.reaching.largest());
        largest_theta_ = most - rounded(static_cast<double>(temperature) * largest_noise);
        constexpr double least = static_cast<double>(std::numeric_limits<Scalar>::min());
        usable_ = unit > least && 1 / unit > least && is_finite(per_unit_) && is_finite(slack_) &&
                  margin_unit_ > Scalar(0) && largest_theta_ > 0;
    }

    /// Solves `count` items of one theta, of which `item` is the first, counted from the key's first. z: n
    /// numbers each; `beside`: null or as many numbers, which are read next. Returns false, without having
    /// done anything, for numbers that may overflow.
    [[nodiscard]] bool solve(const Scalar* theta, std::uint64_t item, std::size_t count, Scalar* z,
                             const Scalar* beside) {
        if (!usable_ || !fits(theta)) return false;
        theta_ = theta;
        bool is_bounded = memory_.margin > Scalar(0);
        if (is_bounded) set_bound(memory_.bound);
        const std::size_t at_a_time = kept_memory::items_at_a_time(n_);
        std::size_t in_full = 0;
        for (std::size_t first = 0; first < count; first += at_a_time) {
            const std::size_t now = std::min(at_a_time, count - first);
            Scalar* const zs = z + first * n_;
            write_words_beside((item + first) * n_, std::span<word>(words_, now * n_), zs,
                               beside == nullptr ? nullptr : beside + first * n_);
            for (std::size_t j = 0; j < now; ++j) {
                if (is_bounded && (j += solve_reaching(j, now, zs)) == now) break;
                ++in_full;
                const Scalar kth = solve_in_full(words_ + j * n_, zs + j * n_);
                if (!(memory_.margin > Scalar(0)))
                    memory_.margin = 1;
                else if (is_bounded && !has_too_many_)
                    memory_.margin *= Scalar(1.1);
                set_bound_below(kth);
                is_bounded = true;
            }
        }
        memory_.items += count;
        memory_.drawn_in_full += in_full;
        note_use(count, in_full);
        return true;
    }

  private:
    /// If most items of a run had to be drawn in full, waits longer and longer before it tries again.
    void note_use(std::size_t count, std::size_t in_full) noexcept {
        if (2 * in_full <= count) {
            memory_.useless_runs = 0;
        } else if (count > 2) {
            memory_.useless_runs = std::min(memory_.useless_runs + 1, 6);
            memory_.to_skip = (1 << memory_.useless_runs) - 2;
        }
    }

    /// Whether theta is finite and small enough.
    [[nodiscard]] bool fits(const Scalar* theta) const noexcept {
        // Magnitudes are ordered as their bits, and NaN and infinity come last.
        constexpr word magnitude = static_cast<word>(~word{0}) >> 1;
        word largest = 0;
        for (std::size_t i = 0; i < n_; ++i)
            largest = std::max(largest, bit_cast<word>(theta[i]) & magnitude);
        const auto most = bit_cast<Scalar>(largest);
        return is_finite(most) && static_cast<double>(most) <= largest_theta_;
    }

    /// Writes words and meanwhile fetches the memory that is needed next: words need none.
    void write_words_beside(std::uint64_t first, std::span<word> words, Scalar* z, const Scalar* beside) {
        constexpr std::size_t line = 64 / sizeof(Scalar);
        std::size_t fetched = 0;
        if (beside == nullptr)
            write_words(schedule_, first, words, [&](std::size_t count) {
                for (; fetched < count; fetched += line) __builtin_prefetch(z + fetched, 1);
            });
        else
            write_words(schedule_, first, words, [&](std::size_t count) {
                for (; fetched < count; fetched += line) __builtin_prefetch(beside + fetched);
            });
    }

    // ---- the bound ----------------------------------------------------------------------------------------

    void set_bound_below(Scalar kth) {
        memory_.bound = kth - rounded(memory_.margin * margin_unit_);
        set_bound(memory_.bound);
    }

    /// x_i = (bound - theta_i) / (T * scale) - location / scale is the least X of noise location + scale * X
    /// with which coordinate i reaches the bound. The slack is for rounding, here and in the numbers.
    void set_bound(Scalar bound) {
        bound_ = bound;
        const Scalar margin = static_cast<Scalar>(reach::margin) * per_unit_;
        for_each_lanes<Scalar>(n_, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
            const Lanes theta = Lanes::load(theta_ + i);
            const Lanes sizes = maximum(theta, Lanes(0) - theta) + Lanes(bound < 0 ? -bound : bound);
            const Lanes slack = product(sizes, Lanes(margin)) + Lanes(slack_);
            (product(Lanes(bound) - theta, Lanes(per_unit_)) - slack).store(least_noise_ + i);
        });
        law_.reaching.write_last_orders(least_noise_, n_, last_orders_);
    }

    // ---- items --------------------------------------------------------------------------------------------

    /// Solves items of the words at hand, from the first on, until there is one that needs all its numbers.
    /// Returns how many it solved. In three steps, so that none has to wait for what the one before has just
    /// written.
    [[nodiscard]] std::size_t solve_reaching(std::size_t first, std::size_t end, Scalar* zs) {
        std::size_t ends[kept_memory::most_items + 1] = {}, items = 0;
        has_too_many_ = false;
        for (; first + items < end && !has_too_many_; items += has_too_many_ ? 0 : 1) {
            const std::size_t begin = ends[items];
            const std::size_t count = reach::keep(words_ + (first + items) * n_, last_orders_, n_,
                                                  most_to_compare, reaching_ + begin, at_ + begin);
            has_too_many_ = count > most_to_compare;
            ends[items + 1] = begin + count;
        }
        draw_reaching(ends[items]);
        Scalar kth = 0;
        for (std::size_t i = 0; i < items; ++i) {
            const std::size_t begin = ends[i], count = ends[i + 1] - begin;
            if (count < k_ || !((kth = kth_of(numbers_ + begin, count)) >= bound_)) {
                has_too_many_ = false;
                return i;
            }
            select_candidates_by_vectors(numbers_ + begin, at_ + begin, count, kth, n_, k_,
                                         zs + (first + i) * n_);
        }
        const std::size_t most_wanted = 2 * k_ + 16;
        if (ends[items] > items * most_wanted) {
            memory_.margin *= Scalar(0.9);
            set_bound_below(kth);
        }
        return items;
    }

    /// The numbers theta + T * eps of the first `count` words that are kept.
    void draw_reaching(std::size_t count) const {
        constexpr std::size_t group = group_places<Scalar>::count;
        for (std::size_t i = 0; i < count; i += group)
            law_.draws.draw(words_of{reaching_ + i}, numbers_ + i, std::min(count - i, group));
        for (std::size_t i = 0; i < count; ++i) thetas_[i] = theta_[static_cast<std::size_t>(at_[i])];
        for (std::size_t i = 0; i < count; i += lanes::size)
            multiply_add(lanes(temperature_), lanes::load(numbers_ + i), lanes::load(thetas_ + i))
                .store(numbers_ + i);
    }

    /// The k-th largest of `count` <= `most_to_compare` numbers.
    [[nodiscard]] Scalar kth_of(const Scalar* numbers, std::size_t count) const noexcept {
        // Of up to 32 numbers always in the same way: how many there are is a matter of chance.
        const std::span<const Scalar> all(numbers, count);
        return count <= 32 ? kth_largest_by_comparing<32>(all, k_) : kth_largest_of_few(all, k_);
    }

    /// Solves an item with all its numbers. Returns the k-th largest.
    Scalar solve_in_full(const word* words, Scalar* z) {
        constexpr std::size_t group = group_places<Scalar>::count;
        std::size_t i = 0;
        for (; n_ - i >= group; i += group) law_.draws.draw(words_of{words + i}, all_ + i);
        if (i < n_) {
            alignas(64) word last[group] = {};
            alignas(64) Scalar numbers[group];
            std::copy_n(words + i, n_ - i, last);
            law_.draws.draw(words_of{last}, numbers);
            std::copy_n(numbers, n_ - i, all_ + i);
        }
        scaled_sum(temperature_, all_, theta_, all_, n_);
        const std::span<const Scalar> values(all_, n_);
        kth_guess<Scalar> none;
        const Scalar kth = kth_largest(values, k_, std::span<Scalar>(scratch_, n_), none);
        select_from(values, kth, k_, z);
        return kth;
    }

    /// Words as they are in memory.
    struct words_of {
        const word* words;
        template <class Lanes>
        [[nodiscard]] typename Lanes::words at(std::size_t i) const noexcept {
            return load_vector<word, Lanes::size>(words + i);
        }
    };

    const law_of_words<Scalar> law_;
    philox_schedule schedule_;
    const Scalar temperature_;
    const std::size_t n_, k_;
    kept_memory& memory_;
    Scalar* const all_;
    Scalar* const scratch_;
    word *reaching_, *at_, *words_;
    Scalar *numbers_, *thetas_, *least_noise_;
    order* last_orders_;
    Scalar per_unit_, slack_, margin_unit_;
    double largest_theta_;
    bool usable_;
    const Scalar* theta_ = nullptr;
    Scalar bound_ = 0;
    bool has_too_many_ = false;
};

/// Solves a worker's items, runs of which have the same theta. `first_item` is the number of the call's item
/// 0. Returns false, and z is undefined, if it is of no use or cannot be done for each item.
template <class Scalar, class NoiseT>
[[nodiscard]] bool solves_runs_by_words(const NoiseT& noise, const random_key& key, std::uint64_t first_item,
                                        std::span<const Eigen::Index> items,
                                        std::span<const Scalar* const> thetas, Scalar temperature,
                                        std::size_t n, std::size_t k, worker_memory<Scalar>& memory,
                                        Scalar* z, const Scalar* beside) {
    using solver = largest_by_words<Scalar>;
    const auto end_of_run = [&](std::size_t j) {
        std::size_t end = j + 1;
        while (end < items.size() && thetas[end] == thetas[j] && items[end] == items[end - 1] + 1) ++end;
        return end;
    };
    std::size_t runs = 0;
    for (std::size_t j = 0; j < items.size(); j = end_of_run(j)) ++runs;
    if (runs == 0 || !solver::is_for(n, k, items.size() / runs)) return false;
    drawing_memory<Scalar>& drawing = memory.drawing;
    if (drawing.to_skip > 0) return --drawing.to_skip, false;
    const auto size = static_cast<Eigen::Index>(n);
    solver solve(noise.template by_words<Scalar>(), key, temperature, n, k, drawing, memory.noise.take(size),
                 memory.perturbed.take(size));
    for (std::size_t j = 0, end; j < items.size(); j = end) {
        end = end_of_run(j);
        if (!solve.solve(thetas[j], first_item + static_cast<std::uint64_t>(items[j]), end - j, z + j * n,
                         beside == nullptr ? nullptr : beside + items[j] * size))
            return false;
    }
    return true;
}

}  // namespace imle::inline IMLE_ABI::detail
